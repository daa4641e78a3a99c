package scriptlet

import (
	lua "github.com/yuin/gopher-lua"
)

// sorter sorts a copy of a table's array, so that a comparator may do anything
// to the table meanwhile. It is the quicksort of Lua 5.1, step by step: equal
// elements end up in the same order, and a comparator that contradicts itself
// gets the same error.
type sorter struct {
	L      *lua.LState
	run    *run
	fn     *lua.LFunction
	values []lua.LValue // from index 0; one more behind the last
}

func tableSort(L *lua.LState) int {
	t := checkTable(L, 1)
	n := t.Len()
	s := &sorter{L: L, run: threadOf(L).run, values: make([]lua.LValue, n+2)}
	if L.Get(2) != lua.LNil {
		s.fn = checkFunction(L, 2)
	}
	for i := range s.values {
		s.values[i] = t.RawGet(lua.LNumber(i))
	}
	before, behind := s.values[0], s.values[n+1]
	// After an error the table is as far sorted as the sort came, and with a
	// comparator that contradicts itself may be longer.
	defer func() {
		for i := 1; i <= n; i++ {
			t.RawSetInt(i, s.values[i])
		}
		if s.values[0] != before {
			t.RawSet(lua.LNumber(0), s.values[0])
		}
		if s.values[n+1] != behind {
			t.RawSetInt(n+1, s.values[n+1])
		}
	}()
	s.sort(1, n)
	return 0
}

func (s *sorter) swap(i, j int) { s.values[i], s.values[j] = s.values[j], s.values[i] }

// less compares values i and j.
func (s *sorter) less(a, b lua.LValue) bool {
	s.run.spend(s.L, 4)
	if s.fn == nil {
		return lessThan(s.L, a, b)
	}
	s.L.Push(s.fn)
	s.L.Push(a)
	s.L.Push(b)
	s.L.Call(2, 1)
	less := lua.LVAsBool(s.L.Get(-1))
	s.L.Pop(1)
	return less
}

// sort sorts from low to high: the larger part in the loop, the smaller one by
// itself, so that it is never deep.
func (s *sorter) sort(low, high int) {
	for low < high {
		if s.less(s.values[high], s.values[low]) {
			s.swap(low, high)
		}
		if high-low == 1 {
			return
		}
		middle := (low + high) / 2
		if s.less(s.values[middle], s.values[low]) {
			s.swap(middle, low)
		} else if s.less(s.values[high], s.values[middle]) {
			s.swap(middle, high)
		}
		if high-low == 2 {
			return
		}
		at := s.partition(low, high, middle)
		if at-low < high-at {
			s.sort(low, at-1)
			low = at + 1
		} else {
			s.sort(at+1, high)
			high = at - 1
		}
	}
}

// partition puts what is smaller than the middle value before it, and gives
// where that value stands then.
func (s *sorter) partition(low, high, middle int) int {
	pivot := s.values[middle]
	s.swap(middle, high-1)
	i, j := low, high-1
	for {
		for i++; s.less(s.values[i], pivot); i++ {
			if i > high {
				raisef(s.L, "invalid order function for sorting")
			}
		}
		for j--; s.less(pivot, s.values[j]); j-- {
			if j < low {
				raisef(s.L, "invalid order function for sorting")
			}
		}
		if j < i {
			break
		}
		s.swap(i, j)
	}
	s.swap(high-1, i)
	return i
}

// lessThan is Lua's < for a Go function, whose errors have no position.
func lessThan(L *lua.LState, a, b lua.LValue) bool {
	switch a.Type() {
	case lua.LTNumber, lua.LTString:
		if a.Type() == b.Type() {
			return L.LessThan(a, b)
		}
	case b.Type():
		if h := L.GetMetaField(a, "__lt"); h.Type() == lua.LTFunction && h == L.GetMetaField(b, "__lt") {
			return L.LessThan(a, b)
		}
	}
	L.Error(lua.LString(compareError(a, b)), 0)
	return false
}
