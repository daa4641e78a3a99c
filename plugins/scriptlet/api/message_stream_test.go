package api

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/sdk"
)

// stored gives the message a body that the core has, read by its handle.
func (w *mailWorld) stored(body string) *mailWorld {
	w.host.Bodies = map[uint64][]byte{9: []byte(body)}
	for _, m := range append([]*sdk.Message{w.frame.State.Message}, w.frame.State.Copies...) {
		m.Body = sdk.Body{Size: int64(len(body)), Handle: 9}
	}
	return w
}

// now is the body as the core would store it.
func (w *mailWorld) now() string {
	w.t.Helper()
	m := w.frame.Message()
	if m.Body.Whole() {
		return string(m.Body.Inline)
	}
	data, err := readBody(context.Background(), w.host, m.Body, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(data)
}

const storedText = "the SECRET word\r\nand a SECRET more\r\n"

func TestStoredBodyReplace(t *testing.T) {
	for _, c := range []struct{ script, result, want string }{
		{`return msg:body_replace("SECRET", "x")`, "true", "the x word\r\nand a x more\r\n"},
		{`return msg:body_replace("(\\w+) SECRET", "<$1>")`, "true", "<the> word\r\nand <a> more\r\n"},
		{`return msg:body_replace("SECRET", function(m) return m[0]:lower() end)`, "true", "the secret word\r\nand a secret more\r\n"},
		{`return msg:body_replace("nowhere", "x")`, "false", storedText},
		{`return msg:body_replace("(?s).+", "")`, "true", ""},
		{`return msg:body_replace("\r\n.\r\n", "\r\nbye\r\n.\r\n")`, "true", storedText + "bye\r\n"},
		{`return msg:body_replace("more\r\n", "end")`, "true", "the SECRET word\r\nand a SECRET end"},
		{`msg:body_replace("the", "a") msg:body_replace("a (\\w+) word", "$1") return msg:body_replace("and", "&")`, "true",
			"SECRET\r\n& a SECRET more\r\n"},
		{`msg:body_replace("SECRET", "x") msg:body("new") return msg:body_replace("n", "m")`, "true", "mew\r\n"},
		{`msg:body_replace("word", "WORD") return msg:body()`, "the SECRET WORD\r\nand a SECRET more\r\n", "the SECRET WORD\r\nand a SECRET more\r\n"},
		{`return msg:raw_replace("SECRET", "x")`, "true", "the x word\r\nand a x more\r\n"},
		{`msg:text_replace("SECRET", "x") return msg:body_replace("x more", "y")`, "true", "the x word\r\nand a y\r\n"},
		{`msg:mime(false):body_replace("a SECRET", "one") return #msg:body()`, fmt.Sprint(len(storedText) - 5), "the SECRET word\r\nand one more\r\n"},
	} {
		w := newMailWorld(t, sdk.ValidateDataSpool).stored(storedText)
		w.is(c.result, c.script)
		if got := w.now(); got != c.want {
			t.Errorf("%s\ngot  %q\nwant %q", c.script, got, c.want)
		}
		s := sampleState()
		s.Message.Body = sdk.Body{Size: int64(len(storedText)), Handle: 9}
		if m := w.replayed(s).Message; m.Body.Size != w.frame.Message().Body.Size {
			t.Errorf("%s: the core comes to %d bytes, the script to %d", c.script, m.Body.Size, w.frame.Message().Body.Size)
		}
	}
}

func TestStoredRawReplace(t *testing.T) {
	const header = "Subject: SECRET\r\nX-A: b\r\n"
	for _, c := range []struct{ script, header, body string }{
		{`msg:raw_replace("SECRET", "x")`, "Subject: x\r\nX-A: b\r\n", "the x word\r\nand a x more\r\n"},
		{`msg:raw_replace("(?m)^X-A: b\r\n", "")`, "Subject: SECRET\r\n", storedText},
		{`msg:raw_replace("word", "WORD")`, header, "the SECRET WORD\r\nand a SECRET more\r\n"},
		{`msg:raw_replace("b\r\n\r\nthe", "c\r\n\r\nTHE")`, "Subject: SECRET\r\nX-A: c\r\n", "THE SECRET word\r\nand a SECRET more\r\n"},
		{`msg:raw_replace("X-A: b\r\n", "\r\nmore\r\n")`, "Subject: SECRET\r\n", "more\r\n\r\n" + storedText},
	} {
		w := newMailWorld(t, sdk.ValidateDataSpool)
		w.frame.State.Message.Header = []byte(header)
		w.stored(storedText).run(c.script)
		if m := w.frame.Message(); string(m.Header) != c.header || w.now() != c.body {
			t.Errorf("%s\ngot  %q %q\nwant %q %q", c.script, m.Header, w.now(), c.header, c.body)
		}
	}
}

func TestStoredMatch(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool).stored(storedText)
	w.is("SECRET word the", `local m = msg:body_match("(?<w>\\w+) (word)(?<=(?<o>the) SECRET word)") return m.w, m[2], m.o`)
	w.is("false", `return msg:body_match("nowhere")`)
	w.is("Subject: =", `return msg:raw_match("(?m)^Subject: =")[0]`)
	w.is("more\r\n.\r\n", `return msg:body_match("more\r\n.\r\n")[0]`)
	w.raises("bad pattern", `msg:body_match("(")`)
}

func TestStoredBodyIsEditedForOneCopy(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpoolEachRcpt).stored(storedText)
	w.run(`msg:body_replace("SECRET", "x")`)
	if other := w.frame.State.Copies[1]; other.Body.Pieces != nil || other.Body.Size != int64(len(storedText)) {
		t.Error("the other copy's body changed")
	}
	if got := w.now(); got != "the x word\r\nand a x more\r\n" {
		t.Errorf("got %q", got)
	}
}

func TestStoredBodyInjected(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool).stored(storedText)
	w.run(`local c = msg:copy() c:inject("a@b.test", "c@d.test") c:body_replace("SECRET", "x") c:inject("a@b.test", "c@d.test")`)
	first, second := w.frame.Changes[0].Injection.Body, w.frame.Changes[1].Injection.Body
	if first.Handle != 9 || first.Inline != nil {
		t.Error("an untouched body goes by its handle")
	}
	if got := string(second.Inline); got != "the x word\r\nand a x more\r\n" || second.Handle != 0 {
		t.Errorf("the edited copy was sent with %q", got)
	}
}

func TestManyReplacements(t *testing.T) {
	body := strings.Repeat("ab", maxEdits+1)
	w := newMailWorld(t, sdk.ValidateDataSpool).stored(body)
	PatternsOf(w.L).time = time.Minute
	w.is("true", `return msg:body_replace("b", "cd")`)
	if got := w.now(); got != strings.Repeat("acd", maxEdits+1) {
		t.Errorf("%d bytes", len(got))
	}
}

func TestStoredPlainText(t *testing.T) {
	const utf8 = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
	for name, c := range map[string]struct{ header, body, script, want, kind string }{
		"as it stands": {"", storedText, `msg:text_replace("SECRET", "x")`, "the x word\r\nand a x more\r\n", ""},
		"disclaimer":   {"", storedText, `msg:text_replace("\r\n.\r\n", "\r\nbye\n\r\n.\r\n")`, storedText + "bye\r\n\r\n", ""},
		"8-bit":        {utf8, "caf\u00e9 x\r\n", `msg:text_replace("x", "\u00fc")`, "caf\u00e9 \u00fc\r\n", utf8},
		"not ASCII":    {"", storedText, `msg:text_replace("SECRET", "\u00fc")`, "the =C3=BC word\r\nand a =C3=BC more\r\n", "quoted"},
		"long line":    {"", "x\r\n", `msg:text_replace("x", ("abcdefghi "):rep(120))`, "", "quoted"},
		"latin 1":      {"", "caf\xe9 x\r\n", `msg:text_replace("x", "y")`, "caf=C3=A9 y\r\n", "quoted"},
	} {
		w := newMailWorld(t, sdk.ValidateDataSpool)
		w.frame.State.Message.Header = []byte(c.header)
		w.stored(c.body).run(c.script)
		if got := w.now(); c.want != "" && got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
		if h := string(w.frame.Message().Header); h != c.kind && !(c.kind == "quoted" && strings.Contains(h, "quoted-printable")) {
			t.Errorf("%s: header %q", name, h)
		}
	}
	w := newMailWorld(t, sdk.ValidateDataSpool).stored("caf\xe9 word\r\n")
	w.is("café SECRET", `local a = msg:text_match("caf.")[0] msg:body("the SECRET") return a, msg:text_match("SECRET")[0]`)
	w = newMailWorld(t, sdk.ValidateDataSpool).stored(storedText)
	w.is("SECRET false", `return msg:text_match("(SECRET) word")[1], msg:text_match("nowhere")`)
}
