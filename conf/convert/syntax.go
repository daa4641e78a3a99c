package convert

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mtad/mtad/sdk/option"
)

// source is one file as it was read.
type source struct {
	path  string
	text  string
	lines []int // where each line begins
	items []*item
}

func newSource(path, text string) *source {
	s := &source{path: path, text: text, lines: []int{0}}
	for i := range len(text) {
		if text[i] == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	return s
}

func (s *source) pos(at int) option.Pos {
	line, found := slices.BinarySearch(s.lines, at)
	if !found {
		line--
	}
	column := utf8.RuneCountInString(s.text[s.lines[line]:at]) + 1
	return option.Pos{File: s.path, Line: line + 1, Column: column}
}

type itemKind uint8

const (
	optionItem  itemKind = iota // name = value
	scopeItem                   // name "instance" { ... }
	includeItem                 // include "path"
	commentItem
	junkItem // what is none of these
)

// item is what may stand in a file or a scope
// (reference/config-syntax.md §1).
type item struct {
	kind     itemKind
	src      *source
	from, to int    // its bytes, without the comment behind it
	name     string // as it was written
	instance string // of a scope; of an include its path
	named    bool   // the scope has an instance
	value    value
	items    []*item
	above    bool      // there is an empty line in front of it
	inside   []comment // between its words
	behind   string    // the comment behind it on its line; of a scope behind its "{"
	after    string    // of a scope: the comment behind its "}"
	why      string    // of junk: what is wrong with it
	say      string    // of a comment that is ours
}

func (it *item) pos() option.Pos { return it.src.pos(it.from) }
func (it *item) text() string    { return it.src.text[it.from:it.to] }

// key is the name as it counts: without case.
func (it *item) key() string { return strings.ToLower(it.name) }

// comment is one comment with its "#", or "/*" and "*/".
type comment struct {
	pos  option.Pos
	text string
}

// value is a value and the comments in it. Scalars are all KindString: quotes
// make no difference.
type value struct {
	option.Value
	comments []comment
	lines    bool // it stands on more than one line
}
