package lpattern_test

import (
	"testing"

	"github.com/mtad/mtad/plugins/scriptlet/lpattern"
)

// FuzzMatch: whatever the pattern, a search ends within its budget and its
// captures lie within the subject.
func FuzzMatch(f *testing.F) {
	for _, h := range hostile {
		if len(h.src) < 100 {
			f.Add(h.src, h.pattern)
		}
	}
	for _, s := range [][2]string{{"hello", "(l)()%1"}, {"f(a(b))", "%b()"}, {"a b", "%f[%w]%w+"}, {"x]", "[]^-]-$"}, {"", "[%"}, {"k=v", "^(%w+)=(%w*)$"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, src, pattern string) {
		b := &budget{left: 20000}
		m, ok, err := lpattern.Find(src, pattern, 0, b)
		if ok && err != nil {
			t.Errorf("a match and %v", err)
		}
		if ok && (m.Start > m.End || m.End > len(src)) {
			t.Errorf("match %d-%d of %d", m.Start, m.End, len(src))
		}
		for i := range m.Captures() {
			if text, pos, err := m.Capture(src, i); err == nil && (len(text) > len(src) || pos > len(src)+1) {
				t.Errorf("capture %d: %q %d", i, text, pos)
			}
		}
		if b.left < -20000-4*len(src) {
			t.Errorf("%d steps past the budget", -b.left)
		}
		result, n, err := lpattern.Gsub(src, pattern, lpattern.Template("<%0>"), lpattern.GsubOptions{Max: -1, Budget: &budget{left: 20000}})
		if err == nil && len(result) != len(src)+2*n {
			t.Errorf("gsub of %q made %q of %d matches", src, result, n)
		}
	})
}
