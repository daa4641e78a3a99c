package api

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// maxReplaced bounds what a replacement may make of a text.
const maxReplaced = 64 << 20

// ReplaceAll replaces the matches of re in subject, at most limit of them where
// limit is not 0, and says how many it replaced. The replacement is text with
// $n, \n, ${n} and ${name} for groups, or a function that gets the captures and
// gives the text, nil leaving the match as it is.
func ReplaceAll(e *Env, L *lua.LState, re Regexp, subject string, replacement lua.LValue, limit int) (string, int) {
	r := replacer{subject: subject, limit: limit}
	var err error
	if fn, ok := replacement.(*lua.LFunction); ok {
		var found [][]int
		found, err = matches(e, L, re, subject, limit)
		for _, loc := range found {
			r.put(loc, func() { r.out.WriteString(callReplacement(L, fn, re, subject, loc)) })
		}
	} else {
		pieces := parseTemplate(lua.LVAsString(replacement), re.Names())
		err = matchAll(e, L, re, subject, func(loc []int) bool {
			return r.put(loc, func() { r.expand(pieces, loc) })
		})
	}
	if err != nil {
		L.RaiseError("%s", err.Error())
	}
	if r.out.Len()+len(subject)-r.end > maxReplaced {
		L.RaiseError("the replaced text would be longer than %d bytes", maxReplaced)
	}
	if r.count == 0 {
		return subject, 0
	}
	r.out.WriteString(subject[r.end:])
	return r.out.String(), r.count
}

// replacer writes the text between matches, and something for each match.
type replacer struct {
	out        strings.Builder
	subject    string
	count, end int
	limit      int
}

// put writes one match; it says whether to go on.
func (r *replacer) put(loc []int, write func()) bool {
	if loc[0] < r.end { // \K can go back behind the match before
		return true
	}
	r.out.WriteString(r.subject[r.end:loc[0]])
	write()
	r.count, r.end = r.count+1, max(loc[0], loc[1])
	return (r.limit == 0 || r.count < r.limit) && r.out.Len() <= maxReplaced
}

// maxCalls bounds the matches that a replacement function is called for.
const maxCalls = 100000

// matches finds all matches before any function is called for one: what runs in
// between would count against the match's own time.
func matches(e *Env, L *lua.LState, re Regexp, subject string, limit int) (found [][]int, err error) {
	err = matchAll(e, L, re, subject, func(loc []int) bool {
		found = append(found, append([]int(nil), loc...))
		return len(found) != limit && len(found) <= maxCalls
	})
	if len(found) > maxCalls {
		err = &RegexpLimit{Text: "too many matches for a replacement function"}
	}
	return found, err
}

func callReplacement(L *lua.LState, fn *lua.LFunction, re Regexp, subject string, loc []int) string {
	L.Push(fn)
	L.Push(Captures(L, re, subject, loc))
	L.Call(1, 1)
	v := L.Get(-1)
	L.Pop(1)
	if v == lua.LNil || v == lua.LFalse {
		return subject[loc[0]:max(loc[0], loc[1])]
	}
	return Text(L, v)
}

// piece is literal text, or a group where group is not negative.
type piece struct {
	text  string
	group int
}

func (r *replacer) expand(pieces []piece, loc []int) {
	for _, p := range pieces {
		if p.group < 0 {
			r.out.WriteString(p.text)
		} else if i := 2 * p.group; i < len(loc) && loc[i] >= 0 {
			r.out.WriteString(r.subject[loc[i]:max(loc[i], loc[i+1])])
		}
	}
}

// parseTemplate reads a replacement. What is no reference stands for itself.
func parseTemplate(s string, names []RegexpName) []piece {
	var out []piece
	literal := 0
	for i := 0; i < len(s); {
		p, n := reference(s[i:], names)
		if n == 0 {
			i++
			continue
		}
		if i > literal {
			out = append(out, piece{s[literal:i], -1})
		}
		out = append(out, p)
		i += n
		literal = i
	}
	if literal < len(s) {
		out = append(out, piece{s[literal:], -1})
	}
	return out
}

// reference reads $n, \n, ${n}, ${name}, $$ or \\ at the start of s; n is its
// length, 0 where there is none.
func reference(s string, names []RegexpName) (p piece, n int) {
	if len(s) < 2 || s[0] != '$' && s[0] != '\\' {
		return p, 0
	}
	if s[1] == s[0] {
		return piece{s[:1], -1}, 2
	}
	if digits := countDigits(s[1:]); digits > 0 {
		return piece{group: number(s[1 : 1+digits])}, 1 + digits
	}
	end := strings.IndexByte(s, '}')
	if s[0] != '$' || s[1] != '{' || end < 0 {
		return p, 0
	}
	name := s[2:end]
	if d := countDigits(name); d > 0 && d == len(name) {
		return piece{group: number(name)}, end + 1
	}
	for _, known := range names {
		if known.Name == name {
			return piece{group: known.Group}, end + 1
		}
	}
	return piece{"", -1}, end + 1
}

// countDigits counts the digits of a group's number, which has at most two.
func countDigits(s string) int {
	n := 0
	for n < len(s) && n < 2 && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

func number(digits string) int {
	v := 0
	for _, c := range []byte(digits) {
		v = 10*v + int(c-'0')
	}
	return v
}
