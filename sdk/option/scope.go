package option

import "fmt"

// Pos is a place in a configuration file. Line 0 means unknown.
type Pos struct {
	File         string
	Line, Column int
}

// String is "file:line:column".
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Kind is the shape of a Value.
type Kind uint8

// The shapes a configuration value may have, before any schema is applied.
const (
	KindNone Kind = iota
	KindString
	KindNumber // Text holds the number as written
	KindBool
	KindList
	KindDict
)

// Value is one value as it was written. Text is set for strings, numbers and
// booleans ("true", "false").
type Value struct {
	Kind Kind
	Text string
	List []Value
	Dict []Entry
	Pos  Pos
}

// Entry is one entry of a dictionary value, in file order.
type Entry struct {
	Key   string
	Value Value
}

// Attr is an option that was set. Name is in lower case.
type Attr struct {
	Name  string
	Value Value
	Pos   Pos // of the name
}

// Scope is a configuration scope as written: merged with its namesakes,
// includes spliced in, names in lower case. Instance keeps its case.
type Scope struct {
	Name     string
	Instance string
	Attrs    []Attr  // each name once: the last value wins
	Scopes   []Scope // in file order
	Pos      Pos
}

// Attr finds an option that was set.
func (s *Scope) Attr(name string) (*Attr, bool) {
	for i := range s.Attrs {
		if s.Attrs[i].Name == name {
			return &s.Attrs[i], true
		}
	}
	return nil, false
}

// Children gives the scopes inside s that have the given name.
func (s *Scope) Children(name string) []*Scope {
	var out []*Scope
	for i := range s.Scopes {
		if s.Scopes[i].Name == name {
			out = append(out, &s.Scopes[i])
		}
	}
	return out
}
