package bounce

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mail"
)

func marked() *sdk.Message {
	m := &sdk.Message{Recipient: "someone@test.com"}
	m.Context.Set("who", "42")
	m.ConnContext.Set("FBL", "yes")
	return m
}

func TestMark(t *testing.T) {
	f, bad := NewFBL(FBLOptions{AutoLog: true, HeaderName: "X-MSFBL", Addresses: []string{`^.*@fbl\.foo\.com`}, UserString: "u%{vctx_mess:who}%{vctx_conn:none}"})
	if len(bad) > 0 || !f.Takes("A@FBL.foo.com") || f.Takes("a@foo.com") {
		t.Fatal(bad)
	}
	field := string(f.Field(marked(), "default", "group"))
	want := "X-MSFBL: " + base64.StdEncoding.EncodeToString([]byte("someone@test.com@default@group@u42")) + "\r\n"
	if field != want {
		t.Errorf("%q, want %q", field, want)
	}
	m, err := f.ParseMark(strings.TrimPrefix(field, "X-MSFBL:"))
	if err != nil || *m != (Mark{"someone@test.com", "default", "group", "u42"}) {
		t.Errorf("%+v %v", m, err)
	}
	for _, wrong := range []string{"", "%%%", base64.StdEncoding.EncodeToString([]byte("a@b"))} {
		if _, err := f.ParseMark(wrong); err == nil {
			t.Errorf("%q is read", wrong)
		}
	}
}

func TestMarkWithDigest(t *testing.T) {
	f, _ := NewFBL(FBLOptions{AutoLog: true, HeaderName: "X-MSFBL", HeaderKey: "secret", UserString: strings.Repeat("x", 3000)})
	field := string(f.Field(marked(), "b", "g"))
	for _, line := range strings.Split(field, "\r\n") {
		if len(line) > 998 {
			t.Errorf("a line of %d octets", len(line))
		}
	}
	value := mail.RawHeader([]byte(field), "X-MSFBL")[0]
	if m, err := f.ParseMark(value); err != nil || len(m.UserString) != 3000 {
		t.Errorf("%+v %v", m, err)
	}
	plain, _ := NewFBL(FBLOptions{HeaderName: "X-MSFBL"})
	for _, forged := range []string{string(plain.Field(marked(), "b", "g"))[9:], strings.Replace(value, value[:4], "AAAA", 1)} {
		if _, err := f.ParseMark(forged); !errors.Is(err, ErrForged) {
			t.Errorf("a forged field: %v", err)
		}
	}
}

func TestWhoIsMarked(t *testing.T) {
	for _, c := range []struct {
		log, inserted, bounce bool
		condition             string
		want                  bool
	}{
		{true, true, false, "", true}, {true, false, false, "", false}, {false, true, false, "", false}, {true, true, true, "", false},
		{true, false, false, "FBL", true}, {true, true, false, "absent", false},
	} {
		f, _ := NewFBL(FBLOptions{AutoLog: c.log, Condition: c.condition, HeaderName: "X"})
		m := marked()
		if m.Bounce = c.bounce; f.Wants(m, c.inserted) != c.want {
			t.Errorf("%+v", c)
		}
	}
}

func TestFBLMistakes(t *testing.T) {
	_, bad := NewFBL(FBLOptions{Addresses: []string{"("}, HeaderName: "a b", UserString: "%{x}"})
	if len(bad) != 3 {
		t.Errorf("%v", bad)
	}
}

func FuzzParseMark(f *testing.F) {
	fbl, _ := NewFBL(FBLOptions{HeaderName: "X-MSFBL"})
	f.Add("YUBiQGNAZEBl")
	f.Fuzz(func(t *testing.T, value string) {
		if m, err := fbl.ParseMark(value); err == nil && !strings.Contains(string(m.Recipient), "@") {
			t.Errorf("%q", m.Recipient)
		}
	})
}
