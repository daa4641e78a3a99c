package dialect_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mtad/mtad/plugins/scriptlet/dialect"
)

// repeat writes n fields, each made of its number.
func repeat(n int, format string) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// A long constructor gives the table that a short one would.
func TestLongConstructors(t *testing.T) {
	const look = "\nlocal n, keys = 0, {} for k, v in pairs(t) do n = n + 1 if n < 4 then keys[n] = tostring(k) end end\nprint(#t, n, table.concat(keys, ' '), "
	for _, c := range []struct{ name, fields, more, want string }{
		{"texts", repeat(30000, "'x%d',\n"), "t[1], t[256], t[30000])", "30000\t30000\t1 2 3\tx1\tx256\tx30000"},
		{"numbers", repeat(3000, "-%d,"), "t[1], t[3000])", "3000\t3000\t1 2 3\t-1\t-3000"},
		{"set", repeat(20000, "['d%d.test'] = true,"), "t['d7.test'], t['d20000.test'])", "0\t20000\td1.test d2.test d3.test\ttrue\ttrue"},
		{"names", repeat(2000, "n%d = 'v',"), "t.n1, t.n2000)", "0\t2000\tn1 n2 n3\tv\tv"},
		{"records", repeat(1500, "{ name = 'n%[1]d', n = %[1]d, { 1, 2 } },"), "t[1500].name, t[1500].n, t[1500][1][2])", "1500\t1500\t1 2 3\tn1500\t1500\t2"},
		{"mixed", repeat(1500, "k%[1]d = %[1]d, %[1]d,"), "t.k1500, t[1500])", "1500\t3000\t1 2 3\t1500\t1500"},
		{"behind a call", "(function() return 7, 8 end)(), " + repeat(2000, "%d,"), "t[1], t[2], t[2001])", "2001\t2001\t1 2 3\t7\t1\t2000"},
		{"behind a key", "a = 1, f = print, [t0] = 2, " + repeat(2000, "'%d',"), "t.a, t[2000], t[t0])", "2000\t2003\t1 2 3\t1\t2000\t2"},
		{"before a call", repeat(2000, "'%d',") + "(function() return 'a', 'b' end)()", "t[2000], t[2002])", "2002\t2002\t1 2 3\t2000\tb"},
		{"the same key", repeat(2000, "[%d] = 'a',") + "[1] = 'b', [2000] = 'c'", "t[1], t[2], t[2000])", "2000\t2000\t1 2 3\tb\ta\tc"},
		{"keys and items", "[1] = 'key', " + repeat(1200, "'%d',"), "t[1])", "1200\t1200\t1 2 3\t1"},
		{"nil", "nil, " + repeat(1500, "%d,"), "t[1], t[2])", "1501\t1500\t2 3 4\tnil\t1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := "local t0 = {}\nlocal t = {" + c.fields + "}" + look + c.more
			if c.name == "behind a key" { // the key's own text is an address
				src = strings.Replace(src, "if n < 4 then", "if n < 4 and type(k) ~= 'table' then", 1)
			}
			if got := strings.TrimSpace(runChunk(t, src)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// What takes too long to compile is refused, with the line of its function.
func TestTooMuchToCompile(t *testing.T) {
	many := repeat(60000, "x = f('%d')\n")
	for _, c := range []struct{ name, src, want string }{
		{"script", "local a = 1\nlocal function f()\n" + many + "end", "s.lua:2:1: chunk takes too long to compile"},
		{"main function", many, "s.lua:1:1: chunk takes too long to compile"},
		{"long", strings.Repeat("-- comment\n", 2<<20), "s.lua:1:1: script is longer than 16777216 bytes"},
	} {
		_, problems := dialect.Compile("s.lua", []byte(c.src), dialect.NewRuntime(dialect.Limits{}))
		if len(problems) != 1 {
			t.Errorf("%s: %v", c.name, problems)
			continue
		}
		problems[0].Snippet = ""
		if got := problems[0].String(); got != c.want {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}
