package scriptlet

import (
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtad/mtad/sdk"
)

func TestProcessors(t *testing.T) {
	var told []int
	p := &processors{set: func(n int) { told = append(told, n) }}
	looks := func(n int) {
		for range n {
			p.look(false)
		}
	}
	p.long() // before the first commit there is nothing to set
	p.setting.Wait()
	p.look(true)
	p.commit(1)
	p.long()
	p.long()
	p.setting.Wait()
	looks(quietLooks)
	p.long() // still at it
	looks(quietLooks)
	p.commit(1) // the same number
	p.look(false)
	p.commit(3)
	p.long()
	p.setting.Wait()
	p.look(true)
	if diff := cmp.Diff([]int{1, 2, 1, 3, 4, 3}, told); diff != "" {
		t.Error(diff)
	}
	var percents []int
	gc := &processors{set: func(int) {}, collector: func(percent int) { percents = append(percents, percent) }}
	gc.commit(2)
	gc.long()
	gc.setting.Wait()
	gc.look(true)
	if diff := cmp.Diff([]int{gcUsual, gcLong, gcUsual}, percents); diff != "" {
		t.Error(diff)
	}
	none := &processors{}
	none.commit(2)
	none.long()
	none.look(true)
}

// A script that goes on and on must not keep the rest of the process from
// running.
func TestLongScriptsGetAProcessor(t *testing.T) {
	var mu sync.Mutex
	var told []int
	w := setup{
		scripts: map[string]string{"script": head + `function mod:validate_ehlo() while true do end end` + foot},
		attrs:   map[string]string{"interpreters": "1", "cpu_limit": "20"},
		deps: Deps{Interpreters: func(n int) {
			mu.Lock()
			told = append(told, n)
			mu.Unlock()
		}},
	}.start(t)
	w.m.procs.look(true) // what preparing took
	if r := w.one(1, sdk.ValidateEHLO); !r.Failed {
		t.Fatalf("%+v", r)
	}
	w.m.procs.setting.Wait()
	mu.Lock()
	defer mu.Unlock()
	// On a busy machine the watchdog may have taken it away again by now.
	if !slices.Contains(told, 2) {
		t.Errorf("told %v", told)
	}
}

func TestShare(t *testing.T) {
	cases := []struct {
		isolation         string
		cpus, cores, want int
	}{
		{"process", 0, 1, 1},
		{"process", 0, 2, 1},
		{"process", 0, 3, 2},
		{"process", 0, 16, 8},
		{"process", 4, 4, 4},
		{"core", 0, 16, 16},
	}
	for _, c := range cases {
		g := &generation{mod: &Module{deps: Deps{CPUs: c.cpus}}, options: options{Isolation: c.isolation}}
		if got := g.share(c.cores); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}
