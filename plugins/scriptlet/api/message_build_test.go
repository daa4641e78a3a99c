package api

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mail"
)

// built gives what a script builds as new.
func (w *mailWorld) built(script string) *mail.Part {
	w.t.Helper()
	w.run(`new = msys.core.ec_message_new(); ` + script)
	raw := w.run(`return (new:raw())`)[0]
	return mail.ParseMIME(mail.SplitMessage([]byte(raw)))
}

// outline is the types of a tree, with the transfer encodings of the leaves.
func outline(p *mail.Part) string {
	if !p.Container() {
		return p.ContentType().Type + " " + p.ContentType().Encoding
	}
	var in []string
	for _, c := range p.Children() {
		in = append(in, outline(c))
	}
	return p.ContentType().Type + " (" + strings.Join(in, ", ") + ")"
}

// The structure that the manual shows.
func TestBuildStructure(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.L.SetGlobal("io_object", w.env.Object("io_object", source{"\x00binary\xff"}))
	for script, want := range map[string]string{
		`new:build({}, {["text/plain"] = "a"})`:                                              "multipart/mixed (multipart/alternative (text/plain quoted-printable))",
		`new:build({}, {["text/plain"] = "a"}, nil)`:                                         "multipart/mixed (multipart/alternative (text/plain quoted-printable))",
		`new:build({}, {["text/plain; charset=utf-8"] = "a", ["text/html"] = "b"}, {})`:      "multipart/mixed (multipart/alternative (text/plain base64, text/html quoted-printable))",
		`new:build({}, {["text/html; charset=utf-8"] = "b", ["application/json"] = "{}"})`:   "multipart/mixed (multipart/alternative (application/json base64, text/html base64))",
		`new:build({}, {}, {{type = "text/csv", name = "./a.csv", content = "1,2"}})`:        "multipart/mixed (text/csv quoted-printable)",
		`new:build({}, {}, {{type = "image/png", name = "/x/a.png", content = io_object}})`:  "multipart/mixed (image/png base64)",
		`new:build({}, {}, {{content = io_object}})`:                                         "multipart/mixed (application/octet-stream base64)",
		`new:build({}, {["text/plain"] = "a"}, {{type = "a/b", name = "n", content = msg}})`: "multipart/mixed (multipart/alternative (text/plain quoted-printable), message/rfc822 7bit)",
	} {
		if got := outline(w.built(script)); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", script, got, want)
		}
	}
}

func TestBuildDetails(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool)
	root := w.built(`new:build({Subject = "Grüße", From = "Jörg <j@x.test>", ["X-Ready"] = "=?utf-8?q?=C3=A4?=", ["Content-Type"] = "text/evil", Date = "Tue, 25 Aug 2009 11:40:46 +0000"},
		{["text/plain; charset=iso-8859-1"] = "caf\233", ["text/html"] = "ü"},
		{{type = "text/plain; charset=koi8-r", name = "./dir/übung.txt", headers = "Openby: iphone4\r\nCertificate: AKJ", content = "\240\241"},
		 {type = "x/y", name = "ignored", headers = "X-Ignored: 1", content = msg}})`)
	header := string(root.Header())
	for _, want := range []string{
		"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n", "From: =?utf-8?q?J=C3=B6rg?= <j@x.test>\r\n", "X-Ready: =?utf-8?q?=C3=A4?=\r\n",
		"Date: Tue, 25 Aug 2009 11:40:46 +0000\r\n", "MIME-Version: 1.0\r\n", "Message-ID: <",
	} {
		if strings.Count(header, want) != 1 {
			t.Errorf("no %q in %q", want, header)
		}
	}
	if strings.Contains(header, "text/evil") {
		t.Errorf("the draft's Content-Type counts: %q", header)
	}
	w.is("café|ü", `local t = new:text(); return t[1] .. "|" .. t[2]`)
	w.is("inline inline", `local a = new:mime().parts.parts; return a:header("Content-Disposition")[1], a.next:header("Content-Disposition")[1]`)
	w.is("übung.txt true koi8-r iphone4 AKJ ПЯ", `local p = new:mime().parts.next; local c = p:content_type()
		return c.filename, c.is_attachment, c.charset, p:header("Openby")[1], p:header("Certificate")[1], p:text()`)
	w.is("message/rfc822 Attached Message 0", `local p = new:mime().parts.next.next; local c = p:content_type(); return c.mimetype, c.filename, #p:header("X-Ignored")`)
	attached := root.Children()[2].Body()
	if !bytes.HasPrefix(attached, []byte(sampleHeader+"\r\nthe SECRET word\r\n")) {
		t.Errorf("attached %q", attached)
	}
	for script, want := range map[string]string{
		`new:build({}, {})`:                           "needs an empty message",
		`msg:build({}, {})`:                           "needs an empty message",
		`msys.core.ec_message_new():build({})`:        "bad argument #2 to 'build' (table expected, got no value)",
		`msys.core.ec_message_new():build("x", {})`:   "bad argument #1 to 'build' (table expected, got string)",
		`msys.core.ec_message_new():build({}, {}, 1)`: "bad argument #3 to 'build'",
	} {
		w.raises(want, script)
	}
}

// forwarded is the message that msg:forward sent last.
func (w *mailWorld) forwarded(script string) (*mail.Part, *sdk.Injection) {
	w.t.Helper()
	w.run(script)
	in := w.frame.Changes[len(w.frame.Changes)-1].Injection
	return mail.ParseMIME(in.Header, in.Body.Inline), in
}

func TestForwardRow(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpoolEachRcpt)
	p, in := w.forwarded(`msg:forward("me@x.test", "a@y.test, b@z.test", "see below")`)
	if got := outline(p); got != "multipart/mixed (multipart/alternative (text/plain quoted-printable), message/rfc822 7bit)" {
		t.Error(got)
	}
	if in.Sender != "me@x.test" || len(in.Recipients) != 2 || in.Recipients[1] != "b@z.test" || strings.Contains(string(in.Header), "Subject:") {
		t.Errorf("%s %s %q", in.Sender, in.Recipients, in.Header)
	}
	if got := p.TextParts()[0]; got.Text() != "see below" || got.ContentType().Charset != "" {
		t.Errorf("%q in %q", got.Text(), got.ContentType().Charset)
	}
	p, in = w.forwarded(`msg:forward("me@x.test", "a@y.test", "caf\233", "=?utf-8?q?=C3=A4?=", "iso-8859-1")`)
	if got := p.TextParts()[0]; got.Text() != "café" || got.ContentType().Charset != "iso-8859-1" || !strings.Contains(string(in.Header), "Subject: =?utf-8?q?=C3=A4?=\r\n") {
		t.Errorf("%q in %q, %q", got.Text(), got.ContentType().Charset, in.Header)
	}
	p, in = w.forwarded(`msg:forward("", "a@y.test", "ü", "Grüße")`)
	if got := p.TextParts()[0]; got.Text() != "ü" || in.Sender != "" || !strings.HasPrefix(string(in.Header), "From: postmaster@mx.test\r\n") {
		t.Errorf("%q, %q", got.Text(), in.Header)
	}
	if string(w.frame.Message().Header) != sampleHeader {
		t.Error("the message itself changed")
	}
	w.is("0", `return select("#", msg:forward("me@x.test", "a@y.test", "t"))`)
	w.raises("0 recipients", `msg:forward("me@x.test", "", "t")`)
	w.raises("is not an envelope address", `msg:forward("me", "a@y.test", "t")`)
	w.raises("bad argument #3 to 'forward'", `msg:forward("me@x.test", "a@y.test")`)
}
