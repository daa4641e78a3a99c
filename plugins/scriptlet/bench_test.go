package scriptlet

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/mtad/mtad/plugins/scriptlet/api"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

func BenchmarkTrivialCallout(b *testing.B) {
	w := scripted(b, head+`function mod:validate_set_binding(msg) return msys.core.VALIDATE_CONT end`+foot)
	c := &sdk.Call{Generation: 1, Phases: []sdk.Phase{{Hook: sdk.ValidateSetBinding}}, State: &sdk.State{Conn: sdk.Conn{Session: 1}}}
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.m.Call(ctx, c); err != nil {
			b.Fatal(err)
		}
	}
}

// policy is eight callouts as published samples have them: pattern matches on
// the envelope, context variables, headers read and written, a binding chosen.
const policy = head + `
require("msys.extended.message")
require("msys.extended.vctx")
local core = msys.core
local bindings = {["example.com"] = "one", ["example.net"] = "two"}
local CONN, MESS = core.VCTX_CONN, core.VCTX_MESS
function mod:validate_connect(ac, vctx)
  vctx:set(CONN, "seen", "1")
  self.commands = 0
  return core.VALIDATE_CONT
end
function mod:validate_ehlo(str, ac, vctx)
  local name = string.match(tostring(str), "^%a+%s+(%S+)")
  if name and string.find(name, "^%[?127%.0%.0%.%d+%]?$") then vctx:set_code(550, "5.7.1 liar") return core.VALIDATE_DONE end
  vctx:set(CONN, "helo", name or "")
  return core.VALIDATE_CONT
end
function mod:validate_mailfrom(str, ac, vctx)
  local from = string.match(tostring(str), "<(.*)>")
  if from and string.find(from, "^no%-?reply") then vctx:set(MESS, "auto", "1") end
  vctx:set(MESS, "from_domain", string.match(from or "", "@(.+)$") or "")
  self.commands = self.commands + 1
  return core.VALIDATE_CONT
end
function mod:validate_rcptto(msg, str, ac, vctx)
  self.commands = self.commands + 1
  if self.commands > 100 then vctx:set_code(452, "too many") return core.VALIDATE_DONE end
  return core.VALIDATE_CONT
end
function mod:validate_data(msg, ac, vctx)
  local subject = msg:header("Subject")
  if subject[1] and string.find(string.lower(subject[1]), "free money") then vctx:set(MESS, "spam", "1") end
  if #msg:header("Received") > 30 then vctx:set_code(554, "5.4.6 loop") end
  return core.VALIDATE_CONT
end
function mod:validate_data_spool(msg, ac, vctx)
  msg:header("X-Policy", "checked by " .. vctx:get(CONN, "helo"))
  return core.VALIDATE_CONT
end
function mod:validate_data_spool_each_rcpt(msg, ac, vctx)
  local domain = string.match(msg:rcptto(), "@(.+)$")
  msg:context_set(MESS, "binding", bindings[domain] or "default")
  return core.VALIDATE_CONT
end
function mod:validate_set_binding(msg)
  local b = msg:context_get(MESS, "binding")
  if b ~= "" then msg:binding(b) end
  return core.VALIDATE_CONT
end` + foot

var sampleHeader = []byte("Received: from a.example.org (a.example.org [192.0.2.1])\r\n\tby mx.example.com with ESMTP id 1; Tue, 25 Aug 2009 11:40:46 +0000\r\n" +
	"From: Alice <alice@example.org>\r\nTo: Bob <bob@example.com>\r\nSubject: Minutes of the meeting\r\nDate: Tue, 25 Aug 2009 11:40:40 +0000\r\n" +
	"Message-ID: <1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nX-Mailer: sample\r\n")

// message runs the policy over one message, in the calls that the core makes.
func (w *world) message(tb testing.TB, session uint64) {
	ctx := context.Background()
	st := &sdk.State{Conn: sdk.Conn{Session: session, ID: "00/00-01974-EBDC39A4", Protocol: sdk.ProtocolESMTP}}
	run := func(ids []string, phases ...sdk.Phase) {
		ans, err := w.m.Call(ctx, &sdk.Call{Generation: 1, State: st, Phases: phases, SplitIDs: ids})
		if err != nil {
			tb.Fatal(err)
		}
		for _, r := range ans.Results {
			if r.Failed || r.Reply != nil {
				tb.Fatalf("%+v\n%s", r, w.host.paniclog())
			}
		}
	}
	run(nil, sdk.Phase{Hook: sdk.ValidateConnect})
	run(nil, sdk.Phase{Hook: sdk.ValidateEHLO, Line: "EHLO mail.example.org\r\n"})
	st.Message = &sdk.Message{ID: "0", Sender: "alice@example.org", Protocol: sdk.ProtocolESMTP}
	run(nil, sdk.Phase{Hook: sdk.ValidateMailFrom, Line: "MAIL FROM:<alice@example.org>"})
	st.Message.Recipient = "bob@example.com"
	run(nil, sdk.Phase{Hook: sdk.ValidateRcptTo, Line: "RCPT TO:<bob@example.com>"})
	st.Message.Recipients = []smtp.Address{"bob@example.com"}
	st.Message.Header = sampleHeader
	run([]string{"1"}, sdk.Phase{Hook: sdk.ValidateData}, sdk.Phase{Hook: sdk.ValidateDataSpool},
		sdk.Phase{Hook: sdk.ValidateDataSpoolEachRcpt}, sdk.Phase{Hook: sdk.ValidateSetBinding})
	w.m.SessionsEnded([]sdk.SessionEnd{{Session: session, Generation: 1}})
}

func policyWorld(tb testing.TB) *world {
	return setup{
		scripts: map[string]string{"script": policy},
		config:  sdk.Config{Bindings: []string{"default", "one", "two"}},
	}.start(tb)
}

func TestPolicyRuns(t *testing.T) {
	w := policyWorld(t)
	w.message(t, 1)
	if log := w.host.paniclog(); log != "" {
		t.Error(log)
	}
}

// BenchmarkPolicy is one message through eight callouts, in process.
func BenchmarkPolicy(b *testing.B) {
	w := policyWorld(b)
	session := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		session++
		w.message(b, session)
	}
}

func BenchmarkPolicyParallel(b *testing.B) {
	w := policyWorld(b)
	var mu sync.Mutex
	next := uint64(0)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			mu.Lock()
			next++
			id := next
			mu.Unlock()
			w.message(b, id)
		}
	})
}

// BenchmarkSuspendedHook reports what a hook costs that waits inside Lua.
func BenchmarkSuspendedHook(b *testing.B) {
	const n = 10000
	for b.Loop() {
		g := newGate(n)
		w := setup{
			scripts: map[string]string{"script": head + `function mod:validate_ehlo() test.wait(1) return msys.core.VALIDATE_CONT end` + foot},
			deps:    Deps{Packages: g.packages(), CPUs: 1},
		}.start(b)
		before := inUse()
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { w.one(uint64(i+1), sdk.ValidateEHLO) })
		}
		for range n {
			<-g.arrived
		}
		b.ReportMetric(float64(inUse()-before)/n, "B/hook")
		close(g.open)
		wg.Wait()
	}
}

func inUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// BenchmarkBehindASpinner reports how long a trivial callout waits while
// another session's script spins in the same interpreter.
func BenchmarkBehindASpinner(b *testing.B) {
	w := setup{
		scripts: map[string]string{"script": head + `
function mod:validate_connect() while not stop do end return msys.core.VALIDATE_DONE end
function mod:validate_data() stop = true return msys.core.VALIDATE_CONT end
function mod:validate_ehlo() return msys.core.VALIDATE_CONT end` + foot},
		attrs: map[string]string{"cpu_limit": "600000", "wall_limit": "600"},
	}.start(b)
	spun := make(chan struct{})
	go func() {
		w.one(1, sdk.ValidateConnect)
		close(spun)
	}()
	var worst time.Duration
	for b.Loop() {
		began := time.Now()
		w.one(2, sdk.ValidateEHLO)
		worst = max(worst, time.Since(began))
	}
	b.ReportMetric(float64(worst.Microseconds()), "worst-µs")
	w.one(2, sdk.ValidateData)
	<-spun
}

// BenchmarkInside is what a call from a script costs in the interpreter as it
// runs in a server, with its limits: a callout of a thousand of them. "loop" is
// the callout alone.
func BenchmarkInside(b *testing.B) {
	const times = 1000
	for _, c := range []struct{ name, script string }{
		{"loop", ""},
		{"function call", "local v = f(i)"},
		{"vctx:get", `local v = vctx:get(CONN, "ehlo_domain")`},
		{"vctx:set", `vctx:set(CONN, "k", "v")`},
		{"msg:header", `local h = msg:header("Subject")`},
		{"msg:context_get", `local v = msg:context_get(MESS, "k")`},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := setup{
				scripts: map[string]string{"script": head + `
local CONN, MESS = msys.core.VCTX_CONN, msys.core.VCTX_MESS
local function f(i) return i end
function mod:validate_data(msg, ac, vctx) for i = 1, 1000 do ` + c.script + ` end return msys.core.VALIDATE_CONT end` + foot},
				attrs: map[string]string{"cpu_limit": "600000", "wall_limit": "600"},
			}.start(b)
			call := &sdk.Call{Generation: 1, Phases: []sdk.Phase{{Hook: sdk.ValidateData}}, State: &sdk.State{
				Conn: sdk.Conn{Session: 1, Context: sdk.Dict{{Key: "ehlo_string", Value: "EHLO x"}, {Key: "ehlo_domain", Value: "client.test"}}},
				Message: &sdk.Message{ID: "1", Sender: "a@example.org", Recipients: []smtp.Address{"b@example.com"}, Header: sampleHeader,
					Context: sdk.Dict{{Key: "k", Value: "v"}}},
			}}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for b.Loop() {
				ans, err := w.m.Call(context.Background(), call)
				if err != nil || ans.Results[0].Failed {
					b.Fatal(err, w.host.paniclog())
				}
			}
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*times), "ns/call")
			b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(b.N*times), "allocs/call")
		})
	}
}

// BenchmarkCalloutInside is a trivial callout without what surrounds it: the
// session found, the interpreter entered, the answer made.
func BenchmarkCalloutInside(b *testing.B) {
	w := scripted(b, head+`function mod:validate_set_binding(msg) return msys.core.VALIDATE_CONT end`+foot)
	in := w.m.currentGeneration().interpreters[0]
	ctx := context.Background()
	call := &sdk.Call{Generation: 1, Phases: []sdk.Phase{{Hook: sdk.ValidateSetBinding}}, State: &sdk.State{Conn: sdk.Conn{Session: 1}}}
	s := &session{in: in}
	var frame api.Frame
	frame.Begin(ctx, call, 0)
	r := in.begin(ctx, in.limits)
	r.sess = s
	r.thread = in.enter(r)
	b.ReportAllocs()
	for b.Loop() {
		var out sdk.PhaseResult
		in.phase(r, &frame, &out)
		if out.Failed {
			b.Fatal(w.host.paniclog())
		}
	}
	in.leave(r, r.thread)
}
