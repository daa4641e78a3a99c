package api

import (
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk"
)

func TestContentTypeRow(t *testing.T) {
	for header, want := range map[string]string{
		"": "text/plain nil 7bit false nil",
		"Content-Type: TEXT/Html; CharSet=\"UTF-8\"\r\nContent-Transfer-Encoding: Base64\r\n":          "text/html UTF-8 base64 false nil",
		"Content-Type: image/png; name=a.png\r\n":                                                      "image/png nil 7bit true a.png",
		"Content-Type: image/png; name=a.png\r\nContent-Disposition: inline; filename=\"b c.png\"\r\n": "image/png nil 7bit true b c.png",
		"Content-Disposition: attachment\r\n":                                                          "text/plain nil 7bit true nil",
		"Content-Disposition: inline\r\n":                                                              "text/plain nil 7bit false nil",
		"Content-Disposition: attachment; filename*=utf-8''%C3%A4.txt\r\n":                             "text/plain nil 7bit true ä.txt",
		"Content-Type: a/b; name=\"=?utf-8?q?=C3=A4.txt?=\"\r\n":                                       "a/b nil 7bit true ä.txt",
		"Content-Type: nonsense\r\n":                                                                   "text/plain nil 7bit false nil",
	} {
		w := newMailWorld(t, sdk.ValidateDataSpool).content(header, "x\r\n")
		w.is(want, `local c = msg:mime():content_type(); return c.mimetype, c.charset, c.encoding, c.is_attachment, c.filename`)
	}
	w := newMailWorld(t, sdk.ValidateDataSpool).multipart()
	w.is("table boolean 5", `local c, n = msg:mime().parts.next.next:content_type(), 0; c.charset = "mine"; for k in pairs(c) do n = n + 1 end return type(c), type(c.is_attachment), n`)
}

// Text in every transfer encoding and charset is read as UTF-8.
func TestTextIsDecoded(t *testing.T) {
	for header, c := range map[string][2]string{
		"Content-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: base64\r\n":         {"8NHU\r\n", "Пят"},
		"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n":       {"caf\xe9\r\n", "café\r\n"},
		"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n": {"=C3=BC=\r\nx\r\n", "üx\r\n"},
		"Content-Type: text/plain\r\n": {"plain\r\n", "plain\r\n"},
		"":                             {"caf\xe9\r\n", "café\r\n"},
	} {
		w := newMailWorld(t, sdk.ValidateDataSpool).content(header, c[0])
		w.is(c[1]+"|"+c[1], `return msg:text() .. "|" .. msg:mime():text()`)
		w.is("string", `return type(msg:text())`)
		w.is(c[0], `return msg:body()`)
	}
	w := newMailWorld(t, sdk.ValidateDataSpool).content("Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n", "aGVsbG8=\r\n")
	w.is("nil hello false", `return msg:text(), msg:mime():text(), msg:text_match("hello")`)
	w.content("", "")
	w.is("nil 0", `return msg:mime():text(), #msg:body()`)
}

// The setter replaces the whole body, of several parts too, by text in the
// charset asked for.
func TestTextIsSet(t *testing.T) {
	for script, want := range map[string]string{
		`msg:text("plain")`:                             "text/plain nil 7bit|plain",
		`msg:text("grün")`:                              "text/plain utf-8 quoted-printable|gr=C3=BCn",
		`msg:text("grün", "text/html")`:                 "text/html utf-8 quoted-printable|gr=C3=BCn",
		`msg:text("grün", "text/html", "iso-8859-1")`:   "text/html iso-8859-1 quoted-printable|gr=FCn",
		`msg:text("grün", nil, "utf-8")`:                "text/plain utf-8 quoted-printable|gr=C3=BCn",
		`msg:text("日本", nil, "iso-8859-1")`:             "text/plain utf-8 quoted-printable|=E6=97=A5=E6=9C=AC",
		`msg:text("x", "text/plain; charset=us-ascii")`: "text/plain us-ascii 7bit|x",
		`msg:text("a\nb\n", "text/plain")`:              "text/plain nil 7bit|a\r\nb\r\n",
	} {
		for _, object := range []string{"msg:", "msg:mime(false):"} {
			w := newMailWorld(t, sdk.ValidateDataSpool).multipart()
			script := object + strings.TrimPrefix(script, "msg:")
			w.is("0", `return select("#", `+script+`)`)
			w.is(want, `local c = msg:mime():content_type(); return c.mimetype .. " " .. tostring(c.charset) .. " " .. c.encoding .. "|" .. msg:body()`)
			w.is("1 nil", `return #msg:header("MIME-Version"), msg:mime().parts`)
		}
	}
	w := newMailWorld(t, sdk.ValidateDataSpool).multipart()
	w.run(`msg:mime(false).parts:text("a\n.\nb", "text/plain", "utf-8")`)
	if !strings.Contains(w.body(), "\r\n\r\na\r\n.\r\nb\r\n--out\r\n") { // no dot is stuffed
		t.Errorf("got %q", w.body())
	}
	w.raises("bad argument #1 to 'text' (string expected, got table)", `msg:text({})`)
}

// A text that was 7-bit clean gets a transfer encoding where it needs one; each
// part keeps its own charset and encoding; parts that are no text stay.
func TestTextReplaceRow(t *testing.T) {
	const header = "Content-Type: multipart/mixed; boundary=b\r\n"
	const body = "--b\r\nContent-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: base64\r\n\r\n8NHU\r\n" +
		"--b\r\nContent-Type: text/plain\r\n\r\nword\r\n" +
		"--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nd29yZA==\r\n--b--\r\n"
	w := newMailWorld(t, sdk.ValidateDataSpool).content(header, body)
	w.is("false false", `return msg:text_replace("none", "x"), msg:text_match("none")`)
	w.is("true true", `return msg:text_replace("т", "Т"), msg:text_replace("word", "wörd")`)
	want := strings.Replace(body, "8NHU\r\n", "8NH0\r\n\r\n", 1)
	want = strings.Replace(want, "Content-Type: text/plain\r\n\r\nword", "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nw=C3=B6rd", 1)
	if w.body() != want {
		t.Errorf("got  %q\nwant %q", w.body(), want)
	}
	w.is("ПяТ wörd word", `local p = msg:mime().parts; return p:text(), p.next:text(), p.next.next:text()`)
	w.is("true false", `local p = msg:mime(false).parts; return p:text_replace("П", "п"), p.next.next:text_replace("word", "x")`)
	w.is("пяТ", `return msg:mime().parts:text()`)
}

// What each search looks at.
func TestWhatIsSearched(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool).multipart()
	w.is("false multipart/mixed out", `return msg:body_match("multipart/mixed"), msg:raw_match("(multipart/\\w+)")[1], msg:body_match("^--(?<b>\\w+)")["b"]`)
	w.is("false caf=E9 é", `return msg:raw_match("café"), msg:body_match("caf=E9")[0], msg:text_match("caf(\\W)")[1]`)
	w.is("false false 8859", `local p = msg:mime().parts; return p:body_match("charset"), p:text_match("charset"), p:raw_match("charset=iso-(\\d+)")[1]`)
	w.is("false false", `local p = msg:mime().parts.next; return p:raw_match("caf"), p:text_match("hello")`)
	for _, f := range []string{"body_match", "raw_match", "text_match"} {
		w.is("table boolean nil", `local m = msg:`+f+`("(none)?(SECRET)"); return type(m), type(msg:`+f+`("no such")), m[1]`)
		w.raises(`bad pattern "("`, `msg:mime().parts:`+f+`("(")`)
		w.raises("bad argument #1 to '"+f+"' (string expected, got no value)", `msg:`+f+`()`)
	}
	for _, f := range []string{"body_replace", "raw_replace", "text_replace"} {
		w.is("false", `return msg:`+f+`("no such", "x")`)
		w.is("false", `return msg:mime(false).parts:`+f+`("no such", "x")`)
		w.raises("bad argument #2 to '"+f+"'", `msg:`+f+`("x")`)
		w.raises("the message part is not writable", `msg:mime().parts:`+f+`("SECRET", "x")`)
	}
	if w.body() != sampleMultipart || len(w.frame.Changes) != 0 {
		t.Errorf("%d changes: %q", len(w.frame.Changes), w.body())
	}
}

func TestMakePartEncodings(t *testing.T) {
	for script, want := range map[string]string{
		`msg:makePart("text/plain", "hi")`:                                  "Content-Type: text/plain\r\n\r\nhi",
		`msg:makePart("text/plain", "hi", nil)`:                             "Content-Type: text/plain\r\n\r\nhi",
		`msg:makePart("text/plain", "hi", c.EC_MIME_TE_7BIT)`:               "Content-Type: text/plain\r\n\r\nhi",
		`msg:makePart("text/plain; charset=utf-8", "ü", c.EC_MIME_TE_8BIT)`: "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nü",
		`msg:makePart("text/plain", "aGk=", c.EC_MIME_TE_BASE64)`:           "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\naGk=",
		`msg:makePart("text/plain", "h=69", c.EC_MIME_TE_QUOTED_PRINTABLE)`: "Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nh=69",
		`msg:makePart("text/plain", "aGk=", tostring(c.EC_MIME_TE_BASE64))`: "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\naGk=",
		`msg:makePart("text/plain", "ü")`:                                   "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=C3=BC",
		`msg:makePart("application/x-empty")`:                               "Content-Type: application/x-empty\r\n\r\n",
	} {
		w := newMailWorld(t, sdk.ValidateDataSpool).multipart()
		w.is("nil nil nil nil", `c = msys.core; p = `+script+`; return p.parent, p.next, p.thread, p.parts`)
		w.is("true", `return msg:mime(false):addLastChild(p)`)
		if tail := w.body(); !strings.HasSuffix(tail, "\r\n--out\r\n"+want+"\r\n--out--\r\n") {
			t.Errorf("%s: got %q", script, tail)
		}
	}
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.raises("bad argument #3 to 'makePart' (number expected, got string)", `msg:makePart("text/plain", "x", "base64")`)
}

func TestMakeContainerRows(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool).multipart()
	for _, terminator := range []string{"", ", nil", ", false", ", true"} {
		if got := w.run(`local c = msg:makeContainer("multipart/mixed", "b"` + terminator + `); return c:raw_match("(?s).*")[0]`)[0]; got != "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b--\r\n" {
			t.Errorf("got %q", got)
		}
	}
	w.is("true true", `local a, b = msg:makeContainer("multipart/mixed"), msg:makeContainer("multipart/mixed", nil, true); return a.boundary ~= b.boundary, msg:body_match(a.boundary) == false`)
	w.raises(`cannot be a boundary`, `msg:makeContainer("multipart/mixed", ("x"):rep(71))`)
	w.raises("bad argument #1 to 'makeContainer' (string expected, got no value)", `msg:makeContainer()`)
	w.is("true true", `local b = msg:makeBoundary(msg:makePart("text/plain", "x"), msg:makeContainer("multipart/mixed", "mine")); return #b > 10, b:find("mine", 1, true) == nil`)
}

func TestPartTreeErrors(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool).multipart()
	w.run(`root = msg:mime(false); new = function(text) return msg:makePart("text/plain", text) end`)
	w.is("false false", `local leaf = root.parts; return leaf:addFirstChild(new("a")), leaf:addLastChild(new("b"))`)
	w.is("false false", `local box = msg:makeContainer("multipart/mixed"); return box:addLastChild(box), root:addLastChild(root)`)
	w.is("false", `return root:addLastChild(new("--out"))`)
	if w.body() != sampleMultipart {
		t.Errorf("a failure changed it: %q", w.body())
	}
	w.raises("bad argument #1 to 'addLastChild' (msgpart expected, got no value)", `root:addLastChild()`)
	w.raises("insertBefore", `new("x"):insertBefore(root)`)
	w.raises("insertAfter", `new("x"):insertAfter(new("y"))`)
	w.is("0 true", `local n = select("#", root.parts:unlink()); return n, root.parts.type == "text/html"`)
	w.is("true", `root:unlink(); return root.parts ~= nil`)
	w.is("nil nil 2", `local p = root.parts; p:unlink(); root:addLastChild(p); local n, q = 0, root.parts
		while q do n = n + 1; q = q.next end; return root.parts.parent.parent, p.next, n`)
}
