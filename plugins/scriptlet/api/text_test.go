package api

import (
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

func TestBase64(t *testing.T) {
	w := newWorld(t)
	w.run(`require "msys.base64"`)
	for _, c := range []struct{ script, want string }{
		{`return msys.base64.encode("policies")`, "cG9saWNpZXM="},
		{`return msys.base64.decode("cG9saWNpZXM=")`, "policies"},
		{`return msys.base64.decode("cG9s\r\naWNpZXM")`, "policies"},
		{`return msys.base64.encode("")`, ""},
		{`return msys.base64.encode(("x"):rep(57)), #msys.base64.encode(("x"):rep(58), true)`, strings.Repeat("eHh4", 19) + " 82"},
		{`return msys.base64.encode(("x"):rep(58), true):find("\r\n", 1, true)`, "77 78"},
		{`return msys.base64.encode("ü", false, "iso-8859-1")`, "/A=="},
		{`return msys.base64.decode("/A==", "latin1")`, "ü"},
		{`return msys.base64.encode(42)`, "NDI="},
		{`return msys.base64.encode(json.encode{1})`, "WyAxIF0="},
	} {
		w.is(c.want, c.script)
	}
	w.raises("illegal base64", `msys.base64.decode("?")`)
	w.raises("unknown charset 'klingon'", `msys.base64.encode("x", false, "klingon")`)
	w.raises("does not fit", `msys.base64.encode("€", false, "iso-8859-1")`)
	w.raises("string expected, got table", `msys.base64.encode({})`)
}

func TestQP(t *testing.T) {
	w := newWorld(t)
	w.run(`require "msys.qp"`)
	for _, c := range []struct{ script, want string }{
		{`return msys.qp.encode("a=b")`, "a=3Db"},
		{`return msys.qp.decode("a=3Db=\r\nc")`, "a=bc"},
		{`return msys.qp.encode("ü", "iso-8859-1"), msys.qp.decode("=FC", "iso-8859-1")`, "=FC ü"},
		{`local s = msys.qp.encode(("x"):rep(75) .. ".y", nil, true) return s:find("=\r\n=2E", 1, true) ~= nil, msys.qp.decode(s) == ("x"):rep(75) .. ".y"`, "true true"},
	} {
		w.is(c.want, c.script)
	}
	w.raises("no quoted-printable at offset 1", `msys.qp.decode("a=zz")`)
}

func TestDumper(t *testing.T) {
	w := newWorld(t)
	w.run(`require "msys.dumper"; D = msys.dumper.Dumper`)
	for _, c := range []struct{ script, want string }{
		{`return D{ recipient = "noreply@yahoo.com", note = "No such address", code = "550" }`,
			`return { code="550", note="No such address", recipient="noreply@yahoo.com" }`},
		{`return D("str"), D(5), D(true), D(nil)`, `return "str" return 5 return true return nil`},
		{`return D{}`, `return {}`},
		{`return D{ "a", "b", [4] = 1.5 }`, `return { "a", "b", [4]=1.5 }`},
		{`return D{ ["a-b"] = 1, ["end"] = 2, [true] = 3, [-1] = 4, [{}] = 5 }`, `return { [-1]=4, ["a-b"]=1, ["end"]=2, ["<table>"]=5, [true]=3 }`},
		{`return D("q\"\\\r\n\t\0é")`, `return "q\"\\\r\n\t\000é"`},
		{`return D{ a = { 1, 2 }, b = "x", c = { d = {} } }`, "return {\n  a={ 1, 2 },\n  b=\"x\",\n  c={\n    d={}\n  }\n}"},
		{`local t = {} t.t = t return D(t)`, "return {\n  t=\"<the table itself>\"\n}"},
		{`return D(json.encode{1})`, `return "[ 1 ]"`},
		{`return D(print)`, `return "<function>"`},
		{`return D{ { 192 } }`, "return {\n  { 192 }\n}"},
	} {
		w.is(c.want, c.script)
	}
	deep := w.run(`local t = {} for i = 1, 200 do t = { t } end return D(t)`)[0]
	if !strings.Contains(deep, `"<more>"`) {
		t.Error("depth is not bounded")
	}
	wide := w.run(`local t = {} for i = 1, 300 do t[i] = ("x"):rep(10000) end return D(t)`)[0]
	if len(wide) > dumpSize+20000 {
		t.Errorf("%d bytes", len(wide))
	}
	w.is("550 No such address", `local row = loadstring(D{ code = "550", note = "No such address" })() return row.code, row.note`)
}

func TestBuffer(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ script, want string }{
		{`local b = buffer.new(8) return b:write("hello"), #b, b, b:write("world"), b`, "5 5 hellowor 3 hellowor"},
		{`local b = buffer.new("hello") return b:string(), b:string(1, 3), b:string(0, 9), b:string(3, 1), b:string(-1)`, "hello el nil nil nil"},
		{`local b = buffer.new("hello") local s = b:slice(1, 3) s:write("XY", 0) return b, s, #s, b:slice(0, 9)`, "hXYlo XY 2 nil"},
		{`local a, b = buffer.new("hello"), buffer.new(3) return a:copy(b), b, a:copy(b, 1, 3), b, a:copy(b, 0, 9)`, "3 hlo 2 hlo 0"},
		{`local b = buffer.new(4) return b:write("abcdef", 2), b:write("x", 9), b:write("x", -1), #b`, "2 0 0 4"},
		{`return msys.type(buffer.new(0))`, "buffer"},
	} {
		w.is(c.want, c.script)
	}
	w.raises("from 0 to 16 MiB", `buffer.new(1e9)`)
	w.raises("from 0 to 16 MiB", `buffer.new(-1)`)
	w.raises("buffer expected", `buffer.new(1):copy(2)`)
}

func TestPCRE(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ script, want string }{
		{`local m = msys.pcre.match("order 8812 for bob", "order (\\d+) for (?P<who>\\w+)") return m[0], m[1], m[2], m.who, #m`, "order 8812 for bob 8812 bob bob 2"},
		{`return msys.pcre.match("abc", "^x")`, "nil"},
		{`local m = msys.pcre.match("abc", "abc") return #m, m[0]`, "0 abc"},
		{`return msys.pcre.match("x", "asd(")`, "nil missing closing parenthesis 4"},
		{`return msys.pcre.match("x", "")`, "nil an empty pattern was provided 0"},
		{`return msys.pcre.replace("a1b22c", "[0-9]+", "#")`, "a#b#c"},
		{`return msys.pcre.replace("a1b22c", "[0-9]+", "#", 1), msys.pcre.replace("a1", "1", "#", 0)`, "a#b22c a1"},
		{`return msys.pcre.replace("the quick quick", "(?P<n>qu)ic(k)", "${n}sl$2ow\\1")`, "the quslkowqu quslkowqu"},
		{`return msys.pcre.replace("a b", "\\w", function(m) if m[0] == "a" then return "X" end end)`, "X b"},
		{`return msys.pcre.replace("x", "(", "y")`, "nil missing closing parenthesis 1"},
		{`return unpack(msys.pcre.split("the quick  brown fox", "\\s+"))`, "the quick brown fox"},
		{`return #msys.pcre.split(",a,,b,", ","), msys.pcre.split(",a,,b,", ",")[2]`, "2 b"},
		{`local p = msys.pcre.split("the quick brown fox", "\\s+", 3) return #p, p[3]`, "3 brown fox"},
		{`local p = msys.pcre.split("the quick brown fox", "\\s+", 1) return #p, p[1]`, "1 the quick brown fox"},
		{`local p = msys.pcre.split("the quick brown fox", "(\\s+|brown\\s+)") return #p, p[3]`, "3 fox"},
		{`return table.concat(msys.pcre.split("abc", "x*"), "|")`, "a|b|c"},
		{`return msys.pcre.split("abc", "(")`, "nil missing closing parenthesis 1"},
		{`return require("pcre").match("ab", "b")[0]`, "b"},
	} {
		w.is(c.want, c.script)
	}
	w.raises("checking", `msys.pcre.replace("a", "a", function() error("checking") end)`)
	w.raises("pattern stopped", `msys.pcre.match(("a"):rep(50) .. "!", "^(a+)+$")`)
	w.raises("pattern stopped", `msys.pcre.split(("a"):rep(50) .. "!", "^(a+)+$")`)
}

func TestTextArgument(t *testing.T) {
	w := newWorld(t)
	w.L.SetGlobal("plain", &lua.LUserData{Metatable: lua.LNil})
	w.raises("string expected, got userdata", `require("msys.qp").encode(plain)`)
}

func TestParseAddresses(t *testing.T) {
	w := newWorld(t)
	for component, want := range map[string]string{
		"all": "a+x@b.test|c@d.test", "localpart": "a+x|c", "user": "a|c", "detail": "x|", "domain": "b.test|d.test", "": "a+x@b.test|c@d.test",
	} {
		w.is(want, `return table.concat(msys.parseRFC2822Addresses('"A, B" <a+x@b.test>, c@d.test (C)', "`+component+`"), "|")`)
	}
	w.is("0", `return #msys.parseRFC2822Addresses("")`)
	w.raises("bad component", `msys.parseRFC2822Addresses("a@b", "x")`)
	w.is("true", `return msys.asyncOk()`)
}
