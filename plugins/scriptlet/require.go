package scriptlet

import (
	"context"
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// loading is a script that a require is running; others who require it wait.
type loading struct {
	by   *run
	done chan struct{}
}

// requireSteps is what a require costs at least, maxMissing how many names of
// scripts that are not there an interpreter remembers.
const (
	requireSteps = 50
	maxMissing   = 1000
)

// require finds a module once in an interpreter: what is loaded, a package of
// the API, then a script in the configuration's search path. It always gives
// the module's table where there is one (reference/lua-api-notes.md 15).
func (in *interpreter) require(L *lua.LState) int {
	name := checkString(L, 1)
	key := canonical(name)
	threadOf(L).run.spend(L, requireSteps)
	for {
		if v := in.found(L, name, key); v != nil {
			L.Push(v)
			return 1
		}
		l := in.requires[key]
		if l == nil {
			break
		}
		if l.by == threadOf(L).run {
			L.RaiseError("loop or previous error loading module '%s'", name)
		}
		in.Wait(L, false, func(ctx context.Context) {
			select {
			case <-l.done:
			case <-ctx.Done():
			}
		})
		threadOf(L).run.spend(L, 1)
	}
	L.Push(in.loadScript(L, name, key))
	return 1
}

// found is a module that needs no script, nil if there is none.
func (in *interpreter) found(L *lua.LState, name, key string) lua.LValue {
	for _, k := range []string{name, key} {
		if v := in.loaded.RawGetString(k); lua.LVAsBool(v) {
			return v
		}
	}
	pkg, why, ok := in.registry.Open(L, key)
	switch {
	case ok:
		in.loaded.RawSetString(key, pkg)
		return pkg
	case why != "":
		L.RaiseError("module '%s' is not supported by mtad: %s", name, why)
	}
	return nil
}

// loadScript runs a script as a module. A function in package.preload comes
// first, as in Lua.
func (in *interpreter) loadScript(L *lua.LState, name, key string) lua.LValue {
	l := &loading{by: threadOf(L).run, done: make(chan struct{})}
	in.requires[key] = l
	defer func() {
		delete(in.requires, key)
		close(l.done)
	}()
	fn := in.preloaded(L, name)
	if fn == nil {
		fn = in.chunk(L, name)
	}
	L.Push(fn)
	L.Push(lua.LString(name))
	L.Call(1, 1)
	v := L.Get(-1)
	L.Pop(1)
	if v == lua.LNil {
		if v = in.loaded.RawGetString(name); !lua.LVAsBool(v) {
			v = lua.LTrue
		}
	}
	in.loaded.RawSetString(name, v)
	in.loaded.RawSetString(key, v)
	return v
}

func (in *interpreter) preloaded(L *lua.LState, name string) *lua.LFunction {
	pkg, _ := in.loaded.RawGetString("package").(*lua.LTable)
	if pkg == nil {
		return nil
	}
	preload, _ := pkg.RawGetString("preload").(*lua.LTable)
	if preload == nil {
		return nil
	}
	fn, _ := preload.RawGetString(name).(*lua.LFunction)
	return fn
}

// chunk is a script's main function.
func (in *interpreter) chunk(L *lua.LState, name string) *lua.LFunction {
	if why, ok := in.missing[name]; ok {
		L.RaiseError("%s", why)
	}
	var u *unit
	in.Wait(L, false, func(ctx context.Context) { u = in.gen.sources.unit(ctx, name) })
	if u.err != nil {
		why := fmt.Sprintf("module '%s' not found:\n%s", name, u.err.Error())
		if len(in.missing) < maxMissing {
			in.missing[name] = why
		}
		L.RaiseError("%s", why)
	}
	if len(u.problems) > 0 {
		texts := make([]string, len(u.problems))
		for i, p := range u.problems {
			texts[i] = p.String()
		}
		L.RaiseError("error loading module '%s':\n%s", name, strings.Join(texts, "\n"))
	}
	return L.NewFunctionFromProto(u.proto)
}
