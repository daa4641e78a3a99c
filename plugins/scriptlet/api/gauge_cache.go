package api

import (
	"context"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

// gaugeBounds are those of a gauge cache.
type gaugeBounds struct {
	max int
	ttl time.Duration
}

// gaugePackage is msys.gauge_cache.
func gaugePackage() Package {
	params := []Param{{Name: "cachename", Type: String}, {Name: "keystring", Type: String}}
	change := func(name, doc string, kind sdk.GaugeKind, delta int64) Func {
		return Func{
			Name: name, Params: params, Returns: "nothing", Phases: "any", Since: "3.0", Doc: doc,
			Example: `msys.gauge_cache.` + name + `("mycache", "example.com")`,
			Do: func(e *Env, L *lua.LState) int {
				onGauge(e, L, "msys.gauge_cache."+name, sdk.GaugeOp{Kind: kind, Delta: delta})
				return 0
			},
		}
	}
	return Package{
		Name: "msys.gauge_cache",
		Doc:  "Caches of counters by text. All interpreters share them, and they survive a reload.",
		Funcs: []Func{
			{
				Name: "define",
				Params: []Param{
					{Name: "name", Type: String}, {Name: "maxelems", Type: Number},
					{Name: "ttl", Type: Number}, {Name: "replicated", Type: Boolean, Optional: true},
				},
				Returns: "nothing", Phases: "any", Since: "3.0",
				Doc:     "Defines a cache: how many gauges it has at most, the oldest makes room for a new one, and how many seconds one stays after its last change. replicated changes nothing: a cluster is this node.",
				Example: `msys.gauge_cache.define("mycache", 1000, 3600)`,
				Do:      gaugeDefine,
			},
			change("inc", "Adds one to a gauge.", sdk.GaugeAdd, 1),
			change("dec", "Subtracts one from a gauge.", sdk.GaugeAdd, -1),
			change("remove_item", "Forgets a gauge.", sdk.GaugeRemove, 0),
			{
				Name: "get", Params: params, Returns: "number", Phases: "any", Since: "3.0",
				Doc: "The value of a gauge, 0 where it is absent.", Example: `local n = msys.gauge_cache.get("mycache", "example.com")`,
				Do: func(e *Env, L *lua.LState) int {
					return pushNumber(L, onGauge(e, L, "msys.gauge_cache.get", sdk.GaugeOp{Kind: sdk.GaugeGet}))
				},
			},
		},
	}
}

func gaugeDefine(e *Env, L *lua.LState) int {
	const what = "msys.gauge_cache.define"
	const most = 1_000_000
	b := gaugeBounds{max: count32(L, what, 2), ttl: seconds(L.ToNumber(3))}
	if b.max < 1 || b.max > most || b.ttl < time.Millisecond {
		L.RaiseError("%s: a cache has 1 to %d gauges and a positive time to live", what, most)
	}
	shared := e.World.Shared()
	must(L, what, define(shared, shared.caches, L.ToString(1), b))
	return 0
}

// onGauge works on the gauge that the arguments name.
func onGauge(e *Env, L *lua.LState, what string, op sdk.GaugeOp) int64 {
	shared := e.World.Shared()
	op.Cache, op.Key = L.ToString(1), L.ToString(2)
	b, ok := defined(shared, shared.caches, op.Cache)
	if !ok {
		L.RaiseError("%s: no cache %q is defined", what, op.Cache)
	}
	op.Max, op.TTL = b.max, b.ttl
	return audited(e, L, what, func(ctx context.Context) (int64, error) { return e.World.Host().Gauge(ctx, &op) })
}
