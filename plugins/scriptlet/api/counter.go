package api

import (
	"context"
	"errors"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

const classCounter = "counter"

// counterHandle is the value behind a counter object.
type counterHandle struct {
	path   string
	handle uint64
}

// relaxedSemantics is msys.counter.RELAXED; the original's handles then count
// by themselves and are added up when read, which gives the same number.
const relaxedSemantics = 1

func counterPackage() Package {
	target := Param{Name: "counter", Type: Any}
	return Package{
		Name: "msys.counter",
		Doc:  "Counters of the whole server, known by a path such as /site/example/errors; the console shows them. A path that no counter has is created by every function but read and unlink.",
		Consts: []Const{
			{"STRICT", lua.LNumber(0), "All handles share one value."},
			{"RELAXED", lua.LNumber(relaxedSemantics), "Handles are added up when read."},
		},
		Classes: []Class{{
			Name: classCounter,
			Doc:  "A counter that msys.counter.open gave.",
			Meta: map[string]func(e *Env, L *lua.LState) int{"__tostring": func(_ *Env, L *lua.LState) int {
				L.Push(lua.LString(L.CheckUserData(1).Value.(*counterHandle).path))
				return 1
			}},
		}},
		Funcs: []Func{
			{
				Name:    "open",
				Params:  []Param{{Name: "path", Type: String}, {Name: "semantics", Type: Number, Optional: true}},
				Returns: "counter", Phases: "any", Since: "3.4",
				Doc:     "Opens a counter, which the other functions take in place of its path.",
				Example: `local ct = msys.counter.open("/site/example/errors")`,
				Do:      counterOpen,
			},
			{
				Name: "inc", Params: []Param{target}, Returns: "nothing", Phases: "any", Since: "3.4",
				Doc: "Adds one.", Example: `msys.counter.inc(ct)`,
				Do: func(e *Env, L *lua.LState) int {
					countAt(e, L, sdk.CounterOp{Kind: sdk.CounterAdd, Delta: 1})
					return 0
				},
			},
			{
				Name: "add", Params: []Param{target, {Name: "delta", Type: Number}}, Returns: "nothing", Phases: "any", Since: "3.4",
				Doc: "Adds a whole number.", Example: `msys.counter.add("/site/example/bytes", 1024)`,
				Do: func(e *Env, L *lua.LState) int {
					countAt(e, L, sdk.CounterOp{Kind: sdk.CounterAdd, Delta: L.ToInt64(2)})
					return 0
				},
			},
			{
				Name: "read", Params: []Param{target}, Returns: "number", Phases: "any", Since: "3.4",
				Doc: "The counter's value; 0 for a path that no counter has.", Example: `print(msys.counter.read(ct))`,
				Do: func(e *Env, L *lua.LState) int {
					n := countAt(e, L, sdk.CounterOp{Kind: sdk.CounterRead})
					L.Push(lua.LNumber(n))
					return 1
				},
			},
			{
				Name: "reset", Params: []Param{target}, Returns: "nothing", Phases: "any", Since: "3.4",
				Doc: "Sets the counter to 0.", Example: `msys.counter.reset(ct)`,
				Do: func(e *Env, L *lua.LState) int {
					countAt(e, L, sdk.CounterOp{Kind: sdk.CounterReset})
					return 0
				},
			},
			{
				Name: "unlink", Params: []Param{{Name: "path", Type: String}}, Returns: "nothing", Phases: "any", Since: "3.4",
				Doc: "Removes a counter. An object of it goes on to stand for it for five minutes, unseen by the console; the path stands for a new one.", Example: `msys.counter.unlink("/site/example/errors")`,
				Do: func(e *Env, L *lua.LState) int {
					count(e, L, sdk.CounterOp{Kind: sdk.CounterUnlink, Path: L.ToString(1)})
					return 0
				},
			},
		},
	}
}

func counterOpen(e *Env, L *lua.LState) int {
	path := L.ToString(1)
	n := count(e, L, sdk.CounterOp{Kind: sdk.CounterOpen, Path: path, Relaxed: L.OptInt(2, 0) == relaxedSemantics})
	L.Push(e.Object(classCounter, &counterHandle{path: path, handle: uint64(n)}))
	return 1
}

// countAt is count for the counter that the first argument names: a path, or an
// object of msys.counter.open.
func countAt(e *Env, L *lua.LState, op sdk.CounterOp) int64 {
	switch v := L.Get(1).(type) {
	case lua.LString:
		op.Path = string(v)
		return count(e, L, op)
	case *lua.LUserData:
		if c, ok := v.Value.(*counterHandle); ok {
			op.Path, op.Handle = c.path, c.handle
			return count(e, L, op)
		}
	}
	L.ArgError(1, "path or counter expected, got "+e.TypeName(L.Get(1)))
	return 0
}

// count asks the core. While a configuration is only checked nothing is
// counted: counters are opened while scripts load.
func count(e *Env, L *lua.LState, op sdk.CounterOp) int64 {
	var n int64
	var err error
	e.World.Wait(L, false, func(ctx context.Context) { n, err = e.World.Host().Counter(ctx, op) })
	if err != nil && !errors.Is(err, sdk.ErrNoIO) {
		L.RaiseError("msys.counter: %s: %s", op.Path, err.Error())
	}
	return n
}
