package api

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func mustCompile(t *testing.T, p *Patterns, text string) Regexp {
	t.Helper()
	re, err := p.Compile(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return re
}

// all is every match of a pattern, the groups behind it.
func all(t *testing.T, re Regexp, subject string) [][]string {
	t.Helper()
	var out [][]string
	err := re.Each(subject, func(loc []int) bool {
		var one []string
		for i := 0; i < len(loc); i += 2 {
			if loc[i] < 0 {
				one = append(one, "-")
				continue
			}
			one = append(one, subject[loc[i]:loc[i+1]])
		}
		out = append(out, one)
		return true
	})
	if err != nil {
		t.Errorf("%q: %v", subject, err)
	}
	return out
}

func TestRegexp(t *testing.T) {
	p := NewPatterns()
	for _, c := range []struct {
		pattern, subject string
		want             [][]string
	}{
		{"a+", "aabab", [][]string{{"aa"}, {"a"}}},
		{"(a)|(b)", "ab", [][]string{{"a", "a", "-"}, {"b", "-", "b"}}},
		{"^$", "", [][]string{{""}}},
		{"x*", "axb", [][]string{{""}, {"x"}, {""}, {""}}},
		{"", "äb", [][]string{{""}, {""}, {""}}},
		{"(?<=a)b(?!c)", "abcab", [][]string{{"b"}}},
		{`(\w)\1`, "aabbc", [][]string{{"aa", "a"}, {"bb", "b"}}},
		{`foo\Kbar`, "foobar", [][]string{{"bar"}}},
		{"(?i)SUBJECT: (.*)", "Subject: ünï", [][]string{{"Subject: ünï", "ünï"}}},
		{".", "ü€", [][]string{{"ü"}, {"€"}}},
		{"a.c", "a\xffc abc", [][]string{{"abc"}}},
		{"\xff", "a\xffb", [][]string{{"\xff"}}},
		{"nothing", "else", nil},
		{"(*ANYCRLF)(?m)^b$", "a\rb\rc", [][]string{{"b"}}},
		{"(?x) b # the (second)", "abc", [][]string{{"b"}}},
		{"a\x00b", "xa\x00b", [][]string{{"a\x00b"}}},
	} {
		if diff := cmp.Diff(c.want, all(t, mustCompile(t, p, c.pattern), c.subject)); diff != "" {
			t.Errorf("%q on %q: %s", c.pattern, c.subject, diff)
		}
	}
}

func TestFirstMatch(t *testing.T) {
	loc, err := FirstMatch(mustCompile(t, NewPatterns(), "b(c)?"), "abb")
	if diff := cmp.Diff([]int{1, 2, -1, -1}, loc); diff != "" || err != nil {
		t.Error(diff, err)
	}
	loc, err = FirstMatch(mustCompile(t, NewPatterns(), "x"), "abb")
	if loc != nil || err != nil {
		t.Errorf("got %v, %v", loc, err)
	}
}

func TestRegexpNames(t *testing.T) {
	re := mustCompile(t, NewPatterns(), `(?P<who>\w+)-(?<what>\d+)`)
	if diff := cmp.Diff([]RegexpName{{"what", 2}, {"who", 1}}, re.Names()); diff != "" {
		t.Error(diff)
	}
	if n := mustCompile(t, NewPatterns(), "(a)").Names(); len(n) != 0 {
		t.Errorf("got %v", n)
	}
}

func TestRegexpErrors(t *testing.T) {
	p := NewPatterns()
	_, err := p.Compile("abc(")
	var bad *RegexpError
	if !errors.As(err, &bad) || bad.Offset != 4 || bad.Text != "missing closing parenthesis" {
		t.Errorf("got %v", err)
	}
	for text, offset := range map[string]int{"*a": 0, "(*UTF)a(": 8, "a[": 2} {
		if _, err := p.Compile(text); !errors.As(err, &bad) || bad.Offset != offset {
			t.Errorf("%q: got %v", text, err)
		}
	}
	if _, err := p.Compile(strings.Repeat("a", maxPattern+1)); !errors.Is(err, errPatternSize) {
		t.Errorf("got %v", err)
	}
}

func TestRegexpStops(t *testing.T) {
	p := NewPatterns()
	var limit *RegexpLimit
	stop := func([]int) bool { return true }
	for pattern, subject := range map[string]string{
		"^(a+)+$":         strings.Repeat("a", 50) + "!",
		`^(\w+\s?)*$`:     strings.Repeat("word ", 200) + "!",
		"(x+x+)+y":        strings.Repeat("x", 5000) + "z y",
		"(.*)*c(.*)*d.*e": strings.Repeat("ab", 4000) + "e",
	} {
		if err := mustCompile(t, p, pattern).Each(subject, stop); !errors.As(err, &limit) {
			t.Errorf("%q: got %v", pattern, err)
		}
	}
	// One start position is cheap here, but there are many.
	p.time = 100 * time.Millisecond
	if err := mustCompile(t, p, "a*[bc]").Each(strings.Repeat("a", 4<<20), stop); !errors.As(err, &limit) {
		t.Errorf("a quadratic search gave %v", err)
	}
}

func TestRegexpOnLargeSubjects(t *testing.T) {
	p := NewPatterns()
	p.time = time.Hour
	subject := strings.Repeat("ü", 300000) + "needle" + strings.Repeat("\r\nline", 10000)
	loc, err := FirstMatch(mustCompile(t, p, "(?<=ü)needle"), subject)
	if err != nil || len(loc) != 2 || loc[0] != 600000 {
		t.Errorf("got %v, %v", loc, err)
	}
	n := 0
	err = mustCompile(t, p, "line").Each(subject, func([]int) bool { n++; return true })
	if n != 10000 || err != nil {
		t.Errorf("%d matches, %v", n, err)
	}
	if len(p.spare) != 1 || p.spare[0].size > keptBuffer {
		t.Errorf("%d idle matchers", len(p.spare))
	}
}

func TestPatternCacheIsBounded(t *testing.T) {
	p := NewPatterns()
	first := mustCompile(t, p, "first")
	for i := range cacheSize {
		mustCompile(t, p, fmt.Sprintf("p%d", i))
	}
	if p.used.Len() != cacheSize || len(p.byKey) != cacheSize {
		t.Errorf("%d and %d patterns", p.used.Len(), len(p.byKey))
	}
	if mustCompile(t, p, "first") == first {
		t.Error("the pattern used last was not dropped")
	}
	if got := all(t, first, "first"); len(got) != 1 {
		t.Error("a dropped pattern no longer works")
	}
	if mustCompile(t, p, "p999") != mustCompile(t, p, "p999") {
		t.Error("a cached pattern was compiled again")
	}
}

func TestRegexpConcurrently(t *testing.T) {
	p := NewPatterns()
	re := mustCompile(t, p, `^(\w+)@(\w+\.)+com$`)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 500 {
				s := fmt.Sprintf("u%d@ex.com", i)
				loc, err := FirstMatch(re, s)
				if err != nil || s[loc[2]:loc[3]] != fmt.Sprintf("u%d", i) {
					t.Errorf("%s: %v, %v", s, loc, err)
				}
				if _, err := FirstMatch(re, s+"\xff"); err != nil {
					t.Error(err)
				}
				if _, err := p.Compile(fmt.Sprintf("c%d", i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzRegexp(f *testing.F) {
	f.Add("(a)|b*", "xaab")
	f.Add("^$", "")
	f.Add(`(?:\X|.)\K`, "e\u0301\xff")
	p := NewPatterns()
	f.Fuzz(func(t *testing.T, text, subject string) {
		re, err := p.Compile(text)
		if err != nil {
			return
		}
		n := 0
		_ = re.Each(subject, func(loc []int) bool {
			for _, at := range loc {
				if at < -1 || at > len(subject) {
					t.Errorf("%q on %q: offsets %v", text, subject, loc)
				}
			}
			n++
			return n <= len(subject)+1
		})
		if n > len(subject)+1 {
			t.Errorf("%q on %q: %d matches", text, subject, n)
		}
	})
}
