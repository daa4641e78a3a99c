package binding

import "math/rand/v2"

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
	pick     func(n int) int
}

// NewTable builds a table; the default binding is always there. Names keep
// their case (reference/config-syntax.md §1).
func NewTable(list []Binding) *Table {
	t := &Table{slots: map[string]int{}, groups: map[string][]string{}, pick: rand.IntN}
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
func (t *Table) Choose(group string) (Binding, bool) {
	members := t.groups[group]
	if len(members) == 0 {
		return Binding{}, false
	}
	return t.Find(members[t.pick(len(members))])
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
