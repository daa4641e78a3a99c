package api

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

func TestDNSLookup(t *testing.T) {
	w := newWorld(t)
	w.host.DNS = map[string]sdk.DNSAnswer{
		"A host.test":   {Records: []sdk.DNSRecord{{Value: "192.0.2.10"}, {Value: "192.0.2.11"}}},
		"MX mx.test":    {Records: []sdk.DNSRecord{{Value: "first.mx.test", Preference: 10}, {Value: "second.mx.test", Preference: 20}}},
		"MX empty.test": {},
	}
	for _, c := range []struct{ script, want string }{
		{`local r, err = msys.dnsLookup("host.test") return #r, r[1], r[2], err`, "2 192.0.2.10 192.0.2.11 nil"},
		{`local r = msys.dnsLookup("mx.test", "mx") return r[1], r[2]`, "first.mx.test second.mx.test"},
		{`local r = msys.dnsLookup("mx.test", "MX", { priority = true }) return r[1][1], r[1][2], r[2][1]`, "10 first.mx.test 20"},
		{`local r = msys.dnsLookup("host.test", "A", { priority = true }) return r[1]`, "192.0.2.10"},
		{`return msys.dnsLookup("no-such-name.test", "A")`, "nil NXDOMAIN"},
		{`return msys.dnsLookup("empty.test", "MX")`, "nil NODATA"},
	} {
		w.is(c.want, c.script)
	}
	w.raises("invalid record type 'CAA'", `msys.dnsLookup("x", "caa")`)
	w.raises("bad argument #1", `msys.dnsLookup()`)
}

// askedDNS remembers the question.
type askedDNS struct {
	sdk.Host
	q sdk.DNSQuery
}

func (h *askedDNS) LookupDNS(_ context.Context, q sdk.DNSQuery) (*sdk.DNSAnswer, error) {
	h.q = q
	return nil, errors.New("no resolver")
}

func TestDNSServer(t *testing.T) {
	w := newWorld(t)
	asked := &askedDNS{}
	w.env.World = otherHost{w, asked}
	for option, want := range map[string]string{
		`"127.0.0.1:5300"`: "127.0.0.1:5300", `"192.0.2.1"`: "192.0.2.1:53", `"2001:db8::1"`: "[2001:db8::1]:53",
		`"[2001:db8::1]:5300"`: "[2001:db8::1]:5300", `""`: "", `nil`: "",
	} {
		w.is("nil no resolver", `return msys.dnsLookup("x.test", "A", { server = `+option+` })`)
		if asked.q.Server != want {
			t.Errorf("%s gave %q", option, asked.q.Server)
		}
	}
}

// otherHost is a world with another host.
type otherHost struct {
	*fakeWorld
	h sdk.Host
}

func (o otherHost) Host() sdk.Host { return o.h }

func TestDB(t *testing.T) {
	w := newWorld(t)
	var asked []sdk.Query
	var answer sdk.Rows
	var failed error
	w.host.QueryFunc = func(_ context.Context, q *sdk.Query) (*sdk.Rows, error) {
		asked = append(asked, *q)
		if failed != nil {
			return nil, failed
		}
		return &answer, nil
	}
	text := func(s string) sdk.Datum { return sdk.Datum{Kind: sdk.DatumText, Text: s} }
	answer = sdk.Rows{Columns: []string{"code", "note", "n", "f", "b", "x", ""}, Rows: [][]sdk.Datum{
		{text("250"), text("fine"), {Kind: sdk.DatumInt, Int: 7}, {Kind: sdk.DatumFloat, Float: 1.5}, {Kind: sdk.DatumBool, Int: 1}, {}, text("unnamed")},
		{text("550"), {}, {}, {}, {Kind: sdk.DatumBool}, {}, {}},
	}}
	w.run(`require "msys.db" require "msys.datasource" require "msys.dumper"`)
	for _, c := range []struct{ script, want string }{
		{`local r = msys.db.fetch_row("ds1", "SELECT ?", { "u" }) return r.code, r.n + 1, r.f, r.b, r.x, r[1], r[2], r[7], r[8], r.nope`, "250 8 1.5 true nil 250 fine unnamed nil nil"},
		{`local s = "" for row in msys.db.query("ds1", "SELECT 1") do s = s .. row.code .. tostring(row.note) .. tostring(row.b) .. ";" end return s`, "250finetrue;550nilfalse;"},
		{`return msys.db.execute("ds1", "DELETE")`, "true"},
		{`local n = 0 for k in pairs(msys.db.fetch_row("ds1", "SELECT 1")) do n = n + 1 end return n`, "6"},
	} {
		w.is(c.want, c.script)
	}
	if len(asked) != 4 {
		t.Errorf("4 calls asked %d times", len(asked))
	}
	answer = sdk.Rows{Columns: []string{"code"}}
	w.is("nil nil", `local a, b = msys.db.fetch_row("ds1", "SELECT 1") return a, b`)
	w.is("0", `local n = 0 for row in msys.db.query("ds1", "SELECT 1") do n = n + 1 end return n`)

	asked = nil
	w.run(`msys.db.query("ds1", "q", { "a", [3] = 2, x = true, [":y"] = 1.5, ["$z"] = json.encode{1} }, { nocache = true })
		msys.db.execute("ds2", "e", nil, { raise_error = 0 })
		msys.db.query("ds1", "q", { raise_error = false })`)
	want := []sdk.Query{
		{Datasource: "ds1", SQL: "q", NoCache: true,
			Positional: []sdk.Datum{text("a"), {}, {Kind: sdk.DatumInt, Int: 2}},
			Named: map[string]sdk.Datum{
				"x": {Kind: sdk.DatumBool, Int: 1}, "y": {Kind: sdk.DatumFloat, Float: 1.5}, "z": text("[ 1 ]"),
			}},
		{Datasource: "ds2", SQL: "e", Execute: true},
		{Datasource: "ds1", SQL: "q", Named: map[string]sdk.Datum{"raise_error": {Kind: sdk.DatumBool}}},
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}

	failed = &sdk.QueryError{Datasource: "ds1", Stage: "failed to prepare", Text: "no such table: nowhere"}
	w.raises("failed to prepare: no such table: nowhere", `msys.db.query("ds1", "SELECT")`)
	w.raises("no such table", `msys.db.fetch_row("ds1", "SELECT", nil, { raise_error = true })`)
	w.is("nil failed to prepare: no such table: nowhere", `return msys.db.query("ds1", "SELECT", nil, { raise_error = false })`)
	w.is("nil failed to prepare: no such table: nowhere", `return msys.db.fetch_row("ds1", "SELECT", {}, { raise_error = false })`)
	w.is("false failed to prepare: no such table: nowhere", `return msys.db.execute("ds1", "SELECT", {}, { raise_error = false })`)
	w.raises("cannot be a function", `msys.db.query("ds1", "q", { print })`)
	w.raises("from 1 to 1000", `msys.db.query("ds1", "q", { [1e9] = 1 })`)
	w.raises("bad argument #3 to 'query' (table expected, got string)", `msys.db.query("ds1", "q", "x")`)
}

func TestTimer(t *testing.T) {
	w := newWorld(t)
	w.run(`require "msys.timer"
		a = msys.timer.after(1.5, function() fired = true end, "one-shot")
		b = msys.timer.at(1251200446 + 60, function() end)
		c = msys.timer.every(10, function() end, "ten")
		d = msys.timer.at(5, function() end)`)
	w.is("one-shot  ten timer", `return a:name(), b:name(), c:name(), msys.type(a)`)
	got := make([][2]time.Duration, len(w.timers))
	for i, tm := range w.timers {
		got[i] = [2]time.Duration{tm.after, tm.every}
	}
	want := [][2]time.Duration{{1500 * time.Millisecond, 0}, {time.Minute, 0}, {10 * time.Second, 10 * time.Second}, {0, 0}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	w.L.Push(w.timers[0].fn)
	w.L.Call(0, 0)
	w.is("true", `return fired`)
	w.run(`a:stop()`)
	if !w.timers[0].stopped {
		t.Error("stop did not stop the timer")
	}
	w.now = w.now.Add(20 * time.Second)
	w.run(`a:start() b:start()`)
	if n := len(w.timers); n != 6 || w.timers[4].after != 1500*time.Millisecond || w.timers[5].after != 40*time.Second || !w.timers[1].stopped {
		t.Errorf("%d timers after start", n)
	}
	w.raises("must be at least", `msys.timer.every(0, function() end)`)
	w.raises("function expected, got string", `msys.timer.after(1, "x")`)
	w.raises("bad self", `a.stop(5)`)
	w.run(`msys.timer.after(1/0, function() end)`)
	if last := w.timers[len(w.timers)-1]; last.after <= 0 {
		t.Errorf("an endless timer fires after %v", last.after)
	}
}

func TestCounter(t *testing.T) {
	w := newWorld(t)
	w.run(`require "msys.counter" ct = msys.counter.open("/lua/test")`)
	w.is("1", `msys.counter.inc(ct) return msys.counter.read("/lua/test")`)
	w.is("1028", `msys.counter.add("/lua/b", 1024) msys.counter.add(msys.counter.open("/lua/b", msys.counter.RELAXED), 3) msys.counter.inc("/lua/b") return msys.counter.read("/lua/b")`)
	w.is("0", `msys.counter.reset(ct) return msys.counter.read(ct)`)
	w.is("0", `msys.counter.unlink("/lua/b") return msys.counter.read("/lua/b")`)
	w.is("counter /lua/test", `return msys.type(ct), tostring(ct)`)
	w.raises("path or counter expected, got number", `msys.counter.inc(5)`)
	w.env.World = otherHost{w, refusing{}}
	w.is("0", `return msys.counter.read(msys.counter.open("/x"))`)
}

// refusing is the host of `mtad check`.
type refusing struct{ sdk.Host }

func (refusing) Counter(context.Context, sdk.CounterOp) (int64, error) { return 0, sdk.ErrNoIO }

func TestReadFile(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "data.txt")
	if err := os.WriteFile(path, []byte("file content"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	large, err := os.Create(filepath.Join(dir, "large"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(large.Truncate(maxFile+1), large.Close()); err != nil {
		t.Fatal(err)
	}
	w.is("file content", `return msys.readfile("`+path+`")`)
	w.is("file content", `return msys.readfile("file://`+path+`")`)
	for name, want := range map[string]string{
		"missing": "no such file or directory", "pipe": "not a regular file", "": "not a regular file", "large": "larger than 16 MiB",
	} {
		w.is("nil "+filepath.Join(dir, name)+": "+want, `return msys.readfile("`+filepath.Join(dir, name)+`")`)
	}
	w.is("nil jlog://x: mtad knows no jlog:// URIs here", `return msys.readfile("jlog://x")`)
}

func TestLog(t *testing.T) {
	w := newWorld(t)
	w.run(`msys.log(msys.core.LOG_WARNING, "no such customer") msys.log(99, "x")`)
	want := []sdk.LogRecord{
		{Level: sdk.LevelWarning, Source: "scriptlet", Text: "no such customer"},
		{Level: sdk.LevelCritical, Source: "scriptlet", Text: "x"},
	}
	if diff := cmp.Diff(want, w.host.Logs()); diff != "" {
		t.Error(diff)
	}
}

func TestConfig(t *testing.T) {
	w := newWorld(t)
	w.host.Config = map[string]string{
		"get max_outbound_connections":        "Max_Outbound_Connections = 20",
		"get domain yahoo.com remote_smtp":    `Remote_SMTP = "x = y"`,
		"eval binding b ehlo_hostname":        `EHLO_Hostname = ""`,
		"get binding 5 max_retries something": "X = 1",
		"set max_outbound_connections 5":      "Max_Outbound_Connections = 5",
	}
	if got := w.run(`return msys.config("set", "max_outbound_connections", 5)`); got[0] != "nil" || !strings.Contains(got[1], "only in a callout") {
		t.Errorf("outside of a callout: %q", got)
	}
	w.frames(&sdk.State{}, sdk.Phase{Hook: sdk.ValidateEHLO})
	w.is("5 Max_Outbound_Connections = 5", `return msys.config("set", "max_outbound_connections", 5)`)
	w.frame = nil
	w.is("20 Max_Outbound_Connections = 20", `return msys.config("get", "max_outbound_connections")`)
	w.is(`x = y Remote_SMTP = "x = y"`, `return msys.config("get", "domain", "yahoo.com", "remote_smtp")`)
	w.is(` EHLO_Hostname = ""`, `return msys.config("eval", "binding", "b", "ehlo_hostname")`)
	w.is("1 X = 1", `return msys.config("get", "binding", 5, "max_retries", "something")`)
	w.is("nil no such value: get nope", `return msys.config("get", "nope")`)
	w.raises("is not supported by mtad", `msys.config("reload", "x", "y")`)
}

func TestTypeNames(t *testing.T) {
	w := newWorld(t)
	w.L.SetGlobal("cc", w.env.Object(ClassCommand, &Command{}))
	w.L.SetGlobal("foreign", &lua.LUserData{Metatable: lua.LNil})
	w.is("string number nil command_construct userdata", `return msys.type("x"), msys.type(1), msys.type(nil), msys.type(cc), msys.type(foreign)`)
}
