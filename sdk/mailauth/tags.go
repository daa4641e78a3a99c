package mailauth

import (
	"errors"
	"fmt"
	"strings"
)

// tags is a tag=value list (RFC 6376 §3.2): signatures, keys and policies are
// such lists. Names are case-sensitive.
type tags struct {
	values map[string]string // blanks around the value are gone
	spans  map[string]span   // where each value stands in the text, blanks included
}

type span struct{ from, to int }

// maxTags bounds one list.
const maxTags = 64

var errTags = errors.New("malformed tag list")

// parseTags reads a list. A tag without a name, without "=", or that comes twice
// makes all of it void (RFC 6376 §3.2).
func parseTags(text string) (tags, error) {
	t := tags{values: map[string]string{}, spans: map[string]span{}}
	for at := 0; at <= len(text); {
		end := strings.IndexByte(text[at:], ';')
		if end < 0 {
			end = len(text)
		} else {
			end += at
		}
		if err := t.add(text, at, end); err != nil {
			return tags{}, err
		}
		at = end + 1
	}
	if len(t.values) == 0 {
		return tags{}, errTags
	}
	return t, nil
}

func (t *tags) add(text string, from, to int) error {
	piece := text[from:to]
	if strings.Trim(piece, blanks) == "" {
		// Only the list's end may be empty.
		if to < len(text) {
			return errTags
		}
		return nil
	}
	name, value, ok := strings.Cut(piece, "=")
	start := from + len(name) + 1
	name = strings.Trim(name, blanks)
	if _, twice := t.values[name]; !ok || !isTagName(name) || twice || len(t.values) >= maxTags {
		return fmt.Errorf("%w at %.20q", errTags, name)
	}
	t.values[name] = strings.Trim(value, blanks)
	t.spans[name] = span{start, to}
	return nil
}

// blanks are the white space of a folded field.
const blanks = " \t\r\n"

func isTagName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (i == 0 || s[i] != '_' && (s[i] < '0' || s[i] > '9')) {
			return false
		}
	}
	return s != ""
}

func (t *tags) has(name string) bool {
	_, ok := t.values[name]
	return ok
}

// get is a value without the white space of folding inside it.
func (t *tags) get(name string) string { return squeeze(t.values[name]) }

// list is a value that is a list with colons between.
func (t *tags) list(name string) []string {
	v := t.get(name)
	if v == "" {
		return nil
	}
	return strings.Split(v, ":")
}

// squeeze removes all white space.
func squeeze(s string) string {
	if strings.IndexAny(s, blanks) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '\r' || r == '\n' {
			return -1
		}
		return r
	}, s)
}
