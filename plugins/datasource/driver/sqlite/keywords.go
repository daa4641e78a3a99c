package sqlite

import (
	"errors"
	"strings"

	"github.com/mtad/mtad/plugins/datasource/driver"
)

// laterKeywords are words that were names in the SQLite of the original's time
// and are no longer (https://www.sqlite.org/lang_keywords.html): queries from
// then still use them for columns.
func laterKeywords() []string { return []string{"nothing", "returning"} }

// asName gives query with such a word quoted, if the word is what SQLite
// stumbled over. Of several statements the first may have run by then, so they
// are left alone: no statement runs twice for one call.
func asName(query string, err error) (string, bool) {
	var e *driver.Error
	if !errors.As(err, &e) || strings.Contains(strings.TrimRight(query, "; \t\r\n"), ";") {
		return "", false
	}
	text := strings.ToLower(e.Text)
	for _, word := range laterKeywords() {
		if strings.Contains(text, `near "`+word+`": syntax error`) {
			return quoteWord(query, word), true
		}
	}
	return "", false
}

// isSyntax reports a statement that SQLite could not parse.
func isSyntax(err error) bool {
	var e *driver.Error
	return errors.As(err, &e) && strings.HasSuffix(e.Text, ": syntax error")
}

// quoteWord puts brackets around a word wherever it is no part of a literal, a
// quoted name or another word.
func quoteWord(query, word string) string {
	var b strings.Builder
	for i := 0; i < len(query); {
		n := tokenLen(query[i:])
		if token := query[i : i+n]; strings.EqualFold(token, word) {
			b.WriteString("[" + token + "]")
		} else {
			b.WriteString(token)
		}
		i += n
	}
	return b.String()
}

// tokenLen is the length of what s begins with: a quoted run, a word, or one
// byte of anything else.
func tokenLen(s string) int {
	closing := s[0]
	switch closing {
	case '\'', '"', '`':
	case '[':
		closing = ']'
	default:
		n := strings.IndexFunc(s, func(r rune) bool { return !wordRune(r) })
		switch n {
		case -1:
			return len(s)
		case 0:
			return 1
		}
		return n
	}
	if n := strings.IndexByte(s[1:], closing); n >= 0 {
		return n + 2
	}
	return len(s)
}

func wordRune(r rune) bool {
	return r == '_' || r == '$' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 127
}
