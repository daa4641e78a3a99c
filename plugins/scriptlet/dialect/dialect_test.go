package dialect_test

import (
	"strings"
	"sync"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/dialect"
)

// TestDialect runs what the dialect adds to Lua 5.1.
func TestDialect(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"not equal", `print(1 != 2, 1 != 1, "a" != "b")`, "true\tfalse\ttrue"},
		{"not", `print(!true, !nil, !!1, !(1 == 2), ! 0)`, "false\ttrue\ttrue\ttrue\tfalse"},
		{"bits", `print(6 & 3, 6 | 3, 6 ^^ 3, 1 << 4, 256 >> 4, ~0, ~5)`, "2\t7\t5\t16\t16\t-1\t-6"},
		{"bits of variables", `local a, b = 0x54, 0x66 print(a & b, a | b, a ^^ b, a << 4, b >> 1, ~a)`, "68\t118\t50\t1344\t51\t-85"},
		{"floor division", `print(7 \ 2, -7 \ 2, 7.5 \ 2, 1 \ 0, -1 \ 0)`, "3\t-4\t3\tinf\t-inf"},
		{"bits have the priority of +", `print(1 | 2 + 4, 1 + 2 | 4, 1 | 2 ^^ 1, 8 - 4 & 12, 7 & 3 | 8)`, "7\t7\t2\t4\t11"},
		{"shifts have the priority of *", `print(1 << 2 * 3, 2 * 3 << 1, 1 + 1 << 3, 16 >> 1 \ 2, 1 << 2 << 3)`, "12\t12\t9\t4\t32"},
		{"bits bind tighter than comparison", `print(1 | 2 == 3, 6 & 1 == 0, 1 << 2 < 5)`, "true\ttrue\ttrue"},
		{"bits bind tighter than concat", `print("x" .. 1 | 2, 4 ^^ 1 .. "y")`, "x3\t5y"},
		{"unary binds tighter", `print(~1 + 1, -1 & 3, ~1 & 3, 2 ^ ~-3, ~2 ^ 2)`, "-1\t3\t2\t4\t-5"},
		{"truncation", `print(3.9 | 0, -3.9 | 0, 1e10 | 0, 2^40 | 1, 1e300 | 0)`, "3\t-3\t10000000000\t1099511627777\t-9.2233720368548e+18"},
		{"string operands", `print("6" & 3, "0x10" | 1, "010" | 0, ~"1", "7" \ "2")`, "2\t17\t8\t-2\t3"},
		{"octal numerals", `print(0660, 010, 00, 0, 0.5, 07, 0x10, -010)`, "432\t8\t0\t0\t0.5\t7\t16\t-8"},
		{"a local tested and assigned", `local u, x = nil, 7 x = (not u or u == 1) and x or u print(x) x = x and (not x or x) print(x) x = x or 5 print(x)`, "7\n7\n7"},
		{"octal strings", `print(tonumber("010"), tonumber("08"), tonumber("0660"), tonumber("-010"), tonumber(" 010"), tonumber("0e1"), tonumber("0.5"))`, "8\tnil\t432\t-8\t10\tnil\t0.5"},
		{"hex escape", `print("\x41\x62" == "Ab", #"\x00", "\xffz" == "\255z")`, "true\t1\ttrue"},
		{"unicode escape", `print("\u00e9" == "\195\169", "\u20ac", "\u0001f600" == "\xf0\x9f\x98\x80", #"\u0000", "\u00E9x")`, "true\t€\ttrue\t1\téx"},
		{"unicode beyond Unicode", `print("\u308000" == "\xf8\x8c\x88\x80\x80", "\u70008000" == "\xfd\xb0\x80\x88\x80\x80", "\ud800" == "\xed\xa0\x80")`, "true\ttrue\ttrue"},
		{"unknown escapes", `print("\@", "[\-]", "\/\.")`, "@\t[-]\t/."},
		{"bits in a nested function", `local m = 12 local function f() return function(x) return x & m | 1 end end print(f()(10))`, "9"},
		{"operator on a call takes one value", `local function f() return 6, 3 end print(f() & f(), 1 | f(), ~f())`, "6\t7\t-7"},
		{"operator assigned to the last parameter", `local function f(y, x) x = x | 1 x = x & y return x end print(f(13, 8))`, "9"},
		{"operator in a return", `local function f(x) return x | 1 end print(select("#", f(2)), f(2))`, "1\t3"},
		{"operator in a table", `local t = {1 | 2, x = 4 ^^ 1, 2 << 1} print(t[1], t[2], t.x)`, "3\t4\t5"},
		{"operator in a condition", `if 4 & 4 != 0 then print("set") end while 0 & 1 == 1 do end`, "set"},
		{"compound value of flags", `local O_CREAT, O_WRONLY = 0100, 01 print(O_CREAT | O_WRONLY, 0660 & ~0022)`, "65\t416"},
		{"metamethods", `local mt = {} for _, n in ipairs({"or", "and", "xor", "shl", "shr", "not", "div"}) do mt["__" .. n] = function(a, b) return n .. type(a) .. type(b) end end
			local o = setmetatable({}, mt) print(o | 1, 1 & o, o ^^ o, o << 1, "x" >> o, ~o, o \ 1)`,
			"ortablenumber\tandnumbertable\txortabletable\tshltablenumber\tshrstringtable\tnottabletable\tdivtablenumber"},
		{"intdiv metamethod", `print(setmetatable({}, {__intdiv = function() return "i" end, __div = function() return "d" end}) \ 2)`, "i"},
		{"metamethod error is the caller's line", "local o = setmetatable({}, {__or = function()\nerror('x') end})\nprint(o | 1)", "test:2: x"},
		{"bitwise on nil", "local x\nprint(1 |\nx)", "test:3: attempt to perform bitwise operation on a nil value"},
		{"bitwise on a string", `print("a" & 1)`, "test:1: attempt to perform bitwise operation on a string value"},
		{"bitwise not on a table", `print(~{})`, "test:1: attempt to perform bitwise operation on a table value"},
		{"floor division on nil", `print(1 \ nil)`, "test:1: attempt to perform arithmetic on a nil value"},
		{"concat on nil", `local s = "a" .. nil .. "b"`, "test:1: attempt to concatenate a nil value"},
		{"iter", `local t = setmetatable({"one", "two"}, {__iter = ipairs}) for i, v in t do print(i, v) end`, "1\tone\n2\ttwo"},
		{"iter gives one function", `local n = 0 local o = setmetatable({}, {__iter = function(self) return function() n = n + 1 if n < 3 then return n end end end}) for i in o do print(i) end`, "1\n2"},
		{"iter and call", `local o = setmetatable({}, {__iter = function() return next, {x = 1} end, __call = function() return nil end}) for k, v in o do print(k, v) end`, "x\t1"},
		{"words of other Luas are names", `local goto, continue = 1, 2 if goto then continue = 3 end print(continue)`, "3"},
		{"shebang", "#!/usr/bin/lua\nprint(1)\nerror('x')", "1\ntest:3: x"},
		{"byte order mark", "\xef\xbb\xbfprint(2)", "2"},
		{"carriage returns", "print(1)\r\nprint(2)\r\nerror('x', 1)", "1\n2\ntest:3: x"},
		{"line of an operator", "local a = {}\nlocal b = 1\n+\na", "test:4: cannot perform add operation between number and table"},
		{"line in a table", "local t = {\n1,\nx = nil .. 'a',\n}", "test:3: attempt to concatenate a nil value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := strings.TrimSuffix(runChunk(t, c.src), "\n"); got != c.want {
				t.Errorf("%s\n got %q\nwant %q", c.src, got, c.want)
			}
		})
	}
}

// TestOperatorsAreHidden: the functions are no globals, and a string that
// looks like what stands for one while compiling stays a string.
func TestOperatorsAreHidden(t *testing.T) {
	src := "local before = {} for k in pairs(_G) do before[k] = true end\n" +
		`local s = "\0op\0\0" local u = "\0op.\1" print(#s, 1 | 2, s == "\0op\0\0", type(s), #u)
		for k in pairs(_G) do if !before[k] then print(k) end end
		local mt = {__or = function() return type(getfenv(2)), getfenv(2) == _G end} print(setmetatable({}, mt) | 1)`
	if got, want := runChunk(t, src), "5\t3\ttrue\tstring\t5\ntable\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestShared runs one prototype in several states at once.
func TestShared(t *testing.T) {
	src := `local o = setmetatable({}, {__or = function(a, b) return b end})
		local n = 0
		for i = 1, 200 do n = (n + (o | i)) & 0xffff ^^ 1 for k, v in ipairs({1}) do n = n + #(k .. v) end end
		return n`
	proto, problems := dialect.Compile("shared", []byte(src), dialect.NewRuntime(dialect.Limits{}))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	results := make([]lua.LValue, 8)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			L := lua.NewState()
			defer L.Close()
			L.Push(L.NewFunctionFromProto(proto))
			if L.PCall(0, 1, nil) == nil {
				results[i] = L.Get(-1)
			}
		})
	}
	wg.Wait()
	for _, r := range results {
		if r == nil || r != results[0] {
			t.Errorf("results differ: %v", results)
		}
	}
}

// TestLoad: loadstring and load take the dialect.
func TestLoad(t *testing.T) {
	src := `print(loadstring("return 6 | 1, ...")(5))
		print(loadstring("x = 08", "=name"))
		print(loadstring("x =\n!"))
		local n = 0 print(load(function() n = n + 1 return ({"return ", "1 ", "!= 2"})[n] end)())
		print(load(function() n = n + 1 return ({[5] = "x x"})[n] end, "@file"))
		print((pcall(loadstring)), (pcall(load, function() return {} end)))`
	proto, problems := dialect.Compile("t", []byte(src), dialect.NewRuntime(dialect.Limits{}))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var out strings.Builder
	L := newState(t, &out)
	rt := dialect.NewRuntime(dialect.Limits{})
	L.SetGlobal("loadstring", L.NewFunction(rt.LoadString))
	L.SetGlobal("load", L.NewFunction(rt.Load))
	L.Push(L.NewFunctionFromProto(proto))
	if err := L.PCall(0, 0, nil); err != nil {
		t.Fatal(err)
	}
	want := "7\t5\n" +
		"nil\tname:1:5: malformed number near '08' (a leading 0 means octal)\n" +
		"nil\t[string \"x =...\"]:2:2: unexpected symbol near '<eof>'\n" +
		"true\n" +
		"nil\tfile:1:3: '=' expected near 'x'\n" +
		"false\tfalse\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// TestConcatLimits: a string that `..` builds is bounded and charged.
func TestConcatLimits(t *testing.T) {
	spent := 0
	rt := dialect.NewRuntime(dialect.Limits{MaxString: 1 << 20, Spend: func(_ *lua.LState, n int) { spent += n }})
	proto, problems := dialect.Compile("c", []byte(`local s = "0123456789" while true do s = s .. s end`), rt)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	L := lua.NewState()
	defer L.Close()
	L.Push(L.NewFunctionFromProto(proto))
	err := L.PCall(0, 0, nil)
	if err == nil || !strings.HasPrefix(errorText(err), "c:1: string too long: ") {
		t.Errorf("error %v", err)
	}
	if spent < 5000 {
		t.Errorf("only %d steps were charged", spent)
	}
}
