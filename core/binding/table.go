package binding

import (
	"math/rand/v2"
	"sync/atomic"
)

// Default is the binding, and the group, of mail that policy did not bind
// (reference/lua-api-notes.md 41).
const Default = "default"

// Suspended is the binding of mail that waits for policy to bind it. No binding
// of a configuration is meant by it, and nothing leaves through it.
const Suspended = "*suspended*"

// Binding is one way out.
type Binding struct{ Name, Group string }

// Table is the bindings of one configuration. It never changes.
type Table struct {
	bindings []Binding // by slot; slot 0 is the default binding
	slots    map[string]int
	groups   map[string][]string
	turns    map[string]*atomic.Uint64
}

// NewTable builds a table; the default binding is always there. Names keep
// their case (reference/config-syntax.md §1).
func NewTable(list []Binding) *Table {
	t := &Table{slots: map[string]int{}, groups: map[string][]string{}, turns: map[string]*atomic.Uint64{}}
	t.add(Binding{Default, Default})
	for _, b := range list {
		if b.Group == "" {
			b.Group = Default
		}
		t.add(b)
	}
	return t
}

func (t *Table) add(b Binding) {
	if _, there := t.slots[b.Name]; there {
		return
	}
	t.slots[b.Name] = len(t.bindings)
	t.bindings = append(t.bindings, b)
	t.groups[b.Group] = append(t.groups[b.Group], b.Name)
	if t.turns[b.Group] == nil {
		t.turns[b.Group] = &atomic.Uint64{}
		t.turns[b.Group].Store(uint64(rand.Uint32())) // nodes do not begin alike
	}
}

// Find returns a binding by name.
func (t *Table) Find(name string) (Binding, bool) {
	slot, ok := t.slots[name]
	if !ok {
		return Binding{}, false
	}
	return t.bindings[slot], true
}

// Choose picks one of a group's bindings; false where there is no such group.
// They take turns, so that each gets as much. One that is not usable is passed
// over, unless none is; nil: all are.
func (t *Table) Choose(group string, usable func(Binding) bool) (Binding, bool) {
	members := t.groups[group]
	if len(members) == 0 {
		return Binding{}, false
	}
	first := int(t.turns[group].Add(1) % uint64(len(members)))
	for i := range members {
		b, _ := t.Find(members[(first+i)%len(members)])
		if usable == nil || usable(b) {
			return b, true
		}
	}
	return t.Find(members[first])
}

// Names lists the bindings by slot.
func (t *Table) Names() []string {
	names := make([]string, len(t.bindings))
	for i, b := range t.bindings {
		names[i] = b.Name
	}
	return names
}

// Members lists the bindings of a group.
func (t *Table) Members(group string) []string { return t.groups[group] }
