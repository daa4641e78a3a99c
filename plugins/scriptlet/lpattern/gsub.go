package lpattern

import (
	"errors"
	"strings"
)

// errTooLong: what gsub builds is over the caller's bound.
var errTooLong = errors.New("result of gsub is too long")

// Replacer appends what replaces a match to dst. It must not keep m.
type Replacer func(dst []byte, src string, m *Match) ([]byte, error)

// GsubOptions bounds a substitution.
type GsubOptions struct {
	Max       int // how many matches are replaced; negative is all
	MaxResult int // bytes the result may have; 0 is no bound
	Budget    Budget
}

// Gsub replaces the matches in src, and tells how many there were.
func Gsub(src, pattern string, replace Replacer, opt GsubOptions) (string, int, error) {
	m := newMatcher(src, pattern)
	m.budget = opt.Budget
	g := gsub{m: &m, max: opt.Max, maxResult: opt.MaxResult}
	n, err := g.run(func(dst []byte, s, e int) ([]byte, error) {
		match, _, _ := m.result(s, e)
		return replace(dst, src, &match)
	})
	return g.result(n), n, err
}

// gsub is a substitution under way. Up to kept the subject is in dst.
type gsub struct {
	m         *matcher
	max       int
	maxResult int
	dst       []byte
	kept      int
}

// run replaces match after match. An anchored pattern is tried once.
func (g *gsub) run(replace func(dst []byte, s, e int) ([]byte, error)) (n int, err error) {
	m, p := g.m, 0
	anchored := strings.HasPrefix(m.p, "^")
	if anchored {
		p = 1
	}
	for s := 0; m.err == nil && (g.max < 0 || n < g.max); {
		m.level, m.depth = 0, 0
		e := m.match(s, p)
		if e >= 0 {
			n++
			if err := g.put(s, e, replace); err != nil {
				return n, err
			}
		}
		switch {
		case e > s:
			s = e
		case s < len(m.src):
			s++
		default:
			return n, m.err
		}
		if anchored {
			break
		}
	}
	return n, m.err
}

// put appends the subject up to the match, and the replacement.
func (g *gsub) put(s, e int, replace func(dst []byte, s, e int) ([]byte, error)) error {
	g.dst = append(g.dst, g.m.src[g.kept:s]...)
	g.kept = e
	dst, err := replace(g.dst, s, e)
	if err != nil {
		return err
	}
	g.m.spend(len(dst) - len(g.dst))
	g.dst = dst
	if g.maxResult > 0 && len(dst)+len(g.m.src)-e > g.maxResult {
		return errTooLong
	}
	return g.m.err
}

func (g *gsub) result(n int) string {
	if n == 0 {
		return g.m.src
	}
	return string(append(g.dst, g.m.src[g.kept:]...))
}

// appendTemplate appends a replacement string: %0 to %9 are captures, and any
// other character after a % is itself; after a last % that is C's closing zero.
func (m *matcher) appendTemplate(dst []byte, template string, s, e int) ([]byte, error) {
	for i := 0; i < len(template); i++ {
		c := template[i]
		if c != '%' {
			dst = append(dst, c)
			continue
		}
		i++
		switch {
		case i == len(template):
			dst = append(dst, 0)
		case !isDigit(template[i]):
			dst = append(dst, template[i])
		case template[i] == '0':
			dst = append(dst, m.src[s:e]...)
		default:
			var err error
			if dst, err = m.appendCapture(dst, int(template[i]-'1'), s, e); err != nil {
				return dst, err
			}
		}
	}
	return dst, nil
}

// Template is a Replacer for a replacement string as string.gsub takes it.
func Template(template string) Replacer {
	return func(dst []byte, src string, match *Match) ([]byte, error) {
		m := matcher{src: src, level: match.level, captures: match.captures}
		return m.appendTemplate(dst, template, match.Start, match.End)
	}
}
