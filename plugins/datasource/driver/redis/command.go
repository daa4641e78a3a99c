package redis

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtad/mtad/plugins/datasource/driver"
)

// maxWords bounds a command.
const maxWords = 1000

// command splits a query into words at blanks outside of quotes, and puts the
// parameters in: $name anywhere in a word, and ? where it is a word of its own. A
// parameter is never more than part of its word.
func command(st *driver.Statement) ([]string, error) {
	raw, err := split(st.SQL)
	if err != nil {
		return nil, err
	}
	var words []string
	questions := 0
	for _, w := range raw {
		if w.text == "?" && !w.quoted {
			w.text = st.Positional(questions)
			questions++
		} else if w.text, err = st.Fill(w.text, nil, nil); err != nil {
			return nil, err
		}
		words = append(words, w.text)
	}
	if len(words) == 0 || len(words) > maxWords {
		return nil, &driver.Error{Text: fmt.Sprintf("a command has from 1 to %d words", maxWords)}
	}
	if name := strings.ToUpper(words[0]); unfit(name) {
		return nil, &driver.Error{Text: name + " would change the connection for others, or wait: it cannot be used"}
	}
	return words, nil
}

// unfit reports commands that do not go with connections which all queries
// share.
func unfit(name string) bool {
	return slices.Contains([]string{
		"ASKING", "AUTH", "BLMOVE", "BLMPOP", "BLPOP", "BRPOP", "BRPOPLPUSH", "BZMPOP", "BZPOPMAX", "BZPOPMIN", "CLIENT",
		"DEBUG", "DISCARD", "EXEC", "FAILOVER", "HELLO", "MONITOR", "MULTI", "PSUBSCRIBE", "PSYNC", "PUNSUBSCRIBE", "QUIT",
		"READONLY", "READWRITE", "REPLICAOF", "RESET", "SELECT", "SHUTDOWN", "SLAVEOF", "SSUBSCRIBE", "SUBSCRIBE",
		"SUNSUBSCRIBE", "SYNC", "UNSUBSCRIBE", "UNWATCH", "WAIT", "WAITAOF", "WATCH", "XREAD", "XREADGROUP",
	}, name)
}

type word struct {
	text   string
	quoted bool
}

// split knows "..." and '...'; in the former a backslash takes the next
// character as it is.
func split(s string) ([]word, error) {
	var words []word
	var b strings.Builder
	in, quoted := false, false
	flush := func() {
		if in {
			words = append(words, word{b.String(), quoted})
		}
		b.Reset()
		in, quoted = false, false
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case ' ', '\t', '\r', '\n':
			flush()
		case '"', '\'':
			end := closing(s, i)
			if end < 0 {
				return nil, &driver.Error{Text: "a quote is not closed"}
			}
			text := s[i+1 : end]
			if c == '"' {
				text = unescape(text)
			}
			b.WriteString(text)
			in, quoted, i = true, true, end
		default:
			b.WriteByte(c)
			in = true
		}
	}
	flush()
	return words, nil
}

// closing finds the quote that ends a string; -1: there is none.
func closing(s string, i int) int {
	for j := i + 1; j < len(s); j++ {
		switch {
		case s[j] == s[i]:
			return j
		case s[j] == '\\' && s[i] == '"':
			j++
		}
	}
	return -1
}

func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
