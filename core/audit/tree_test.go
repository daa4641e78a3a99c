package audit

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
)

// model counts naively: a number for each address and window.
type model map[netip.Addr]map[int64]int64

func (m model) add(a netip.Addr, window, n int64) {
	if m[a] == nil {
		m[a] = map[int64]int64{}
	}
	m[a][window] += n
}

func (m model) count(p netip.Prefix, from, to int64) int64 {
	total := int64(0)
	for a, windows := range m {
		for w, n := range windows {
			if p.Contains(a) && w >= from && w <= to {
				total += n
			}
		}
	}
	return total
}

func randomAddr(r *rand.Rand) netip.Addr {
	if r.IntN(2) == 0 {
		return netip.AddrFrom4([4]byte{10, byte(r.IntN(3)), byte(r.IntN(4) * 60), byte(r.IntN(256))})
	}
	b := [16]byte{0x20, 1, 0xd, 0xb8, byte(r.IntN(2)), 15: byte(r.IntN(8))}
	return netip.AddrFrom16(b)
}

// A tree with room for everything agrees with the model for every network,
// whatever is removed and whatever expires.
func TestTreeAgreesWithModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const interval, windows = 10, 4
	tree := newTree(shape{interval: interval, count: windows, figures: 1}, 1<<20)
	m := model{}
	now := int64(1000)
	for step := range 4_000 {
		a := randomAddr(r)
		p := netip.PrefixFrom(a, a.BitLen())
		switch r.IntN(20) {
		case 0:
			now += int64(r.IntN(12))
		case 1:
			tree.remove(p)
			delete(m, a)
		case 2:
			tree.sweep(now, 3)
		default:
			n := int64(r.IntN(5) - 1)
			tree.add(p, 0, n, now)
			m.add(a, now/interval, n)
		}
		q, _ := randomAddr(r).Prefix(r.IntN(33))
		start := r.IntN(windows)
		end := start + r.IntN(windows+2)
		first := max(now/interval-int64(end), now/interval-windows+1)
		if got, want := tree.count(q, 0, now, start, end), m.count(q, first, now/interval-int64(start)); got != want {
			t.Fatalf("step %d: %s windows %d to %d: %d, want %d", step, q, start, end, got, want)
		}
	}
	checkTree(t, tree)
	now += interval * windows
	for tree.sweep(now, 100) {
	}
	if tree.nodes != 0 {
		t.Errorf("%d nodes are left when all is over", tree.nodes)
	}
}

// checkTree checks what must hold of every node.
func checkTree(t *testing.T, tree *tree) {
	t.Helper()
	nodes, leaves := 0, 0
	var walk func(n *node)
	walk = func(n *node) {
		for side, c := range n.child {
			if c == nil {
				continue
			}
			nodes++
			if c.parent != n || c.bits <= n.bits || common(c.addr, n.addr) < n.bits || bit(c.addr, n.bits) != side {
				t.Errorf("%s/%d hangs wrong below %s/%d", c.addr, c.bits, n.addr, n.bits)
			}
			if leaf := c.child == [2]*node{}; leaf != (c.next != nil) {
				t.Errorf("%s/%d: leaf %v, in the list %v", c.addr, c.bits, leaf, c.next != nil)
			} else if leaf {
				leaves++
			}
			walk(c)
		}
	}
	walk(tree.v4)
	walk(tree.v6)
	listed := 0
	for n := tree.leaves.next; n != &tree.leaves; n = n.next {
		listed++
	}
	if nodes != tree.nodes || listed != leaves {
		t.Errorf("%d nodes, counted %d; %d leaves, %d in the list", nodes, tree.nodes, leaves, listed)
	}
}

// Where there is no room for all, old addresses count for their networks only.
func TestTreeGivesUpDetail(t *testing.T) {
	tree := newTree(shape{interval: 60, count: 2, figures: 1}, 40)
	for i := range 200 {
		a := netip.AddrFrom4([4]byte{192, 0, byte(i % 2), byte(i)})
		tree.add(netip.PrefixFrom(a, 32), 0, 1, 600)
		if tree.nodes > 40 {
			t.Fatalf("%d nodes", tree.nodes)
		}
	}
	checkTree(t, tree)
	for prefix, want := range map[string]int64{
		"192.0.0.0/23": 200, "0.0.0.0/0": 200, "192.0.0.0/24": 100, "192.0.1.199/32": 1, "192.0.0.0/32": 0, "2001::/16": 0,
	} {
		if got := tree.count(netip.MustParsePrefix(prefix), 0, 600, 0, 0); got != want {
			t.Errorf("%s: %d, want %d", prefix, got, want)
		}
	}
	got := int64(0)
	tree.each(func(_ netip.Prefix, own record) { got += own.values[0] })
	if got != 200 {
		t.Errorf("each gives %d of 200", got)
	}
}

func TestWindows(t *testing.T) {
	s := shape{interval: 10, count: 3, figures: 2}
	r := s.record(s.window(100))
	for i, now := range []int64{100, 109, 110, 125, 126} {
		s.turn(&r, s.window(now))
		r.values[s.at(1, r.newest)] += int64(1 + i)
	}
	for _, c := range []struct {
		now        int64
		start, end int
		want       int64
	}{
		{126, 0, 0, 9}, {126, 1, 1, 3}, {126, 2, 2, 3}, {126, 0, 2, 15}, {126, 0, 99, 15}, {126, -5, 0, 9}, {126, 2, 1, 0},
		{135, 0, 0, 0}, {135, 1, 2, 12}, {149, 2, 2, 9}, {150, 0, 9, 0}, {119, 0, 0, 3},
	} {
		if got := s.sum(&r, 1, s.window(c.now), c.start, c.end); got != c.want {
			t.Errorf("at %d windows %d to %d: %d, want %d", c.now, c.start, c.end, got, c.want)
		}
	}
	if s.turn(&r, 3); r.newest != 12 {
		t.Errorf("a clock that went back moved the record to window %d", r.newest)
	}
	if s.expired(&r, 14) || !s.expired(&r, 15) {
		t.Error("expired is wrong")
	}
}

func FuzzTree(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 250, 6, 7, 8, 9, 10, 11, 12})
	f.Fuzz(func(t *testing.T, ops []byte) {
		tree := newTree(shape{interval: 1, count: 2, figures: 1}, minNetworks)
		for i := 0; i+2 < len(ops); i += 3 {
			a := netip.AddrFrom4([4]byte{ops[i], 0, ops[i+1] & 3, ops[i+1]})
			p, _ := a.Prefix(int(ops[i+2]) % 33)
			switch {
			case ops[i+2] >= 240:
				tree.remove(netip.PrefixFrom(a, 32))
			case ops[i+2] >= 220:
				tree.sweep(int64(i/9), 2)
			default:
				tree.add(p, 0, 1, int64(i/9))
			}
		}
		checkTree(t, tree)
		if tree.nodes > minNetworks {
			t.Fatal(fmt.Sprint(tree.nodes, " nodes"))
		}
	})
}
