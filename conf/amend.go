package conf

import (
	"errors"
	"slices"

	"github.com/mtad/mtad/sdk/option"
)

// OnConsole is the file of an option that `config set` gave its value.
const OnConsole = "console"

// Change is one `config set` or `config unset`: the words that name an option,
// or with Unset perhaps a scope, and the value.
type Change struct {
	Words []string
	Unset bool
	Value option.Value
}

// errGlobal is the answer to unsetting everything.
var errGlobal = errors.New("the global scope cannot be unset")

// ParseChange reads the words of `config set`: [scope [instance]...] option [=]
// value, a list in parentheses.
func (v View) ParseChange(words []string) (Change, error) {
	end := len(words) - 1
	if i := slices.Index(words, "("); i > 0 && words[end] == ")" {
		end = i
	}
	if end < 1 {
		return Change{}, errNoValue
	}
	value := words[end:]
	if words[end-1] == "=" {
		end--
	}
	path := words[:end]
	_, o, err := v.resolve(path)
	if err != nil {
		return Change{}, err
	}
	return Change{Words: path, Value: valueOf(o, value)}, nil
}

var errNoValue = errors.New("which option, and which value? write [scope [instance]...] option value")

// valueOf is a typed value as if it had been written in the configuration.
func valueOf(o *option.Option, words []string) option.Value {
	at := option.Pos{File: OnConsole}
	if words[0] != "(" {
		return option.Value{Kind: kindOf(o, words[0]), Text: words[0], Pos: at}
	}
	list := option.Value{Kind: option.KindList, Pos: at}
	for _, w := range words[1 : len(words)-1] {
		list.List = append(list.List, option.Value{Kind: option.KindString, Text: w, Pos: at})
	}
	return list
}

func kindOf(o *option.Option, text string) option.Kind {
	switch o.Type {
	case option.Int, option.Seconds, option.Millis, option.Bytes, option.Port, option.Fraction:
		return option.KindNumber
	case option.Bool:
		if text == "true" || text == "false" {
			return option.KindBool
		}
	}
	return option.KindString
}

// Amend is the tree with changes made to it; the tree itself stays as it is.
// The error says which word of a change is wrong; whether a value is good is for
// Check to say.
func (v View) Amend(changes []Change) (*Tree, error) {
	t := *v.Tree
	root := cloneScope(v.Tree.Root)
	t.Root = &root
	for _, c := range changes {
		if err := (View{Tree: &t, Schema: v.Schema}).apply(c); err != nil {
			return nil, err
		}
	}
	var wrong option.Problems
	if t.Layers, wrong = NewLayers(t.Root); len(wrong) > 0 {
		return nil, errors.New(wrong.String())
	}
	return &t, nil
}

// apply makes one change to the view's own tree.
func (v View) apply(c Change) error {
	if c.Unset {
		return v.unset(c.Words)
	}
	steps, o, err := v.resolve(c.Words)
	if err != nil {
		return err
	}
	at := v.Tree.Root
	for _, s := range steps[1:] {
		at = innerScope(at, s)
	}
	setAttr(at, option.Attr{Name: o.Name, Value: c.Value, Pos: c.Value.Pos})
	return nil
}

// innerScope is the scope of a step inside s, added at the end where there is none.
func innerScope(s *option.Scope, want step) *option.Scope {
	for i := range s.Scopes {
		if c := &s.Scopes[i]; c.Name == want.name && foldInstance(c.Name, c.Instance) == foldInstance(want.name, want.instance) {
			return c
		}
	}
	s.Scopes = append(s.Scopes, option.Scope{Name: want.name, Instance: want.instance, Pos: option.Pos{File: OnConsole}})
	return &s.Scopes[len(s.Scopes)-1]
}

func setAttr(s *option.Scope, a option.Attr) {
	if old, there := s.Attr(a.Name); there {
		*old = a
		return
	}
	s.Attrs = append(s.Attrs, a)
}

// unset clears an option, or, where the words name a scope, the scope and all
// that is in it.
func (v View) unset(words []string) error {
	if len(words) == 0 {
		return errGlobal
	}
	steps, o, err := v.resolve(words)
	if err == nil {
		if at := steps[len(steps)-1].scope; at != nil {
			at.Attrs = slices.DeleteFunc(at.Attrs, func(a option.Attr) bool { return a.Name == o.Name })
		}
		return nil
	}
	at := step{name: "global", schema: v.Schema, scope: v.Tree.Root}
	for rest := words; len(rest) > 0; {
		next, used, wrong := at.enter(rest)
		if wrong != nil || next.scope == nil {
			return err
		}
		if rest = rest[used:]; len(rest) > 0 {
			at = next
			continue
		}
		at.scope.Scopes = slices.DeleteFunc(at.scope.Scopes, func(c option.Scope) bool {
			return c.Name == next.name && foldInstance(c.Name, c.Instance) == foldInstance(next.name, next.scope.Instance)
		})
	}
	return nil
}

// cloneScope copies a scope, so that changes leave the original alone. Values
// are never written into, so they are shared.
func cloneScope(s *option.Scope) option.Scope {
	c := *s
	c.Attrs = slices.Clone(s.Attrs)
	c.Scopes = make([]option.Scope, len(s.Scopes))
	for i := range s.Scopes {
		c.Scopes[i] = cloneScope(&s.Scopes[i])
	}
	return c
}
