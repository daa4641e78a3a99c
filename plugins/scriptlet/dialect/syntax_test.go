package dialect_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mtad/mtad/plugins/scriptlet/dialect"
)

// TestSyntaxErrors compares the first problem, without its snippet.
func TestSyntaxErrors(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"x =", "f:1:4: unexpected symbol near '<eof>'"},
		{"x = 1 +\n", "f:2:1: unexpected symbol near '<eof>'"},
		{"local 1", "f:1:7: '<name>' expected near '1'"},
		{"if x then", "f:1:10: 'end' expected near '<eof>'"},
		{"if x then\nfoo()\n", "f:3:1: 'end' expected (to close 'if' at line 1) near '<eof>'"},
		{"function f()\nif x then\nend\n", "f:4:1: 'end' expected (to close 'function' at line 1) near '<eof>'"},
		{"for i = 1 do end", "f:1:11: ',' expected near 'do'"},
		{"for i do end", "f:1:7: '=' or 'in' expected near 'do'"},
		{"for 1 = 2", "f:1:5: '<name>' expected near '1'"},
		{"while true end", "f:1:12: 'do' expected near 'end'"},
		{"repeat x()", "f:1:11: 'until' expected near '<eof>'"},
		{"break", "f:1:6: no loop to break near '<eof>'"},
		{"while true do local function f() break end end", "f:1:40: no loop to break near 'end'"},
		{"return 1 x = 2", "f:1:10: '<eof>' expected near 'x'"},
		{"do return end end", "f:1:15: '<eof>' expected near 'end'"},
		{";", "f:1:1: unexpected symbol near ';'"},
		{"x = 1;;", "f:1:7: unexpected symbol near ';'"},
		{"x", "f:1:2: '=' expected near '<eof>'"},
		{"f() = 1", "f:1:5: unexpected symbol near '='"},
		{"(a) = 1", "f:1:5: syntax error near '='"},
		{"a, f() = 1, 2", "f:1:8: syntax error near '='"},
		{"(f())", "f:1:6: syntax error near '<eof>'"},
		{"f\n(x)", "f:2:1: ambiguous syntax (function call x new statement) near '('"},
		{"f(x\n)\n(y)", "f:3:1: ambiguous syntax (function call x new statement) near '('"},
		{"x = f:y", "f:1:8: function arguments expected near '<eof>'"},
		{"x = {1, 2", "f:1:10: '}' expected near '<eof>'"},
		{"x = {1\n2}", "f:2:1: '}' expected (to close '{' at line 1) near '2'"},
		{"x = (1", "f:1:7: ')' expected near '<eof>'"},
		{"x = a[1", "f:1:8: ']' expected near '<eof>'"},
		{"function f(a,) end", "f:1:14: <name> or '...' expected near ')'"},
		{"function f(..., a) end", "f:1:15: ')' expected near ','"},
		{"function f(1) end", "f:1:12: <name> or '...' expected near '1'"},
		{"function f() return ... end", "f:1:21: cannot use '...' outside a vararg function near '...'"},
		{"x = 08", "f:1:5: malformed number near '08' (a leading 0 means octal)"},
		{"x = 0e1", "f:1:5: malformed number near '0e1'"},
		{"x = 3x", "f:1:5: malformed number near '3x'"},
		{"x = 0x", "f:1:5: malformed number near '0x'"},
		{"x = 1..2", "f:1:5: malformed number near '1..2'"},
		{"x = 'abc", "f:1:5: unfinished string near '<eof>'"},
		{"x = 'abc\ny = 1", "f:1:5: unfinished string near ''abc'"},
		{"x = '\\xg0'", "f:1:5: expected hex digit near ''\\x'"},
		{"x = '\\u12345'", "f:1:5: expected either 4, 6 or 8 hex digits for unicode escape near ''\\u12345'"},
		{"x = '\\uffffffff'", "f:1:5: unicode escape sequence too large near ''\\uffffffff'"},
		{"x = '\\256'", "f:1:5: escape sequence too large near '''"},
		{"x = [[abc", "f:1:5: unfinished long string near '<eof>'"},
		{"--[[abc", "f:1:8: unfinished long comment near '<eof>'"},
		{"x = [==abc", "f:1:5: invalid long string delimiter near '[='"},
		{"x = [[ [[ ]] ]]", "f:1:5: nesting of [[...]] is deprecated near '[['"},
		{"x = @", "f:1:5: unexpected symbol near '@'"},
		{"x = \x01", "f:1:5: unexpected symbol near 'char(1)'"},
		{"é = 1", "f:1:1: unexpected symbol near 'é'"},
		{"x = a b", "f:1:8: '=' expected near '<eof>'"},
		{"goto x", "f:1:6: '=' expected near 'x'"},
		{"x = 1 if", "f:1:9: unexpected symbol near '<eof>'"},
		{"x = }", "f:1:5: unexpected symbol near '}'"},
		{"x = a !", "f:1:7: unexpected symbol near '!'"},
		{"x = a ~ b", "f:1:7: unexpected symbol near '~'"},
		{"\x1bLua", "f:1:1: this is a compiled chunk; only source text is accepted"},
	} {
		_, problems := dialect.Parse("f", []byte(c.src))
		if len(problems) == 0 {
			t.Errorf("%q is accepted, want %s", c.src, c.want)
			continue
		}
		p := problems[0]
		p.Snippet = ""
		if got := p.String(); got != c.want {
			t.Errorf("%q\n got %s\nwant %s", c.src, got, c.want)
		}
	}
}

func TestSnippet(t *testing.T) {
	_, problems := dialect.Parse("dir/a.lua", []byte("local x\n\tif x = 1 then\n\tend\n"))
	want := "dir/a.lua:2:7: 'then' expected near '='\n\tif x = 1 then\n\t     ^"
	if len(problems) == 0 || problems[0].String() != want {
		t.Errorf("got %v, want %s", problems, want)
	}
}

// TestRecovery: the next function that begins a line is read again.
func TestRecovery(t *testing.T) {
	src := "function a()\n  if x = 1 then\n  end\nend\n\nfunction b()\n  return 1\nend\nlocal function c(\nend\nx = 'abc\nfunction d() return = 2 end\n"
	_, problems := dialect.Parse("f", []byte(src))
	var lines []string
	for _, p := range problems {
		lines = append(lines, fmt.Sprint(p.Line))
	}
	if got, want := strings.Join(lines, " "), "2 10 12"; got != want {
		t.Errorf("errors on lines %s, want %s: %v", got, want, problems)
	}
}

// TestLimits: what the VM cannot hold comes back as a problem with a line.
func TestLimits(t *testing.T) {
	locals := func(n int) string {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf("v%d", i)
		}
		return strings.Join(names, ", ")
	}
	for _, c := range []struct {
		name, src, want string
		line            int
	}{
		{"parentheses", "x = " + strings.Repeat("(", 100000), "chunk has too many syntax levels", 1},
		{"tables", "\nx = " + strings.Repeat("{", 100000), "chunk has too many syntax levels", 2},
		{"unary", "x = " + strings.Repeat("not ", 100000), "chunk has too many syntax levels", 1},
		{"blocks", strings.Repeat("do ", 100000), "chunk has too many syntax levels", 1},
		{"functions", strings.Repeat("return function() ", 100000), "chunk has too many syntax levels", 1},
		{"concat", "x = a" + strings.Repeat("..a", 100000), "chunk has too many syntax levels", 1},
		{"power", "x = 2" + strings.Repeat("^2", 100000), "chunk has too many syntax levels", 1},
		{"sum", "x = a" + strings.Repeat("+a", 100000), "chunk has too many syntax levels", 1},
		{"calls", "f" + strings.Repeat("()", 100000), "chunk has too many syntax levels", 1},
		{"elseif", "if a then " + strings.Repeat("elseif a then ", 100000) + "end", "chunk has too many syntax levels", 1},
		{"locals", "\nlocal function f()\nlocal " + locals(201) + "\nend", "function at line 2 has more than 200 local variables", 3},
		{"locals of the file", "local " + locals(201), "main function has more than 200 local variables", 1},
		{"parameters", "local function f(" + locals(201) + ") end", "function at line 1 has more than 200 local variables", 1},
		{"arguments", "\nf(" + locals(300) + ")", "function or expression too complex near", 2},
		{"values", "return " + locals(300), "function or expression too complex near", 1},
		{"targets", locals(300) + " = 1", "function or expression too complex near", 1},
		{"registers", "local " + locals(198) + "\nprint(1, 2, 3)", "register overflow(too many local variables)", 1},
		{"upvalues", upvalues(), "function at line 3 has more than 255 upvalues", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, problems := dialect.Compile("f", []byte(c.src), dialect.NewRuntime(dialect.Limits{}))
			if len(problems) != 1 || !strings.HasPrefix(problems[0].Text, c.want) || problems[0].Line != c.line {
				t.Errorf("got %.300v, want %s at line %d", problems, c.want, c.line)
			}
		})
	}
}

// upvalues is a function that uses the locals of two others.
func upvalues() string {
	declare := func(prefix string) (list, sum string) {
		var names []string
		for i := range 150 {
			names = append(names, fmt.Sprintf("%s%d", prefix, i))
		}
		return strings.Join(names, ", "), strings.Join(names, " = 1\n") + " = 1\n"
	}
	outer, useOuter := declare("a")
	inner, useInner := declare("b")
	return "local " + outer + "\nlocal function f() local " + inner + "\nreturn function()\n" + useOuter + useInner + "end end"
}

// TestLong: programs that are long, not deep.
func TestLong(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"chain of or", "local a print(a" + strings.Repeat(" or a", 2000) + " or 5)", "5\n"},
		{"chain of +", "local a = 1 print(a" + strings.Repeat(" + a", 2000) + ")", "2001\n"},
		{"elseif", "local a = -1 if a == 0 then" + strings.Repeat(" elseif a == 1 then", 1000) + " else print('x') end", "x\n"},
		{"big table", "local t = {" + strings.Repeat("1,", 26000) + "} local n = 0 for _, v in ipairs(t) do n = n + v end print(#t, n)", "26000\t26000\n"},
		{"big table and a call", "local t = {" + strings.Repeat("1,", 26000) + " unpack({2, 3})} print(#t, t[26001], t[26002])", "26002\t2\t3\n"},
		{"long comment", "--[[" + strings.Repeat("x\n", 100000) + "]] print(1)", "1\n"},
		{"many constants", manyConstants(), "700\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := runChunk(t, c.src); got != c.want {
				t.Errorf("got %.200q, want %q", got, c.want)
			}
		})
	}
}

// manyConstants needs constants that no operand can name, so registers.
func manyConstants() string {
	var b strings.Builder
	b.WriteString("local t, n = {}, 0\n")
	for i := range 700 {
		fmt.Fprintf(&b, "t.k%d = 'v%d' if t.k%d == 'v%d' then n = n + 1 | 0 end\n", i, i, i, i)
	}
	b.WriteString("print(n)")
	return b.String()
}
