package lpattern

import (
	"errors"
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// Bounds of a match.
const (
	MaxCaptures = 32   // LUA_MAXCAPTURES
	maxDepth    = 4000 // nested pattern items: bounds the Go stack at about 1 MiB
	checkEvery  = 1000 // steps between two looks at the budget
)

// The errors of a pattern, worded as stock Lua's.
var (
	errEndsWithEscape = errors.New("malformed pattern (ends with '%')")
	errMissingBracket = errors.New("malformed pattern (missing ']')")
	errMissingSet     = errors.New("missing '[' after '%f' in pattern")
	errUnbalanced     = errors.New("unbalanced pattern")
	errTooMany        = errors.New("too many captures")
	errNoCapture      = errors.New("invalid pattern capture")
	errCaptureIndex   = errors.New("invalid capture index")
	errUnfinished     = errors.New("unfinished capture")
	errSubject        = errors.New("string too long to match")
	errTooComplex     = errors.New("pattern too complex")
)

// Budget bounds the work of a match. Spend is called every 1000 steps or so
// with the steps since it was called last, on the goroutine of the match; an
// error of it ends the match. A step is one comparison, about 4 ns.
type Budget interface{ Spend(steps int) error }

// Lengths that a capture has instead of one.
const (
	unfinished = -1
	position   = -2
)

// capture is where a capture begins and how long it is; small, because a
// matcher and a Match hold 32 of them.
type capture struct{ start, len int32 }

// maxSubject is what offsets of captures can tell apart.
const maxSubject = math.MaxInt32

// matcher is one search. p is the pattern, cut at its first zero byte, where
// stock Lua's ends.
type matcher struct {
	src, p   string
	level    int
	captures [MaxCaptures]capture
	depth    int
	steps    int
	err      error
	sets     setCache
	budget   Budget
	charge   func(L *lua.LState, steps int) // instead of budget, for Functions
	state    *lua.LState
	raise    func(L *lua.LState, format string, args ...any)
}

// fail ends the search.
func (m *matcher) fail(err error) int {
	if m.err == nil {
		m.err = err
	}
	return -1
}

// spend counts steps and asks the budget now and then; false ends the search.
func (m *matcher) spend(n int) bool {
	if m.steps += n; m.steps >= checkEvery {
		m.settle()
	}
	return m.err == nil
}

// settle tells the budget what has been spent.
func (m *matcher) settle() {
	n := m.steps
	m.steps = 0
	switch {
	case m.charge != nil:
		m.charge(m.state, (n+1)/2) // a step of the script's budget is about 10 ns
	case m.budget != nil:
		if err := m.budget.Spend(n); err != nil {
			m.fail(err)
		}
	}
}

// cut ends a pattern at its first zero byte.
func cut(pattern string) string {
	if i := strings.IndexByte(pattern, 0); i >= 0 {
		return pattern[:i]
	}
	return pattern
}

// match matches the pattern from p on at s and gives the end of the match, or
// -1. Items without a repetition are a loop, the others recursion.
func (m *matcher) match(s, p int) int {
	if m.depth++; m.depth > maxDepth {
		return m.fail(errTooComplex)
	}
	s = m.items(s, p)
	m.depth--
	return s
}

func (m *matcher) items(s, p int) int {
	for p < len(m.p) {
		if !m.spend(1) {
			return -1
		}
		switch c := m.p[p]; {
		case c == '(':
			if p+1 < len(m.p) && m.p[p+1] == ')' {
				return m.begin(s, p+2, position)
			}
			return m.begin(s, p+1, unfinished)
		case c == ')':
			return m.finish(s, p+1)
		case c == '$' && p+1 == len(m.p):
			if s == len(m.src) {
				return s
			}
			return -1
		case c == '%' && p+1 < len(m.p) && (m.p[p+1] == 'b' || m.p[p+1] == 'f' || isDigit(m.p[p+1])):
			s, p = m.special(s, p+1)
			if s < 0 {
				return -1
			}
		default:
			end := p + 1
			if c == '%' || c == '[' {
				if end = m.itemEnd(p); end < 0 {
					return -1
				}
			}
			if end < len(m.p) {
				switch m.p[end] {
				case '?':
					if m.one(s, p, end) {
						if r := m.match(s+1, end+1); r >= 0 || m.err != nil {
							return r
						}
					}
					p = end + 1
					continue
				case '*':
					return m.longest(s, p, end, 0)
				case '+':
					return m.longest(s, p, end, 1)
				case '-':
					return m.shortest(s, p, end)
				}
			}
			if !m.one(s, p, end) {
				return -1
			}
			s, p = s+1, end
		}
	}
	return s
}

// special matches %b, %f or a back reference, whose letter is at p.
func (m *matcher) special(s, p int) (int, int) {
	switch m.p[p] {
	case 'b':
		return m.balance(s, p+1), p + 3
	case 'f':
		return m.frontier(s, p+1)
	}
	return m.backReference(s, m.p[p]), p + 1
}

// itemEnd is behind the class or set at p; -1 on a malformed pattern.
func (m *matcher) itemEnd(p int) int {
	switch {
	case m.p[p] == '[':
		return m.setEnd(p)
	case p+1 == len(m.p):
		return m.fail(errEndsWithEscape)
	}
	return p + 2
}

// setEnd is behind the set that opens at p. A bracket right after the opening,
// or after ^, is a member.
func (m *matcher) setEnd(p int) int {
	p++
	if p < len(m.p) && m.p[p] == '^' {
		p++
	}
	for first := true; first || p >= len(m.p) || m.p[p] != ']'; first = false {
		if p >= len(m.p) {
			return m.fail(errMissingBracket)
		}
		if p++; m.p[p-1] == '%' && p < len(m.p) {
			p++
		}
	}
	return p + 1
}

// one tells whether the character at s is what the item says.
func (m *matcher) one(s, p, end int) bool {
	if s >= len(m.src) {
		return false
	}
	switch c := m.src[s]; m.p[p] {
	case '.':
		return true
	case '%':
		return inClass(c, m.p[p+1])
	case '[':
		return m.sets.get(m.p, p, end).has(c)
	default:
		return m.p[p] == c
	}
}

// count is how many characters from s on the item matches.
func (m *matcher) count(s, p, end int) int {
	src := m.src[s:]
	n := 0
	switch m.p[p] {
	case '.':
		return len(src)
	case '[':
		set := m.sets.get(m.p, p, end)
		for n < len(src) && set.has(src[n]) {
			n++
		}
	case '%':
		var set charSet
		set.addClass(m.p[p+1])
		for n < len(src) && set.has(src[n]) {
			n++
		}
	default:
		for c := m.p[p]; n < len(src) && src[n] == c; {
			n++
		}
	}
	return n
}

// longest takes as many as there are, then gives them back one by one.
func (m *matcher) longest(s, p, end, least int) int {
	n := m.count(s, p, end)
	if !m.spend(n) {
		return -1
	}
	rest := end + 1
	if rest == len(m.p) && n >= least {
		return s + n
	}
	next, literal := m.literal(rest)
	for ; n >= least; n-- {
		if literal && !m.at(s+n, next) {
			continue
		}
		if r := m.match(s+n, rest); r >= 0 || m.err != nil {
			return r
		}
	}
	return -1
}

// at tells whether c stands at s, for a step.
func (m *matcher) at(s int, c byte) bool {
	return m.spend(1) && s < len(m.src) && m.src[s] == c
}

// literal is the character that must stand where the item at p is tried, if it
// is one character and not repeated: there is no need to try the rest elsewhere.
func (m *matcher) literal(p int) (byte, bool) {
	for open := m.open(); open > 0 && p < len(m.p) && m.p[p] == ')'; open-- {
		p++ // the end of a capture takes no character
	}
	if p >= len(m.p) {
		return 0, false
	}
	c := m.p[p]
	switch c {
	case '(', ')', '%', '.', '[', '$':
		return 0, false
	}
	if p+1 < len(m.p) {
		switch m.p[p+1] {
		case '*', '?', '-':
			return 0, false
		}
	}
	return c, true
}

// open is how many captures have begun and not ended.
func (m *matcher) open() int {
	n := 0
	for _, c := range m.captures[:m.level] {
		if c.len == unfinished {
			n++
		}
	}
	return n
}

// shortest takes as few as it can.
func (m *matcher) shortest(s, p, end int) int {
	next, literal := m.literal(end + 1)
	for m.err == nil {
		if !literal || m.at(s, next) {
			if r := m.match(s, end+1); r >= 0 || m.err != nil {
				return r
			}
		}
		if !m.one(s, p, end) {
			return -1
		}
		s++
	}
	return -1
}

// begin begins a capture, and finish ends the one that began last.
func (m *matcher) begin(s, p int, what int32) int {
	if m.level >= MaxCaptures {
		return m.fail(errTooMany)
	}
	m.captures[m.level] = capture{int32(s), what}
	m.level++
	r := m.match(s, p)
	if r < 0 {
		m.level--
	}
	return r
}

func (m *matcher) finish(s, p int) int {
	l := m.level - 1
	for l >= 0 && m.captures[l].len != unfinished {
		l--
	}
	if l < 0 {
		return m.fail(errNoCapture)
	}
	m.captures[l].len = int32(s) - m.captures[l].start
	r := m.match(s, p)
	if r < 0 {
		m.captures[l].len = unfinished
	}
	return r
}

// balance matches from one delimiter to the other, nested ones in between.
func (m *matcher) balance(s, p int) int {
	if p+1 >= len(m.p) {
		return m.fail(errUnbalanced)
	}
	opening, closing := m.p[p], m.p[p+1]
	if s >= len(m.src) || m.src[s] != opening {
		return -1
	}
	depth := 1
	for i := s + 1; i < len(m.src); i++ {
		if (i-s)%checkEvery == 0 && !m.spend(checkEvery) {
			return -1
		}
		switch m.src[i] {
		case closing:
			if depth--; depth == 0 {
				return i + 1
			}
		case opening:
			depth++
		}
	}
	return -1
}

// frontier matches between a character outside of the set and one inside; the
// subject's edges count as a zero byte.
func (m *matcher) frontier(s, p int) (int, int) {
	if p >= len(m.p) || m.p[p] != '[' {
		return m.fail(errMissingSet), p
	}
	end := m.setEnd(p)
	if end < 0 {
		return -1, p
	}
	var before, after byte
	if s > 0 {
		before = m.src[s-1]
	}
	if s < len(m.src) {
		after = m.src[s]
	}
	set := m.sets.get(m.p, p, end)
	if set.has(before) || !set.has(after) {
		return -1, p
	}
	return s, end
}

func (m *matcher) backReference(s int, digit byte) int {
	l := int(digit) - '1'
	if l < 0 || l >= m.level || m.captures[l].len == unfinished {
		return m.fail(errCaptureIndex)
	}
	c := m.captures[l]
	if c.len == position || !m.spend(int(c.len)) {
		return -1
	}
	if strings.HasPrefix(m.src[s:], m.src[c.start:c.start+c.len]) {
		return s + int(c.len)
	}
	return -1
}
