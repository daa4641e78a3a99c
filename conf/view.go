package conf

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mtad/mtad/sdk/option"
)

// View answers the console's `config get` and `config eval` for a tree and the
// root schema it was checked with (reference/console.tsv).
type View struct {
	Tree   *Tree
	Schema *option.Schema
}

// NotSetError is the console's answer for an option that has no value.
type NotSetError struct {
	Option string // as the console shows it
	Scope  string // as `config locate` shows it; "" for the global scope
}

// Error is the original's line.
func (e *NotSetError) Error() string {
	return fmt.Sprintf("Option '%s' is not set in scope '%s'.", e.Option, e.Scope)
}

// errNoWords is what Get and Eval say to nothing at all.
var errNoWords = errors.New("which option? write [scope [instance]...] option")

// step is one scope on the way to an option. The scope is nil where the
// configuration has none of that name.
type step struct {
	name, instance string
	schema         *option.Schema
	scope          *option.Scope
}

// Get is the value that is set exactly in the scope the words name, as
// "Name = value": [scope [instance]...] option. The error is a *NotSetError, or
// says which word is wrong.
func (v View) Get(words []string) (string, error) { return v.get(words, forPeople) }

func (v View) get(words []string, show shower) (string, error) {
	steps, o, err := v.resolve(words)
	if err != nil {
		return "", err
	}
	last := steps[len(steps)-1]
	if last.scope != nil {
		if a, set := last.scope.Attr(o.Name); set {
			return DisplayName(o.Name) + " = " + FormatValue(o, show(o.Name, a.Value)), nil
		}
	}
	return "", &NotSetError{DisplayName(o.Name), location(steps)}
}

// Eval is the value that counts in the scope the words name, after fallback and
// defaults. An option without any value is a *NotSetError; a boolean is 0 then.
func (v View) Eval(words []string) (string, error) { return v.eval(words, forPeople) }

func (v View) eval(words []string, show shower) (string, error) {
	steps, o, err := v.resolve(words)
	if err != nil {
		return "", err
	}
	value, ok := o.DefaultValue()
	if o.Type == option.Bool {
		value, ok = boolDefault(value), true
	}
	if s := Origin(v.layers(steps), o.Name); s != nil {
		a, _ := s.Attr(o.Name)
		value, ok = a.Value, true
	}
	if !ok {
		return "", &NotSetError{DisplayName(o.Name), location(steps)}
	}
	return DisplayName(o.Name) + " = " + FormatValue(o, show(o.Name, value)), nil
}

// boolDefault shows a default as the original does: 0 or 1.
func boolDefault(v option.Value) option.Value {
	text := "0"
	switch strings.ToLower(v.Text) {
	case "true", "on", "enabled", "1":
		text = "1"
	}
	return option.Value{Kind: option.KindNumber, Text: text}
}

// resolve walks the words down the schema. steps[0] is the root.
func (v View) resolve(words []string) ([]step, *option.Option, error) {
	if len(words) == 0 {
		return nil, nil, errNoWords
	}
	path, name := words[:len(words)-1], strings.ToLower(words[len(words)-1])
	steps := []step{{name: "global", schema: v.Schema, scope: v.Tree.Root}}
	for len(path) > 0 {
		next, used, err := steps[len(steps)-1].enter(path)
		if err != nil {
			return nil, nil, err
		}
		steps, path = append(steps, next), path[used:]
	}
	schema := steps[len(steps)-1].schema
	o := schema.Option(name)
	if o == nil {
		return nil, nil, errors.New(schema.UnknownOption(name))
	}
	return steps, o, nil
}

// enter takes the next scope and its instance, if the words have one. Where a
// name is optional, a word that names an inner scope and no instance there is
// is the inner scope.
func (s step) enter(words []string) (step, int, error) {
	next := step{name: strings.ToLower(words[0])}
	next.schema = s.schema.Scope(next.name)
	if next.schema == nil {
		return next, 0, errors.New(s.schema.UnknownScope(words[0]))
	}
	if len(words) > 1 {
		next.scope = s.find(next.name, words[1])
		inner := next.schema.Scope(strings.ToLower(words[1])) != nil
		named := next.schema.Instance == option.InstanceRequired ||
			next.schema.Instance == option.InstanceOptional && !inner
		if next.scope != nil || named {
			next.instance = words[1]
			return next, 2, nil
		}
	}
	next.scope = s.find(next.name, "")
	return next, 1, nil
}

func (s step) find(name, instance string) *option.Scope {
	if s.scope == nil {
		return nil
	}
	for _, c := range s.scope.Children(name) {
		if foldInstance(name, c.Instance) == foldInstance(name, instance) {
			return c
		}
	}
	return nil
}

// outboundScopes fall back by Layers.Outbound.
var outboundScopes = [...]string{"binding_group", "binding", "domain"}

// layers are the scopes an option falls back over at the end of the steps: by
// the rules of the family they belong to; a module's scope stands for itself.
func (v View) layers(steps []step) []*option.Scope {
	inner := steps[1:]
	instance := func(name string) string {
		for _, s := range inner {
			if s.name == name {
				return s.instance
			}
		}
		return ""
	}
	last := steps[len(steps)-1]
	family := steps[min(1, len(inner))].name
	switch {
	case last.name == "host":
		return v.Tree.Layers.Host(instance("binding"), last.instance)
	case last.name == "pathway":
		return v.Tree.Layers.Pathway(last.instance)
	case last.name == "pathway_group":
		return appendScope([]*option.Scope{v.Tree.Root}, last.scope)
	case slices.Contains(outboundScopes[:], family) && slices.Contains(outboundScopes[:], last.name):
		return v.Tree.Layers.Outbound(instance("binding_group"), instance("binding"), instance("domain"))
	case strings.HasSuffix(family, "_listener"):
		return v.session(family, instance("listen"), last)
	}
	return appendScope(nil, last.scope)
}

// session evaluates a listener's scopes. The words may stop above the peer.
func (v View) session(listener, listen string, last step) []*option.Scope {
	key := SessionKey{Listener: listener, Listen: listen}
	if last.name == "peer" {
		if network, err := parseNetwork(last.instance); err == nil {
			key.Peer = network.Addr()
		}
	}
	return v.Tree.Layers.Session(key)
}

// location is a path as `config locate` shows it: Esmtp_Listener::Listen:\:25:.
func location(steps []step) string {
	var b strings.Builder
	for i, s := range steps[1:] {
		if i > 0 && !strings.HasSuffix(b.String(), ":") {
			b.WriteString("::")
		}
		b.WriteString(DisplayName(s.name))
		if s.instance != "" {
			b.WriteString(":" + strings.ReplaceAll(s.instance, ":", `\:`) + ":")
		}
	}
	return b.String()
}
