package scriptlet

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

const head = "require('msys.core');\nlocal mod = {};\n"
const foot = "\nmsys.registerModule('mymod', mod);\n"

func TestPrintGoesToThePaniclog(t *testing.T) {
	w := scripted(t, head+`
function mod:validate_ehlo(str, ac, vctx)
  print("Confirming entry in panic log.")
  print("a", 1, nil, true, 0.1 + 0.2, 1e15, 2^53, -0.5)
  print("got a\n1251200446:scriptlet: forged\n\ttab")
  return msys.core.VALIDATE_CONT
end`+foot)
	if r := w.one(1, sdk.ValidateEHLO); r.Failed || r.Verdict != sdk.Continue {
		t.Fatalf("result %+v\n%s", r, w.host.paniclog())
	}
	w.wantLog(
		"scriptlet: Confirming entry in panic log.",
		"scriptlet: a\t1\tnil\ttrue\t0.3\t1e+15\t9.007199254741e+15\t-0.5",
		"scriptlet: got a\n\t1251200446:scriptlet: forged\n\ttab",
	)
}

func TestErrorIsReported(t *testing.T) {
	w := scripted(t, head+`
local function helper(t)
  return t.field.x
end
function mod:validate_mailfrom(str, ac, vctx)
  local x = helper({})
  return x
end
function mod:validate_data(msg, ac, vctx)
  error("after data", 0)
end`+foot)
	r := w.one(1, sdk.ValidateMailFrom)
	if !r.Failed || r.Reply.String() != "421 4.3.0 temporary issue, please retry your message later" {
		t.Fatalf("result %+v", r)
	}
	w.wantLog(
		"scriptlet-00147: validate_mailfrom error: /etc/mtad/conf/script.lua:5: attempt to index field 'field' (a nil value)",
		"scriptlet-00239: mymod error: /etc/mtad/conf/script.lua:5: attempt to index field 'field' (a nil value)\n"+
			"\tstack traceback:\n\t/etc/mtad/conf/script.lua:5: in function 'helper'\n"+
			"\t/etc/mtad/conf/script.lua:8: in function </etc/mtad/conf/script.lua:7>",
	)
	r = w.one(1, sdk.ValidateData)
	if !r.Failed || r.Reply.String() != "451 4.3.0 temporary issue, please retry your message later" {
		t.Fatalf("result %+v", r)
	}
}

func TestOnError(t *testing.T) {
	for action, want := range map[string]string{
		"tempfail": "421 4.3.0 temporary issue, please retry your message later",
		"reject":   "554 5.3.0 transaction failed",
		"continue": "",
	} {
		w := setup{
			scripts: map[string]string{"script": head + `function mod:validate_ehlo() error("boom") end` + foot},
			attrs:   map[string]string{"on_error": action},
		}.start(t)
		r := w.one(1, sdk.ValidateEHLO)
		got := ""
		if r.Reply != nil {
			got = r.Reply.String()
		}
		if got != want || r.Failed != (want != "") {
			t.Errorf("%s: %+v", action, r)
		}
		if !strings.Contains(w.host.paniclog(), "scriptlet-00147: validate_ehlo error: ") {
			t.Errorf("%s: no entry", action)
		}
	}
}

func TestBadReturn(t *testing.T) {
	text := head + `
function mod:validate_ehlo() end
function mod:validate_set_binding() return msys.core.VALIDATE_AGAIN end
function mod:core_final_validation() end` + foot
	w := scripted(t, text)
	if r := w.one(1, sdk.ValidateEHLO); r.Failed || r.Reply != nil || r.Verdict != sdk.Continue {
		t.Fatalf("result %+v", r)
	}
	w.wantLog(
		"scriptlet-00147: validate_ehlo error: (null)",
		"scriptlet-00239: mymod error: (null)",
		"scriptlet: mymod: /etc/mtad/conf/script.lua:4: validate_ehlo returned nothing or nil, which is none of msys.core.VALIDATE_CONT, VALIDATE_DONE and VALIDATE_AGAIN; it counts as VALIDATE_CONT",
	)
	w.one(1, sdk.ValidateSetBinding)
	if !strings.Contains(w.host.paniclog(), "validate_set_binding returned the number 2") {
		t.Error(w.host.paniclog())
	}
	w.one(1, sdk.CoreFinalValidation)
	if strings.Contains(w.host.paniclog(), "core_final_validation") {
		t.Error("a void hook needs no result")
	}
	w = setup{scripts: map[string]string{"script": text}, attrs: map[string]string{"on_bad_return": "tempfail"}}.start(t)
	if r := w.one(1, sdk.ValidateEHLO); !r.Failed || r.Reply.Code != 421 {
		t.Fatalf("result %+v", r)
	}
}

func TestScriptsRunInOrderAndDoneEndsThePhase(t *testing.T) {
	mod := func(name, verdict string) string {
		return head + `function mod:validate_ehlo() print("` + name + `") return msys.core.` + verdict + ` end
function mod:validate_mailfrom() print("` + name + ` mail") return msys.core.VALIDATE_CONT end` + foot
	}
	w := setup{
		scripts: map[string]string{"z": mod("z", "VALIDATE_CONT"), "y": mod("y", "VALIDATE_DONE"), "x": mod("x", "VALIDATE_CONT")},
		order:   []string{"z", "y", "x"},
	}.start(t)
	ans := w.call(1, sdk.Phase{Hook: sdk.ValidateEHLO}, sdk.Phase{Hook: sdk.ValidateMailFrom})
	if len(ans.Results) != 2 || ans.Results[0].Verdict != sdk.Done || ans.Results[1].Verdict != sdk.Continue {
		t.Fatalf("%+v", ans)
	}
	want := []string{"scriptlet: z", "scriptlet: y", "scriptlet: z mail", "scriptlet: y mail", "scriptlet: x mail"}
	if diff := cmp.Diff(want, w.host.lines()); diff != "" {
		t.Error(diff)
	}
}

func TestRunEndsAtAFailure(t *testing.T) {
	w := scripted(t, head+`
function mod:validate_data() error("no") end
function mod:validate_data_spool() print("not reached") return msys.core.VALIDATE_CONT end`+foot)
	ans := w.call(1, sdk.Phase{Hook: sdk.ValidateData}, sdk.Phase{Hook: sdk.ValidateDataSpool})
	if len(ans.Results) != 1 || !ans.Results[0].Failed || strings.Contains(w.host.paniclog(), "not reached") {
		t.Fatalf("%+v", ans)
	}
}

func TestSplitBeforeTheFirstCopyPhase(t *testing.T) {
	w := scripted(t, head+`function mod:validate_data_spool_each_rcpt() print("copy") return msys.core.VALIDATE_CONT end`+foot)
	st := &sdk.State{Conn: sdk.Conn{Session: 1}, Message: &sdk.Message{Recipients: []smtp.Address{"a@b", "c@d"}}}
	ans, err := w.m.Call(context.Background(), &sdk.Call{
		Generation: 1, State: st, SplitIDs: []string{"id1", "id2"},
		Phases: []sdk.Phase{{Hook: sdk.ValidateDataSpoolEachRcpt}, {Hook: sdk.ValidateDataSpoolEachRcpt, Copy: 1}},
	})
	if err != nil || len(ans.Results) != 2 || len(st.Copies) != 2 || st.Copies[1].ID != "id2" {
		t.Fatalf("%v %+v %+v", err, ans, st.Copies)
	}
}

func TestAgainHoldsLaterScriptsBack(t *testing.T) {
	c := newClock()
	w := setup{
		scripts: map[string]string{
			"a": head + `function mod:validate_ehlo() self.n = (self.n or 0) + 1; print("A", self.n)
if self.n < 3 then return msys.core.VALIDATE_AGAIN end return msys.core.VALIDATE_CONT end` + foot,
			"b": head + `function mod:validate_ehlo() print("B") return msys.core.VALIDATE_CONT end` + foot,
		},
		order: []string{"a", "b"}, deps: c.deps(),
	}.start(t)
	result := make(chan sdk.PhaseResult)
	go func() { result <- w.one(1, sdk.ValidateEHLO) }()
	for _, pause := range []time.Duration{10 * time.Millisecond, 20 * time.Millisecond} {
		<-c.added
		c.advance(pause)
	}
	if r := <-result; r.Failed || r.Verdict != sdk.Continue {
		t.Fatalf("%+v", r)
	}
	want := []string{"scriptlet: A\t1", "scriptlet: A\t2", "scriptlet: A\t3", "scriptlet: B"}
	if diff := cmp.Diff(want, w.host.lines()); diff != "" {
		t.Error(diff)
	}
}

func TestSelfIsTheSessionsOwn(t *testing.T) {
	w := scripted(t, head+`
function mod.helper() return "helped" end
function mod:validate_connect() 
  for k in pairs(self) do print("leftover", k) end
  self.name = "s" .. (self.name or "")
  return msys.core.VALIDATE_CONT
end
function mod:validate_ehlo() print(self.name, self.helper(), self == mod) return msys.core.VALIDATE_CONT end
function mod:validate_set_binding() print(self == mod) return msys.core.VALIDATE_CONT end
function mod:validate_dealloc() print("dealloc", self.name) end`+foot)
	for _, id := range []uint64{1, 2} {
		w.one(id, sdk.ValidateConnect)
		w.one(id, sdk.ValidateEHLO)
	}
	w.one(1, sdk.ValidateSetBinding)
	w.m.SessionsEnded([]sdk.SessionEnd{{Session: 1, Generation: 1}, {Session: 77, Generation: 1}})
	w.settled()
	want := []string{
		"scriptlet: s\thelped\tfalse", "scriptlet: s\thelped\tfalse", "scriptlet: true", "scriptlet: dealloc\ts",
	}
	if diff := cmp.Diff(want, w.host.lines()); diff != "" {
		t.Error(diff)
	}
}

func TestDeallocOnlyWhereTheScriptRan(t *testing.T) {
	w := setup{
		scripts: map[string]string{
			"a": head + `function mod:validate_data() return msys.core.VALIDATE_CONT end
function mod:validate_dealloc() print("a dealloc") end` + foot,
			"b": head + `function mod:validate_ehlo() return msys.core.VALIDATE_CONT end
function mod:validate_dealloc() print("b dealloc") end` + foot,
		},
		order: []string{"a", "b"},
	}.start(t)
	w.one(1, sdk.ValidateEHLO)
	w.m.SessionsEnded([]sdk.SessionEnd{{Session: 1, Generation: 1}})
	w.settled()
	if diff := cmp.Diff([]string{"scriptlet: b dealloc"}, w.host.lines()); diff != "" {
		t.Error(diff)
	}
}

func TestNoUsableMethods(t *testing.T) {
	text := head + `function mod:validate_everything() end` + foot
	w := scripted(t, text)
	w.wantLog("scriptlet: no usable methods found for module mymod in registerModule call")
	if !strings.Contains(w.host.paniclog(), "there is no callout validate_everything") {
		t.Error(w.host.paniclog())
	}
	_, err := setup{scripts: map[string]string{"script": text}, config: sdk.Config{CheckOnly: true}}.prepare(t)
	if err == nil || !strings.Contains(err.Error(), "mtad.hcl:2:3: no usable methods found for module mymod") {
		t.Error(err)
	}
}

func TestMisspeltCalloutIsAWarning(t *testing.T) {
	w := scripted(t, head+`
function mod:validate_ehlo() return msys.core.VALIDATE_CONT end
function mod:validate_rcpto() return msys.core.VALIDATE_CONT end
function mod:helper() end
function mod:smpp_log_status() end`+foot)
	var got []string
	for _, p := range w.sub.Warnings {
		got = append(got, p.String())
	}
	for _, want := range []string{
		"/etc/mtad/conf/script.lua:5: module mymod: there is no callout validate_rcpto; did you mean validate_rcptto?",
		"/etc/mtad/conf/script.lua:7: module mymod: mtad never calls smpp_log_status: mtad carries no mobile messaging",
	} {
		if !strings.Contains(strings.Join(got, "\n"), want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
	if strings.Contains(strings.Join(got, "\n"), "helper") {
		t.Errorf("%q", got)
	}
}

func TestPrepareFails(t *testing.T) {
	const vendor = "Module 'scriptlet' instance 'scriptlet' initialization failed while preparing to commit. Consult your vendor."
	cases := []struct{ name, text, headline, problem string }{
		{"init nil", head + `function mod:init() end` + foot, vendor,
			"/etc/mtad/conf/script.lua:3: init of module mymod returned nothing or nil; it must return true"},
		{"init zero", head + `function mod:init() return 0 end` + foot, vendor, "init of module mymod returned the number 0"},
		{"init error", head + `function mod:init() error("boom") end` + foot, vendor, "/etc/mtad/conf/script.lua:3: boom"},
		{"setup", head + `function mod:rsrc_setup() return false end` + foot, vendor, "rsrc_setup of module mymod returned false"},
		{"syntax", "local x = = 1\n", vendor, "/etc/mtad/conf/script.lua:1:11: "},
		{"load error", "local x = nil\nx()", vendor, "/etc/mtad/conf/script.lua:2: "},
		{"require", "require('not.there')", vendor, "module 'not.there' not found"},
		{"missing package", "require('msys.cloudmark')", vendor, "module 'msys.cloudmark' is not supported by mtad: "},
	}
	for _, c := range cases {
		_, err := setup{scripts: map[string]string{"script": c.text}}.prepare(t)
		var p *sdk.PrepareError
		if !errors.As(err, &p) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if p.Headline != c.headline || !strings.Contains(p.Error(), c.problem) {
			t.Errorf("%s: %s", c.name, p)
		}
	}
}

func TestMissingSource(t *testing.T) {
	_, err := setup{order: []string{"x.lua"}}.prepare(t)
	want := "Unable to open '/etc/mtad/conf/x/lua.lua', errno=2 No such file or directory\n" +
		"mtad.hcl:2:3: source \"x.lua\" was not found; tried:\n" +
		"  /etc/mtad/conf/x/lua.lua: errno=2 No such file or directory\n" +
		"  /etc/mtad/conf/default/x/lua.lua: errno=2 No such file or directory"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestInitDeinitAndRetire(t *testing.T) {
	w := scripted(t, head+`
function mod:init() print("init") return true end
function mod:rsrc_setup() print("setup") return true end
function mod:deinit() print("deinit") end`+foot)
	w.m.Retire(1)
	want := []string{"scriptlet: init", "scriptlet: setup", "scriptlet: deinit",
		"scriptlet: mymod: deinit returned nothing or nil instead of true; its timers and console commands are removed all the same"}
	if diff := cmp.Diff(want, w.host.lines()); diff != "" {
		t.Error(diff)
	}
	_, err := w.m.Call(context.Background(), &sdk.Call{Generation: 1, State: new(sdk.State)})
	if !errors.Is(err, sdk.ErrModuleGone) {
		t.Error(err)
	}
}

func TestCheckOnlyRunsNoInit(t *testing.T) {
	text := head + `function mod:init() print("init") return true end
function mod:validate_ehlo() end` + foot
	for _, run := range []bool{false, true} {
		w, err := setup{scripts: map[string]string{"script": text}, config: sdk.Config{CheckOnly: true, RunInit: run}}.prepare(t)
		if err != nil {
			t.Fatal(err)
		}
		if ran := strings.Contains(w.host.paniclog(), "init"); ran != run {
			t.Errorf("RunInit %v: init ran: %v", run, ran)
		}
	}
}

func TestControlCommand(t *testing.T) {
	w := scripted(t, head+`
msys.registerControl("hello", function(cc) print("hello", cc.argc, cc.argv[1], cc.argv[7]) print("bye") end)
msys.registerControl("hello  world", function(cc) error("boom") end)`+foot)
	if diff := cmp.Diff([]string{cmdLists, cmdListReload, cmdThreads, cmdThreadsToo, "hello", "hello world"}, w.sub.Controls); diff != "" {
		t.Error(diff)
	}
	reply, err := w.m.Control(context.Background(), []string{"hello", "you"})
	if err != nil || reply != "hello\t2\tyou\tnil\nbye\n" {
		t.Errorf("%q %v", reply, err)
	}
	if _, err = w.m.Control(context.Background(), []string{"hello", "world"}); err == nil || !strings.Contains(err.Error(), "boom") {
		t.Error(err)
	}
	if _, err = w.m.Control(context.Background(), []string{"bye"}); err == nil {
		t.Error("an unknown command must fail")
	}
}

func TestStrict(t *testing.T) {
	strict, err := os.ReadFile("../../conf/default/lua/strict.lua")
	if err != nil {
		t.Fatal(err)
	}
	w := setup{scripts: map[string]string{
		"strict": string(strict),
		"script": head + `
require("strict")
DECLARED = 1
function mod:validate_ehlo()
  DECLARED = DECLARED + 1
  print(DECLARED, type(string), rawget(_G, "unknown"))
  print(pcall(function() return unknown end))
  print(pcall(function() unknown = 1 end))
  return msys.core.VALIDATE_CONT
end` + foot,
	}}.start(t)
	w.one(1, sdk.ValidateEHLO)
	want := "scriptlet: 2\ttable\tnil\n" +
		"scriptlet: false\t/etc/mtad/conf/script.lua:9: variable 'unknown' is not declared\n" +
		"scriptlet: false\t/etc/mtad/conf/script.lua:10: assign to undeclared variable 'unknown'"
	if got := w.host.printed(); got != want {
		t.Errorf("printed %s", got)
	}
}

func TestRequire(t *testing.T) {
	w := setup{scripts: map[string]string{
		"script": head + `
local a, b = require("lib/a"), require("lib.a")
local core = require "msys.core"
require "oldstyle"
print(a == b, a.n, core.VALIDATE_CONT == msys.core.VALIDATE_CONT, package.loaded["lib.a"] == a, require("bare"), oldstyle.f())
print(pcall(require, "loop"))
print(msys.cloudmark)
function mod:validate_ehlo() return msys.core.VALIDATE_CONT end` + foot,
		"lib/a":    "loads = (loads or 0) + 1; return {n = loads}",
		"bare":     "local x = 1",
		"loop":     "require 'loop'",
		"oldstyle": "module('oldstyle', package.seeall)\nfunction f() return type(print) end",
	}}.start(t)
	w.wantLog("scriptlet: true\t1\ttrue\ttrue\ttrue\tfunction",
		"scriptlet: false\t/etc/mtad/conf/loop.lua:1: loop or previous error loading module 'loop'",
		"scriptlet: nil")
}

// TestPipelinedEnvelope has the phases of one call see what those before them
// decided, as the core does.
func TestPipelinedEnvelope(t *testing.T) {
	w := scripted(t, head+`
require("msys.extended.message")
require("msys.extended.vctx")
local MESS = msys.core.VCTX_MESS
function mod:validate_mailfrom(str, ac, vctx)
  print("from", vctx:get(MESS, "mailfrom_localpart"))
  return msys.core.VALIDATE_CONT
end
function mod:validate_rcptto(msg, str, ac, vctx)
  print("to", msg:rcptto(), vctx:get(MESS, "rcptto_domain"), msg:mailfrom())
  if msg:rcptto() == "third@c" then vctx:set_code(550, "no") end
  return msys.core.VALIDATE_CONT
end`+foot)
	st := &sdk.State{Conn: sdk.Conn{Session: 1}, Message: &sdk.Message{}}
	ans, err := w.m.Call(context.Background(), &sdk.Call{Generation: 1, State: st, Phases: []sdk.Phase{
		{Hook: sdk.ValidateMailFrom, Line: "MAIL FROM:<me@x>", Address: "me@x"},
		{Hook: sdk.ValidateRcptTo, Line: "RCPT TO:<one@a>", Address: "one@a"},
		{Hook: sdk.ValidateRcptTo, Line: "RCPT TO:<two@b>", Address: "two@b"},
		{Hook: sdk.ValidateRcptTo, Line: "RCPT TO:<third@c>", Address: "third@c"},
	}})
	if err != nil || len(ans.Results) != 4 || ans.Results[3].Reply == nil {
		t.Fatalf("%+v, %v\n%s", ans, err, w.host.paniclog())
	}
	w.wantLog("scriptlet: from\tme", "scriptlet: to\tone@a\ta\tme@x", "scriptlet: to\ttwo@b\tb\tme@x", "scriptlet: to\tthird@c\tc\tme@x")
	if diff := cmp.Diff([]smtp.Address{"one@a", "two@b"}, st.Message.Recipients); diff != "" {
		t.Error(diff)
	}
}

// TestDiscardedCopyIsSkipped: what is discarded has nothing left to decide.
func TestDiscardedCopyIsSkipped(t *testing.T) {
	w := scripted(t, head+`
require("msys.extended.message")
function mod:validate_data_spool_each_rcpt(msg) print("copy", msg:rcptto()) return msys.core.VALIDATE_CONT end`+foot)
	st := &sdk.State{Conn: sdk.Conn{Session: 1}, Message: &sdk.Message{Recipients: []smtp.Address{"a@b", "c@d"}}}
	st.Split([]string{"1", "2"})
	st.Copies[0].Discard = smtp.NewReply(250, "2.0.0", "gone")
	ans, err := w.m.Call(context.Background(), &sdk.Call{
		Generation: 1, State: st,
		Phases: []sdk.Phase{{Hook: sdk.ValidateDataSpoolEachRcpt}, {Hook: sdk.ValidateDataSpoolEachRcpt, Copy: 1}},
	})
	if err != nil || len(ans.Results) != 2 {
		t.Fatalf("%+v, %v", ans, err)
	}
	if diff := cmp.Diff([]string{"scriptlet: copy\tc@d"}, w.host.lines()); diff != "" {
		t.Error(diff)
	}
}
