package scriptlet

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/api"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// script is a script scope of the configuration.
type script struct {
	name       string
	pos        option.Pos
	unit       *unit
	registered bool
	serves     bool // it has a console command or a timer of its own
}

// registration is one call of msys.registerModule in one interpreter.
type registration struct {
	index    int
	name     string // as registered; it appears in messages
	script   *script
	table    *lua.LTable
	selfMeta *lua.LTable // {__index = table}
	callouts int

	init, deinit, setup *lua.LFunction
}

// The functions of a module that are no hooks (reference/lua-api.tsv).
const (
	funcInit   = "init"
	funcDeinit = "deinit"
	funcSetup  = "rsrc_setup"
)

// register binds what a table holds under the names of hooks.
func (in *interpreter) register(L *lua.LState, s *script, name string, table *lua.LTable) {
	reg := &registration{index: len(in.registrations), name: name, script: s, table: table}
	reg.selfMeta = L.CreateTable(0, 1)
	reg.selfMeta.RawSetString("__index", table)
	in.registrations = append(in.registrations, reg)
	s.registered = true
	for _, info := range sdk.Hooks[1:] {
		for _, key := range info.Hook.Names() {
			if fn, ok := L.GetField(table, key).(*lua.LFunction); ok {
				in.hooks[info.Hook] = append(in.hooks[info.Hook], &callout{reg: reg, fn: fn, hook: info})
				reg.callouts++
				break
			}
		}
	}
	reg.init = method(L, table, funcInit)
	reg.deinit = method(L, table, funcDeinit)
	reg.setup = method(L, table, funcSetup)
	if in.index == 0 {
		in.gen.judge(reg)
	}
}

func method(L *lua.LState, table *lua.LTable, name string) *lua.LFunction {
	fn, _ := L.GetField(table, name).(*lua.LFunction)
	return fn
}

// judge reports what is odd about a registration: nothing that mtad would ever
// call, or a name that looks like a callout and is none.
func (g *generation) judge(reg *registration) {
	if reg.callouts == 0 && reg.init == nil && reg.deinit == nil && reg.setup == nil {
		text := fmt.Sprintf("no usable methods found for module %s in registerModule call", reg.name)
		g.log(sdk.LevelError, sourceName, text)
		g.warn(reg.script.problem(text))
	}
	reg.table.ForEach(func(k, v lua.LValue) {
		name, ok := k.(lua.LString)
		fn, isFn := v.(*lua.LFunction)
		if ok && isFn {
			g.judgeName(reg, string(name), fn)
		}
	})
}

func (g *generation) judgeName(reg *registration, name string, fn *lua.LFunction) {
	if sdk.HookByName(name) != sdk.HookNone || name == funcInit || name == funcDeinit || name == funcSetup {
		return
	}
	var text string
	switch near := option.Nearest(name, calloutNames()); {
	case api.HookReason(name) != "":
		text = fmt.Sprintf("module %s: mtad never calls %s: %s", reg.name, name, api.HookReason(name))
	case near != "" && looksLikeHook(name):
		text = fmt.Sprintf("module %s: there is no callout %s; did you mean %s?", reg.name, name, near)
	case looksLikeHook(name):
		text = fmt.Sprintf("module %s: there is no callout %s; it is never called", reg.name, name)
	default:
		return
	}
	p := reg.script.problem(text)
	p.Severity = sdk.Warning // the original loads it, and stays silent
	if fn.Proto != nil {
		p.File, p.Line, p.Column = fn.Proto.SourceName, fn.Proto.LineDefined, 0
	}
	g.log(sdk.LevelWarning, sourceName, p.String())
	g.warn(p)
}

// calloutNames is every name that registerModule binds.
func calloutNames() []string {
	names := []string{funcInit, funcDeinit, funcSetup}
	for _, info := range sdk.Hooks[1:] {
		names = append(names, info.Name)
	}
	return names
}

// looksLikeHook keeps a script's own helpers out of the warnings.
func looksLikeHook(name string) bool {
	for _, prefix := range []string{"validate", "core_", "msg_gen", "valid_", "valdate"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// problem is something about a script, at its scope in the configuration.
func (s *script) problem(text string) sdk.Problem {
	return sdk.Problem{File: s.pos.File, Line: s.pos.Line, Column: s.pos.Column, Text: text}
}

func (g *generation) warn(p sdk.Problem) { g.warnings = append(g.warnings, p) }
