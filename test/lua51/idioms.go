package lua51

import (
	"fmt"
	"strings"
)

// idioms are what scripts do with the libraries and with each part of the
// language, with arguments that vary.
var idioms = []func(g *generator){
	stringCalls, stringCalls, patternCalls, patternCalls, conversions, tableCalls, sorting, closures, metatables, operators,
	coroutines, coroutineErrors, protectedCalls, raising, varargs, multiline, compiling, environments, typeErrors, typeErrors,
}

func stringCalls(g *generator) {
	s := g.expr(text, 1)
	g.line("print(%s)", pick(g, []string{
		fmt.Sprintf("(%s):byte(%s, %s)", s, g.small(), g.small()),
		fmt.Sprintf("string.char(%d, %d)", g.r.IntN(256), 32+g.r.IntN(90)),
		fmt.Sprintf("string.char(%s)", pick(g, []string{"256", "-1", "'65'", "65.9", "{}", ""})),
		fmt.Sprintf("string.len(%s), #(%s)", s, s),
		fmt.Sprintf("(%s):sub(%s), (%s):sub(%s, %s)", s, g.small(), s, g.small(), g.small()),
		fmt.Sprintf("(%s):find(%s, %s, true)", s, quote(pick(g, []string{"o", "a", "", "%", ".", "lo"})), g.small()),
		fmt.Sprintf("(%s):rep(%s), (%s):upper(), (%s):reverse()", s, g.small(), s, s),
		fmt.Sprintf("string.%s(%s)", pick(g, []string{"rep", "sub", "byte", "len", "upper", "find", "gsub", "format", "char", "match", "reverse"}),
			pick(g, []string{"", "nil", "{}", "'x'", "'x', {}", "1", "true", "'x', 'y', {}", "nil, 1", "'x', nil"})),
		fmt.Sprintf("(%s):%s(%s)", s, pick(g, []string{"rep", "sub", "byte", "nosuch", "find", "gsub", "format", "gmatch", "match"}),
			pick(g, []string{"", "nil", "{}", "'x'", "'x', {}", "1", "true", "'x', 'y', {}"})),
		g.format(), g.format(),
		fmt.Sprintf("('x'):rep(3, 'y'), %s < %s, %s .. %s", s, g.expr(text, 0), g.expr(number, 1), g.expr(number, 1)),
	}))
}

var goodPatterns = []string{"%a+", "%w+", "(%w+)=(%w+)", "%d+", ".", "%s*(%S+)", "[aeiou]", "[^,]+", "()a()", "l+", "(l)(o)", "%b()", "%f[%w]%w+", "^%s*(.-)%s*$", "a-b",
	"a*", "[a-z]+", "[%a_][%w_]*", "(.)%1", "o w", "x?", "%.", "[%]%-]", "[^%s]", "(a)(b)(c)", "%u%l*", "%x%x", "(%d+)%.(%d+)", ".-", "(.*)@(.*)", "%z", "%p", "$", "^a"}

var badPatterns = []string{"%", "[a", "[^", "(a", "a)", "%1", "%b", "%bx", "%f", "%fa", "(()", "[a-", "[%", "(.)%2", "^*", "*a", "+", "a**", "%g", "[]", "[]]", "[^]]", "[a-%d]", "%0"}

func patternCalls(g *generator) {
	s, p := g.expr(text, 1), pick(g, goodPatterns)
	if g.chance(5) {
		p = pick(g, badPatterns)
	}
	q := quote(p)
	switch g.r.IntN(7) {
	case 0:
		g.line("print((%s):find(%s))", s, q)
	case 1:
		g.line("print((%s):match(%s, %s))", s, q, g.small())
	case 2:
		g.line("for a, b in (%s):gmatch(%s) do print(a, b) end", s, q)
	case 3:
		g.line("print((%s):gsub(%s, %s))", s, q, quote(pick(g, []string{"", "x", "<%0>", "%1%1", "%%", "%2", "[%1]", "%", "%9", "%a"})))
	case 4:
		g.line("print((%s):gsub(%s, %s, %s))", s, q, quote(pick(g, []string{"", "-", "<%0>"})), g.small())
	case 5:
		g.line("print((%s):gsub(%s, function(...) print(...) return %s end))", s, q, pick(g, []string{"nil", "false", "'R'", "12", "...", "{}", "true", "(...) .. '!'"}))
	default:
		g.line("print((%s):gsub(%s, {a = 'A', hello = 1, b = false, o = {}, key = true}))", s, q)
	}
}

var numberTexts = []string{"10", " 10 ", "10x", "", " ", "1e5", "1e", "e5", ".5", "5.", ".", "-", "-5", "+5", "- 5", "0x", "0xg", "0x1F", "1.2.3", "1e+3", "1e400", "-1e400", "12a",
	"ff", "7fffffff", "zz", "1010", "1e-3", "\t7\n", "1 2", "0", "0.5", "1_000", "12345678901234567890"}

func conversions(g *generator) {
	s := quote(pick(g, numberTexts))
	switch g.r.IntN(6) {
	case 0, 1:
		g.line("print(tonumber(%s), tonumber(%s))", s, g.expr(number, 1))
	case 2:
		g.line("print(tonumber(%s, %s))", s, pick(g, []string{"10", "16", "2", "36", "8", "1", "37", "nil", "'16'", "{}", "10.9"}))
	case 3:
		g.line("print(%s %s %s)", s, pick(g, []string{"+", "-", "*", "/", "..", "%"}), g.expr(number, 1))
	case 4:
		g.line("print(%s, %s .. '', -%s)", g.shown(2), g.expr(number, 2), s)
	default:
		g.line("print(%s)", pick(g, []string{"tonumber()", "tonumber({})", "tonumber(nil)", "tostring()", "tonumber('10', 99)", "tonumber(print)", "tonumber(true)", "tostring(nil)",
			"math.floor('3.7')", "pcall(os.time, {year = 1})", "type(tostring(setmetatable({}, {__tostring = function() return {} end})))", "math.max()", "math.abs({})", "math.floor()", "math.sqrt('x')", "('5'):rep('3')", "('x'):rep('y')", "#5", "-{}", "-'abc'", "'10' + 5", "'a' + 1"}))
	}
}

func tableCalls(g *generator) {
	t := g.name()
	g.line("local %s = %s", t, g.list())
	for range 1 + g.r.IntN(4) {
		switch g.r.IntN(8) {
		case 0:
			g.line("table.insert(%s, %s or 0)", t, g.expr(number, 1))
		case 1:
			g.line("table.insert(%s, 1, %s or 0)", t, g.expr(number, 1))
		case 2:
			g.line("print(table.remove(%s))", t)
		case 3:
			g.line("print(table.remove(%s, %s))", t, g.small())
		case 4:
			g.line("print(table.concat(%s, '-', %s), #%s)", t, pick(g, []string{"1", "2", "1, 2", "1, 0", "0", "1, 9"}), t)
		case 5:
			g.line("print(unpack(%s%s))", t, pick(g, []string{"", ", 2", ", 1, 3", ", 0, 1", ", 3, 1", ", '1'"}))
		case 6:
			g.line("print(#%s, table.getn(%s), table.maxn(%s), next({}), %s[1])", t, t, t, t)
		default:
			g.line("print(table.%s(%s))", pick(g, []string{"insert", "remove", "concat", "sort", "getn", "foreach", "foreachi", "setn", "maxn"}),
				pick(g, []string{"", "nil", t, t + ", {}", t + ", nil, 1", "{1, {}, 3}", t + ", 1, 2, 3", t + ", print"}))
		}
	}
	g.line("table.foreachi(%s, print)", t)
	g.declare(t, list)
}

func sorting(g *generator) {
	t := g.name()
	var items []string
	k := pick(g, []kind{number, text})
	for range g.r.IntN(25) {
		if k == number {
			items = append(items, fmt.Sprint(g.r.IntN(40)))
		} else {
			items = append(items, parens(g.expr(k, 0)+" or 'z'"))
		}
	}
	g.line("local %s = {%s}", t, strings.Join(items, ", "))
	g.line("print(pcall(table.sort, %s%s))", t, pick(g, []string{"", "", ", function(a, b) return a > b end", ", function(a, b) return true end", ", function(a, b) return (tonumber(a) or 7) < (tonumber(b) or 7) end",
		", function(a, b) return type(a) < type(b) end", ", function(a, b) error('cmp') end", ", 1", ", function(a, b) return a end", ", function(a, b) return a <= b end"}))
	g.line("print(unpack(%s))", t)
}

func closures(g *generator) {
	f := g.name()
	g.line("local %s = {}", f)
	g.line("for i = 1, %d do local n = i * %s", 1+g.r.IntN(4), g.small())
	g.line(" %s[#%s + 1] = function(d) n = n + (d or 1) return n, i end", f, f)
	if g.chance(2) {
		g.line(" if i == 2 then break end")
	}
	g.line("end")
	g.line("for _, c in ipairs(%s) do print(c(), c(%s)) end", f, g.expr(number, 1))
	if g.chance(2) {
		g.line("local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end print(fib(%d))", g.r.IntN(13))
		g.line("local function loop(n, acc) if n == 0 then return acc end return loop(n - 1, acc + n) end print(loop(%d, 0))", g.r.IntN(200))
	}
}

func metatables(g *generator) {
	c := g.name()
	g.line("local %s = {base = %s}", c, g.expr(number, 1))
	g.line("%s.__index = %s", c, pick(g, []string{c, "function(t, k) return k .. '?' end", "function(t, k) return rawget(t, 'n') end"}))
	g.line("%s.__tostring = function(s) return %s end", c, pick(g, []string{"'obj' .. tostring(tonumber(s.n))", "'fixed'", "s.n .. '!'"}))
	g.line("%s.__call = function(self, a, ...) return a, select('#', ...), self.n end", c)
	g.line("%s.__newindex = %s", c, pick(g, []string{"nil", "function(t, k, v) rawset(t, k, v) print('set', k) end", "{}"}))
	g.line("local o = setmetatable({n = %s}, %s)", g.expr(number, 1), c)
	g.line("function %s:method(x) return self.n, x end", c)
	g.line("print(tostring(o), o.n, o.base, o.missing, o(%s, 2))", g.expr(number, 1))
	g.line("o.fresh = %s print(rawget(o, 'fresh'), getmetatable(o) == %s)", g.expr(number, 1), c)
	g.line("print(pcall(%s.method, o, 1), pcall(function() return o:method(%s) end))", c, g.any(1))
	if g.chance(3) {
		g.line("%s.__metatable = 'locked' print(getmetatable(o), pcall(setmetatable, o, {}))", c)
	}
	g.line("print(pcall(function() return %s end))", pick(g, []string{"o.n.x.y", "o:nothing()", "o + 1", "#o", "o .. 'x'", "o < o", "o == {}", "-o", "o.a.b", "setmetatable(o, 1)", "setmetatable(1, {})",
		"rawset(o)", "rawget(o)", "rawset(1, 2, 3)", "rawequal(o)", "getmetatable()", "next(o, 'zz')", "next({}, 1)", "ipairs()", "pairs(nil)", "ipairs('x')", "rawset({}, nil, 1)"}))
}

func operators(g *generator) {
	mt := g.name()
	g.line("local %s = {}", mt)
	for _, op := range []string{"add", "sub", "mul", "div", "mod", "pow", "concat"} {
		if !g.chance(3) {
			g.line("%s.__%s = function(a, b) return %s end", mt, op, pick(g, []string{"'" + op + "'", "type(a) .. type(b)", "a", "nil", "1, 2"}))
		}
	}
	g.line("%s.__eq = function(a, b) return a.v == b.v end", mt)
	g.line("%s.__lt = function(a, b) return a.v < b.v end", mt)
	if g.chance(2) {
		g.line("%s.__le = function(a, b) return a.v <= b.v end", mt)
	}
	g.line("%s.__unm = function(a) return -a.v end", mt)
	g.line("local p, q = setmetatable({v = %s}, %s), setmetatable({v = %s}, %s)", g.small(), mt, g.small(), mt)
	g.line("print(p == q, p < q, p <= q, p > q, p >= q, p ~= q, -p)")
	for range 3 {
		g.line("print(pcall(function() return p %s %s end), pcall(function() return %s %s q end))",
			pick(g, []string{"+", "-", "*", "/", "%", "^", "..", "<"}), pick(g, []string{"q", "1", "'s'", "nil", "{}"}),
			pick(g, []string{"1", "'10'", "nil", "'x'"}), pick(g, []string{"+", "-", "*", "/", "%", "^", "..", "<="}))
	}
}

func coroutines(g *generator) {
	co := g.name()
	g.line("local %s = coroutine.create(function(a, b)", co)
	g.line(" print('in', a, b, coroutine.status(%s), coroutine.running() == %s)", co, co)
	g.line(" for i = 1, %d do local x, y = coroutine.yield(i, a) print('got', x, y) end", g.r.IntN(4))
	if g.chance(3) {
		g.line(" error(%s)", pick(g, []string{"'in co'", "{}", "nil", "'lvl', 2", "'none', 0"}))
	}
	g.line(" return 'end', %s", g.any(1))
	g.line("end)")
	g.line("for i = 1, %d do print(coroutine.resume(%s, i, %s)) print(coroutine.status(%s)) end", 1+g.r.IntN(5), co, g.any(1), co)
	if g.chance(2) {
		g.line("local w = coroutine.wrap(function(...) for i, v in ipairs({...}) do coroutine.yield(i, v) end end)")
		g.line("print(w(%s, %s), w())", g.expr(number, 1), g.expr(number, 1))
		g.line("for k, v in coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i, i * 2) end end) do print(k, v) end")
	}
}

func coroutineErrors(g *generator) {
	g.line("print(pcall(function()")
	g.line(" %s", pick(g, []string{
		"local w = coroutine.wrap(function() error('wrapped') end)\n return w()",
		"local w = coroutine.wrap(function() local x\n return x.y end)\n w()",
		"local w = coroutine.wrap(function() return 1 end) w()\n return w()",
		"return coroutine.resume(coroutine.create(print))",
		"return coroutine.yield(1)",
		"return coroutine.resume(coroutine.create(function() return pcall(coroutine.yield, 1) end))",
		"return coroutine.resume(coroutine.create(function() table.sort({3, 2, 1}, function(a, b) coroutine.yield() end) end))",
		"return coroutine.resume(coroutine.create(function() for k in coroutine.yield do end end))",
		"return coroutine.resume(1)", "return coroutine.create()", "return coroutine.create(1)", "return coroutine.wrap({})", "return coroutine.status()", "return coroutine.running()",
		"local co co = coroutine.create(function() return coroutine.resume(co) end) return coroutine.resume(co)",
		"local a, b a = coroutine.create(function() return coroutine.resume(b) end) b = coroutine.create(function() return coroutine.resume(a), coroutine.status(a) end) return coroutine.resume(a)",
		"local w = coroutine.wrap(function() error({}) end) return w()",
		"local w = coroutine.wrap(function() return coroutine.wrap(function() error('deep') end)() end)\n\n return w()",
		"local co = coroutine.create(function() return setmetatable({}, {__index = function(t, k) return coroutine.yield(k) end}).key end) return coroutine.resume(co)",
	}))
	g.line("end))")
}

func protectedCalls(g *generator) {
	g.line("print(%s)", pick(g, []string{
		"pcall(error)", "pcall(error, nil)", "pcall(error, 'm', 0)", "pcall(error, 'm')", "pcall(error, 'm', 2)", "pcall(error, {})", "pcall(error, 12)",
		"pcall()", "xpcall()", "xpcall(print)", "pcall(nil)", "pcall(1)", "pcall({})", "pcall(pcall, error, 'x')", "pcall(assert, false)", "pcall(assert, nil, 'why')", "pcall(assert, 1, 2, 3)", "assert(1, 2)",
		"xpcall(function() error('e') end, function(m) return 'H:' .. m end)", "xpcall(function() return 1, 2 end, print)", "xpcall(function() local x = nil + 1 end, function(m) return #m end)",
		"xpcall(error, function(m) return type(m) end)", "xpcall(function() error({code = 5}) end, function(m) return m.code end)", "xpcall(function() error('e') end, function(m) error('again') end)",
		"xpcall(nil, function(m) return m end)", "xpcall(function() error('e') end, nil)", "xpcall(function() error() end, function(...) return select('#', ...) end)",
		"pcall(string.rep)", "pcall(string.rep, 'x', {})", "pcall(setmetatable, 1)", "pcall(next, {}, 'k')", "pcall(table.concat, {{}})", "pcall(table.insert, {}, 1, 2, 3)", "pcall(select, 0)",
		"pcall(math.random, 0)", "pcall(math.random, 2, 1)", "pcall(math.random, 1, 2, 3)", "pcall(unpack, {}, 1, 1e6)", "pcall(string.format, '%d', 'x')", "pcall(string.char, 300)", "pcall(ipairs)", "pcall(('x').rep, 'y', -1)",
		"pcall(getfenv, 100)", "pcall(setfenv, 1)", "pcall(getfenv, -1)", "pcall(rawset, {}, 1)", "pcall(loadstring)", "pcall(load, 1)", "pcall(tonumber)", "pcall(type)", "pcall(tostring)", "pcall(unpack)", "pcall(setfenv, tostring, {})",
		"select(-1, 1, 2, 3)", "select('#')", "select(2, 'a', 'b')", "select(5, 1)", "pcall(select, -5, 1)", "pcall(select)", "pcall(select, {})", "pcall(collectgarbage, 'bad')", "pcall(newproxy, {})", "type(newproxy(true))",
	}))
}

func raising(g *generator) {
	f := g.name()
	g.line("local function %s(n)", f)
	g.line(" if n > 0 then")
	g.line("  %s %s(n - 1)", pick(g, []string{"return", "local r =", ""}), f)
	if g.chance(2) {
		g.line("  ; print('after', n)")
	}
	g.line(" else")
	g.line("  error(%s)", pick(g, []string{"'deep'", "'deep', 1", "'deep', 2", "'deep', 3", "'deep', 4", "'deep', 0", "{}", "nil", "42", "42, 2", "true"}))
	g.line(" end")
	g.line("end")
	g.line("print(pcall(%s, %d))", f, g.r.IntN(3))
	g.line("print(pcall(function()\n %s(%d)\nend))", f, g.r.IntN(3))
}

func varargs(g *generator) {
	f := g.name()
	g.line("local function %s(...)", f)
	g.line(" local a, b = ...")
	g.line(" local t = {%s...}", pick(g, []string{"", "0, ", "..., "}))
	g.line(" return t[1], a, b, select('#', ...), (...), %s", pick(g, []string{"...", "unpack({...}, 1, select('#', ...))", "(select(2, 1, ...))"}))
	g.line("end")
	args := []string{}
	for range g.r.IntN(5) {
		args = append(args, g.expr(pick(g, []kind{number, text, boolean}), 1))
	}
	if len(args) == 0 || args[len(args)-1] == "nil" {
		args = append(args, "0")
	}
	g.line("print(%s(%s))", f, strings.Join(args, ", "))
	g.line("print((%s(%s)), %s(1))", f, strings.Join(args, ", "), f)
}

// multiline: on which line an error stands where an expression spans several.
func multiline(g *generator) {
	g.line("print(pcall(function()")
	g.line("%s", pick(g, []string{
		"local a = {}\nlocal b = 1 +\n 2 +\n a", "local a\nlocal b = a\n .x", "local a\nreturn a.\n b", "local a = 'x'\n ..\n {}\n .. 'y'", "local a\na(\n1,\n2\n)", "local t = {\n 1,\n nil + 1,\n 2\n}",
		"local t = {}\nt.x\n.y\n= 5", "local t = {}\nt.x.y = \n5", "local s = ('x')\n:rep(\n 3)\n:nope()", "if 1 <\n {} then\nend", "for i = 1,\n {}\ndo end", "for i = nil,\n 2\ndo end", "for k in\n nil\ndo end",
		"return -\n{}", "return #\nnil", "local f = function()\n error('inner')\nend\nf\n(\n)", "print(\n 1,\n nil .. 'x'\n)", "local a, b =\n 1,\n 2 ..\n {}", "u3.a.b\n.c = 1", "return (\n u4\n).x", "return u4\n[\n1\n]",
		"string\n.rep\n(\n)", "return 1 ==\n 1 and\n nil.x", "local x = 1\nx\n.y()\n", "local o = {}\no\n:m\n(\n)", "error(\n'lines'\n)", "return not\n u4\n.z", "return 2 ^\n {}", "local t = {}\nt[\nnil\n] = 1", "return 1 <\n 2 ==\n u4.x",
		"return u4 ..\n 'a' ..\n 'b'", "return 'a' ..\n u4 ..\n 'b'", "local t = {f = function()\n return u4.x\n end}\nreturn t.f(\n)", "return (function()\n return nil +\n 1 end)(\n)", "repeat\n local x = u4\nuntil\n x.y", "while\n u4.y\ndo\nend",
	}))
	g.line("end))")
}

func compiling(g *generator) {
	src := pick(g, snippets)
	switch g.r.IntN(4) {
	case 0: // cut short
		src = src[:g.r.IntN(len(src)+1)]
	case 1: // a word too many
		words := strings.Split(src, " ")
		at := g.r.IntN(len(words) + 1)
		words = append(words[:at:at], append([]string{pick(g, []string{"end", "then", "=", ")", "local", "do", "return", "'", "1", "x", "..", "]]", "}", "until", "break", "...", "@", "$", "\n", "function", "nil", "%", ","})}, words[at:]...)...)
		src = strings.Join(words, " ")
	case 2: // a word too few
		words := strings.Split(src, " ")
		at := g.r.IntN(len(words))
		src = strings.Join(append(words[:at:at], words[at+1:]...), " ")
	}
	name := pick(g, []string{"", ", '=chunk'", ", '@file.lua'", ", 'code'"})
	if len(src) > 40 && name == "" { // Debian's shows more of it than Lua's own
		name = ", '=long'"
	}
	g.line("print(loadstring(%s%s))", quote(src), name)
	g.line("do local f = loadstring(%s, '=c') if f then print(pcall(f, %s)) end end", quote(src), g.any(1))
}

var snippets = []string{
	"return 1 + 1", "local x = 5 return x * 2", "return ...", "if x then return 1 else return 2 end", "for i = 1 , 3 do local y = i end return 'ok'", "while false do break end", "local function f ( a , b ) return a end return f ( 1 )",
	"return { 1 , 2 , x = 3 , [ 'k' ] = 4 }", "repeat local z = 1 until z", "return ( 'x' ) : rep ( 3 )", "local a , b = 1 , 2 ; a , b = b , a return a , b", "return not nil == true and 1 or 2", "goto x", "x = = 1", "x = }", "return 'aqb'",
	"return \"unfinished", "return [[long string]]", "--[[ comment ]] return 1", "return 3x", "return 1..2", "return 1 .. 2", "local t = { f = function ( ) end } t.f ( )", "f ( )\n( g ) ( )", "break", "return return", "x", "x . y", "x : y", "local 1 = 2",
	"function t.a.b:c ( ) end", "for k , v in next , { } do end", "return # 'abc' , - 2 ^ 2 , 2 ^ - 1", "return function ( ... ) return arg end", "a.b.c = 1", "return 0x", "return 1e", "do do do end end end", "a = 1 b = 2 return a , b",
	"local function f ( ) return g ( ) end", "return ...  , 1", "function f ( ... , a ) end", "for 1 = 1 , 2 do end", "return { [ 1 ] }", "return { 1 2 }", "if then end", "local x <const> = 1", "return 5 // 2", "x += 1",
}

func environments(g *generator) {
	g.line("%s", pick(g, []string{
		"local f = loadstring('x = 1 return x, y') setfenv(f, {y = 2}) print(f()) print(getfenv(f).x)",
		"local env = setmetatable({}, {__index = _G}) local f = function() z = 5 return z end setfenv(f, env) print(f(), env.z, rawget(_G, 'z'))",
		"print(pcall(function() setfenv(1, {}) return tostring end))",
		"print(getfenv(print) == _G, type(getfenv(1)), pcall(getfenv, {}))",
		"print(loadstring([[return 'a\\300']]), loadstring([[return 'a\\98\\q']])())",
		"gx = 1 print(gx, _G.gx) gx = nil",
		"print(pcall(loadstring('return nosuch.field', '=env')))",
		"print(pcall(load(function() return nil end))) print(load(function() return {} end, 'n'))",
		"local n = 0 print(load(function() n = n + 1 return ({'return ', '1', '+2'})[n] end)())",
		"print(pcall(setfenv, function() end), pcall(setfenv, 50, {}), pcall(setfenv, 'x', {}))",
		"module = nil local t = {} function t.f(...) return select('#', ...) end print(t.f(), t.f(nil), t.f(nil, nil))",
		"print(type(os.time()), type(os.clock()), _VERSION ~= nil, type(_G), os.getenv('NO_SUCH_VAR_9'))",
	}))
}

// failing are statements that raise, each by another instruction.
var failing = []func(g *generator) string{
	func(g *generator) string {
		return "error(" + pick(g, []string{"'plain'", "'lvl0', 0", "'lvl2', 2", "{}", "nil", "99", "u2"}) + ")"
	},
	func(*generator) string { return "local t = nil; t.x = 1" },
	func(*generator) string { return "u4.field.other = 1" },
	func(*generator) string { return "noGlobal.x = 1" },
	func(*generator) string { return "noGlobal()" },
	func(*generator) string { return "return u1.x.y" },
	func(*generator) string { return "u3.nothing()" },
	func(*generator) string { return "u3:nothing()" },
	func(*generator) string { return "return u3 .. 'x'" },
	func(g *generator) string { return "return u1 " + pick(g, []string{"+", "<", "..", "^"}) + " {}" },
	func(g *generator) string {
		return "assert(" + pick(g, []string{"false", "nil, 'assertion text'", "false, {}", "nil, 5"}) + ")"
	},
}

func typeErrors(g *generator) {
	value := pick(g, []string{"u1", "u2", "u3", "u4", "loc", "noGlobal", "u3.f", "u3.f.g", "u3[1].x", "u3[u1]", "loc.x", "print", "('s')", "(nil)", "(u4 or loc)", "(noGlobal and 1)", "(u3.f or u4)", "u3.f()", "string.nosuch", "(function() end)()", "math", "{}", "true", "12"})
	other := pick(g, []string{"1", "u1", "'x'", "nil", "{}", "loc", "u4", "noGlobal", "'10'"})
	g.line("print(pcall(function()")
	g.line(" local loc, tab = nil, {k = {}}")
	g.line(" return %s", pick(g, []string{
		fmt.Sprintf("%s + %s", value, other), fmt.Sprintf("%s - %s", other, value), fmt.Sprintf("%s * tab.x", value), fmt.Sprintf("tab.k / %s", value), fmt.Sprintf("%s %% %s", value, other), fmt.Sprintf("%s ^ 2", value), fmt.Sprintf("-%s", parens(value)), fmt.Sprintf("#%s", parens(value)),
		fmt.Sprintf("%s .. %s", value, other), fmt.Sprintf("'a' .. %s .. %s", other, value), fmt.Sprintf("%s < %s", value, other), fmt.Sprintf("%s >= %s", value, other), fmt.Sprintf("(%s).x", value), fmt.Sprintf("(%s)[%s]", value, other), fmt.Sprintf("(%s).x.y", value),
		fmt.Sprintf("(%s)(%s)", value, other), fmt.Sprintf("(%s):m(%s)", value, other), fmt.Sprintf("tab.k.z(%s)", other), "tab.k.z.q", "tab:nope()", "tab.k:nope()", fmt.Sprintf("tab[%s].x", other), fmt.Sprintf("tab[%s]()", other), fmt.Sprintf("tab.x[%s]", value),
		fmt.Sprintf("pcall(function() for i = %s, 2 do break end end)", value), fmt.Sprintf("pcall(function() for i = 1, %s do break end end)", value), fmt.Sprintf("pcall(function() for i = 1, 2, %s do break end end)", value), fmt.Sprintf("pcall(function() for k in %s do break end end)", value),
		named(g, value), named(g, value), assigned(g, value), assigned(g, value),
		fmt.Sprintf("pcall(function() %s.y = 1 end)", "tab.x"), fmt.Sprintf("pcall(function() tab[nil] = %s end)", other), "pcall(function() tab[0/0] = 1 end)", "pcall(function() u4[1], tab.y = 1, 2 end)", "pcall(function() tab.z.y, u1 = 1, 2 end)",
	}))
	g.line("end))")
}

// named does something wrong with a value that a parameter, a local, an upvalue, a
// field or an element of a table holds.
func named(g *generator, value string) string {
	what := pick(g, []string{"p", "own", "loc", "u2", "noGlobal", "tab.q", "tab.k", "tab[1]", "tab.k.z", "(p)", "arg", "math.nope", "own.x"})
	wrong := pick(g, []string{"%s.x.y", "%s:m()", "%s()", "%s + 1", "1 - %s", "-%s", "#%s", "%s .. 'x'", "'x' .. %s", "%s < 1", "'x' >= %s", "%s ^ %[1]s", "%s[%[1]s]()", "{%s.x.y}", "{[%s] = 1}"})
	return fmt.Sprintf("pcall(function(p, ...) local own = p return %s end, %s)", fmt.Sprintf(wrong, what), value)
}

// assigned writes into such a value.
func assigned(g *generator, value string) string {
	if value == "math" { // which other programs see
		value = "{}"
	}
	what := pick(g, []string{"p", "own", "loc", "u2", "noGlobal", "tab.q", "tab.k", "tab[1]", "arg", "math.nope", "own.x"})
	wrong := pick(g, []string{"%s.x = 1", "%s[1] = 2", "%s[nil] = 1", "%s.x.y = 1", "%s.x, own = 1, 2", "function %s.f() end", "function %s:m() end", "local z = %s.x.y", "%s.f(p)", "%s:m(p).n()"})
	if strings.Contains(what, "[") && strings.HasPrefix(wrong, "function") {
		wrong = "%s.x = 1"
	}
	return fmt.Sprintf("pcall(function(p, ...) local own = p\n %s\n end, %s)", fmt.Sprintf(wrong, what), value)
}
