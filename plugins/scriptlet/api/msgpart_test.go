package api

import (
	"context"
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mail"
)

func TestMimeWalk(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool).multipart()
	w.is("multipart/mixed text/plain text/html image/png", `local p, out = msg:mime(), {}
		while p != nil do out[#out+1] = p:content_type().mimetype; p = p.thread end
		return table.concat(out, " ")`)
	w.is("true true nil nil nil text/html", `local root = msg:mime()
		return root.parts.parent == root, root.parts.next == root.parts.thread, root.parent, root.next, root.parts.parts, root.parts.next.type`)
	w.is("out nil 3 1", `local r = msg:mime(); return r.boundary, r.parts.boundary, r.parts.encoding, msys.core.EC_MIME_TE_8BIT`)
	w.is("text/plain iso-8859-1 quoted-printable false nil", `local c = msg:mime().parts:content_type(); return c.mimetype, c.charset, c.encoding, c.is_attachment, c.filename`)
	w.is("image/png nil base64 true a.png", `local c = msg:mime().parts.next.next:content_type(); return c.mimetype, c.charset, c.encoding, c.is_attachment, c.filename`)
}

func TestPartContent(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool).multipart()
	w.run(`root = msg:mime(false); plain, html, png = root.parts, root.parts.next, root.parts.next.next`)
	w.is("café SECRET hello nil", `return plain:text(), png:text(), root:text()`)
	w.is("text/html 0", `return html:header("content-type")[1], #html:header("X-None")`)
	w.is("é false SECRET", `return plain:text_match("caf(.)")[1], plain:body_match("café"), plain:raw_match("charset.*\\R+.*\\R+.*(SECRET)")[1]`)
	w.is("true 1 true 0", `local a = html:header("X-P", "1"); local b = html:header("X-P")[1]; return a, b, html:header("X-P", nil), #html:header("X-P")`)
	w.is("a@b.test", `html:header("X-A", "B <a@b.test>"); return html:address_header("X-A")[1]`)
	if want := strings.Replace(sampleMultipart, "text/html\r\n", "text/html\r\nX-A: B <a@b.test>\r\n", 1); w.body() != want {
		t.Errorf("got %q", w.body())
	}
	w.is("true false true", `return plain:text_replace("SECRET", "x"), plain:body_replace("nothing", "y"), html:raw_replace("<b>SECRET", "<i>Y")`)
	w.is("café x <i>Y</b>", `local t = msg:text(); return t[1], t[2]`)
	w.run(`html:text("neu: ü")`)
	w.is("neu: ü text/html utf-8", `local c = html:content_type(); return html:text(), c.mimetype, c.charset`)
	w.run(`plain:text("")`)
	w.is("nil", `return plain:text()`)
	if !strings.Contains(w.body(), "neu: =C3=BC") {
		t.Errorf("got %q", w.body())
	}
}

func TestPartsMustBeWritable(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool).multipart()
	for _, edit := range []string{
		`msg:mime():text("x")`, `msg:mime(true).parts:unlink()`, `msg:mime().parts:header("X", "y")`, `msg:mime().parts:text_replace("a", "b")`,
		`msg:mime():addLastChild(msg:makePart("text/plain", "x"))`, `msg:mime(false):addLastChild(msg:mime().parts)`,
	} {
		w.raises("the message part is not writable; get it from msg:mime(false)", edit)
	}
	if len(w.frame.Changes) != 0 {
		t.Error("something was changed")
	}
	w.enter(sampleState(), sdk.CoreLogDelivery)
	w.raises("cannot be changed any more", `msg:mime(false):text("x")`)
}

func TestPartTree(t *testing.T) {
	types := `local p, out = msg:mime(), {}; while p do out[#out+1] = p:text() or "-"; p = p.thread end; return table.concat(out, "|")`
	for _, c := range []struct{ script, want string }{
		{`return root:addLastChild(new)`, "-|café SECRET|<b>SECRET</b>|hello|new"},
		{`return root:addFirstChild(new)`, "-|new|café SECRET|<b>SECRET</b>|hello"},
		{`return new:insertAfter(root.parts)`, "-|café SECRET|new|<b>SECRET</b>|hello"},
		{`return new:insertBefore(root.parts)`, "-|new|café SECRET|<b>SECRET</b>|hello"},
		{`root.parts:unlink() return true`, "-|<b>SECRET</b>|hello"},
		{`root.parts:unlink() return root:addLastChild(new)`, "-|<b>SECRET</b>|hello|new"},
		{`local box = msg:makeContainer("multipart/related"); box:addLastChild(new); box:addLastChild(root.parts) return root:addLastChild(box)`,
			"-|<b>SECRET</b>|hello|-|new|café SECRET"},
	} {
		w := newMailWorld(t, sdk.ValidateDataSpool).multipart()
		w.run(`root = msg:mime(false); new = msg:makePart("text/plain", "new")`)
		w.is("true", c.script)
		w.is(c.want, types)
		section, body := w.frame.Message().Header, w.frame.Message().Body.Inline
		w.frame.State.Message.Header = append([]byte(nil), section...)
		w.frame.State.Message.Body.Inline = append([]byte(nil), body...)
		w.is(c.want, types)
	}
	w := newMailWorld(t, sdk.ValidateDataSpool).multipart()
	w.is("false false", `local root = msg:mime(false); return root.parts:addLastChild(msg:makePart("text/plain", "x")), root.parts:addFirstChild(msg:makePart("text/plain", "x"))`)
	w.raises("the part has no container of its own around it", `msg:makePart("text/plain", "x"):insertAfter(msg:mime(false))`)
	w.raises("msgpart expected, got string", `msg:mime(false):addLastChild("x")`)
}

// The published example of addLastChild.
func TestDisclaimer(t *testing.T) {
	add := `
		local p, plain = msg:mime(false), "Disclaimer"
		if p.parts != nil then
			local part = msg:makePart("text/plain", plain)
			part.body_start = 0
			part.body_end = #plain
			p:addLastChild(part)
		else
			msg:text_replace("\r\n.\r\n", plain .. "\r\n.\r\n")
		end`
	w := newMailWorld(t, sdk.ValidateData).multipart()
	w.run(add)
	if !strings.HasSuffix(w.body(), "\r\n--out\r\nContent-Type: text/plain\r\n\r\nDisclaimer\r\n--out--\r\n") {
		t.Errorf("got %q", w.body())
	}
	w = newMailWorld(t, sdk.ValidateData)
	w.run(add)
	if got := w.body(); got != "the SECRET word\r\n.dotDisclaimer\r\n" {
		t.Errorf("got %q", got)
	}
}

func TestPartsAreOfOneContent(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool).multipart()
	w.run(`root = msg:mime(false); part = root.parts; msg:header("X-New", "1")`)
	w.is("café SECRET", `return part:text()`)
	w.run(`part:text_replace("SECRET", "x")`)
	if !strings.HasSuffix(string(w.frame.Message().Header), "X-New: 1\r\n") {
		t.Errorf("an edit lost a header: %q", w.frame.Message().Header)
	}
	w.run(`msg:body("other"); msg:mime()`)
	w.raises("message part is no longer valid", `part:text()`)
	w.raises("message part is no longer valid", `return part.next`)
}

// source is an io_object.
type source struct{ text string }

func (s source) Bytes(context.Context) ([]byte, error) { return []byte(s.text), nil }

func TestMakePart(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.L.SetGlobal("io_object", w.env.Object("io_object", source{"from a file"}))
	w.is("ü utf-8 quoted-printable", `local p = msg:makePart("text/plain", "ü"); local c = p:content_type(); return p:text(), c.charset, c.encoding`)
	w.is("hi base64 2", `local p = msg:makePart("image/png", "aGk=", msys.core.EC_MIME_TE_BASE64); return p:text(), p:content_type().encoding, p.encoding`)
	w.is("nil from a file", `return msg:makePart("text/plain"):text(), msg:makePart("text/plain", io_object):text()`)
	w.is("0 5 ell", `local p = msg:makePart("text/plain", "hello"); local s, e = p.body_start, p.body_end; p.body_start = 1; p.body_end = 4; return s, e, p:text()`)
	w.raises("body_end: a number from 0 to 5 is expected, got 6", `msg:makePart("text/plain", "hello").body_end = 6`)
	w.raises("string or io_object expected, got ec_message", `msg:makePart("text/plain", msg)`)
	w.raises("9 is no transfer encoding", `msg:makePart("text/plain", "x", 9)`)
	w.raises("cannot stand in a header", `msg:makePart("text/plain\r\nBcc: x", "x")`)
	w.is("true", `local new = msys.core.ec_message_new(); new:build({}, {}, {{type = "a/b", name = "f", content = io_object}}); return new:mime().parts:text() == "from a file"`)
}

func TestMakeContainer(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.is("multipart/alternative mine 26", `local a, b = msg:makeContainer("multipart/alternative", "mine", true), msg:makeContainer("multipart/mixed")
		return a.type, a.boundary, #b.boundary`)
	w.raises("is not multipart/*", `msg:makeContainer("text/plain")`)
	w.raises("cannot stand in a header", `msg:makeContainer("multipart/mixed", "a\r\nb")`)
	w.is("26 true", `local a, b = msg:makeBoundary(), msg:makeBoundary(msg:makePart("text/plain", "x"), msg:mime()); return #a, a != b`)
	w.raises("msgpart expected", `msg:makeBoundary("x")`)
}

func TestEncodingNumbers(t *testing.T) {
	for name, want := range map[string]int{mail.Encoding7Bit: 0, mail.Encoding8Bit: 1, mail.EncodingBase64: 2, mail.EncodingQP: 3, "binary": 1} {
		if got := encodingNumber(name); got != want {
			t.Errorf("%s is %d", name, got)
		}
	}
}
