package api

import (
	"context"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/dialect"
	"github.com/mtad/mtad/sdk"
)

// preludes is what an example takes for granted, by the beginning of the full
// name of its function; all that fit run, in this order.
func preludes() [][2]string {
	return [][2]string{
		{"msys.", `text, name, localpart, domain = "text", "good", msys.core.string_new(), msys.core.string_new()`},
		{"msys.core.stringwrite", `s = msys.core.string_new()`},
		{"msys.core.dict_stringprint", `s = msys.core.string_new()`},
		{"msys.core.dict_next", `dict = msg.vctx_mess; iter = msys.core.dict_iter2(dict)`},
		{"msys.core.dict_iter2_free", `dict = msg.vctx_mess; iter = msys.core.dict_iter2(dict)`},
		{"ec_string:", `buff, s, text = msys.core.string_new(), msys.core.string_new(), "text"`},
		{"ec_message:", `localpart, domain = msys.core.string_new(), msys.core.string_new()`},
		{"ec_message:makeBoundary", `part = msg:mime(false)`},
		{"ec_message:build", `msg = msys.core.ec_message_new()`},
		{"ec_message:inject", `copy = msg:copy()`},
		{"msgpart:", `root = msg:mime(false); part = msg:makePart("text/plain", "one"); root:addLastChild(part); new = msg:makePart("text/plain", "two")`},
		{"json.", `o = json.new()`},
		{"timer:", `t = msys.timer.after(60, function() end, "t")`},
		{"msys.counter.", `ct = msys.counter.open("/site/example/errors")`},
		{"mutex:", `m = thread.mutex()`},
		{"mutex:unlock", `m:lock()`},
		{"condition:", `c = thread.condition(); ready = true`},
		{"condition:release", `c:acquire()`},
		{"condition:signal", `c:acquire()`},
		{"condition:broadcast", `c:acquire()`},
		{"rwlock:", `l = thread.rwlock()`},
		{"rwlock:unlock", `l:rdlock()`},
		{"buffer:", `b, other = buffer.new(64), buffer.new(64); b:write("hello"); other:write("world")`},
		{"msys.lock", `write = function() end`},
		{"msys.unlock", `msys.lock("jlog")`},
		{"msys.registerModule", `mod = {}`},
		{"msys.audit_series.", `msys.audit_series.define("myseries", "cidr", 300, 6)`},
		{"msys.gauge_cache.", `msys.gauge_cache.define("mycache", 60, 100)`},
		{"msys.cidr.", `msys.cidr.define("mycidr", { type = "empty", default_value = "" })`},
		{"http_client:", `client = msys.http.client.new()`},
		{"curl:", `c = curl.new(); c:setopt(curl.OPT_URL, "http://127.0.0.1:1/")`},
		{"xml_doc:", `doc = xml.parsexml("<list><item name='one'/></list>")`},
		{"xml_node:", `doc = xml.parsexml("<list><item name='one'/></list>"); node = doc:root():children()(); ns = node:newns("urn:example", "e")`},
		{"io_object:", `line = "x"; log = msys.core.io_wrapper_open(dir .. "/log", msys.core.O_CREAT | msys.core.O_WRONLY, 0640); f = msys.core.io_wrapper_open(dir .. "/log", msys.core.O_RDONLY)`},
		{"msys.os.statvfs_read", `record = msys.os.statvfs_subscribe("/", 60)`},
	}
}

// unconfigured is what an example may raise that needs more of a configuration
// than a world has, by the beginning of its function's full name.
func unconfigured() map[string]string {
	return map[string]string{"msys.audit.": "inbound_audit has no monitor"}
}

// exampleHooks are the phases of a declaration as the hooks in which its
// example is to work. HookNone is a world without a session.
func exampleHooks(phases string) []sdk.Hook {
	named := map[string]sdk.Hook{
		"accept": sdk.CoreValidateAccept, "connect": sdk.ValidateConnect, "ehlo": sdk.ValidateEHLO, "mailfrom": sdk.ValidateMailFrom, "rcptto": sdk.ValidateRcptTo,
		"rcptto_list": sdk.ValidateRcptToList, "rcptto_list_final": sdk.ValidateRcptToListFinal, "data": sdk.ValidateData, "data_spool": sdk.ValidateDataSpool,
		"each_rcpt": sdk.ValidateDataSpoolEachRcpt, "set_binding": sdk.ValidateSetBinding, "final_validation": sdk.CoreFinalValidation,
		"load": sdk.HookNone, "init": sdk.HookNone, "rsrc_setup": sdk.HookNone,
	}
	var list []sdk.Hook
	for word := range strings.SplitSeq(strings.ReplaceAll(phases, " and later", ""), ",") {
		if h, ok := named[strings.TrimSpace(word)]; ok {
			list = append(list, h)
		}
	}
	if len(list) == 0 { // "any", "any with a message", "any SMTP phase"
		list = append(list, sdk.ValidateData, sdk.ValidateDataSpoolEachRcpt)
	}
	return list
}

// exampleWorld is a session with a message that has parts, a customer database
// and a name server.
func exampleWorld(t *testing.T, hook sdk.Hook) *mailWorld {
	t.Helper()
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.host.DNS = map[string]sdk.DNSAnswer{"MX example.com": {Records: []sdk.DNSRecord{{Value: "mx.example.com", Preference: 10}}}}
	w.host.QueryFunc = func(context.Context, *sdk.Query) (*sdk.Rows, error) {
		text := func(s string) sdk.Datum { return sdk.Datum{Kind: sdk.DatumText, Text: s} }
		return &sdk.Rows{Columns: []string{"name", "code"}, Rows: [][]sdk.Datum{{text("good"), text("250")}}}, nil
	}
	w.L.SetGlobal("dir", lua.LString(t.TempDir()))
	state := sampleState()
	switch {
	case hook == sdk.HookNone:
		w.frame = nil
	case hook < sdk.ValidateMailFrom:
		state.Message = nil
		w.enter(state, hook)
	default:
		w.enter(state, hook)
		if hook >= sdk.ValidateData {
			w.multipart()
			for _, m := range append([]*sdk.Message{w.frame.State.Message}, w.frame.State.Copies...) {
				m.Header = []byte(sampleHeader + sampleParts)
			}
		}
		if w.L.GetGlobal("vctx") == lua.LNil {
			w.L.SetGlobal("vctx", newContext(w.env, w.L, w.frame))
		}
	}
	return w
}

func TestEveryExampleRuns(t *testing.T) {
	n := 0
	for _, p := range Packages() {
		for i := range p.Funcs {
			n += runExample(t, p.Name, qualified(p.Name, p.Funcs[i].Name), &p.Funcs[i])
		}
		for _, c := range p.Classes {
			for i := range c.Methods {
				n += runExample(t, p.Name, c.Name+":"+c.Methods[i].Name, &c.Methods[i])
			}
		}
	}
	if n < 150 {
		t.Errorf("%d examples ran", n)
	}
}

// runExample runs the example of a function in each phase in which it may be
// called, and gives how many there were.
func runExample(t *testing.T, pkg, name string, f *Func) int {
	t.Helper()
	if f.Status == Unsupported {
		return 0
	}
	hooks := exampleHooks(f.Phases)
	for _, hook := range hooks {
		w := exampleWorld(t, hook)
		if pkg != "" {
			if _, why, ok := w.env.Registry().Open(w.L, pkg); !ok {
				t.Errorf("%s: %s", name, why)
			}
		}
		for _, needed := range []string{"msys.timer", "msys.extended.message", "msys.extended.vctx"} {
			w.env.Registry().Open(w.L, needed)
		}
		for _, p := range preludes() {
			if strings.HasPrefix(name, p[0]) {
				w.run(p[1])
			}
		}
		if strings.Contains(f.Example, "sleep") { // to where the deadline ends it
			var cancel context.CancelFunc
			w.ctx, cancel = context.WithCancel(w.ctx)
			cancel()
		}
		if _, err := w.try(w.L, exampleChunk(f.Example)); err != nil && !lacksConfiguration(name, err) {
			t.Errorf("%s in %s: %s\n%v", name, hook, f.Example, err)
		}
	}
	return len(hooks)
}

func lacksConfiguration(name string, err error) bool {
	for prefix, text := range unconfigured() {
		if strings.HasPrefix(name, prefix) && strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}

// exampleChunk makes a statement of an example that is an expression, and of a
// comment behind it that is a value a claim.
func exampleChunk(example string) string {
	expression, comment, _ := strings.Cut(example, " -- ")
	if !isLua("return " + expression) {
		return example
	}
	if comment == "" || !isLua("return "+comment) {
		return "local _ = " + expression
	}
	return "local show; show = function(v) if type(v) ~= 'table' then return tostring(v) end local s = '' for i, e in ipairs(v) do s = s .. show(e) .. ',' end return s end\n" +
		"local got, want = " + expression + ", " + comment + "\n" +
		"if show(got) ~= show(want) then error('it gives ' .. show(got)) end"
}

func isLua(text string) bool {
	_, problems := dialect.Parse("example", []byte(text))
	return len(problems) == 0
}
