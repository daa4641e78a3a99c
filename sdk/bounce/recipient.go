package bounce

import (
	"strings"

	"github.com/mtad/mtad/sdk/mail"
)

// maxSearch bounds the text that is searched for an address.
const maxSearch = 16 << 10

// OriginalRecipient is whom the mail was for that came back, by the status of RFC
// 3464, then by X-Failed-Recipients, then by the first address in the text that
// may be it; "" where none can be told. Suppressed addresses are never it
// (manual, bounce_suppress_list).
func OriginalRecipient(root *mail.Part, suppressed func(address string) bool) string {
	var found string
	take := func(address string) bool {
		address = strings.Trim(strings.TrimSpace(address), "<>")
		if !isAddress(address) || suppressed(address) {
			return false
		}
		found = address
		return true
	}
	if s := ParseStatus(root); s != nil {
		for _, r := range s.Recipients {
			if take(r.Address("Original-Recipient")) || take(r.Address("Final-Recipient")) {
				return found
			}
		}
	}
	for _, value := range mail.Header(root.Header(), "X-Failed-Recipients") {
		for one := range strings.SplitSeq(value, ",") {
			if take(one) {
				return found
			}
		}
	}
	for _, p := range root.TextParts() {
		text := p.Text()
		if inText(text[:min(len(text), maxSearch)], take) {
			return found
		}
		break
	}
	for _, value := range mail.Header(Returned(root), "To") {
		for _, a := range mail.ParseAddresses(value) {
			if take(a.Component(mail.ComponentAll)) {
				return found
			}
		}
	}
	return ""
}

// inText tries the words of a text that look like addresses, in the order of old
// bounces: "<a@b.test>:" of qmail, "a@b.test" on a line of its own of Exim,
// "<a@b.test>... User unknown" of sendmail.
func inText(text string, take func(string) bool) bool {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,;()\"'[]{}", r) }) {
		if strings.Contains(word, "@") && take(strings.Trim(word, "<>:.!?")) {
			return true
		}
	}
	return false
}

// isAddress takes what may be a mailbox of the network.
func isAddress(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || len(s) > 320 || strings.ContainsAny(s, " \t<>\r\n") {
		return false
	}
	domain := s[at+1:]
	return strings.Contains(strings.Trim(domain, "."), ".") && !strings.ContainsAny(domain, "/:=\\")
}
