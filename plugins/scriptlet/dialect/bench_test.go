package dialect_test

import (
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"

	"github.com/mtad/mtad/plugins/scriptlet/dialect"
)

// policy is a script of 288 lines that stock Lua accepts too.
func policy() string {
	const callout = `function mod:validate_%d(msg, ac, vctx)
  local domain = msg:context_get(1, "domain")
  if domain == "example.com" or domain == "example.net" and not ac.trusted then
    vctx:set_code(550, "5.7.1 not " .. domain .. " today")
    return 1
  end
  for i, part in ipairs(msg:parts()) do
    if part.size > limits.size * 1024 - 17 then
      seen[#seen + 1] = { name = part.name, size = part.size, at = i }
    end
  end
  return cached(function(key) return key, domain:lower() end)
end

`
	head := "local mod = {}\nlocal limits = { size = 10 }\nlocal seen = {}\nlocal function cached(f)\n  return f('x')\nend\n\n\n"
	return head + strings.Repeat(callout, 20)[:strings.LastIndex(strings.Repeat(callout, 20), "\n")]
}

func BenchmarkCompile(b *testing.B) {
	src := []byte(strings.ReplaceAll(policy(), "%d", "data"))
	rt := dialect.NewRuntime(dialect.Limits{})
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, problems := dialect.Compile("p", src, rt); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}

func BenchmarkCompileStock(b *testing.B) {
	src := strings.ReplaceAll(policy(), "%d", "data")
	b.ReportAllocs()
	for b.Loop() {
		stmts, err := parse.Parse(strings.NewReader(src), "p")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := lua.Compile(stmts, "p"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLint(b *testing.B) {
	src := []byte(strings.ReplaceAll(policy(), "%d", "data"))
	for b.Loop() {
		dialect.Lint("p", src, lintOptions)
	}
}

// BenchmarkRun is loops of a thousand, by us and by stock gopher-lua.
func BenchmarkRun(b *testing.B) {
	for _, c := range []struct{ name, src string }{
		{"concat", `local a, b = "hello", "world" for i = 1, 1000 do local x = a .. " " .. b end`},
		{"concat number", `local a = "hello" for i = 1, 1000 do local x = a .. i end`},
		{"for pairs", `local t = {1, 2, 3} for i = 1, 1000 do for k, v in pairs(t) do end end`},
		{"for closure", `local function it(s, i) if i < 3 then return i + 1 end end for i = 1, 1000 do for k in it, nil, 0 do end end`},
	} {
		b.Run(c.name+"/dialect", func(b *testing.B) {
			proto, problems := dialect.Compile("b", []byte(c.src), dialect.NewRuntime(dialect.Limits{MaxString: 1 << 26}))
			if len(problems) > 0 {
				b.Fatal(problems)
			}
			L := lua.NewState()
			defer L.Close()
			call(b, L, L.NewFunctionFromProto(proto))
		})
		b.Run(c.name+"/stock", func(b *testing.B) {
			L := lua.NewState()
			defer L.Close()
			fn, err := L.LoadString(c.src)
			if err != nil {
				b.Fatal(err)
			}
			call(b, L, fn)
		})
	}
	b.Run("or", func(b *testing.B) {
		proto, _ := dialect.Compile("b", []byte(`local n = 0 for i = 1, 1000 do n = n | i end`), dialect.NewRuntime(dialect.Limits{}))
		L := lua.NewState()
		defer L.Close()
		call(b, L, L.NewFunctionFromProto(proto))
	})
}

func call(b *testing.B, L *lua.LState, fn *lua.LFunction) {
	b.ReportAllocs()
	for b.Loop() {
		L.Push(fn)
		L.Call(0, 0)
	}
}
