package bounce

import "strings"

// Class is a bounce classification code (reference/logs.md, "Bounce
// classification codes").
type Class int

// The classes.
const (
	Undetermined         Class = 1
	InvalidRecipient     Class = 10
	SoftBounce           Class = 20
	DNSFailure           Class = 21
	MailboxFull          Class = 22
	TooLarge             Class = 23
	Timeout              Class = 24
	AdminFailure         Class = 25
	NoRecipient          Class = 30
	Generic              Class = 40
	MailBlock            Class = 50
	SpamBlock            Class = 51
	SpamContent          Class = 52
	ProhibitedAttachment Class = 53
	RelayingDenied       Class = 54
	AutoReply            Class = 60
	TransientFailure     Class = 70
	Subscribe            Class = 80
	Unsubscribe          Class = 90
	ChallengeResponse    Class = 100
)

// ClassInfo is what is said of a class. Symbol is its name in C; the manual has
// three of them, the others are made in their manner.
type ClassInfo struct {
	Class                         Class
	Symbol, Description, Category string
}

// Classes are all classes, by number.
func Classes() []ClassInfo {
	return []ClassInfo{
		{Undetermined, "BC_UNDETERMINED", "Undetermined", "undetermined"},
		{InvalidRecipient, "BC_HARD_INVALID_RECIPIENT", "Invalid Recipient", "hard"},
		{SoftBounce, "BC_SOFT", "Soft Bounce", "soft"},
		{DNSFailure, "BC_SOFT_DNS_FAILURE", "DNS Failure", "soft"},
		{MailboxFull, "BC_SOFT_MAILBOX_FULL", "Mailbox Full", "soft"},
		{TooLarge, "BC_SOFT_TOO_LARGE", "Too Large", "soft"},
		{Timeout, "BC_SOFT_TIMEOUT", "Timeout", "soft"},
		{AdminFailure, "BC_ADMIN_FAILURE", "Admin Failure", "admin"},
		{NoRecipient, "BC_GENERIC_NO_RCPT", "Generic Bounce: No RCPT", "hard"},
		{Generic, "BC_GENERIC", "Generic Bounce", "soft"},
		{MailBlock, "BC_BLOCK", "Mail Block", "block"},
		{SpamBlock, "BC_BLOCK_SPAM", "Spam Block", "block"},
		{SpamContent, "BC_BLOCK_SPAM_CONTENT", "Spam Content", "block"},
		{ProhibitedAttachment, "BC_BLOCK_ATTACHMENT", "Prohibited Attachment", "block"},
		{RelayingDenied, "BC_BLOCK_RELAYING_DENIED", "Relaying Denied", "block"},
		{AutoReply, "BC_AUTO_REPLY", "Auto-Reply", "soft"},
		{TransientFailure, "BC_TRANSIENT_FAILURE", "Transient Failure", "soft"},
		{Subscribe, "BC_SUBSCRIBE", "Subscribe", "admin"},
		{Unsubscribe, "BC_UNSUBSCRIBE", "Unsubscribe", "hard"},
		{ChallengeResponse, "BC_CHALLENGE_RESPONSE", "Challenge-Response", "soft"},
	}
}

// Info is what is said of the class; the number alone for one that is not ours.
func (c Class) Info() ClassInfo {
	for _, i := range Classes() {
		if i.Class == c {
			return i
		}
	}
	return ClassInfo{Class: c}
}

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
