package mail

import "strings"

// valueWord is a word of a header value with the blanks before it. A quoted
// string is one word: an encoded word must not stand inside one (RFC 2047 §5).
type valueWord struct {
	blank, text string
	encode      bool
}

// splitWords cuts a value into words and says which of them need encoding. In
// an address field an address never is encoded: not RFC 2047 but RFC 6532 §3.2
// is what allows it to be UTF-8.
func splitWords(value string, address bool) []valueWord {
	var words []valueWord
	broken := false // a quote does not end; looking again would cost a square
	for at := 0; at < len(value); {
		start := at
		for at < len(value) && isBlank(value[at]) {
			at++
		}
		from := at
		at = wordEnd(value, at, address, &broken)
		w := valueWord{blank: value[start:from], text: value[from:at]}
		w.encode = !isASCII(w.text) && !(address && isAddressWord(w.text))
		if address && w.blank == "" && len(words) > 0 && (w.encode || words[len(words)-1].encode) {
			w.blank = " " // RFC 2047 §5 (3)
		}
		words = append(words, w)
	}
	return words
}

// wordEnd finds where the word at from ends: at the next blank outside quotes,
// in an address field also before "<".
func wordEnd(value string, from int, address bool, broken *bool) int {
	for at := from; at < len(value); at++ {
		switch c := value[at]; {
		case isBlank(c) || address && c == '<' && at > from:
			return at
		case c == '"' && !*broken:
			n := quotedLength(value[at:])
			*broken = n == 0
			at += max(n-1, 0)
		}
	}
	return len(value)
}

// quotedLength is the length of the quoted string that s begins with (RFC 5322
// §3.2.4), 0 where it does not end.
func quotedLength(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

func isAddressWord(w string) bool {
	return strings.Contains(w, "@") && !strings.HasPrefix(w, `"`)
}
