package bounce

import (
	"strings"

	"github.com/mtad/mtad/sdk/mail"
)

// Feedback is a complaint that came back (RFC 5965), or a returned original
// without a report as Microsoft's JMRP sends it.
type Feedback struct {
	Report   Fields // of message/feedback-report; nil where there is none
	Original []byte // header section of the original
}

// Type is the Feedback-Type, "" where it is not known.
func (f *Feedback) Type() string { return strings.ToLower(f.Report.Get("Feedback-Type")) }

// ParseFeedback finds a report and the original's header section in a message;
// nil where there is neither.
func ParseFeedback(root *mail.Part) *Feedback {
	f := &Feedback{}
	for p := root; p != nil; p = p.Thread() {
		switch p.ContentType().Type {
		case "message/feedback-report":
			if f.Report == nil {
				f.Report = group(p.Decoded())
			}
		case "message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers":
			if f.Original == nil {
				f.Original = returnedHeader(p)
			}
		}
	}
	if f.Report == nil && f.Original == nil {
		return nil
	}
	return f
}

// returnedHeader is the header section of an original that came back.
func returnedHeader(p *mail.Part) []byte {
	text := p.Decoded()
	text = text[:min(len(text), maxStatusSize)]
	section, _ := mail.SplitMessage([]byte(mail.CanonicalLines(string(text)) + "\r\n"))
	return section
}

// group reads one group of fields.
func group(body []byte) Fields {
	s := parseStatus(body)
	switch {
	case s == nil:
		return nil
	case s.Message != nil:
		return s.Message
	}
	return s.Recipients[0]
}

// Returned is the header section of the original in a bounce, nil where there is
// none.
func Returned(root *mail.Part) []byte {
	if f := ParseFeedback(root); f != nil {
		return f.Original
	}
	return nil
}
