package bounce

import "strings"

// Class is a bounce classification code (reference/logs.md, "Bounce
// classification codes").
type Class int

// The classes that a reply in the dialogue can have.
const (
	Undetermined         Class = 1
	InvalidRecipient     Class = 10
	SoftBounce           Class = 20
	DNSFailure           Class = 21
	MailboxFull          Class = 22
	TooLarge             Class = 23
	Timeout              Class = 24
	AdminFailure         Class = 25
	MailBlock            Class = 50
	SpamBlock            Class = 51
	SpamContent          Class = 52
	ProhibitedAttachment Class = 53
	RelayingDenied       Class = 54
	TransientFailure     Class = 70
)

// rule gives a class to replies that contain one of its words.
type rule struct {
	class Class
	words []string
}

// Classify reads a reply such as "552 5.2.2 mailbox full". What the text says
// goes before the enhanced code, and that before the bare code: remotes are
// more exact in prose than in numbers. Our own replies, marked [internal],
// come first.
func Classify(reply string) Class {
	text := strings.ToLower(reply)
	for _, r := range textRules() {
		for _, w := range r.words {
			if strings.Contains(text, w) {
				return r.class
			}
		}
	}
	fields := strings.Fields(text)
	if len(fields) > 1 {
		if c, ok := byStatus(fields[1]); ok {
			return c
		}
	}
	if strings.HasPrefix(text, "4") {
		return TransientFailure
	}
	return Undetermined
}

func textRules() []rule {
	return []rule{
		{Timeout, []string{"[internal] exceeded max", "[internal] delivery not attempted", "connection timed out"}},
		{AdminFailure, []string{"[internal] message manually purged", "[internal] discarded by policy"}},
		{DNSFailure, []string{"[internal] no mx or a", "[internal] domain lookup failed", "[internal] null mx", "host not found", "domain not found"}},
		{RelayingDenied, []string{"relaying denied", "relay access denied", "relay not permitted", "unable to relay"}},
		{MailboxFull, []string{"mailbox full", "over quota", "quota exceeded", "mailbox is full", "out of storage"}},
		{TooLarge, []string{"size limit", "too large", "message too big", "exceeds maximum"}},
		{SpamBlock, []string{"blacklist", "blocklist", "block list", "spamhaus", "dnsbl", "listed in", "poor reputation"}},
		{ProhibitedAttachment, []string{"attachment"}},
		{SpamContent, []string{"spam", "virus", "content rejected", "message content"}},
		{InvalidRecipient, []string{"no such user", "user unknown", "unknown user", "no such account", "no such recipient", "no mailbox", "mailbox unavailable", "does not exist", "invalid recipient", "recipient rejected", "unknown recipient", "no such address"}},
		{MailBlock, []string{"blocked", "access denied", "denied by policy", "not accepted", "rejected due to"}},
	}
}

// byStatus reads an enhanced code's subject and detail (RFC 3463 §3).
func byStatus(code string) (Class, bool) {
	_, detail, ok := strings.Cut(code, ".")
	if !ok {
		return 0, false
	}
	switch detail {
	case "1.1", "1.2", "1.3", "1.6", "1.10", "2.1":
		return InvalidRecipient, true
	case "2.2":
		return MailboxFull, true
	case "2.3", "3.4":
		return TooLarge, true
	case "4.4", "1.8":
		return DNSFailure, true
	case "4.7":
		return Timeout, true
	case "7.1":
		return MailBlock, true
	}
	return 0, false
}
