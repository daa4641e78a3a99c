package smtpd

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// endings are the published variants of the end of data, each of which some server
// has taken for it (CVE-2023-51764, -51765, -51766, and what followed).
var endings = []string{
	"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\r.\n", "\n.\r", "\n.\r\r\n", "\r\n.\r\r\n", "\n\n.\r\n", "\r\n\x00.\r\n",
	"\r\n.\x00\r\n", "\r\n.\t\r\n", "\r\n. \r\n", "\r\n.\x0b\r\n", "\x85.\x85", "\xe2\x80\xa8.\xe2\x80\xa8", "\r\n.\xa0\r\n", "\n\r.\n\r", "\r\n\r.\r\n", "\r\n\n.\r\n",
}

const smuggled = "MAIL FROM:<evil@x.test>\r\nRCPT TO:<b@relay.test>\r\nDATA\r\nevil\r\n.\r\n"

// TestSmuggling: no variant of the end of data makes two messages of one,
// whatever becomes of bare CR and LF, however the content comes, and in
// however many pieces.
func TestSmuggling(t *testing.T) {
	for _, lone := range []string{"pedantic", "ignore", "fix"} {
		o := options()
		o.LoneLFInBody = lone
		r := start(t, o, nil)
		for _, end := range endings {
			text := "Subject: x\r\n\r\nfirst" + end + smuggled
			before := r.count()
			p := r.dial()
			p.talk(hello + strings.Replace(oneMessage, "C: .\n\tS: ^250\n", "", 1))
			p.send(text)
			p.expect("^250|^550 5\\.6\\.11")
			p.talk("C: NOOP\nS: ^250\nC: QUIT\nS: ^221")

			envelope := "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@relay.test>\r\n"
			bdat := r.dial()
			bdat.talk("S: ^220")
			bdat.send(fmt.Sprintf("EHLO x.test\r\n%sBDAT %d\r\n%sBDAT 0 LAST\r\nQUIT\r\n", envelope, len(text), text))
			bdat.expect("^250")
			bdat.expect("^250")
			bdat.expect("^250")
			if first := bdat.expect("^250|^550"); strings.HasPrefix(first, "250") {
				bdat.expect("^250")
			} else {
				bdat.expect("^503")
			}
			bdat.expect("^221")

			piped := r.dial()
			piped.talk("S: ^220")
			piped.send("EHLO x.test\r\n" + envelope + "DATA\r\n" + text + "QUIT\r\n")
			for _, want := range []string{"^250", "^250", "^250", "^354", "^250|^550", "^221"} {
				piped.expect(want)
			}

			split := r.dial()
			split.talk(hello + strings.Replace(oneMessage, "C: .\n\tS: ^250\n", "", 1))
			for i := range text {
				split.send(text[i : i+1])
			}
			split.expect("^250|^550")
			split.talk("C: QUIT\nS: ^221")
			if got := r.count() - before; got > 4 {
				t.Errorf("%q, %s: %d messages of four", end, lone, got)
			}
		}
		for _, m := range r.door.mails {
			if m.from != "a@x.test" {
				t.Errorf("%s: smuggled %q", lone, m.text)
			}
			if body := strings.ReplaceAll(m.text, "\r\n", ""); lone == "fix" && strings.ContainsAny(body, "\r\n") {
				t.Errorf("fix leaves a bare CR or LF in %q", m.text)
			}
		}
	}
}

// FuzzSmuggling: what a stream comes to is a matter of CRLF . CRLF alone.
func FuzzSmuggling(f *testing.F) {
	for _, end := range endings {
		f.Add([]byte("first"+end+smuggled), uint8(7))
	}
	f.Fuzz(func(t *testing.T, data []byte, cut uint8) {
		var c content
		var out bytes.Buffer
		c.begin(&out, contentRules{body: loneIgnore, header: loneIgnore}, true)
		at, done := 0, false
		for at < len(data) && !done {
			n := 0
			n, done = c.feed(data[at:min(len(data), at+1+int(cut))])
			at += n
		}
		end := bytes.Index(append([]byte("\r\n"), data...), []byte("\r\n.\r\n"))
		if (end >= 0) != done || done && at != end+len(".\r\n") {
			t.Fatalf("%q: end at %d (%v), not %d", data, at, done, end+3)
		}
	})
}
