package smtp

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAppend(t *testing.T) {
	for _, c := range []struct {
		reply *Reply
		want  string
	}{
		{NewReply(250, "2.1.0", "ok"), "250 2.1.0 ok\r\n"},
		{NewReply(250, "", "one\ntwo"), "250-one\r\n250 two\r\n"},
		{NewReply(550, "5.7.1", "one\ntwo"), "550-5.7.1 one\r\n550 5.7.1 two\r\n"},
		{NewReply(354, "", ""), "354 \r\n"},
		{NewReply(550, "5.7.1", ""), "550 5.7.1\r\n"},
		{NewReply(550, "", "a\rb\x00c\x7f\td"), "550 a b c \td\r\n"},
	} {
		if got := string(c.reply.Append(nil)); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestReplyAsError(t *testing.T) {
	cause := errors.New("disk full")
	r := NewReply(452, "4.3.1", "try later").WithCause(cause)
	if !errors.Is(r, cause) || r.Error() != "452 4.3.1 try later (disk full)" || r.String() != "452 4.3.1 try later" {
		t.Errorf("got %q and %q", r.Error(), r.String())
	}
	if got := NewReply(250, "", "").Error(); got != "250" {
		t.Errorf("got %q", got)
	}
}

func TestClasses(t *testing.T) {
	for code, want := range map[int][4]bool{
		250: {true, false, false, false}, 354: {true, false, false, false},
		421: {false, true, false, true}, 550: {false, false, true, true},
	} {
		r := NewReply(code, "", "")
		if got := [4]bool{r.Positive(), r.Temporary(), r.Permanent(), r.Refuses()}; got != want {
			t.Errorf("%d: got %v", code, got)
		}
	}
	var none *Reply
	if none.Refuses() {
		t.Error("no reply refuses")
	}
}

func TestParseReplyText(t *testing.T) {
	for _, c := range []struct {
		code       int
		text       string
		enh, plain string
	}{
		{550, "5.7.1 no", "5.7.1", "no"},
		{550, "5.7.1", "5.7.1", ""},
		{550, "4.7.1 no", "", "4.7.1 no"},
		{550, "no 5.7.1", "", "no 5.7.1"},
		{550, "", "", ""},
	} {
		if diff := cmp.Diff(&Reply{Code: c.code, Enhanced: c.enh, Text: c.plain}, ParseReplyText(c.code, c.text)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestParseReply(t *testing.T) {
	for _, c := range []struct {
		in   string
		want *Reply
	}{
		{"550 5.7.0 discarded by policy", NewReply(550, "5.7.0", "discarded by policy")},
		{"550 Bounce message processed", NewReply(550, "", "Bounce message processed")},
		{"550", NewReply(550, "", "")},
		{"550-5.7.1 one\r\n550 5.7.1 two\r\n", NewReply(550, "5.7.1", "one\ntwo")},
		{"421 one\ntwo", NewReply(421, "", "one\ntwo")},
		{"no code", nil},
		{"5500 x", nil},
		{"199 x", nil},
		{"2x0 y", nil},
		{"", nil},
	} {
		got, ok := ParseReply(c.in)
		if diff := cmp.Diff(c.want, got); diff != "" || ok != (c.want != nil) {
			t.Errorf("%q: %v %s", c.in, ok, diff)
		}
	}
}

func FuzzParseReply(f *testing.F) {
	f.Add("550-5.7.1 one\r\n550 5.7.1 two")
	f.Add("250")
	f.Fuzz(func(t *testing.T, text string) {
		r, ok := ParseReply(text)
		if ok && (r.Code < 200 || r.Code > 599) {
			t.Errorf("%q gave %d", text, r.Code)
		}
	})
}

func TestIsEnhanced(t *testing.T) {
	for s, want := range map[string]bool{
		"2.0.0": true, "5.123.999": true, "4.7": false, "3.0.0": false, "5.7.1.1": false,
		"5..1": false, "5.7.1000": false, "5.a.1": false, "": false, "55.7.1": false,
	} {
		if IsEnhanced(s) != want {
			t.Errorf("IsEnhanced(%q) = %v", s, !want)
		}
	}
}
