package mail

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAddresses(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []Address
	}{
		{"a@x.test", []Address{{"", "a", "x.test"}}},
		{"A B <a@x.test>, c@y.test", []Address{{"A B", "a", "x.test"}, {"", "c", "y.test"}}},
		{`"B, A" <a@x.test>`, []Address{{"B, A", "a", "x.test"}}},
		{`"john smith"@x.test`, []Address{{"", "john smith", "x.test"}}},
		{"a@x.test (A B)", []Address{{"A B", "a", "x.test"}}},
		{"Group: a@x.test, b@x.test;, c@x.test", []Address{{"", "a", "x.test"}, {"", "b", "x.test"}, {"", "c", "x.test"}}},
		{"undisclosed-recipients:;", nil},
		{"<@a.test,@b.test:u@x.test>", []Address{{"", "u", "x.test"}}},
		{"a . b @ x . test", []Address{{"", "a.b", "x.test"}}},
		{"John Doe john@x.test", []Address{{"", "john", "x.test"}}},
		{"=?utf-8?q?J=C3=B6rg?= <j@x.test>", []Address{{"Jörg", "j", "x.test"}}},
		{"a@[127.0.0.1]", []Address{{"", "a", "[127.0.0.1]"}}},
		{"a@[IPv6:2001:db8::1], b@x.test", []Address{{"", "a", "[IPv6:2001:db8::1]"}, {"", "b", "x.test"}}},
		{"<>, , ;, x, <y>", nil},
		{"A <a@x.test, B <b@x.test>", []Address{{"A", "a", "x.test"}, {"B", "b", "x.test"}}},
		{"A <a@x.test> B <b@x.test>", []Address{{"A", "a", "x.test"}, {"B", "b", "x.test"}}},
		{`"unterminated <a@x.test>`, []Address{{`"unterminated`, "a", "x.test"}}},
		{"(unterminated <a@x.test>", []Address{{"(unterminated", "a", "x.test"}}},
		{"<a@b@x.test>", []Address{{"", "a@b", "x.test"}}},
	} {
		if diff := cmp.Diff(c.want, ParseAddresses(c.in)); diff != "" {
			t.Errorf("%q: %s", c.in, diff)
		}
	}
}

// RFC 5322 appendix A.5.
func TestCommentsInsideAddresses(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []Address
	}{
		{`Pete(A nice \) chap) <pete(his account)@silly.test(his host)>`, []Address{{"Pete", "pete", "silly.test"}}},
		{"A Group(Some people) :Chris Jones <c@(Chris's host.)public.example>, joe@example.org, John <jdoe@one.test> (my dear friend); (the end of the group)",
			[]Address{{"Chris Jones", "c", "public.example"}, {"", "joe", "example.org"}, {"John", "jdoe", "one.test"}}},
		{"(Empty list)(start)Hidden recipients :(nobody(that I know)) ;", nil},
	} {
		if diff := cmp.Diff(c.want, ParseAddresses(c.in)); diff != "" {
			t.Errorf("%q: %s", c.in, diff)
		}
	}
}

func TestComponents(t *testing.T) {
	a := ParseAddresses(`Bob <bob+news+x@Example.COM>`)[0]
	for name, want := range map[string]string{
		"": "bob+news+x@Example.COM", "all": "bob+news+x@Example.COM", "localpart": "bob+news+x",
		"user": "bob", "detail": "news+x", "domain": "Example.COM",
	} {
		c, ok := ParseComponent(name)
		if got := a.Component(c); !ok || got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	if _, ok := ParseComponent("name"); ok {
		t.Error("an unknown component was taken")
	}
	q := Address{Local: `a "b"`, Domain: "x.test"}
	if got := q.String(); got != `"a \"b\""@x.test` {
		t.Errorf("got %s", got)
	}
}

func FuzzParseAddresses(f *testing.F) {
	for _, s := range []string{`"a b" <c@d>, e@f`, "g: h@i;", "<@a,@b:c@d>", "(((", `a@[1`, `<"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, a := range ParseAddresses(s) {
			if a.Local == "" || a.Domain == "" {
				t.Errorf("%q gave the address %+v", s, a)
			}
		}
	})
}
