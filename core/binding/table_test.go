package binding

import "testing"

// TestChooseIsFair: the bindings of a group take turns, one that is not usable
// is passed over, and mail is not lost where none is.
func TestChooseIsFair(t *testing.T) {
	table := NewTable([]Binding{{"a", "g"}, {"b", "g"}, {"c", "g"}})
	count := func(usable func(Binding) bool) map[string]int {
		n := map[string]int{}
		for range 300 {
			b, ok := table.Choose("g", usable)
			if !ok {
				t.Fatal("nothing was chosen")
			}
			n[b.Name]++
		}
		return n
	}
	if n := count(nil); n["a"] != 100 || n["b"] != 100 || n["c"] != 100 {
		t.Errorf("turns %v", n)
	}
	if n := count(func(b Binding) bool { return b.Name != "b" }); n["b"] != 0 || n["a"]+n["c"] != 300 {
		t.Errorf("one is not usable: %v", n)
	}
	if n := count(func(Binding) bool { return false }); len(n) != 3 {
		t.Errorf("none is usable: %v", n)
	}
	if _, ok := table.Choose("none", nil); ok {
		t.Error("chosen out of no group")
	}
}
