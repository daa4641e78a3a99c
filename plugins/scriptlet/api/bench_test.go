package api

import (
	"runtime"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/dialect"
	"github.com/mtad/mtad/sdk"
)

// perRun is how often a benchmark's script calls what it measures in one run:
// the start of a script must not count.
const perRun = 1000

// bench measures one call of what script does, in nanoseconds and allocations.
// Before it, prepare runs once.
func (w *mailWorld) bench(b *testing.B, times int, prepare, script string) {
	b.Helper()
	w.run(prepare)
	src := "for i = 1, times do " + script + " end"
	proto, problems := dialect.Compile("bench.lua", []byte(src), dialect.NewRuntime(dialect.Limits{MaxString: 1 << 26}))
	if len(problems) > 0 {
		b.Fatal(problems)
	}
	w.L.SetGlobal("times", lua.LNumber(times))
	fn := w.L.NewFunctionFromProto(proto)
	w.mu.Lock() // Wait gives it up
	defer w.mu.Unlock()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		w.L.Push(fn)
		w.L.Call(0, 0)
		w.frame.Changes = w.frame.Changes[:0]
	}
	runtime.ReadMemStats(&after)
	calls := float64(b.N * times)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/calls, "ns/call")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/calls, "allocs/call")
}

// BenchmarkAPI is one row for each group of the API. "loop" is what the loop
// around the others costs.
func BenchmarkAPI(b *testing.B) {
	for _, c := range []struct{ name, prepare, script string }{
		{"loop", "", ""},
		{"vctx:get", "", `local v = vctx:get(C, "ehlo_domain")`},
		{"vctx:set", "", `vctx:set(C, "k", "v")`},
		{"vctx:exists", "", `local v = vctx:exists(C, "ehlo_domain")`},
		{"msg:context_get", "", `local v = msg:context_get(M, "k")`},
		{"msg:context_set", "", `msg:context_set(M, "k2", "v")`},
		{"msg:header get", "", `local h = msg:header("X-Custom")`},
		{"msg:header get decoded", "", `local h = msg:header("Subject")`},
		{"msg:header set", "", `msg:header("X-New", "value")`},
		{"msg:address_header", "", `local a = msg:address_header("From")`},
		{"msg:rcptto", "", `local to = msg:rcptto()`},
		{"msg.id", "", `local id = msg.id`},
		{"pcre.match", "", `local m = msys.pcre.match("order 8812 of Tuesday", "order (\\d+)")`},
		{"pcre.match misses", "", `local m = msys.pcre.match("nothing of that kind here", "order (\\d+)")`},
		{"pcre.replace", "", `local s = msys.pcre.replace("a1b22c", "[0-9]+", "#")`},
		{"json.decode", "", `local o = json.decode('{"name": "x", "list": [1, 2, 3], "nested": {"a": true}}')`},
		{"json.encode", `t = {name = "x", list = {1, 2, 3}, nested = {a = true}}`, `local s = tostring(json.encode(t))`},
		{"counter.inc", `require "msys.counter"; ct = msys.counter.open("/site/bench")`, `msys.counter.inc(ct)`},
		{"expandMacro", "", `local s = msys.expandMacro("%{vctx_conn:ehlo_domain} of %{vctx_mess:k}")`},
		{"expandMacro plain", "", `local s = msys.expandMacro("no macro in this")`},
		{"base64.encode", `require "msys.base64"`, `local s = msys.base64.encode("hello, world")`},
	} {
		b.Run(c.name, func(b *testing.B) {
			newMailWorld(b, sdk.ValidateData).bench(b, perRun, c.prepare, c.script)
		})
	}
}

// BenchmarkBody is a search of the whole body, which has no match before its
// end, and the making of its text.
func BenchmarkBody(b *testing.B) {
	line := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 1) + "\r\n"
	for _, size := range []struct {
		name  string
		bytes int
	}{{"4KiB", 4 << 10}, {"1MiB", 1 << 20}} {
		body := strings.Repeat(line, size.bytes/len(line)) + "order 8812\r\n"
		for name, script := range map[string]string{
			"body_match": `assert(msg:body_match("order (\\d+)"))`, "text_match": `assert(msg:text_match("order (\\d+)"))`,
			"body_match class": `assert(msg:body_match("[0-9]{4}"))`, "body_match nocase": `assert(msg:body_match("(?i)ORDER (\\d+)"))`,
		} {
			b.Run(name+"/"+size.name, func(b *testing.B) {
				w := newMailWorld(b, sdk.ValidateData).content(sampleHeader, body)
				b.SetBytes(int64(len(body)))
				w.bench(b, 1, "", script)
			})
		}
	}
}
