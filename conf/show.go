package conf

import (
	"fmt"
	"strings"

	"github.com/mtad/mtad/sdk/credential"
	"github.com/mtad/mtad/sdk/option"
)

// Show is a scope as `config show` prints it: what is set in it, and its inner
// scopes as { ... }. Without words it is the global scope. The error says which
// word is wrong (reference/console.tsv).
func (v View) Show(words []string) (string, error) { return v.show(words, brief) }

// ShowRecurse is Show with the inner scopes in full.
func (v View) ShowRecurse(words []string) (string, error) { return v.show(words, whole) }

type depth uint8

const (
	brief depth = iota
	whole
)

func (v View) show(words []string, d depth) (string, error) {
	at := step{name: "global", schema: v.Schema, scope: v.Tree.Root}
	for len(words) > 0 {
		next, used, err := at.enter(words)
		if err != nil {
			return "", err
		}
		if at, words = next, words[used:]; at.scope == nil {
			return "", fmt.Errorf("there is no scope %s in the configuration", strings.TrimSpace(DisplayName(at.name)+" "+at.instance))
		}
	}
	var b strings.Builder
	writeInside(&b, at.scope, at.schema, d, "")
	return b.String(), nil
}

// FormatScope is a whole scope in the original's syntax, as `config
// showrecurse` and `domain` print it.
func FormatScope(s *option.Scope, schema *option.Schema) string {
	var b strings.Builder
	writeScope(&b, s, schema, whole, "")
	return b.String()
}

func writeInside(b *strings.Builder, s *option.Scope, schema *option.Schema, d depth, indent string) {
	for i := range s.Scopes {
		inner := &s.Scopes[i]
		var known *option.Schema
		if schema != nil {
			known = schema.Scope(inner.Name)
		}
		writeScope(b, inner, known, d, indent)
	}
	for i := range s.Attrs {
		a := &s.Attrs[i]
		o := &option.Option{Name: a.Name}
		if schema != nil {
			if known := schema.Option(a.Name); known != nil {
				o = known
			}
		}
		text := DisplayName(a.Name) + " = " + FormatValue(o, hidden(a))
		fmt.Fprintf(b, "%s%s\n", indent, strings.ReplaceAll(text, "\n", "\n"+indent))
	}
}

func writeScope(b *strings.Builder, s *option.Scope, schema *option.Schema, d depth, indent string) {
	b.WriteString(indent + DisplayName(s.Name))
	if s.Instance != "" {
		fmt.Fprintf(b, " %q", s.Instance)
	}
	if d == brief {
		b.WriteString(" { ... }\n")
		return
	}
	b.WriteString(" {\n")
	writeInside(b, s, schema, d, indent+"  ")
	b.WriteString(indent + "}\n")
}

// hidden is an option's value, unless it is a secret.
func hidden(a *option.Attr) option.Value { return masked(credential.NewMasker(), a.Name, a.Value) }

// secret reports an option that whoever reads a transcript must not learn.
func secret(name string) bool { return credential.SecretName(name) }

// Setting is an option's value as it counts for some scopes.
type Setting struct {
	Name  string // as the console shows it
	Value string // in the original's syntax; "" where there is none
	Pos   option.Pos
	Set   bool // false: Value is the default
}

// Where is the line that sets the option, "file:line", or "default".
func (s Setting) Where() string {
	switch {
	case !s.Set:
		return "default"
	case s.Pos.Line == 0:
		return s.Pos.File
	}
	return fmt.Sprintf("%s:%d", s.Pos.File, s.Pos.Line)
}

// Effective is the value of an option that falls back over layers, and the line
// that says so. o describes the option.
func Effective(layers []*option.Scope, o *option.Option) Setting {
	s := Setting{Name: DisplayName(o.Name)}
	if from := Origin(layers, o.Name); from != nil {
		a, _ := from.Attr(o.Name)
		s.Value, s.Pos, s.Set = FormatValue(o, hidden(a)), a.Pos, true
		return s
	}
	if v, ok := o.DefaultValue(); ok {
		s.Value = FormatValue(o, v)
	}
	return s
}
