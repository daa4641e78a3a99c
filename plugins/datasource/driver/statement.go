package driver

import (
	"strconv"
	"strings"

	"github.com/mtad/mtad/sdk"
)

// Statement is SQL with its placeholders found: ? takes the next positional
// parameter, :name and $name a named one (reference/datasource.md §1). A
// parameter that was not given is NULL, one too many is ignored
// (reference/lua-api-notes.md 49).
type Statement struct {
	SQL     string // as the script wrote it
	Execute bool   // no result set

	query *sdk.Query
	parts []string // the text around the placeholders: one more than args
	args  []sdk.Datum
}

// Parse finds the placeholders of a query outside of quotes and comments.
func Parse(q *sdk.Query) *Statement { return parse(q, false) }

// Backslashed is the statement as MySQL and MariaDB read it: in a string a
// backslash escapes what follows, # begins a comment, and -- does only in front
// of white space (https://dev.mysql.com/doc/refman/8.4/en/comments.html).
func (st *Statement) Backslashed() *Statement { return parse(st.query, true) }

func parse(q *sdk.Query, backslashed bool) *Statement {
	st := &Statement{SQL: q.SQL, Execute: q.Execute, query: q}
	positional := q.Positional
	rest, from := q.SQL, 0
	for i := 0; i < len(rest); {
		switch c := rest[i]; {
		case backslashed && (c == '\'' || c == '"'):
			i = skipEscaped(rest, i)
		case backslashed && c == '#':
			i = skipTo(rest, i, "\n")
		case backslashed && c == '-' && strings.HasPrefix(rest[i:], "--") && i+2 < len(rest) && rest[i+2] > ' ':
			i++
		case c == '\'' || c == '"' || c == '`':
			i = skipQuoted(rest, i)
		case c == '-' && strings.HasPrefix(rest[i:], "--"):
			i = skipTo(rest, i, "\n")
		case c == '/' && strings.HasPrefix(rest[i:], "/*"):
			i = skipTo(rest, i+2, "*/")
		case c == ':' && strings.HasPrefix(rest[i:], "::"):
			i += 2 // a PostgreSQL cast
		case c == '?':
			var d sdk.Datum
			if len(positional) > 0 {
				d, positional = positional[0], positional[1:]
			}
			st.add(rest[from:i], d)
			i++
			from = i
		case (c == ':' || c == '$') && i+1 < len(rest) && nameByte(rest[i+1]) && !(i > 0 && nameByte(rest[i-1])):
			end := i + 1
			for end < len(rest) && nameByte(rest[end]) {
				end++
			}
			st.add(rest[from:i], q.Named[rest[i+1:end]])
			i, from = end, end
		default:
			i++
		}
	}
	st.parts = append(st.parts, rest[from:])
	return st
}

func (st *Statement) add(before string, d sdk.Datum) {
	st.parts = append(st.parts, before)
	st.args = append(st.args, d)
}

func nameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// skipQuoted passes a quoted string; a doubled quote inside it is two strings
// to us, which comes to the same.
func skipQuoted(s string, i int) int {
	end := strings.IndexByte(s[i+1:], s[i])
	if end < 0 {
		return len(s)
	}
	return i + 1 + end + 1
}

// skipEscaped is skipQuoted where a backslash escapes a quote.
func skipEscaped(s string, i int) int {
	quote := s[i]
	for i++; i < len(s) && s[i] != quote; i++ {
		if s[i] == '\\' {
			i++
		}
	}
	return min(i+1, len(s))
}

func skipTo(s string, i int, end string) int {
	at := strings.Index(s[i:], end)
	if at < 0 {
		return len(s)
	}
	return i + at + len(end)
}

// Questions is the statement with every placeholder a ?.
func (st *Statement) Questions() string { return strings.Join(st.parts, "?") }

// Dollars is the statement with the placeholders $1, $2 and so on.
func (st *Statement) Dollars() string {
	var b strings.Builder
	for i, p := range st.parts {
		if i > 0 {
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(i))
		}
		b.WriteString(p)
	}
	return b.String()
}

// Native gives the arguments as Go values: string, int64, float64, bool or nil.
func (st *Statement) Native() []any {
	out := make([]any, len(st.args))
	for i, d := range st.args {
		switch d.Kind {
		case sdk.DatumText:
			out[i] = d.Text
		case sdk.DatumInt:
			out[i] = d.Int
		case sdk.DatumFloat:
			out[i] = d.Float
		case sdk.DatumBool:
			out[i] = d.Int != 0
		}
	}
	return out
}

// Texts gives the arguments as text or nil, for databases that read a
// parameter's type from the statement.
func (st *Statement) Texts() []any {
	out := make([]any, len(st.args))
	for i, d := range st.args {
		if d.Kind != sdk.DatumNull {
			out[i] = Text(d)
		}
	}
	return out
}

// Text is a value as text; NULL is "".
func Text(d sdk.Datum) string {
	switch d.Kind {
	case sdk.DatumText:
		return d.Text
	case sdk.DatumInt:
		return strconv.FormatInt(d.Int, 10)
	case sdk.DatumFloat:
		return strconv.FormatFloat(d.Float, 'g', -1, 64)
	case sdk.DatumBool:
		return strconv.FormatBool(d.Int != 0)
	}
	return ""
}
