package cidr

import (
	"net/netip"

	"github.com/gaissmai/bart"
)

// Table is what one reading of a source gave. It does not change once it is
// built, and lookups in it are safe for concurrent use.
type Table struct {
	networks bart.Table[uint32] // index into values
	values   []string           // excluded first
	index    map[string]uint32  // while it is being built
}

// excluded is the index of the value of networks that are not listed.
const excluded = 0

func newTable() *Table {
	return &Table{values: []string{""}, index: map[string]uint32{}}
}

// Lookup finds the value of the longest network that holds addr. A network that
// is excluded is as good as none.
func (t *Table) Lookup(addr netip.Addr) (value string, ok bool) {
	if t == nil {
		return "", false
	}
	i, ok := t.networks.Lookup(addr.Unmap().WithZone(""))
	if !ok || i == excluded {
		return "", false
	}
	return t.values[i], true
}

// Size is the number of networks.
func (t *Table) Size() int {
	if t == nil {
		return 0
	}
	return t.networks.Size()
}

// list adds a network. Of two equal ones the first counts, but an exclusion
// counts in any case.
func (t *Table) list(p netip.Prefix, value string) {
	if _, there := t.networks.Get(p); there {
		return
	}
	i, ok := t.index[value]
	if !ok {
		i = uint32(len(t.values))
		t.values = append(t.values, value)
		t.index[value] = i
	}
	t.networks.Insert(p, i)
}

func (t *Table) exclude(p netip.Prefix) { t.networks.Insert(p, excluded) }

// finish ends building.
func (t *Table) finish() *Table {
	t.index = nil
	return t
}
