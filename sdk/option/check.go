package option

import (
	"fmt"
	"strconv"
	"strings"
)

// Check reports what Decode would, by schema alone (the host does this for a
// module before it sends the scope).
func Check(s *Scope, schema *Schema) Problems {
	problems := checkInstance(s, schema)
	for i := range s.Attrs {
		problems = append(problems, checkAttr(&s.Attrs[i], schema)...)
	}
	for i := range s.Scopes {
		inner := &s.Scopes[i]
		if found := schema.Scope(inner.Name); found != nil {
			problems = append(problems, Check(inner, found)...)
		} else if !schema.Open {
			problems = append(problems, Problem{inner.Pos, schema.UnknownScope(inner.Name)})
		}
	}
	return problems
}

// Option finds an option of the scope by its lower case name; nil if there is
// none.
func (s *Schema) Option(name string) *Option {
	for i := range s.Options {
		if s.Options[i].Name == name {
			return &s.Options[i]
		}
	}
	return nil
}

// Scope finds an inner scope by its lower case name; nil if there is none.
func (s *Schema) Scope(name string) *Schema {
	for i := range s.Scopes {
		if s.Scopes[i].Name == name {
			return &s.Scopes[i]
		}
	}
	return nil
}

// UnknownOption is the text for an option the scope does not have.
func (s *Schema) UnknownOption(name string) string {
	text := fmt.Sprintf("unknown option %q in scope %q", name, s.Name)
	if s.Scope(name) != nil {
		return text + fmt.Sprintf("; %s is a scope: write %s { ... } without \"=\"", name, name)
	}
	return text + didYouMean(name, optionNames(s))
}

// UnknownScope is the text for an inner scope the scope does not have, in the
// original's words (reference/config-syntax.md §1).
func (s *Schema) UnknownScope(name string) string {
	outer := s.Name
	if outer == "global" {
		outer = "Global"
	}
	text := fmt.Sprintf("'%s' is not a valid scope name in scope '%s'", name, outer)
	if s.Option(name) != nil {
		return text + fmt.Sprintf("; %s is an option: write %s = ...", name, name)
	}
	names := make([]string, len(s.Scopes))
	for i := range s.Scopes {
		names[i] = s.Scopes[i].Name
	}
	return text + didYouMean(name, names)
}

func checkInstance(s *Scope, schema *Schema) Problems {
	switch {
	case schema.Instance == InstanceRequired && s.Instance == "":
		return Problems{{s.Pos, fmt.Sprintf("scope %q needs a name: %s \"...\" { ... }", s.Name, s.Name)}}
	case schema.Instance == InstanceForbidden && s.Instance != "":
		return Problems{{s.Pos, fmt.Sprintf("scope %q takes no name: write %s { ... }", s.Name, s.Name)}}
	}
	return nil
}

func checkAttr(a *Attr, schema *Schema) Problems {
	if o := schema.Option(a.Name); o != nil {
		return o.Check(a.Value)
	}
	if schema.Open {
		return nil
	}
	return Problems{{a.Pos, schema.UnknownOption(a.Name)}}
}

func optionNames(s *Schema) []string {
	names := make([]string, len(s.Options))
	for i := range s.Options {
		names[i] = s.Options[i].Name
	}
	return names
}

func didYouMean(name string, candidates []string) string {
	if near := Nearest(name, candidates); near != "" {
		return "; did you mean " + strconv.Quote(near) + "?"
	}
	return ""
}

// String lists the problems, a line each.
func (p Problems) String() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].Text
		if at := p[i].Pos.String(); at != "" {
			lines[i] = at + ": " + p[i].Text
		}
	}
	return strings.Join(lines, "\n")
}
