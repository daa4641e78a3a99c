package lpattern_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/lpattern"
)

// describe is a match as text: offsets, then captures.
func describe(src string, m lpattern.Match) string {
	s := fmt.Sprintf("%d-%d", m.Start, m.End)
	for i := range max(m.Captures(), 1) {
		text, pos, err := m.Capture(src, i)
		switch {
		case err != nil:
			s += " " + err.Error()
		case pos > 0:
			s += fmt.Sprintf(" @%d", pos)
		default:
			s += " " + text
		}
	}
	return s
}

func TestFind(t *testing.T) {
	for _, c := range []struct {
		src, pattern string
		init         int
		want         string
	}{
		{"hello", "l+", 0, "2-4 ll"},
		{"hello", "(l)(l)", 0, "2-4 l l"},
		{"hello", "()ll()", 0, "2-4 @3 @5"},
		{"hello", "l", 3, "3-4 l"},
		{"hello", "x", 0, "none"},
		{"hello", "^l", 2, "2-3 l"},
		{"hello", "(l", 0, "2-3 unfinished capture"},
		{"hello", "[", 0, "malformed pattern (missing ']')"},
		{"hello", "", 5, "5-5 "},
	} {
		m, ok, err := lpattern.Find(c.src, c.pattern, c.init, nil)
		got := "none"
		switch {
		case err != nil:
			got = err.Error()
		case ok:
			got = describe(c.src, m)
		}
		if got != c.want {
			t.Errorf("Find(%q, %q, %d) = %s, want %s", c.src, c.pattern, c.init, got, c.want)
		}
	}
	m, _, _ := lpattern.Find("a", "a", 0, nil)
	if _, _, err := m.Capture("a", 1); err == nil {
		t.Error("a capture that is not there has a value")
	}
}

func TestPlain(t *testing.T) {
	for pattern, want := range map[string]bool{"": true, "abc": true, "a.c": false, "a]": true, "a)": true, "a\x00.": true, "-": false, "a^": false, "$": false} {
		if got := lpattern.Plain(pattern); got != want {
			t.Errorf("Plain(%q) = %v", pattern, got)
		}
	}
}

func TestIterator(t *testing.T) {
	it := lpattern.Gmatch("k1=v1, k2=", "(%w+)=(%w*)", nil)
	var got []string
	for {
		m, ok, err := it.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		got = append(got, describe("k1=v1, k2=", m))
	}
	if s := strings.Join(got, "; "); s != "0-5 k1 v1; 7-10 k2 " {
		t.Errorf("got %s", s)
	}
	if _, ok, _ := it.Next(); ok {
		t.Error("a match after the last one")
	}
}

func TestGsub(t *testing.T) {
	for _, c := range []struct {
		src, pattern, template string
		max                    int
		want                   string
	}{
		{"hello", "l", "<%0>", -1, "he<l><l>o 2"},
		{"hello", "l", "L", 1, "heLlo 1"},
		{"hello", "(h)(e)", "%2%1", -1, "ehllo 1"},
		{"hello", "x", "y", -1, "hello 0"},
		{"hello", "", "-", -1, "-h-e-l-l-o- 6"},
		{"hello", "l", "%2", -1, "error: invalid capture index"},
	} {
		got, n, err := lpattern.Gsub(c.src, c.pattern, lpattern.Template(c.template), lpattern.GsubOptions{Max: c.max})
		if got = fmt.Sprintf("%s %d", got, n); err != nil {
			got = "error: " + err.Error()
		}
		if got != c.want {
			t.Errorf("Gsub(%q, %q, %q) = %s, want %s", c.src, c.pattern, c.template, got, c.want)
		}
	}
	_, _, err := lpattern.Gsub(strings.Repeat("a", 100), "a", lpattern.Template("0123456789"), lpattern.GsubOptions{Max: -1, MaxResult: 500})
	if err == nil || err.Error() != "result of gsub is too long" {
		t.Errorf("error %v", err)
	}
}

// budget ends after so many steps.
type budget struct{ left, calls int }

var errSpent = errors.New("spent")

func (b *budget) Spend(n int) error {
	b.calls++
	if b.left -= n; b.left < 0 {
		return errSpent
	}
	return nil
}

// hostile are searches that have no end for a backtracking matcher.
var hostile = []struct{ src, pattern string }{
	{strings.Repeat("a", 30), strings.Repeat("a-", 25) + "b"},
	{strings.Repeat("a", 3000), ".-.-.-.-b"},
	{strings.Repeat("a", 3000), ".*.*.*.*b"},
	{strings.Repeat("x", 900000), ".*b"},
	{strings.Repeat("x", 900000), "[^y]-b"},
	{strings.Repeat("x", 900000), "(x+)%1b"},
	{strings.Repeat("a", 40), strings.Repeat("a?", 40) + strings.Repeat("a", 40)},
	{strings.Repeat("(", 100000), "%b()"},
}

func TestBudgetStops(t *testing.T) {
	for _, h := range hostile {
		b := &budget{left: 1000000}
		_, ok, err := lpattern.Find(h.src, h.pattern, 0, b)
		if ok || !errors.Is(err, errSpent) {
			t.Errorf("%.20s: %v %v", h.pattern, ok, err)
		}
		if b.left < -2000000 {
			t.Errorf("%.20s: %d steps past the end", h.pattern, -b.left)
		}
		b = &budget{left: 1000000}
		if _, _, err := lpattern.Gsub(h.src, h.pattern, lpattern.Template(""), lpattern.GsubOptions{Max: -1, Budget: b}); !errors.Is(err, errSpent) {
			t.Errorf("gsub %.20s: %v", h.pattern, err)
		}
		b = &budget{left: 1000000}
		if _, _, err := lpattern.Gmatch(h.src, h.pattern, b).Next(); !errors.Is(err, errSpent) {
			t.Errorf("gmatch %.20s: %v", h.pattern, err)
		}
	}
}

// TestBudgetOfScripts: what the functions spend is charged, and what raises
// there ends the call.
func TestBudgetOfScripts(t *testing.T) {
	for _, call := range []string{"string.find(s, p)", "string.match(s, p)", "string.gmatch(s, p)()", "string.gsub(s, p, '')"} {
		left := 1000000
		L := newState(t, lpattern.Options{Spend: func(L *lua.LState, n int) {
			if left -= n; left < 0 {
				L.RaiseError("out of steps")
			}
		}})
		for _, h := range hostile {
			left = 1000000
			L.SetGlobal("s", lua.LString(h.src))
			L.SetGlobal("p", lua.LString(h.pattern))
			if err := doString(L, "h", call); err == nil || !strings.Contains(err.Error(), "h:1: out of steps") {
				t.Errorf("%s with %.20s: %v", call, h.pattern, err)
			}
		}
	}
}

func TestResultCap(t *testing.T) {
	L := newState(t, lpattern.Options{MaxResult: 1000})
	for _, call := range []string{
		`string.gsub(("a"):rep(900), "a", "bb")`,
		`string.gsub(("a"):rep(900), "a", function() return "bb" end)`,
		`string.gsub(("a"):rep(900), "a", {a = "bb"})`,
		`string.gsub(("a"):rep(900), "", "b")`,
	} {
		if err := doString(L, "c", call); err == nil || !strings.Contains(err.Error(), "c:1: result of gsub is too long") {
			t.Errorf("%s: %v", call, err)
		}
	}
	if err := doString(L, "c", `string.gsub(("a"):rep(400), "a", "bb")`); err != nil {
		t.Error(err)
	}
}

// TestDepth: a pattern of a million items ends with an error, not with the Go stack.
func TestDepth(t *testing.T) {
	for _, pattern := range []string{strings.Repeat("a?", 1000000), strings.Repeat("a*", 1000000), strings.Repeat("a-", 1000000)} {
		_, _, err := lpattern.Find(strings.Repeat("a", 1000000), pattern+"b", 0, nil)
		if err == nil || err.Error() != "pattern too complex" {
			t.Errorf("%.10s: %v", pattern, err)
		}
	}
	m, ok, err := lpattern.Find(strings.Repeat("a", 5<<20), "(.*)", 0, nil)
	if err != nil || !ok || m.End != 5<<20 {
		t.Errorf("5 MiB: %v %v", ok, err)
	}
}

// TestGmatchInCoroutines: the iterator may be called by another coroutine than
// the one that made it, and gsub's function may search itself.
func TestNested(t *testing.T) {
	L := newState(t, lpattern.Options{Spend: func(*lua.LState, int) {}})
	err := doString(L, "n", `
		local it = string.gmatch("a b c", "%a")
		assert(it() == "a")
		assert(coroutine.wrap(function() return it() end)() == "b")
		assert(it() == "c" and it() == nil)
		local r = string.gsub("ab cd", "%a+", function(w) return (string.gsub(w, ".", function(c) return c .. c:upper() end)) end)
		assert(r == "aAbB cCdD", r)`)
	if err != nil {
		t.Error(err)
	}
}

func TestNoAllocations(t *testing.T) {
	for _, pattern := range []string{"^192%.0%.2%.", "needle", "([%w_]+)@([%w_.]+)", "%s*(.-)%s*$", "%f[%w]user"} {
		if n := testing.AllocsPerRun(100, func() {
			lpattern.Find("  the user@example.org is 192.0.2.1  ", pattern, 0, nil)
		}); n > 0 {
			t.Errorf("%s: %v allocations", pattern, n)
		}
	}
}
