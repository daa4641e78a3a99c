package lpattern

import "strings"

// Match is where a pattern matched. Offsets count bytes from 0.
type Match struct {
	Start, End int
	level      int
	captures   [MaxCaptures]capture
}

// Captures is the number of captures; 0 if the pattern has none.
func (m *Match) Captures() int { return m.level }

// Capture is capture i, from 0, of the subject that was matched: its text, or
// for a position capture `()` the offset, from 1 as Lua counts. Where the
// pattern has no captures, capture 0 is the whole match. The errors are "invalid
// capture index" and "unfinished capture".
func (m *Match) Capture(src string, i int) (text string, pos int, err error) {
	if i >= m.level {
		if i != 0 {
			return "", 0, errCaptureIndex
		}
		return src[m.Start:m.End], 0, nil
	}
	return m.captures[i].of(src)
}

func (c capture) of(src string) (text string, pos int, err error) {
	switch c.len {
	case unfinished:
		return "", 0, errUnfinished
	case position:
		return "", int(c.start) + 1, nil
	}
	return src[c.start : c.start+c.len], 0, nil
}

// Find finds the first match at or after the offset init, which must be
// within the subject. The error is the pattern's or the budget's; a nil budget
// has no end.
func Find(src, pattern string, init int, budget Budget) (Match, bool, error) {
	m := newMatcher(src, pattern)
	m.budget = budget
	start, end := m.search(init)
	return m.result(start, end)
}

func newMatcher(src, pattern string) matcher {
	m := matcher{src: src, p: cut(pattern)}
	if len(src) > maxSubject {
		m.err = errSubject
	}
	return m
}

func (m *matcher) result(start, end int) (Match, bool, error) {
	if m.err != nil || end < 0 {
		return Match{}, false, m.err
	}
	return Match{Start: start, End: end, level: m.level, captures: m.captures}, true, nil
}

// Plain tells whether string.find takes a pattern as plain text: it has no
// character that means something.
func Plain(pattern string) bool {
	return !strings.ContainsAny(cut(pattern), "^$*+?.([%-")
}

// search tries the offsets from init on; end is -1 if none matches.
func (m *matcher) search(init int) (start, end int) {
	p := 0
	anchored := strings.HasPrefix(m.p, "^")
	if anchored {
		p = 1
	}
	first, literal := m.first(p)
	for s := init; m.err == nil; s++ {
		if literal && !anchored {
			i := strings.IndexByte(m.src[s:], first)
			if i < 0 || !m.spend(i/16) {
				return 0, -1
			}
			s += i
		}
		m.level = 0
		if end := m.match(s, p); end >= 0 || m.err != nil {
			return s, end
		}
		if anchored || s >= len(m.src) {
			break
		}
	}
	return 0, -1
}

// first is the character that every match begins with, if that is known.
func (m *matcher) first(p int) (byte, bool) {
	if p+1 < len(m.p) && m.p[p] == '(' && m.p[p+1] != ')' {
		p++
	}
	return m.literal(p)
}

// Iterator goes from match to match, as string.gmatch does: a ^ is no anchor,
// and after an empty match it goes on one byte later.
type Iterator struct {
	m    matcher
	next int
}

// Gmatch is an iterator over the matches in src.
func Gmatch(src, pattern string, budget Budget) *Iterator {
	it := &Iterator{m: newMatcher(src, pattern)}
	it.m.budget = budget
	return it
}

// Next is the next match; false after the last one, or on an error.
func (it *Iterator) Next() (Match, bool, error) {
	start, end := it.step()
	return it.m.result(start, end)
}

func (it *Iterator) step() (start, end int) {
	m := &it.m
	for s := it.next; s <= len(m.src); s++ {
		m.level, m.depth = 0, 0
		end := m.match(s, 0)
		if m.err != nil {
			break
		}
		if end >= 0 {
			it.next = end
			if end == s {
				it.next++
			}
			return s, end
		}
	}
	it.next = len(m.src) + 1
	return 0, -1
}
