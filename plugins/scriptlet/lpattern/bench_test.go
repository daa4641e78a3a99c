package lpattern_test

import (
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/pm"

	"github.com/mtad/mtad/plugins/scriptlet/lpattern"
)

var searches = []struct{ name, src, pattern string }{
	{"anchored", "192.0.2.1", "^192%.0%.2%."},
	{"anchored miss", "user@example.org", "^no%-?reply"},
	{"header", "X-Spam: yes; score=5.1", "^([%w-]+):%s*(.*)$"},
	{"needle", strings.Repeat("lorem ipsum ", 341) + "needle-42", "(needle%-%d+)"},
	{"all", strings.Repeat("lorem ipsum ", 341), "(.*)"},
	{"lazy", strings.Repeat("lorem ipsum ", 341) + ";", "^(.-);"},
	{"address", strings.Repeat("lorem ipsum ", 341) + "user@example", "[%w_]+@[%w_]+"},
}

func BenchmarkFind(b *testing.B) {
	for _, s := range searches {
		b.Run(s.name+"/lpattern", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				lpattern.Find(s.src, s.pattern, 0, nil)
			}
		})
		b.Run(s.name+"/pm", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				pm.Find(s.pattern, []byte(s.src), 0, 1)
			}
		})
	}
}

// BenchmarkScript is string.find as a script calls it.
func BenchmarkScript(b *testing.B) {
	for _, stock := range []bool{false, true} {
		name := "lpattern"
		L := newState(b, lpattern.Options{Spend: func(*lua.LState, int) {}})
		if stock {
			name = "stock"
			L = lua.NewState()
		}
		b.Run(name, func(b *testing.B) {
			fn, err := L.LoadString(`for i = 1, 100 do local a, b = string.find("192.0.2.1", "^192%.0%.(%d+)%.") end`)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				L.Push(fn)
				L.Call(0, 0)
			}
		})
	}
}
