package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

func TestHeaderGet(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.is("2 first second first nil 0 Grüße", `local h = msg:header("X-Custom")
		return #h, h[1], h[2], msg:header("x-custom")[1], msg:header("None")[1], #msg:header("None"), msg:header("subject")[1]`)
	w.is("mine", `local h = msg:header("Subject"); h[1] = "mine"; return h[1]`)
	w.is("0", `return #msg:header("")`)
}

func TestHeaderSet(t *testing.T) {
	for script, want := range map[string]string{
		`msg:header("X-Custom", "n")`:                        "X-Custom: n\r\n",
		`msg:header("X-Custom", "n", "replace")`:             "X-Custom: n\r\n",
		`msg:header("X-Custom", {"n", "m"})`:                 "X-Custom: n\r\nX-Custom: m\r\n",
		`msg:header("X-Custom", 12)`:                         "X-Custom: 12\r\n",
		`msg:header("X-Custom", msg.id)`:                     "X-Custom: 00/00-01974-EBDC39A4\r\n",
		`msg:header("X-Custom", "")`:                         "",
		`msg:header("X-Custom", {})`:                         "",
		`msg:header("X-Custom", "a\r\nBcc: x@y", "replace")`: "X-Custom: a Bcc: x@y\r\n",
	} {
		w := newMailWorld(t, sdk.ValidateDataSpool)
		w.is("true", `return `+script)
		if got := string(w.frame.Message().Header); got != strings.Replace(sampleHeader, "X-Custom: first\r\nx-custom: second\r\n", "", 1)+want {
			t.Errorf("%s: got %q", script, got)
		}
	}
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.is("zeroth first second third", `msg:header("X-Custom", "zeroth", "prepend"); msg:header("X-Custom", "third", "append"); msg:header("X-Custom", "", "append")
		return table.concat(msg:header("X-Custom"), " ")`)
	if got := string(w.frame.Message().Header); got != "X-Custom: zeroth\r\n"+sampleHeader+"X-Custom: third\r\n" {
		t.Errorf("got %q", got)
	}
	w.raises(`bad mode "top"`, `msg:header("X", "v", "top")`)
	w.raises(`"a b" cannot be the name of a header`, `msg:header("a b", "v")`)
	newMailWorld(t, sdk.ValidateRcptTo).raises("a message has no content before validate_data; this is validate_rcptto", `msg:header("X", "v")`)
	newMailWorld(t, sdk.CoreLogReception).raises("cannot be changed any more", `msg:header("X", "v")`)
}

func TestAddressHeader(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.is("bob+news@example.com bob+news bob news example.com", `local f = function(c) return msg:address_header("From", c)[1] end
		return f(), f("localpart"), f("user"), f("detail"), f("domain")`)
	w.is("ab@x.test c@y.test 0", `local a = msg:address_header("to", "all"); return a[1], a[2], #msg:address_header("Cc")`)
	w.raises(`bad component "name"`, `msg:address_header("To", "name")`)
}

func TestBody(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.is("the SECRET word\r\n.dot\r\n", `return msg:body()`)
	for given, want := range map[string]string{
		`new\r\n.\r\n`: "new\r\n", `new`: "new\r\n", `a\nb`: "a\r\nb\r\n", ``: "", `\r\n.\r\n`: "\r\n",
	} {
		w.is(want, `return msg:body("`+given+`")`)
		if w.body() != want {
			t.Errorf("%q: got %q", given, w.body())
		}
	}
	newMailWorld(t, sdk.ValidateMailFrom).raises("attempt to index", `msg:body("x")`)
}

func TestRaw(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.is("true true", `local raw, n = msg:raw(); return raw == "`+luaText(sampleHeader+"\r\nthe SECRET word\r\n.dot\r\n")+`", n == #raw`)
	w.is("A: b\r\n\r\nnew\r\n 13", `return msg:raw("A: b\r\n\r\nnew\r\n.\r\n")`)
	w.is("b new\r\n", `return msg:header("a")[1], msg:body()`)
	w.is("only 0", `msg:raw("A: only"); return msg:header("A")[1], #msg:body()`)
}

func luaText(s string) string {
	return strings.NewReplacer("\\", "\\\\", "\"", "\\\"", "\r", "\\r", "\n", "\\n").Replace(s)
}

func TestText(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.is("the SECRET word\r\n.dot\r\n", `return msg:text()`)
	w.multipart()
	w.is("2 café SECRET <b>SECRET</b>", `local t = msg:text(); return #t, t[1], t[2]`)
	w.is("neu: ü", `msg:text("neu: ü", "text/html", "iso-8859-1"); return msg:text()`)
	if got := w.body(); got != "neu: =FC" {
		t.Errorf("got %q", got)
	}
	w.is("text/html; charset=iso-8859-1 quoted-printable", `return msg:header("Content-Type")[1], msg:header("Content-Transfer-Encoding")[1]`)
	w.frame.State.Message.Header = []byte("Content-Type: image/png\r\n")
	w.is("nil", `return msg:text()`)
}

func TestMatch(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.is("SECRET word SECRET word word false", `local m = msg:body_match("(SEC\\w+) (?P<what>\\w+)"); return m[0], m[1], m[2], m.what, msg:body_match("nothing")`)
	w.is("first false", `return msg:raw_match("X-Custom: (\\w+)")[1], msg:raw_match("^nothing$")`)
	w.is("nil b", `local m = msg:body_match("(x)?(?<b>d)"); return m[1], m.b == "d" and "b"`)
	w.multipart()
	w.is("é false false", `return msg:text_match("caf(.)")[1], msg:text_match("hello"), msg:body_match("café")`)
	w.raises(`bad pattern "(": missing closing parenthesis at offset 1`, `msg:body_match("(")`)
	w.frame.State.Message.Header = nil
	w.frame.State.Message.Body = sdk.Body{Size: 51, Inline: []byte(strings.Repeat("a", 50) + "!")}
	w.raises("pattern stopped: match limit exceeded", `msg:body_match("^(a+)+$")`)
	if w.spent < 1000 {
		t.Errorf("%d steps were spent", w.spent)
	}
}

func TestReplace(t *testing.T) {
	for _, c := range []struct{ script, want, body string }{
		{`msg:text_replace("SECRET", "xxxxxx")`, "true", "the xxxxxx word\r\n.dot\r\n"},
		{`msg:body_replace("(\\w+) word", "$1=\\1=${1}=$$=$9")`, "true", "the SECRET=SECRET=SECRET=$= \r\n.dot\r\n"},
		{`msg:body_replace("(?<n>SECRET)", "<${n}${none}$x>")`, "true", "the <SECRET$x> word\r\n.dot\r\n"},
		{`msg:body_replace("\\w+", function(m) return #m[0] end)`, "true", "3 6 4\r\n.3\r\n"},
		{`msg:body_replace("the|word", function(m) if m[0] == "the" then return "THE" end end)`, "true", "THE SECRET word\r\n.dot\r\n"},
		{`msg:body_replace("nothing", "x")`, "false", "the SECRET word\r\n.dot\r\n"},
		{`msg:text_replace("\r\n.\r\n", "Disclaimer\r\n.\r\n")`, "true", "the SECRET word\r\n.dotDisclaimer\r\n"},
		{`msg:body_replace("\\r\\n\\.\\r\\n$", "\r\nmore\r\n.\r\n")`, "true", "the SECRET word\r\n.dot\r\nmore\r\n"},
		{`msg:raw_replace("SECRET", "s")`, "true", "the s word\r\n.dot\r\n"},
		{`msg:raw_replace("nothing", "s")`, "false", "the SECRET word\r\n.dot\r\n"},
	} {
		w := newMailWorld(t, sdk.ValidateDataSpoolEachRcpt)
		w.is(strings.ReplaceAll(c.want, "$= ", "$="), `return `+c.script)
		if got := w.body(); got != strings.Replace(c.body, "$= \r\n", "$=\r\n", 1) {
			t.Errorf("%s: got %q", c.script, got)
		}
		if changed := len(w.frame.Changes) > 0; changed != (c.want == "true") {
			t.Errorf("%s: %d changes", c.script, len(w.frame.Changes))
		}
	}
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.is("true one", `local done = msg:raw_replace("(?m)^X-Custom: first", "X-Custom: one"); return done, msg:header("X-Custom")[1]`)
	w.raises("string or function expected", `msg:body_replace("x", {})`)
	w.raises("oh no", `msg:body_replace("e", function() error("oh no") end)`)
	newMailWorld(t, sdk.CoreLogDelivery).raises("cannot be changed any more", `msg:text_replace("a", "b")`)
}

func TestTextReplaceKeepsEncodings(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool).multipart()
	w.is("true", `return msg:text_replace("SECRET", "ü")`)
	want := strings.Replace(sampleMultipart, "caf=E9 SECRET", "caf=E9 =FC", 1)
	want = strings.Replace(want, "Content-Type: text/html\r\n\r\n<b>SECRET</b>", "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<b>=C3=BC</b>", 1)
	if got := w.body(); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if string(w.frame.Message().Header) != sampleParts {
		t.Error("the message's header changed")
	}
}

// failingHost cannot read bodies.
type failingHost struct{ sdk.Host }

func (failingHost) ReadBody(context.Context, uint64, int64, int64) ([]byte, error) {
	return nil, errors.New("the disk is gone")
}

// hostWorld has another host.
type hostWorld struct {
	*mailWorld
	other sdk.Host
}

func (w *hostWorld) Host() sdk.Host { return w.other }

func TestLargeBody(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool)
	body := strings.Repeat("0123456789", 300000) + "needle\r\n"
	w.host.Bodies = map[uint64][]byte{9: []byte(body)}
	w.frame.State.Message.Body = sdk.Body{Size: int64(len(body)), Handle: 9}
	w.is(fmt.Sprint("needle ", len(body)), `return msg:body_match("needle")[0], #msg:body()`)
	if w.waits != 2 {
		t.Errorf("%d waits", w.waits)
	}
	w.frame.State.Message.Body = sdk.Body{Size: int64(len(body)) + 1, Handle: 9}
	w.raises("the body cannot be read: it ends after 3000008 of 3000009 bytes", `msg:body()`)
	w.frame.State.Message.Body = sdk.Body{Size: maxBody + 1, Handle: 9}
	w.raises("is too large for a script (at most 67108864)", `msg:body()`)
	w.env.World = &hostWorld{w, failingHost{}}
	w.frame.State.Message.Body = sdk.Body{Size: 20000, Handle: 9}
	w.raises("the body cannot be read: the disk is gone", `msg:body()`)
	w.is("Grüße", `return msg:header("Subject")[1]`)
}

func TestCaptures(t *testing.T) {
	L := lua.NewState()
	defer L.Close()
	re := mustCompile(t, PatternsOf(L), "(a)|(?<b>b)")
	loc, err := FirstMatch(re, "xb")
	if err != nil {
		t.Fatal(err)
	}
	got := Captures(L, re, "xb", loc)
	if got.RawGet(lua.LNumber(0)).String() != "b" || got.RawGetInt(1) != lua.LNil || got.RawGetString("b").String() != "b" {
		t.Error("wrong captures")
	}
}
