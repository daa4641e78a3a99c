package api

import (
	"context"
	"math"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

// seriesPackage is msys.audit_series. Published scripts use it without a
// require, because another one had it (reference/lua-api-notes.md 15).
func seriesPackage() Package {
	name := Param{Name: "name", Type: String}
	options := Param{Name: "options", Type: Any, Optional: true}
	const keys = " The key of a CIDR series is an address, or an accept_construct; without one it is the peer's. That of a string series must be given."
	return Package{
		Name: "msys.audit_series", Preload: true,
		Doc: "Counters by address or text, over windows of time. All interpreters share them, and they survive a reload.",
		Funcs: []Func{
			{
				Name: "define",
				Params: []Param{
					name, {Name: "type", Type: String}, {Name: "interval", Type: Number},
					{Name: "num_windows", Type: Number}, {Name: "options", Type: Table, Optional: true},
				},
				Returns: "nothing", Phases: "any", Since: "3.0",
				Doc:     `Defines a series of the type "cidr" (IPv4), "cidr_ipv6" or "string": so many windows of interval seconds, of which 0 is the current one. With the option persist it is kept over a restart, in inbound_audit's serialize_dir.`,
				Example: `msys.audit_series.define("myseries", "cidr", 300, 6, { persist = true })`,
				Status:  Partial, Why: "the options replicate and serialize are taken; series are of this node, and not written to logs",
				Do: seriesDefine,
			},
			{
				Name: "add", Params: []Param{name, options}, Returns: "nothing", Phases: "any", Since: "3.0",
				Doc:     "Adds count, 1 by default, to the current window of a key. The options are count and key; instead of a table they may be the key alone." + keys,
				Example: `msys.audit_series.add("myseries", { key = ac, count = 2 })`,
				Do:      seriesAdd,
			},
			{
				Name: "count", Params: []Param{name, options}, Returns: "number", Phases: "any", Since: "3.0",
				Doc:     `Adds up the windows from startv to endv (both 0 by default, the current one) of a key. The options are these and key; instead of a table they may be the key alone. That of a CIDR series may be a network; "/24" is the peer's.` + keys,
				Example: `local n = msys.audit_series.count("myseries", { key = "/24", startv = 0, endv = 5 })`,
				Do:      seriesCount,
			},
			{
				Name: "remove_item", Params: []Param{name, {Name: "key", Type: Any, Optional: true}}, Returns: "nothing", Phases: "any", Since: "3.0",
				Doc: "Forgets a key." + keys, Example: `msys.audit_series.remove_item("myseries", "192.0.2.1")`,
				Do: func(e *Env, L *lua.LState) int {
					onSeries(e, L, "msys.audit_series.remove_item", L.Get(2), sdk.SeriesOp{Kind: sdk.SeriesRemove})
					return 0
				},
			},
		},
	}
}

func seriesDefine(e *Env, L *lua.LState) int {
	const what = "msys.audit_series.define"
	s := sdk.Series{Name: L.ToString(1), Interval: seconds(L.ToNumber(3)), Windows: count32(L, what, 4)}
	switch kind := L.ToString(2); kind {
	case "cidr":
		s.Type = sdk.SeriesCIDR4
	case "cidr_ipv6":
		s.Type = sdk.SeriesCIDR6
	case "string":
		s.Type = sdk.SeriesString
	default:
		L.RaiseError("%s: %q is no type of series (cidr, cidr_ipv6 or string expected)", what, kind)
	}
	if t, ok := L.Get(5).(*lua.LTable); ok {
		s.Persist = lua.LVAsBool(t.RawGetString("persist"))
		switch r := t.RawGetString("replicate"); r {
		case lua.LNil, lua.LString("none"), lua.LString("cluster"), lua.LString("manager"):
		default:
			L.RaiseError("%s: option replicate: none, cluster or manager expected, got %s", what, Text(L, r))
		}
	}
	op := &sdk.SeriesOp{Kind: sdk.SeriesDefine, Series: s}
	audited(e, L, what, func(ctx context.Context) (int64, error) { return e.World.Host().Series(ctx, op) })
	shared := e.World.Shared()
	must(L, what, define(shared, shared.series, s.Name, s))
	return 0
}

// count32 is a number of things at stack index n.
func count32(L *lua.LState, what string, n int) int {
	v := float64(L.ToNumber(n))
	if v != math.Trunc(v) || v < 0 || v > math.MaxInt32 {
		L.RaiseError("%s: %s is not a number of things", what, Text(L, L.Get(n)))
	}
	return int(v)
}

func seriesAdd(e *Env, L *lua.LState) int {
	const what = "msys.audit_series.add"
	op := sdk.SeriesOp{Kind: sdk.SeriesAdd, Delta: 1}
	key := L.Get(2)
	if t, ok := key.(*lua.LTable); ok {
		op.Delta = int64(wholeOption(L, what, t, "count", 1))
		key = t.RawGetString("key")
	}
	onSeries(e, L, what, key, op)
	return 0
}

func seriesCount(e *Env, L *lua.LState) int {
	const what = "msys.audit_series.count"
	op := sdk.SeriesOp{Kind: sdk.SeriesCount}
	key := L.Get(2)
	if t, ok := key.(*lua.LTable); ok {
		op.Start, op.End = windowOptions(L, what, t)
		key = t.RawGetString("key")
	}
	return pushNumber(L, onSeries(e, L, what, key, op))
}

// onSeries works on the series that the first argument names.
func onSeries(e *Env, L *lua.LState, what string, key lua.LValue, op sdk.SeriesOp) int64 {
	shared := e.World.Shared()
	s, ok := defined(shared, shared.series, L.ToString(1))
	if !ok {
		L.RaiseError("%s: no series %q is defined", what, L.ToString(1))
	}
	op.Series = s
	switch {
	case s.Type != sdk.SeriesString:
		op.Key = networkOf(e, L, what, key).String()
	case key == lua.LNil:
		L.RaiseError("%s: series %q counts by text: a key is needed", what, s.Name)
	default:
		op.Key = textKey(e, L, what, key)
	}
	return audited(e, L, what, func(ctx context.Context) (int64, error) { return e.World.Host().Series(ctx, &op) })
}

// textKey is a key of text: a string, a number, or an object that is text.
func textKey(e *Env, L *lua.LState, what string, v lua.LValue) string {
	switch v := v.(type) {
	case lua.LString, lua.LNumber:
		return v.String()
	case *lua.LUserData:
		if _, ok := v.Value.(*ecString); ok {
			return Text(L, v)
		}
	}
	L.RaiseError("%s: a key must be a string, got %s", what, e.TypeName(v))
	return ""
}
