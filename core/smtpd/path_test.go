package smtpd

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mtad/mtad/sdk/smtp"
)

func TestParsePath(t *testing.T) {
	strict, lenient, blanks := grammar{strict: true}, grammar{}, grammar{strict: true, blanks: true}
	label64 := strings.Repeat("a", 64)
	tests := []struct {
		in     string
		g      grammar
		addr   string
		domain string
		rest   string
		bad    bool
	}{
		{in: "<>", g: strict},
		{in: "<> SIZE=1", g: strict, rest: " SIZE=1"},
		{in: "<a@b.test>", g: strict, addr: "a@b.test", domain: "b.test"},
		{in: "<A.b+c=d@B.Test>X", g: strict, addr: "A.b+c=d@B.Test", domain: "B.Test", rest: "X"},
		{in: "<a>", g: strict, addr: "a"},
		{in: `<"a b@c\">"@d.test>`, g: strict, addr: `"a b@c\">"@d.test`, domain: "d.test"},
		{in: `<""@d.test>`, g: strict, addr: `""@d.test`, domain: "d.test"},
		{in: "<@x.test,@y.test:a@b.test>", g: strict, addr: "a@b.test", domain: "b.test"},
		{in: "<a@[192.0.2.1]>", g: strict, addr: "a@[192.0.2.1]", domain: "[192.0.2.1]"},
		{in: "<a@[IPv6:2001:db8::1]>", g: strict, addr: "a@[IPv6:2001:db8::1]", domain: "[IPv6:2001:db8::1]"},
		{in: "<ü@ö.test>", g: strict, addr: "ü@ö.test", domain: "ö.test"},
		{in: "<a@" + strings.Repeat("a", 63) + ".test>", g: strict, addr: "a@" + strings.Repeat("a", 63) + ".test", domain: strings.Repeat("a", 63) + ".test"},
		{in: "", g: strict, bad: true},
		{in: "<", g: strict, bad: true},
		{in: "<a@b.test", g: strict, bad: true},
		{in: "a@b.test", g: strict, bad: true},
		{in: " <a@b.test>", g: strict, bad: true},
		{in: "<a@>", g: strict, bad: true},
		{in: "<@b.test>", g: strict, bad: true},
		{in: "<@b.test:>", g: strict},
		{in: "<@b.test,a@c.test>", g: strict, bad: true},
		{in: "<.a@b.test>", g: strict, bad: true},
		{in: "<a.@b.test>", g: strict, bad: true},
		{in: "<a..b@b.test>", g: strict, bad: true},
		{in: "<a b@b.test>", g: strict, bad: true},
		{in: "<a@b@c.test>", g: strict, bad: true},
		{in: "<a@-b.test>", g: strict, bad: true},
		{in: "<a@b-.test>", g: strict, bad: true},
		{in: "<a@b_c.test>", g: strict, bad: true},
		{in: "<a@b..test>", g: strict, bad: true},
		{in: "<a@b.test.>", g: strict, bad: true},
		{in: "<a@" + label64 + ".test>", g: strict, bad: true},
		{in: "<a@" + strings.Repeat("a.", 128) + "a>", g: strict, bad: true},
		{in: "<a@[192.0.2.256]>", g: strict, bad: true},
		{in: "<a@[2001:db8::1]>", g: strict, bad: true},
		{in: "<a@[IPv6:fe80::1%eth0]>", g: strict, bad: true},
		{in: "<a@[]>", g: strict, bad: true},
		{in: `<"a@b.test>`, g: strict, bad: true},
		{in: `<"a\`, g: strict, bad: true},
		{in: "<\xff@b.test>", g: strict, bad: true},
		{in: " < a@b.test > X", g: blanks, addr: "a@b.test", domain: "b.test", rest: " X"},
		{in: " a..b@b_c.test X", g: lenient, addr: "a..b@b_c.test", domain: "b_c.test", rest: " X"},
		{in: " X", g: lenient, addr: "X"},
		{in: " ", g: lenient, bad: true},
	}
	for _, tt := range tests {
		p, rest, ok := parsePath(tt.in, tt.g)
		if ok == tt.bad {
			t.Errorf("%q: ok is %v", tt.in, ok)
			continue
		}
		if ok && (p.addr != smtp.Address(tt.addr) || p.domain != tt.domain || rest != tt.rest) {
			t.Errorf("%q: %+v, rest %q", tt.in, p, rest)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"<a@b.test>", `<"a\"b"@[IPv6:::1]> SIZE=1`, "<@a:b@c>", "a@b", "< a@b >", "<ü@ö>"} {
		f.Add(s, true, false)
	}
	f.Fuzz(func(t *testing.T, s string, strict, blanks bool) {
		p, rest, ok := parsePath(s, grammar{strict: strict, blanks: blanks})
		if !ok {
			return
		}
		addr := string(p.addr)
		if !strings.HasSuffix(s, rest) || !strings.Contains(s, addr) || strings.ContainsAny(addr, "\r\n\x00") {
			t.Fatalf("%q: %+v, rest %q", s, p, rest)
		}
		if _, domain := p.addr.Split(); p.domain != "" && domain != p.domain {
			t.Fatalf("%q: domain %q, but policy sees %q", s, p.domain, domain)
		}
		if p.intl == isASCII(addr) || !utf8.ValidString(addr) && p.intl {
			t.Fatalf("%q: intl %v", s, p.intl)
		}
		again, tail, ok := parsePath(p.addr.Path(), grammar{strict: strict})
		if !ok || again != p || tail != "" {
			t.Fatalf("%q: %+v is read back as %+v, %q", s, p, again, tail)
		}
	})
}

func FuzzCommand(f *testing.F) {
	for _, s := range []string{"MAIL FROM:<a@b>", "quit", "RCPT  TO:<x>", "BDAT 5 LAST", "DATA ", "STARTTLS", " "} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		name, arg := splitCommand(line, true)
		if v := findVerb(name); v != nil && !strings.EqualFold(string(line[:len(v.name)]), v.name) {
			t.Fatalf("%q is %s", line, v.name)
		}
		if !strings.HasPrefix(string(line), string(name)) || !strings.Contains(string(line), arg) {
			t.Fatalf("%q: %q, %q", line, name, arg)
		}
		size, last, ok := parseChunk(arg)
		if ok && (size < 0 || last && !strings.HasSuffix(strings.ToUpper(strings.TrimRight(arg, " ")), " LAST")) {
			t.Fatalf("%q: %d %v", line, size, last)
		}
		if p, r := parseMailParams(arg, mailExtensions{size: true, eightBit: true, utf8: true}); r == nil && p.size < 0 {
			t.Fatalf("%q: %+v", line, p)
		}
	})
}

func TestGlobs(t *testing.T) {
	var g globs
	if err := g.add([]string{"Exact.test", "*.below.test", "*tail.test"}); err != nil {
		t.Fatal(err)
	}
	for domain, want := range map[string]bool{
		"exact.test": true, "x.exact.test": false, "below.test": false, "a.below.test": true,
		"a.b.below.test": true, "xbelow.test": false, ".below.test": false, "tail.test": true, "badtail.test": true, "test": false, "": false,
	} {
		if g.match(domain) != want {
			t.Errorf("%q: %v", domain, !want)
		}
	}
	for _, bad := range []string{"", "a.*.test", "**"} {
		if err := new(globs).add([]string{bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	var all globs
	if err := all.add([]string{"*"}); err != nil || !all.match("x.test") || all.match("") {
		t.Errorf("* is wrong: %v", err)
	}
}

func TestParseSize(t *testing.T) {
	for in, want := range map[string]int64{"0": 0, "10": 10, "9223372036854775807": 1<<63 - 1, "9223372036854775808": 1<<63 - 1, "99999999999999999999": 1<<63 - 1} {
		if n, ok := parseSize(in); !ok || n != want {
			t.Errorf("%s: %d %v", in, n, ok)
		}
	}
	for _, in := range []string{"", "-1", "+1", "1k", "999999999999999999999"} {
		if n, ok := parseSize(in); ok {
			t.Errorf("%s: %d", in, n)
		}
	}
}
