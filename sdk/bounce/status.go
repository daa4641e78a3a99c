package bounce

import (
	"strings"

	"github.com/mtad/mtad/sdk/mail"
	"github.com/mtad/mtad/sdk/smtp"
)

// Field is one field of a delivery status.
type Field struct{ Name, Value string }

// Fields are the fields of one group of a delivery status, in order.
type Fields []Field

// Get is the value of a field, "" where there is none. Names have no case.
func (f Fields) Get(name string) string {
	for _, one := range f {
		if strings.EqualFold(one.Name, name) {
			return one.Value
		}
	}
	return ""
}

// Address is the address of a field such as Final-Recipient: "rfc822; a@b.test"
// (RFC 3464 §2.3.2).
func (f Fields) Address(name string) string {
	_, address, ok := strings.Cut(f.Get(name), ";")
	if !ok {
		return ""
	}
	return strings.Trim(strings.TrimSpace(address), "<>")
}

// Status is a message/delivery-status part (RFC 3464 §2).
type Status struct {
	Message    Fields
	Recipients []Fields
}

// maxStatus bounds what is read of a delivery status.
const (
	maxStatusSize = 1 << 20
	maxStatusRcpt = 1000
)

// ParseStatus finds the delivery status in a message; nil where it is no
// notification.
func ParseStatus(root *mail.Part) *Status {
	for p := root; p != nil; p = p.Thread() {
		switch p.ContentType().Type {
		case "message/delivery-status", "message/global-delivery-status": // RFC 6533 §4
			return parseStatus(p.Decoded())
		}
	}
	return nil
}

// parseStatus reads groups of fields that empty lines separate: the message's
// first, then one for each recipient.
func parseStatus(body []byte) *Status {
	text := mail.CanonicalLines(string(body[:min(len(body), maxStatusSize)]))
	var groups []Fields
	for _, block := range strings.Split(text, "\r\n\r\n") {
		var group Fields
		for _, h := range mail.ListHeaders([]byte(strings.TrimLeft(block, "\r\n") + "\r\n")) {
			group = append(group, Field{h.Name, h.Value})
		}
		if len(group) > 0 && len(groups) <= maxStatusRcpt {
			groups = append(groups, group)
		}
	}
	if len(groups) == 0 {
		return nil
	}
	s := &Status{Message: groups[0], Recipients: groups[1:]}
	if s.Message.Get("Reporting-MTA") == "" && s.Message.Get("Action") != "" {
		s.Message, s.Recipients = nil, groups // the message's own group is often left out
	}
	return s
}

// Action is what became of a message (RFC 3464 §2.3.3).
type Action string

// The actions.
const (
	Failed    Action = "failed"
	Delayed   Action = "delayed"
	Delivered Action = "delivered"
	Relayed   Action = "relayed"
	Expanded  Action = "expanded"
)

// EnhancedCode is the enhanced code of a reply, or the one that its class, or
// without a reply the action, stands for (RFC 3463 §2).
func EnhancedCode(reply string, a Action) string {
	if len(reply) > 3 && reply[3] == '-' { // RFC 5321 §4.2.1: further lines follow
		reply = reply[:3] + " " + reply[4:]
	}
	fields := strings.Fields(reply)
	if len(fields) > 1 && smtp.IsEnhanced(fields[1]) {
		return fields[1]
	}
	class := "2"
	switch {
	case reply != "" && strings.ContainsAny(reply[:1], "245"):
		class = reply[:1]
	case a == Failed:
		class = "5"
	case a == Delayed:
		class = "4"
	}
	return class + ".0.0"
}
