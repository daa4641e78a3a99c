package bounce

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

// Classify reads a reply such as "552 5.2.2 mailbox full" by the rules that come
// with mtad.
func Classify(reply string) Class { return Builtin().Classify(reply, "") }
