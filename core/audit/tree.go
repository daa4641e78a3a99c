package audit

import (
	"math/bits"
	"net/netip"
)

// tree counts by network: a binary trie with compressed paths, one for each
// address family. Every node holds the sum of all that was counted inside its
// prefix, so the count of any network is read in one descent.
//
// It has at most max nodes beside the two roots. Where they do not suffice, the
// leaf that was touched longest ago is given up: its counts stay in the nodes
// above it, so that its network goes on being counted, only less finely.
//
// A tree has no lock; its owner has one.
type tree struct {
	shape
	max    int
	nodes  int
	v4, v6 *node
	// leaves is the list of leaves, the one touched last in front.
	leaves node
}

// node is a prefix: the first bits of addr.
type node struct {
	addr       netip.Addr
	bits       int
	record     record
	parent     *node
	child      [2]*node
	prev, next *node // in the list of leaves; nil where it is none
}

func newTree(s shape, max int) *tree {
	t := &tree{shape: s, max: max}
	t.leaves.prev, t.leaves.next = &t.leaves, &t.leaves
	t.v4 = &node{addr: netip.IPv4Unspecified(), record: s.record(0)}
	t.v6 = &node{addr: netip.IPv6Unspecified(), record: s.record(0)}
	return t
}

func (t *tree) root(a netip.Addr) *node {
	if a.Is4() {
		return t.v4
	}
	return t.v6
}

// add counts delta for a network, in the window of now, and gives what the
// network has counted in it.
func (t *tree) add(p netip.Prefix, figure int, delta, now int64) int64 {
	window := t.window(now)
	leaf := t.make(p, window)
	for n := leaf; n != nil; n = n.parent {
		t.turn(&n.record, window)
		n.record.values[t.at(figure, n.record.newest)] += delta
	}
	if leaf.next != nil {
		t.touch(leaf)
	}
	return leaf.record.values[t.at(figure, leaf.record.newest)]
}

// count adds up the windows from start to end of a network.
func (t *tree) count(p netip.Prefix, figure int, now int64, start, end int) int64 {
	n := t.below(p)
	if n == nil {
		return 0
	}
	return t.sum(&n.record, figure, t.window(now), start, end)
}

// below is the node that covers all that was counted inside p, nil if nothing
// was.
func (t *tree) below(p netip.Prefix) *node {
	addr, length := p.Addr(), p.Bits()
	n := t.root(addr)
	for n != nil && n.bits < length {
		if common(n.addr, addr) < n.bits {
			return nil
		}
		n = n.child[bit(addr, n.bits)]
	}
	if n == nil || common(n.addr, addr) < length {
		return nil
	}
	return n
}

// remove forgets what was counted for exactly p.
func (t *tree) remove(p netip.Prefix) {
	n := t.below(p)
	if n == nil || n.bits != p.Bits() || n.parent == nil || n.child != [2]*node{} {
		return
	}
	for up := n.parent; up != nil; up = up.parent {
		t.subtract(&up.record, &n.record)
	}
	t.drop(n)
}

// sweep gives up leaves whose windows are over, and those that are too many since
// max was lowered, at most limit of them. It tells whether there may be more.
func (t *tree) sweep(now int64, limit int) bool {
	for range limit {
		last := t.leaves.prev
		if last == &t.leaves || t.nodes <= t.max && !t.expired(&last.record, t.window(now)) {
			return false
		}
		t.drop(last)
	}
	return true
}

// make finds the node of exactly p, or makes it.
func (t *tree) make(p netip.Prefix, window int64) *node {
	if n := t.below(p); n != nil && n.bits == p.Bits() {
		return n
	}
	for t.nodes+2 > t.max && t.leaves.prev != &t.leaves {
		t.drop(t.leaves.prev)
	}
	addr, length := p.Addr(), p.Bits()
	parent := t.root(addr)
	for {
		next := parent.child[bit(addr, parent.bits)]
		if next == nil || common(next.addr, addr) < next.bits || next.bits >= length {
			break
		}
		parent = next
	}
	n := &node{addr: p.Masked().Addr(), bits: length, record: t.shape.record(window)}
	t.insert(n, parent)
	return n
}

// insert hangs n below parent, which covers it: as a new child, above the child
// that is in its place, or beside that below a new node that covers both.
func (t *tree) insert(n, parent *node) {
	side := bit(n.addr, parent.bits)
	old := parent.child[side]
	t.unlist(parent)
	t.nodes++
	switch {
	case old == nil:
		t.hang(n, parent)
		t.touch(n)
	case old.bits > n.bits && common(old.addr, n.addr) >= n.bits:
		n.record.copyFrom(&old.record)
		t.hang(n, parent)
		t.hang(old, n)
	default:
		length := common(old.addr, n.addr)
		prefix, _ := n.addr.Prefix(length) // length is in range: both addresses have it in common
		fork := &node{addr: prefix.Addr(), bits: length}
		fork.record.copyFrom(&old.record)
		t.nodes++
		t.hang(fork, parent)
		t.hang(old, fork)
		t.hang(n, fork)
		t.touch(n)
	}
}

func (t *tree) hang(n, parent *node) {
	n.parent = parent
	parent.child[bit(n.addr, parent.bits)] = n
}

// drop takes a leaf out. Its parent becomes a leaf, or goes too where it says
// no more than its other child.
func (t *tree) drop(n *node) {
	up := n.parent
	t.unlist(n)
	t.nodes--
	up.child[bit(n.addr, up.bits)] = nil
	if up.parent == nil {
		return
	}
	rest := up.child[0]
	if rest == nil {
		rest = up.child[1]
	}
	switch {
	case rest == nil && up.record.zero():
		t.drop(up)
	case rest == nil:
		t.enlist(up, t.leaves.prev) // it is as old as its last child was
	case t.equal(&up.record, &rest.record):
		t.nodes--
		t.hang(rest, up.parent)
	}
}

// touch makes a leaf the one used last.
func (t *tree) touch(n *node) {
	t.unlist(n)
	t.enlist(n, &t.leaves)
}

// enlist puts n behind at in the list of leaves.
func (t *tree) enlist(n, at *node) {
	n.prev, n.next = at, at.next
	n.prev.next, n.next.prev = n, n
}

func (t *tree) unlist(n *node) {
	if n.next == nil {
		return
	}
	n.prev.next, n.next.prev = n.next, n.prev
	n.prev, n.next = nil, nil
}

func (r *record) copyFrom(o *record) {
	r.newest = o.newest
	r.values = append([]int64(nil), o.values...)
}

// each calls f for every prefix with what was counted for it and not for any
// longer one that the tree still has.
func (t *tree) each(f func(p netip.Prefix, own record)) {
	for _, root := range []*node{t.v4, t.v6} {
		t.visit(root, f)
	}
}

func (t *tree) visit(n *node, f func(p netip.Prefix, own record)) {
	var own record
	own.copyFrom(&n.record)
	for _, c := range n.child {
		if c != nil {
			t.subtract(&own, &c.record)
			t.visit(c, f)
		}
	}
	if !own.zero() {
		f(netip.PrefixFrom(n.addr, n.bits), own)
	}
}

// bit is bit i of a, 0 where a has no such bit.
func bit(a netip.Addr, i int) int {
	if a.Is4() {
		if i >= 32 {
			return 0
		}
		b := a.As4()
		return int(b[i/8]>>(7-i%8)) & 1
	}
	if i >= 128 {
		return 0
	}
	b := a.As16()
	return int(b[i/8]>>(7-i%8)) & 1
}

// common is how many leading bits two addresses of a family share.
func common(a, b netip.Addr) int {
	x, y := a.As16(), b.As16()
	for i := range x {
		if d := x[i] ^ y[i]; d != 0 {
			n := 8*i + bits.LeadingZeros8(d)
			if a.Is4() {
				n -= 96
			}
			return n
		}
	}
	return a.BitLen()
}
