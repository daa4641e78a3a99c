package scriptlet

import (
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// threads.go copies private parts of gopher-lua's; an update may change them.
func TestThreadMakerKnowsTheFields(t *testing.T) {
	w := scripted(t, head+foot)
	if w.m.generation(1).interpreters[0].threads.model == nil {
		t.Error("gopher-lua's fields have changed: threads cost four times as much now")
	}
}

// TestThreadsShareNothing has two threads and their model hold different values
// on deep stacks at the same time.
func TestThreadsShareNothing(t *testing.T) {
	base := lua.NewState(lua.Options{RegistrySize: registrySize, RegistryGrowStep: registryGrow, RegistryMaxSize: registryMax,
		CallStackSize: 200, MinimizeStackMemory: true})
	defer base.Close()
	maker := newThreadMaker(base)
	if err := base.DoString(`
		function deep(tag, n) if n == 0 then return coroutine.yield(tag) .. tag end return (deep(tag, n - 1)) .. n % 10 end
		function top(tag) return deep(tag, 150) end`); err != nil {
		t.Fatal(err)
	}
	top := base.GetGlobal("top").(*lua.LFunction)
	threads := []*lua.LState{maker.make(), maker.make(), maker.make()}
	for i, L := range threads {
		tag := lua.LString(rune('a' + i))
		if _, err, got := base.Resume(L, top, tag); err != nil || got[0] != tag {
			t.Fatalf("thread %d yielded %v, %v", i, got, err)
		}
	}
	for i, L := range threads {
		state, err, got := base.Resume(L, top, lua.LString("x"))
		want := "x" + string(rune('a'+i)) + "1234567890"
		if err != nil || state != lua.ResumeOK || !strings.HasPrefix(got[0].String(), want) || len(got[0].String()) != 152 {
			t.Errorf("thread %d: %v, %v, %v", i, state, got, err)
		}
	}
}

// An unknown layout costs memory and nothing else.
func TestThreadMakerFallsBack(t *testing.T) {
	base := lua.NewState()
	defer base.Close()
	m := &threadMaker{base: base}
	if L := m.make(); L.G != base.G {
		t.Error("the thread belongs to no world")
	}
}

func BenchmarkNewThread(b *testing.B) {
	in := scripted(b, head+foot).m.generation(1).interpreters[0]
	b.ReportAllocs()
	for b.Loop() {
		in.newThread()
	}
}
