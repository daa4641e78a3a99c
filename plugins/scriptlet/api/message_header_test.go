package api

import (
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk"
)

// content gives the message, and every copy of it, another header section and
// body.
func (w *mailWorld) content(header, body string) *mailWorld {
	for _, m := range append([]*sdk.Message{w.frame.State.Message}, w.frame.State.Copies...) {
		m.Header = []byte(header)
		m.Body = sdk.Body{Size: int64(len(body)), Inline: []byte(body)}
	}
	return w
}

// header is the header section of the message the phase works on.
func (w *mailWorld) header() string { return string(w.frame.Message().Header) }

// The getter removes RFC 2047 encoding, whatever charset it is in.
func TestHeaderIsDecoded(t *testing.T) {
	for raw, want := range map[string]string{
		"=?utf-8?q?Gr=C3=BC=C3=9Fe?=":                   "Grüße",
		"=?UTF-8?B?R3LDvMOfZQ==?=":                      "Grüße",
		"=?iso-8859-1?Q?caf=E9_noir?=":                  "café noir",
		"=?windows-1251?b?z/Do4uXy?=":                   "Привет",
		"=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=":            "日本",
		"=?utf-8*de?q?Gr=C3=BCn?=":                      "Grün",
		"a =?utf-8?q?=C3=A4?= b":                        "a ä b",
		"=?utf-8?q?=C3=A4?=\r\n =?utf-8?q?=C3=B6?=":     "äö",
		"=?utf-8?b?w6Q=?= =?iso-8859-1?q?=F6?=":         "äö",
		"=?utf-8?q?=C3?= =?utf-8?q?=A4?=":               "ä",
		"=?x-unknown?q?a=E9?=":                          "=?x-unknown?q?a=E9?=",
		"=?utf-8?q?broken":                              "=?utf-8?q?broken",
		"folded\r\n\tvalue\r\n  here":                   "folded\tvalue  here",
		"  blanks around \t":                            "blanks around",
		"":                                              "",
		"raw caf\xe9":                                   "raw café",
		"raw caf\xc3\xa9":                               "raw café",
		"Bob =?utf-8?q?M=C3=BCller?= <bob@example.com>": "Bob Müller <bob@example.com>",
	} {
		w := newMailWorld(t, sdk.ValidateDataSpool).content("Before: x\r\nX-Test: "+raw+"\r\nAfter: y\r\n", "")
		if got := w.run(`return msg:header("x-test")[1]`); got[0] != want {
			t.Errorf("%q: got %q, want %q", raw, got[0], want)
		}
		if got := w.run(`return msg:mime():header("X-TEST")[1]`); got[0] != want {
			t.Errorf("part, %q: got %q, want %q", raw, got[0], want)
		}
	}
}

// The setter encodes what is not ASCII (RFC 2047), so that the getter gives it
// back; ASCII, and what is encoded already, stays as it is.
func TestHeaderIsEncoded(t *testing.T) {
	long := strings.Repeat("日本語の件名 ", 20) + "Ende"
	for value, want := range map[string]string{
		"plain": "plain", "Grüße aus Köln": "", long: "", "caf\xe9": "", "emoji 😀": "", "a=?b": "a=?b",
		"=?utf-8?q?Gr=C3=BC=C3=9Fe?=": "=?utf-8?q?Gr=C3=BC=C3=9Fe?=",
	} {
		for _, set := range []string{`msg:header("X-Test", v)`, `msg:header("X-Test", v, "prepend")`, `msg:header("X-Test", v, "append")`, `msg:header("X-Test", {v})`, `msg:mime(false):header("X-Test", v)`} {
			w := newMailWorld(t, sdk.ValidateDataSpool).content("Subject: s\r\n", "x\r\n")
			back := strings.ReplaceAll(value, "\xe9", "é")
			if strings.HasPrefix(value, "=?") {
				back = "Grüße"
			}
			if got := w.run(`local v = "` + value + `"; ` + set + `; return msg:header("X-Test")[1]`); got[0] != back {
				t.Errorf("%s of %q: got %q back", set, value, got[0])
			}
			for _, line := range strings.SplitAfter(w.header(), "\r\n") {
				if len(line) > 78+2 {
					t.Errorf("%s of %q: a line of %d", set, value, len(line))
				}
				if strings.Trim(line, "\r\n\t !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~") != "" {
					t.Errorf("%s of %q: not ASCII: %q", set, value, line)
				}
			}
			if want != "" && !strings.Contains(w.header(), "X-Test: "+want+"\r\n") {
				t.Errorf("%s of %q: got %q", set, value, w.header())
			}
		}
	}
}

// In a header of addresses only the names are encoded (RFC 2047 §5).
func TestAddressesAreNotEncoded(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.is("true", `return msg:header("To", "Jörg Müller <j@x.test>, Bob <b@y.test>")`)
	if got := w.header(); !strings.Contains(got, " <j@x.test>, Bob <b@y.test>\r\n") || strings.Contains(got, "ö") {
		t.Errorf("got %q", got)
	}
	w.is("Jörg Müller <j@x.test>, Bob <b@y.test> j@x.test b@y.test", `local a = msg:address_header("To"); return msg:header("To")[1], a[1], a[2]`)
}

// Replacing deletes all headers of the name, then adds the new ones at the end.
func TestHeaderModes(t *testing.T) {
	const before = "A: 1\r\nX: first\r\nB: 2\r\nx: second\r\nC: 3\r\n"
	for script, want := range map[string]string{
		`msg:header("X", "new")`:                         "A: 1\r\nB: 2\r\nC: 3\r\nX: new\r\n",
		`msg:header("X", "new", "replace")`:              "A: 1\r\nB: 2\r\nC: 3\r\nX: new\r\n",
		`msg:header("X", {"n", "m"}, "replace")`:         "A: 1\r\nB: 2\r\nC: 3\r\nX: n\r\nX: m\r\n",
		`msg:header("New", "n")`:                         before + "New: n\r\n",
		`msg:header("X", "n", "prepend")`:                "X: n\r\n" + before,
		`msg:header("X", {"n", "m"}, "prepend")`:         "X: n\r\nX: m\r\n" + before,
		`msg:header("X", "n", "append")`:                 before + "X: n\r\n",
		`msg:header("X", {"n", "m"}, "append")`:          before + "X: n\r\nX: m\r\n",
		`msg:header("X", "")`:                            "A: 1\r\nB: 2\r\nC: 3\r\n",
		`msg:header("X", "", "replace")`:                 "A: 1\r\nB: 2\r\nC: 3\r\n",
		`msg:header("X", "", "prepend")`:                 before,
		`msg:header("None", "")`:                         before,
		`msg:header("X", nil)[1] == "first"`:             before,
		`msg:mime(false):header("X", "new")`:             "A: 1\r\nB: 2\r\nC: 3\r\nX: new\r\n",
		`msg:mime(false):header("X", "new", "replace")`:  "A: 1\r\nB: 2\r\nC: 3\r\nX: new\r\n",
		`msg:mime(false):header("X", {"n", "m"})`:        "A: 1\r\nB: 2\r\nC: 3\r\nX: n\r\nX: m\r\n",
		`msg:mime(false):header("X", "n", "prepend")`:    "X: n\r\n" + before,
		`msg:mime(false):header("X", "n", "append")`:     before + "X: n\r\n",
		`msg:mime(false):header("X", nil)`:               "A: 1\r\nB: 2\r\nC: 3\r\n",
		`msg:mime(false):header("X", "")`:                "A: 1\r\nB: 2\r\nC: 3\r\n",
		`msg:mime(false):header("None", nil)`:            before,
		`msg:mime(false):header("X", "n\r\nBcc: a@b.c")`: "A: 1\r\nB: 2\r\nC: 3\r\nX: n Bcc: a@b.c\r\n",
	} {
		w := newMailWorld(t, sdk.ValidateDataSpoolEachRcpt).content(before, "body\r\n")
		w.is("true", `return `+script)
		if got := w.header(); got != want {
			t.Errorf("%s: got %q, want %q", script, got, want)
		}
		if w.body() != "body\r\n" {
			t.Errorf("%s: the body is %q", script, w.body())
		}
	}
}

func TestHeaderOfParts(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool).multipart()
	w.raises("not writable", `msg:mime():header("X", "v")`)
	w.raises(`bad mode "top"`, `msg:mime(false):header("X", "v", "top")`)
	w.raises(`"a b" cannot be the name of a header`, `msg:mime(false).parts:header("a b", "v")`)
	w.is("0 table", `local h = msg:mime().parts:header("X-None"); return #h, type(h)`)
	w.is("true Grüße 0", `local p = msg:mime(false).parts; local ok = p:header("X-P", "Grüße")
		return ok, msg:mime().parts:header("x-p")[1], #msg:header("X-P")`)
	if got := w.body(); !strings.Contains(got, "X-P: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\ncaf=E9 SECRET") {
		t.Errorf("got %q", got)
	}
}

// Every address of every header of the name, and each component of it.
func TestAddressHeaderForms(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool).content("To: \"Doe, John\" <john+a+b@x.test>, plain@Y.test\r\n"+
		"Cc: Friends: a@b.test, =?utf-8?q?J=C3=B6rg?= <c@d.test>;\r\nCc: (note) \"odd local\"@e.test\r\nto: third@z.test\r\nFrom: nobody\r\nReply-To:\r\n", "")
	list := func(args string) string { return `return table.concat(msg:address_header(` + args + `), "|")` }
	w.is("john+a+b@x.test|plain@Y.test|third@z.test", list(`"To"`))
	w.is("john+a+b@x.test|plain@Y.test|third@z.test", list(`"TO", "all"`))
	w.is("john+a+b@x.test|plain@Y.test|third@z.test", list(`"To", nil`))
	w.is("john+a+b|plain|third", list(`"To", "localpart"`))
	w.is("john|plain|third", list(`"To", "user"`))
	w.is("a+b||", list(`"To", "detail"`))
	w.is(`a@b.test|c@d.test|"odd local"@e.test`, list(`"Cc"`))
	w.is("b.test|d.test|e.test", list(`"Cc", "domain"`))
	w.is("0 0 table", `return #msg:address_header("Reply-To"), #msg:address_header("X-None"), type(msg:address_header("X-None"))`)
	w.is("john", `return msg:mime():address_header("To", "user")[1]`)
	w.is("3", `return #msg:mime():address_header("Cc")`)
	w.raises("bad argument #1 to 'address_header' (string expected, got nil)", `msg:address_header(nil)`)
	w.raises(`bad component "name"`, `msg:mime():address_header("To", "name")`)
}
