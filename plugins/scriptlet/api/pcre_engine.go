package api

import (
	"container/list"
	"errors"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"go.elara.ws/pcre/lib"
)

// Regexp is a compiled pattern. It may be used by several goroutines at once.
type Regexp interface {
	// Each finds the matches of subject from left to right and calls yield
	// with each one's offsets: two for the whole match, then two for each
	// group, -1 where a group took no part. yield keeps no hold of loc and
	// returns false to stop. The error is a *RegexpLimit.
	Each(subject string, yield func(loc []int) bool) error
	// Stream is Each for a text that is read in pieces (pcre_stream.go).
	Stream(size int64, next func(most int64) ([]byte, error), yield func(base int64, window string, loc []int) bool) error
	// Names are the named groups.
	Names() []RegexpName
}

// RegexpName is a named group and its number.
type RegexpName struct {
	Name  string
	Group int
}

// RegexpError is a pattern that does not compile.
type RegexpError struct {
	Text   string // of the PCRE library
	Offset int    // in bytes, where in the pattern
}

// Error is the library's text and the offset.
func (e *RegexpError) Error() string { return fmt.Sprintf("%s at offset %d", e.Text, e.Offset) }

// RegexpLimit is a match that was stopped because it cost too much.
type RegexpLimit struct{ Text string }

// Error says which limit it was.
func (e *RegexpLimit) Error() string { return "pattern stopped: " + e.Text }

// The bounds of matching (libraries.md, PCRE).
const (
	matchLimit   = 200000 // internal match() calls from one start position: about 10 ms
	heapLimitKiB = 4096   // heap of one match
	matchTime    = time.Second
	maxPattern   = 64 << 10 // bytes
	cacheSize    = 1000     // compiled patterns
)

// errPatternSize is a pattern beyond maxPattern.
var errPatternSize = errors.New("pattern is longer than 64 KiB")

// Patterns compiles patterns and keeps the ones used last. One belongs to one
// interpreter.
type Patterns struct {
	time   time.Duration // for one use of a pattern on a subject
	window int           // bytes of a stream looked at at once

	mu    sync.Mutex
	byKey map[string]*list.Element // of *pattern
	used  *list.List               // front: used last
	spare []*matcher
}

// NewPatterns makes an empty cache.
func NewPatterns() *Patterns {
	return &Patterns{time: matchTime, window: streamWindow, byKey: make(map[string]*list.Element), used: list.New()}
}

// Compile gives the pattern compiled, in UTF-8 mode where it is valid UTF-8.
// The error is a *RegexpError where the pattern is wrong.
func (p *Patterns) Compile(text string) (Regexp, error) {
	if len(text) > maxPattern {
		return nil, errPatternSize
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if e, ok := p.byKey[text]; ok {
		p.used.MoveToFront(e)
		return e.Value.(*pattern), nil
	}
	flags := uint32(0)
	if utf8.ValidString(text) {
		flags = lib.DPCRE2_UTF
	}
	c, err := compile(text, flags)
	if err != nil {
		return nil, err
	}
	re := &pattern{owner: p, text: text, code: c, utf: flags != 0}
	p.byKey[text] = p.used.PushFront(re)
	if p.used.Len() > cacheSize {
		last := p.used.Back()
		delete(p.byKey, p.used.Remove(last).(*pattern).text)
	}
	return re, nil
}

// pattern is one compiled pattern. Its C memory goes when nobody holds it.
type pattern struct {
	owner *Patterns
	text  string
	code  *code
	utf   bool

	once  sync.Once
	loose *code // for subjects that are not UTF-8; made when first needed
}

// Names are the named groups.
func (re *pattern) Names() []RegexpName { return re.code.names }

// Each implements Regexp.
func (re *pattern) Each(subject string, yield func(loc []int) bool) error {
	c, options, err := re.codeFor(subject)
	if err != nil {
		return err
	}
	m := re.owner.take()
	defer re.owner.give(m)
	m.clock.start(re.owner.time, len(subject))
	return m.each(c, subject, options, yield)
}

// codeFor chooses the code for a subject. Valid UTF-8 is checked once, here;
// in other text the bytes that are not UTF-8 match nothing.
func (re *pattern) codeFor(subject string) (*code, uint32, error) {
	if !re.utf {
		return re.code, 0, nil
	}
	if utf8.ValidString(subject) {
		return re.code, lib.DPCRE2_NO_UTF_CHECK, nil
	}
	var err error
	re.once.Do(func() { re.loose, err = compile(re.text, lib.DPCRE2_UTF|lib.DPCRE2_MATCH_INVALID_UTF) })
	if err != nil || re.loose == nil {
		return nil, 0, &RegexpLimit{Text: "no memory for the pattern"}
	}
	return re.loose, 0, nil
}

// maxSpare is how many idle matchers are kept; each holds a C stack and a
// subject buffer.
const maxSpare = 4

func (p *Patterns) take() *matcher {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.spare); n > 0 {
		m := p.spare[n-1]
		p.spare = p.spare[:n-1]
		return m
	}
	return newMatcher()
}

func (p *Patterns) give(m *matcher) {
	m.shrink() // first: once it is among the spare ones it is another's
	p.mu.Lock()
	keep := len(p.spare) < maxSpare
	if keep {
		p.spare = append(p.spare, m)
	}
	p.mu.Unlock()
	if !keep {
		m.close()
	}
}

// FirstMatch gives the offsets of the first match, nil if there is none.
func FirstMatch(re Regexp, subject string) (loc []int, err error) {
	err = re.Each(subject, func(found []int) bool {
		loc = append([]int(nil), found...)
		return false
	})
	return loc, err
}
