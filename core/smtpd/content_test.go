package smtpd

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk/smtp"
)

// fed is what came of wire bytes.
type fed struct {
	text  string
	rest  string // behind the final dot
	done  bool
	fault *smtp.Reply
}

// feedIn feeds wire in pieces of the given sizes, the last one repeated.
func feedIn(wire string, rules contentRules, dots bool, pieces ...int) fed {
	var out bytes.Buffer
	var c content
	c.begin(&out, rules, dots)
	for i := 0; len(wire) > 0; i++ {
		n := min(max(pieces[min(i, len(pieces)-1)], 1), len(wire))
		used, done := c.feed([]byte(wire[:n]))
		if done {
			return fed{out.String(), wire[used:], true, c.fault}
		}
		wire = wire[n:]
	}
	if !dots {
		c.finish()
	}
	return fed{out.String(), "", false, c.fault}
}

func TestContent(t *testing.T) {
	ignore := contentRules{body: loneIgnore}
	fix := contentRules{header: loneFix, body: loneFix}
	tests := []struct {
		name  string
		wire  string
		rules contentRules
		text  string
		rest  string
		open  bool // no end of data in it
		fault *smtp.Reply
	}{
		{name: "empty", wire: ".\r\n"},
		{name: "plain", wire: "A: b\r\n\r\nc\r\n.\r\nQUIT\r\n", text: "A: b\r\n\r\nc\r\n", rest: "QUIT\r\n"},
		{name: "stuffed", wire: "..\r\n..a\r\n.b\r\na.\r\n.\r\n", text: ".\r\n.a\r\nb\r\na.\r\n"},
		{name: "dots only", wire: "....\r\n.\r\n", text: "...\r\n"},
		// The vectors of SMTP smuggling: none of them is an end of data.
		{name: "LF.LF", wire: "a\r\n\r\nb\n.\nMAIL\r\n.\r\n", text: "a\r\n\r\nb", fault: replyLoneLF},
		{name: "LF.CRLF", wire: "a\r\n\r\nb\n.\r\nMAIL\r\n.\r\n", fault: replyLoneLF},
		{name: "CRLF.LF", wire: "a\r\n\r\nb\r\n.\nMAIL\r\n.\r\n", fault: replyLoneLF},
		{name: "CR.CRLF", wire: "a\r\n\r\nb\r.\r\nMAIL\r\n.\r\n", fault: replyLoneLF},
		{name: "CR.CR", wire: "a\r\n\r\nb\r.\rMAIL\r\n.\r\n", fault: replyLoneLF},
		{name: "CRLF.CR", wire: "a\r\n\r\nb\r\n.\rMAIL\r\n.\r\n", fault: replyLoneLF},
		{name: "LF.CR.LF", wire: "a\r\n\r\nb\n.\r\r\nMAIL\r\n.\r\n", fault: replyLoneLF},
		{name: "CRLF.CRCRLF", wire: "a\r\n\r\nb\r\n.\r\r\nMAIL\r\n.\r\n", fault: replyLoneLF},
		{name: "CRLF NUL.CRLF", wire: "a\r\n\r\nb\r\n\x00.\r\nMAIL\r\n.\r\n", text: "a\r\n\r\nb\r\n\x00.\r\nMAIL\r\n"},
		{name: "no end", wire: "a\n.\n", open: true, fault: replyLoneLF},
		{name: "no end either", wire: "a\r\n.\r", open: true, text: "a\r\n"},

		{name: "ignored in the body", rules: ignore, wire: "a\r\n\r\nb\n.\r\nc\rd\r\n.\r\n", text: "a\r\n\r\nb\n.\r\nc\rd\r\n"},
		{name: "not ignored in the header", rules: ignore, wire: "a\nb\r\n\r\n.\r\n", fault: replyLoneLF},
		{name: "header of CRLF alone", rules: ignore, wire: "\r\nb\nc\r\n.\r\n", text: "\r\nb\nc\r\n"},
		{name: "fixed", rules: fix, wire: "a\nb\rc\n\nd\n.\r\n\r.\r\ne\r\n.\r\n", text: "a\r\nb\r\nc\r\n\r\nd\r\n.\r\n\r\n.\r\ne\r\n"},
		{name: "fixed behind a dot", rules: fix, wire: ".\rx\r\n.\nx\r\n.\r\r\n.\r\n", text: "\r\nx\r\n\r\nx\r\n\r\n\r\n"},

		{name: "size", rules: contentRules{maxSize: 4}, wire: "abc\r\n.\r\n", fault: replyTooBig},
		{name: "size fits", rules: contentRules{maxSize: 5}, wire: "abc\r\n.\r\n", text: "abc\r\n"},
		{name: "line", rules: contentRules{maxLine: 3}, wire: "abc\r\nabcd\r\n.\r\n", fault: replyLongLine},
		{name: "line fits", rules: contentRules{maxLine: 3}, wire: "..bc\r\nabc\r\n.\r\n", text: ".bc\r\nabc\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for cut := 1; cut <= len(tt.wire); cut++ {
				for _, pieces := range [][]int{{cut, len(tt.wire)}, {cut}} {
					got := feedIn(tt.wire, tt.rules, true, pieces...)
					if got.fault != tt.fault || got.done == tt.open || got.rest != tt.rest {
						t.Fatalf("pieces %v: %+v", pieces, got)
					}
					if tt.fault == nil && got.text != tt.text {
						t.Fatalf("pieces %v: content %q, not %q", pieces, got.text, tt.text)
					}
				}
			}
		})
	}
}

func TestChunkedContent(t *testing.T) {
	fix := contentRules{header: loneFix, body: loneFix}
	tests := []struct {
		wire, text string
		rules      contentRules
		fault      *smtp.Reply
	}{
		{wire: "a\r\n.\r\n..b\r\n", text: "a\r\n.\r\n..b\r\n"},
		{wire: "a", text: "a\r\n"},
		{wire: "a\r\n\r\nb", text: "a\r\n\r\nb\r\n"},
		{wire: "a\r", fault: replyLoneLF},
		{wire: "a\nb\r\n", fault: replyLoneLF},
		{wire: "a\rb\nc\r", rules: fix, text: "a\r\nb\r\nc\r\n"},
	}
	for _, tt := range tests {
		for cut := 1; cut <= len(tt.wire); cut++ {
			got := feedIn(tt.wire, tt.rules, false, cut)
			if got.fault != tt.fault || tt.fault == nil && got.text != tt.text {
				t.Errorf("%q cut at %d: %+v", tt.wire, cut, got)
			}
		}
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestContentWriteError(t *testing.T) {
	full := smtp.NewReply(452, "4.3.1", "full")
	var c content
	c.begin(failingWriter{full}, contentRules{}, true)
	if _, done := c.feed([]byte("a\r\nb\r\n.\r\n")); !done || c.fault != full {
		t.Errorf("done %v, fault %v", done, c.fault)
	}
	c.begin(failingWriter{errors.New("EIO")}, contentRules{}, true)
	if c.feed([]byte("a\r\n")); c.fault.Code != 452 || strings.Contains(string(c.fault.Append(nil)), "EIO") {
		t.Errorf("fault %v", c.fault)
	}
}

// plainContent reads DATA the slow way, for the pedantic policy.
func plainContent(wire string) fed {
	end := -1
	switch i := strings.Index(wire, "\r\n.\r\n"); {
	case strings.HasPrefix(wire, ".\r\n"):
		end = 0
	case i >= 0:
		end = i + 2
	}
	f := fed{done: end >= 0}
	body := wire
	if f.done {
		body, f.rest = wire[:end], wire[end+3:]
	}
	body = strings.TrimPrefix(strings.ReplaceAll("\r\n"+body, "\r\n.", "\r\n"), "\r\n")
	f.text = body
	if strings.ContainsAny(strings.ReplaceAll(wire[:len(wire)-len(f.rest)], "\r\n", ""), "\r\n") {
		f.fault = replyLoneLF
	}
	return f
}

func FuzzContent(f *testing.F) {
	for _, s := range []string{".\r\n", "a\r\n..b\r\n.\r\nrest", "\r\n.\r\n.\r\n", "a\n.\r\n", "..\r\n.\r\n", ".\r.\r\n", ".a\r\n\r\n.\r\n"} {
		f.Add(s, uint8(1), uint8(3))
	}
	f.Fuzz(func(t *testing.T, wire string, first, then uint8) {
		if wire == "" {
			return
		}
		got := feedIn(wire, contentRules{}, true, int(first), int(then))
		want := plainContent(wire)
		if got.done != want.done || got.rest != want.rest {
			t.Fatalf("%q: %+v, not %+v", wire, got, want)
		}
		if want.done && got.fault != want.fault {
			t.Fatalf("%q: fault %v, not %v", wire, got.fault, want.fault)
		}
		if want.done && want.fault == nil && got.text != want.text {
			t.Fatalf("%q: content %q, not %q", wire, got.text, want.text)
		}
		// However it is cut, it means the same; and what is fixed holds no lone
		// CR or LF.
		for _, rules := range []contentRules{{header: loneFix, body: loneFix}, {body: loneIgnore, maxSize: 20, maxLine: 9}} {
			whole, cut := feedIn(wire, rules, true, len(wire)), feedIn(wire, rules, true, int(first), int(then))
			if whole.done != cut.done || whole.rest != cut.rest || whole.done && (whole.fault == nil) != (cut.fault == nil) || whole.done && whole.fault == nil && whole.text != cut.text {
				t.Fatalf("%q: whole %+v, cut %+v", wire, whole, cut)
			}
			if rules.body == loneFix && whole.done && strings.ContainsAny(strings.ReplaceAll(whole.text, "\r\n", ""), "\r\n") {
				t.Fatalf("%q: fixed is %q", wire, whole.text)
			}
		}
	})
}
