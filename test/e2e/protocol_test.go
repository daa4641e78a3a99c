package e2e

import (
	"io"
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// TestProtocol: the order of commands, pipelining, and what is no command.
func TestProtocol(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Scripts: []mtatest.Script{ehloPhase()}})
	s.PlayFile(t, "testdata/protocol.smtp")
	sink.Wait(t, "pipe1@example.com")
	sink.Wait(t, "pipe2@example.com")
}

// TestNothingIsSmuggled: an end of data that is none in other people's eyes ends
// nothing here: neither what comes in nor what goes out holds a bare CR or LF
// (RFC 5321 §2.3.8).
func TestNothingIsSmuggled(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink})
	for name, end := range map[string]string{
		"LF . LF": "\n.\n", "LF . CRLF": "\n.\r\n", "CR . CR": "\r.\r", "CRLF . LF": "\r\n.\n", "CRLF . CR": "\r\n.\r", "CR . CRLF": "\r.\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, s)
			say(t, c, "MAIL FROM:<a@example.org>", "250")
			say(t, c, "RCPT TO:<b@example.com>", "250")
			say(t, c, "DATA", "354")
			evil := "Subject: outer\r\n\r\ntext" + end + "MAIL FROM:<evil@example.org>\r\nRCPT TO:<victim@example.com>\r\nDATA\r\nSubject: inner\r\n\r\ntext\r\n.\r\n"
			if _, err := io.WriteString(c, evil); err != nil {
				t.Fatal(err)
			}
			if r, err := c.Reply(); err != nil || r.Code != 550 {
				t.Errorf("got %q, %v", r, err)
			}
			say(t, c, "NOOP", "250")
		})
	}
	submit(t, s, "a@example.org", "last@example.com")
	sink.Wait(t, "last@example.com")
	if got := sink.Messages(); len(got) != 1 {
		t.Errorf("%d messages went out, not 1", len(got))
	}
}

// TestContentIsKept: what comes in goes out the same, byte by byte, with our
// Received field on top; a message without an empty line keeps its text.
func TestContentIsKept(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Scripts: []mtatest.Script{ehloPhase()}})
	const fields = "From: <a@example.org>\r\nDate: Tue, 25 Aug 2009 11:40:46 +0000\r\nMessage-ID: <1@example.org>\r\nX-Odd:   spaces \t here  \r\nX-Folded: a\r\n\tb\r\n"
	long := strings.Repeat("0123456789abcdef", 62) + "\r\n" // 994 bytes a line
	for name, in := range map[string]string{
		"plain":      fields + "\r\nbody\r\n",
		"dots":       fields + "\r\n.\r\n..\r\n.x\r\n\r\n.\r\n",
		"no body":    fields + "\r\n",
		"blank ends": fields + "\r\nbody\r\n\r\n\r\n",
		"8 bit":      fields + "\r\nZ\xc3\xbcrich \xff\xfe\r\n",
		"long lines": fields + "\r\n" + strings.Repeat(long, 10),
		"2 MiB":      fields + "\r\n" + strings.Repeat(long, 2000),
	} {
		t.Run(name, func(t *testing.T) {
			rcpt := strings.ReplaceAll(name, " ", "-") + "@example.com"
			if err := s.Submit("a@example.org", in, rcpt); err != nil {
				t.Fatal(err)
			}
			got := sink.Wait(t, rcpt).Data
			at := strings.Index(got, fields[:20])
			if at < 0 || got[at:] != in || !strings.HasPrefix(got, "Received: ") {
				t.Errorf("%d bytes became %d: %q", len(in), len(got), got[:min(len(got), 500)])
			}
		})
	}
	for name, in := range map[string]string{"no header": "just text\r\nmore text\r\n", "text behind a header": "Subject: x\r\njust text\r\nmore text\r\n"} {
		t.Run(name, func(t *testing.T) {
			rcpt := strings.ReplaceAll(name, " ", "-") + "@example.com"
			if err := s.Submit("a@example.org", in, rcpt); err != nil {
				return // refusing is right as well
			}
			if got := sink.Wait(t, rcpt); !strings.Contains(got.Body(), "just text\r\nmore text") {
				t.Errorf("the text is not in the body any more: %q", got.Data)
			}
		})
	}
}
