package mail

import (
	"encoding/base64"
	"strings"
)

// DecodeWords decodes the RFC 2047 encoded words of an unfolded header value to
// UTF-8. Words of an unknown charset stay as they are; 8-bit text that is not
// UTF-8 is taken for windows-1252, so the result is always valid UTF-8.
func DecodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		return toUTF8(s)
	}
	d := wordDecoder{}
	for pos := 0; pos < len(s); {
		i := strings.Index(s[pos:], "=?")
		if i < 0 {
			d.literal(s[pos:])
			break
		}
		w, end, more := parseWord(s, pos+i)
		if !more { // no word can follow: do not look again
			d.literal(s[pos:])
			break
		}
		if w.text == nil {
			d.literal(s[pos : pos+i+2])
			pos += i + 2
			continue
		}
		d.literal(s[pos : pos+i])
		d.word(w)
		pos = end
	}
	d.flush()
	return d.out.String()
}

// encodedWord is one word, its transfer encoding already undone.
type encodedWord struct {
	charset string
	text    []byte // nil: no word here
}

// maxCharsetName bounds the first part of a word; the longest registered name
// has 45 letters.
const maxCharsetName = 64

// parseWord reads "=?charset?encoding?text?=" at s[at:]. more is false where
// the rest of s cannot hold any word.
func parseWord(s string, at int) (w encodedWord, end int, more bool) {
	rest := s[at+2:]
	q := strings.IndexByte(rest, '?')
	if q < 0 {
		return w, 0, false
	}
	if q == 0 || q > maxCharsetName || len(rest) < q+3 || rest[q+2] != '?' {
		return w, 0, true
	}
	charset, enc, text := rest[:q], rest[q+1], rest[q+3:]
	stop := strings.Index(text, "?=")
	if stop < 0 {
		return w, 0, false
	}
	end = len(s) - len(text) + stop + 2
	if !isUTF8Name(charset) && findCharset(charset) == nil {
		return w, 0, true
	}
	w.charset = charset
	switch enc {
	case 'B', 'b':
		w.text = decodeBase64([]byte(text[:stop]))
	case 'Q', 'q':
		w.text = decodeQ(text[:stop])
	}
	return w, end, true
}

// decodeQ undoes the "Q" encoding (RFC 2047 §4.2).
func decodeQ(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '_':
			out = append(out, ' ')
		case s[i] == '=' && i+2 < len(s) && hexValue(s[i+1]) >= 0 && hexValue(s[i+2]) >= 0:
			out = append(out, byte(hexValue(s[i+1])<<4|hexValue(s[i+2])))
			i += 2
		default:
			out = append(out, s[i])
		}
	}
	return out
}

// wordDecoder joins words that follow each other: blanks between them go (RFC
// 2047 §6.2), and words of one charset are decoded together, since careless
// senders cut characters in two.
type wordDecoder struct {
	out     strings.Builder
	charset string
	raw     []byte
	inWord  bool
	blank   string // blanks since the last word
}

func (d *wordDecoder) literal(s string) {
	if s == "" {
		return
	}
	if d.inWord && strings.Trim(s, " \t") == "" {
		d.blank += s
		return
	}
	d.flush()
	d.out.WriteString(toUTF8(s))
}

func (d *wordDecoder) word(w encodedWord) {
	if d.inWord && !strings.EqualFold(d.charset, w.charset) {
		d.blank = ""
		d.flush()
	}
	d.inWord, d.charset, d.blank = true, w.charset, ""
	d.raw = append(d.raw, w.text...)
}

func (d *wordDecoder) flush() {
	if d.inWord {
		text, _ := decodeCharset(d.charset, d.raw)
		d.out.WriteString(text)
		d.out.WriteString(d.blank)
	}
	d.inWord, d.raw, d.blank = false, d.raw[:0], ""
}

// maxWord is the longest encoded word (RFC 2047 §2); wordFrame is what of it is
// not text.
const (
	maxWord   = 75
	wordFrame = len("=?utf-8?q??=")
)

// EncodeWords gives text as an unfolded header value: the words that are not
// ASCII become RFC 2047 encoded words in UTF-8, ASCII words stay.
func EncodeWords(text string) string {
	if isASCII(text) {
		return text
	}
	return encodeWords(toUTF8(text), 0, false)
}

func encodeWords(value string, column int, address bool) string {
	var b strings.Builder
	words := splitWords(value, address)
	for i := 0; i < len(words); {
		if !words[i].encode {
			b.WriteString(words[i].blank + words[i].text)
			i++
			continue
		}
		b.WriteString(words[i].blank)
		var run strings.Builder
		run.WriteString(words[i].text)
		for i++; i < len(words) && words[i].encode; i++ {
			run.WriteString(words[i].blank + words[i].text)
		}
		writeRun(&b, run.String(), column)
	}
	return b.String()
}

// writeRun writes text as encoded words separated by blanks. The first word is
// kept short enough for the line it begins on.
func writeRun(b *strings.Builder, text string, column int) {
	room := maxWord
	if b.Len() == 0 {
		room = min(maxWord, max(maxWord-column, 40))
	}
	// "Q" stays readable, so it may be half as long again.
	q := 2*qLength(text) <= 3*base64.StdEncoding.EncodedLen(len(text))
	for from := 0; from < len(text); {
		to, used := from, 0
		for to < len(text) {
			n := runeLength(text[to:])
			add := qLength(text[to : to+n])
			if !q {
				add = base64.StdEncoding.EncodedLen(to+n-from) - used
			}
			if used+add > room-wordFrame && to > from {
				break
			}
			used += add
			to += n
		}
		if from > 0 {
			b.WriteByte(' ')
		}
		writeWord(b, text[from:to], q)
		from, room = to, maxWord
	}
}

func writeWord(b *strings.Builder, text string, q bool) {
	if !q {
		b.WriteString("=?utf-8?b?" + base64.StdEncoding.EncodeToString([]byte(text)) + "?=")
		return
	}
	b.WriteString("=?utf-8?q?")
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == ' ':
			b.WriteByte('_')
		case isQSafe(c):
			b.WriteByte(c)
		default:
			b.Write([]byte{'=', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	b.WriteString("?=")
}

// isQSafe reports what may stand for itself in a phrase (RFC 2047 §5 (3)).
func isQSafe(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '!' || c == '*' || c == '+' || c == '-' || c == '/'
}

func qLength(s string) int {
	n := 0
	for i := 0; i < len(s); i++ {
		n++
		if !isQSafe(s[i]) && s[i] != ' ' {
			n += 2
		}
	}
	return n
}

// runeLength is the length of the first UTF-8 sequence of valid s.
func runeLength(s string) int {
	for n := 1; n < len(s); n++ {
		if s[n]&0xC0 != 0x80 {
			return n
		}
	}
	return len(s)
}
