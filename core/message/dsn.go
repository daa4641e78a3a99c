package message

import "strings"

// DSN is what the sender asked for in notifications (RFC 3461 §4). The zero DSN
// asks for nothing.
type DSN struct {
	EnvID  string // ENVID, in xtext as it came (§4.4)
	Ret    string // RET: "FULL", "HDRS", or "" (§4.3)
	ORcpt  string // ORCPT: address type, semicolon, xtext, as it came (§4.2)
	Notify Notify
}

// Notify is when the sender wants to hear of a recipient (RFC 3461 §4.1). 0 is
// no word of it: failures, and delays where that is usual.
type Notify uint8

// The words of NOTIFY. NotifyNever stands alone.
const (
	NotifyNever Notify = 1 << iota
	NotifySuccess
	NotifyFailure
	NotifyDelay
)

var notifyWords = []string{"NEVER", "SUCCESS", "FAILURE", "DELAY"}

// ParseNotify reads the value of NOTIFY.
func ParseNotify(value string) (Notify, bool) {
	var n Notify
	for word := range strings.SplitSeq(value, ",") {
		bit := Notify(0)
		for i, known := range notifyWords {
			if strings.EqualFold(word, known) {
				bit = 1 << i
			}
		}
		if bit == 0 {
			return 0, false
		}
		n |= bit
	}
	return n, n&NotifyNever == 0 || n == NotifyNever
}

// String is the value as it is sent; "" for 0.
func (n Notify) String() string {
	var words []string
	for i, word := range notifyWords {
		if n&(1<<i) != 0 {
			words = append(words, word)
		}
	}
	return strings.Join(words, ",")
}
