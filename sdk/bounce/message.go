package bounce

import (
	"strings"

	"github.com/mtad/mtad/sdk/mail"
)

// maxText is how much of a returned message's text is read for words.
const maxText = 64 << 10

// ClassifyMessage gives the class of a message that came back, and whom the
// original was for, "" where that cannot be told.
func ClassifyMessage(root *mail.Part) (c Class, recipient string) {
	return Builtin().ClassifyMessage(root)
}

// ClassifyMessage is ClassifyMessage by these rules.
func (c *Classifier) ClassifyMessage(root *mail.Part) (class Class, recipient string) {
	class, recipient = c.classifyMessage(root)
	if r := c.Override(ReturnedText(root)); r != nil {
		class = r.Class
	}
	return class, recipient
}

// ReturnedText is the text of a message that came back which overrides are
// tried on: what the remote said, and what is written for people.
func ReturnedText(root *mail.Part) string {
	var b strings.Builder
	if s := ParseStatus(root); s != nil && len(s.Recipients) > 0 {
		_, reply, _ := strings.Cut(s.Recipients[0].Get("Diagnostic-Code"), ";")
		b.WriteString(strings.TrimSpace(reply) + "\n")
	}
	for _, p := range root.TextParts() {
		b.WriteString(p.Text())
		break
	}
	text := b.String()
	return text[:min(len(text), maxText)]
}

func (c *Classifier) classifyMessage(root *mail.Part) (class Class, recipient string) {
	if s := ParseStatus(root); s != nil && len(s.Recipients) > 0 {
		r := s.Recipients[0]
		if recipient = r.Address("Original-Recipient"); recipient == "" {
			recipient = r.Address("Final-Recipient")
		}
		return c.classifyStatus(r), recipient
	}
	if failed := mail.Header(root.Header(), "X-Failed-Recipients"); len(failed) > 0 {
		recipient, _, _ = strings.Cut(failed[0], ",")
		recipient = strings.TrimSpace(recipient)
	}
	return c.classifyText(root, recipient), recipient
}

// classifyStatus reads a recipient's fields: the reply that the remote gave goes
// before the status code.
func (c *Classifier) classifyStatus(r Fields) Class {
	if strings.EqualFold(r.Get("Action"), string(Delayed)) {
		return TransientFailure
	}
	_, reply, _ := strings.Cut(r.Get("Diagnostic-Code"), ";")
	for _, text := range []string{strings.TrimSpace(reply), "550 " + r.Get("Status")} {
		if class := c.Classify(text, ""); class != Undetermined && class != TransientFailure {
			return class
		}
	}
	switch {
	case strings.HasPrefix(r.Get("Status"), "4"):
		return SoftBounce
	case strings.EqualFold(r.Get("Action"), string(Failed)):
		return Generic
	}
	return Undetermined
}

// classifyText reads a message without a delivery status by its header and text.
func (c *Classifier) classifyText(root *mail.Part, recipient string) Class {
	subject := strings.ToLower(strings.Join(mail.Header(root.Header(), "Subject"), " "))
	for _, r := range subjectRules() {
		for _, w := range r.words {
			if strings.Contains(subject, w) {
				return r.class
			}
		}
	}
	for _, v := range mail.Header(root.Header(), "Auto-Submitted") {
		if strings.HasPrefix(strings.ToLower(v), "auto-replied") && recipient == "" && !returned(subject) { // RFC 3834 §5
			return AutoReply
		}
	}
	text := ""
	for _, p := range root.TextParts() {
		text = p.Text()
		break
	}
	class := c.Classify(text[:min(len(text), maxText)], "")
	switch {
	case class != Undetermined && class != TransientFailure:
		return class
	case !returned(subject) && recipient == "":
		return Undetermined
	case recipient == "":
		return NoRecipient
	}
	return Generic
}

// returned reports the subject of a message that tells of a failure.
func returned(subject string) bool {
	for _, w := range []string{"undeliver", "delivery status", "delivery failure", "delivery fail", "returned mail", "failure notice", "mail delivery"} {
		if strings.Contains(subject, w) {
			return true
		}
	}
	return false
}

// words are what a subject that tells of a class holds.
type words struct {
	class Class
	words []string
}

func subjectRules() []words {
	return []words{
		{Unsubscribe, []string{"unsubscribe", "remove me"}},
		{Subscribe, []string{"subscribe"}},
		{AutoReply, []string{"out of office", "out of the office", "auto reply", "autoreply", "automatic reply", "vacation", "auto-reply"}},
		{ChallengeResponse, []string{"please verify", "confirm your email", "verification required", "challenge"}},
		{TransientFailure, []string{"delayed", "warning: could not send", "delivery status notification (delay)"}},
	}
}
