package api

import (
	"errors"
	"strings"
	"testing"
)

func TestJSONReadsAndWrites(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ script, want string }{
		{`return json.decode('{"foo": "bar"}')`, `{ "foo": "bar" }`},
		{`return json.decode('{ "a": [1, {"b": null}], "c": true }')`, `{ "a": [ 1, { "b": null } ], "c": true }`},
		{`return json.decode('{}'), json.decode('[]')`, `{ } [ ]`},
		{`return json.decode('"x"'), json.decode('5'), json.decode('null')`, `x 5 null`},
		{`return type(json.decode('5')), msys.type(json.decode('5'))`, `userdata json`},
		{`local o = json.decode('{ "hello": "world" }') o.int = 4 o.num = 3.5 return o`, `{ "hello": "world", "int": 4, "num": 3.500000 }`},
		{`return json.decode('{"a":1,"b":2,"a":3}')`, `{ "a": 3, "b": 2 }`},
		{`return json.encode{1, 2, nil, 4}, json.encode{}, json.encode()`, `[ 1, 2 ] { } { }`},
		{`return json.encode{ [2] = "x" }`, `{ "2": "x" }`},
		{`return json.encode{ { { { "=o=" } } } }`, `[ [ [ [ "=o=" ] ] ] ]`},
		{`return json.encode{ content = { { mno = "pqr" } } }`, `{ "content": [ { "mno": "pqr" } ] }`},
		{`return json.encode(true), json.encode("a/b"), json.encode(42)`, `true a/b 42`},
		{`return json.encode{ "a/b\n\"\1" }`, `[ "a\/b\n\"\u0001" ]`},
		{`return json.encode{ 3000000000, 2147483648, 0.1, 1e-9, 1e300 }`, `[ 3000000000, 2147483648, 0.100000, 1e-09, 1e+300 ]`},
		{`return json.decode('[12345678901234567890, -1.5e3, 1.25]')`, `[ 12345678901234567890, -1500, 1.250000 ]`},
		{`return json.decode([[{ 'a': 'x', /* c */ "b": TRUE, // d
			"c": [1,2,], }]])`, `{ "a": "x", "b": true, "c": [ 1, 2 ] }`},
		{`return json.decode([["\u00fc\ud83d\ude00\ud800x\t"]])`, "ü😀\uFFFDx\t"},
		{`return json.decode('{"a":1} trailing')`, `{ "a": 1 }`},
		{`local o = json.new() o.name = "kid" local p = json.new() p.kid = o o.age = 3 return p, p.kid == o, p.kid.age`, `{ "kid": { "name": "kid", "age": 3 } } true 3`},
		{`local o = json.decode('{"a":null}') local before = tostring(o) local v = o.a o.a = nil return before, v, o`, `{ "a": null } nil { }`},
		{`local o = json.decode('[0,1,3]') o[1] = 42 o[5] = "x" return o, #o, o[9], o[2], o["3"]`, `[ 42, 1, 3, null, "x" ] 5 nil 1 3`},
		{`return #json.new(), #json.encode("abc"), json.encode(5).x, json.encode{1}.x`, `0 0 nil nil`},
		{`local s = "" for k, v in json.decode('{"b":1,"a":[7,8]}') do s = s .. k .. "=" .. tostring(v) .. ";" end return s`, `b=1;a=[ 7, 8 ];`},
		{`local s = "" for k, v in json.decode('[5,null,"x"]') do s = s .. k .. "=" .. tostring(v) .. ";" end return s`, `1=5;2=nil;3=x;`},
		{`local n = 0 for k in json.encode(5) do n = n + 1 end return n`, `0`},
		{`local o = json.decode('{"a":1,"b":2}') for k in o do o[k] = nil o.c = 3 end return o`, `{ "c": 3 }`},
		{`return tostring(json.encode(json.decode('{"a":1}')))`, `{ "a": 1 }`},
		{`local o = json.encode{ foo = "bar", [32] = "dude" } return o["32"], o[32], o.foo`, `dude dude bar`},
		{`return json.strerror(json.ERROR_PARSE_NULL), json.strerror(-1), json.strerror(2000)`, `null expected unknown error unknown error`},
		{`local o = json.new() json.free(o) return json.addref(o)`, `true`},
		{`local j = require 'json' return j == json`, `true`},
	} {
		w.is(c.want, c.script)
	}
}

func TestJSONFailures(t *testing.T) {
	w := newWorld(t)
	for text, want := range map[string]string{
		`{ bad: "json" }`:              `nil 9 quoted object property name expected at offset 2`,
		`{ nope`:                       `nil 9 quoted object property name expected at offset 2`,
		`{ "a" 1 }`:                    `nil 10 object property name separator ':' expected at offset 6`,
		`{ "a": 1 "b": 2 }`:            `nil 11 object value separator ',' expected at offset 9`,
		`[1 2]`:                        `nil 8 array value separator ',' expected at offset 3`,
		`nope`:                         `nil 5 null expected at offset 0`,
		`[tru]`:                        `nil 6 boolean expected at offset 1`,
		`[1-2]`:                        `nil 7 number expected at offset 1`,
		`["\x"]`:                       `nil 12 invalid string sequence at offset 3`,
		`/ x`:                          `nil 13 expected comment at offset 0`,
		`?`:                            `nil 4 unexpected character at offset 0`,
		`{"a":`:                        `nil 3 unexpected end of data at offset 5`,
		`"abc`:                         `nil 3 unexpected end of data at offset 4`,
		``:                             `nil 3 unexpected end of data at offset 0`,
		strings.Repeat("[", 33) + "1":  `nil 2 nesting too deep at offset 32`,
		strings.Repeat("[", 1000) + "": `nil 2 nesting too deep at offset 32`,
	} {
		w.is(want, "return json.decode([==["+text+"]==])")
	}
	w.raises("cannot assign values of type function", `json.new().x = print`)
	w.raises("cannot assign values of type thread", `json.encode(coroutine.create(print))`)
	w.raises("cannot assign the number", `json.encode(1/0)`)
	w.raises("cannot delete from json arrays", `json.encode{1}[1] = nil`)
	w.raises("json array index must be numeric", `json.encode{1}.moo = "bang"`)
	w.raises("lua array semantics are that index operations are 1-based", `json.encode{1}[0] = "bang"`)
	w.raises("too far behind", `json.encode{1}[1e9] = 1`)
	w.raises("cannot assign to this type of json object", `json.encode(42).foo = 1`)
	w.raises("nested too deep", `local t = {} t.t = t json.encode(t)`)
	w.raises("nested too deep", `local o = json.new() o.o = o tostring(o)`)
	w.raises("longer than 16 MiB", `local o = json.encode(("x"):rep(1000)) for i = 1, 30 do o = json.encode{o, o} end tostring(o)`)
	w.raises("bad argument #1 to 'decode' (string expected, got table)", `json.decode({})`)
	w.raises("cannot be a boolean", `json.encode{ [true] = 1 }`)
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5,"x\u00fc",null,true]}`, `[[[`, `{'a':1,}`, `"\ud83d\ude00"`, `// x`, `/* */ -1e5`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := parseJSON(text)
		if err != nil {
			var bad *jsonError
			if !errors.As(err, &bad) || bad.offset < 0 || bad.offset > len(text) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		out, err := v.append(nil, 0)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		again, err := parseJSON(string(out))
		if err != nil {
			t.Fatalf("%q gave %q: %v", text, out, err)
		}
		if same, err := again.append(nil, 0); err != nil || string(same) != string(out) {
			t.Errorf("%q gave %q, then %q", text, out, same)
		}
	})
}
