package api

import (
	"context"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/cidr"
	"github.com/mtad/mtad/sdk"
)

// cidrList is a list as msys.cidr.define described it.
type cidrList struct {
	*cidr.List  // nil while a configuration is only checked
	isNew       bool
	interpolate bool
	miss        lua.LValue // nil, a boolean, number or string: interpreters share it
}

// cidrPackage is msys.cidr. Published scripts use it without a require, because
// another one had it (reference/lua-api-notes.md 15).
func cidrPackage() Package {
	name := Param{Name: "name", Type: String}
	return Package{
		Name: "msys.cidr", Preload: true,
		Doc: "Lists of networks to look addresses up in. All interpreters share them. They are read again from time to time, and lookups go on meanwhile.",
		Funcs: []Func{
			{
				Name: "define", Params: []Param{name, {Name: "options", Type: StringOrTable}}, Returns: "nothing", Phases: "any", Since: "3.0",
				Doc: `Defines a list. The option type is "rbldnsd" (with source, a file, and value, "a" or "txt"), "datasource" (with cachename, query, cidr_column and value_column) or "empty". ` +
					"refresh is in seconds (1800; 0: never), default_value what a miss gives, and interpolate puts the address in the place of each $ in the value. A source that cannot be read is told in the paniclog, and tried again each minute.",
				Example: `msys.cidr.define("mycidr", { type = "rbldnsd", source = "/etc/mtad/list.rbl", value = "txt", default_value = "" })`,
				Do:      cidrDefine,
			},
			{
				Name: "query", Params: []Param{name, {Name: "address", Type: Any, Optional: true}}, Returns: "string, true, or the list's default_value", Phases: "any", Since: "3.0",
				Doc:     "Looks an address up, by default the peer's: the value of the longest network that holds it, true where the list has no values.",
				Example: `if msys.cidr.query("mycidr") ~= "" then end`,
				Do:      cidrQuery,
			},
			{
				Name: "reload", Params: []Param{name}, Returns: "nothing", Phases: "any", Since: "3.0",
				Doc:     "Reads a list again. Where that fails the list stays as it is, and the paniclog says why.",
				Example: `msys.cidr.reload("mycidr")`,
				Do:      cidrReload,
			},
		},
	}
}

func cidrDefine(e *Env, L *lua.LState) int {
	const what = "msys.cidr.define"
	l := &cidrList{miss: lua.LNil}
	spec := cidr.Spec{Name: L.ToString(1), Refresh: 30 * time.Minute}
	kind := optional(L, 2)
	t, ok := L.Get(2).(*lua.LTable)
	if ok {
		kind = wordOption(L, what, t, "type")
		l.interpolate = lua.LVAsBool(t.RawGetString("interpolate"))
		l.miss = scalarOption(L, what, t, "default_value")
	} else {
		t = L.CreateTable(0, 0)
	}
	readSpec(L, what, &spec, strings.ToLower(kind), t)
	shared := e.World.Shared()
	if e.World.Config().CheckOnly || shared.store == nil {
		must(L, what, define(shared, shared.lists, spec.Name, l))
		return 0
	}
	old, _ := defined(shared, shared.lists, spec.Name)
	from := cidr.Source{Ask: asker(e), Problem: teller(e)}
	e.World.Wait(L, false, func(ctx context.Context) { l.List, l.isNew = shared.store.Open(ctx, spec, from) })
	if err := define(shared, shared.lists, spec.Name, l); err != nil {
		l.Release()
		must(L, what, err)
	}
	if old != nil && old.List != nil {
		old.Release()
	}
	return 0
}

// readSpec reads the options of a list's type. Others are ignored: published
// scripts keep their own in the same table.
func readSpec(L *lua.LState, what string, spec *cidr.Spec, kind string, t *lua.LTable) {
	if n, ok := t.RawGetString("refresh").(lua.LNumber); ok {
		spec.Refresh = max(seconds(n), 0)
	}
	switch kind {
	case "empty":
	case "rbldnsd":
		spec.Kind = cidr.RBLDNSD
		spec.Source = strings.TrimPrefix(neededOption(L, what, t, "source"), "file://")
		if scheme, _, ok := strings.Cut(spec.Source, "://"); ok {
			L.RaiseError("%s: option source: mtad knows no %s:// URIs", what, scheme)
		}
		spec.Record = recordOption(L, what, t)
	case "datasource":
		spec.Kind = cidr.Datasource
		spec.Cache, spec.Query = neededOption(L, what, t, "cachename"), neededOption(L, what, t, "query")
		spec.NetworkColumn, spec.ValueColumn = wordOption(L, what, t, "cidr_column"), wordOption(L, what, t, "value_column")
	case "":
		L.RaiseError("%s: option type is missing (datasource, rbldnsd or empty)", what)
	default:
		L.RaiseError("%s: %q is no type of list (datasource, rbldnsd or empty expected)", what, kind)
	}
}

// recordOption is value, or record_type as the default policy has it.
func recordOption(L *lua.LState, what string, t *lua.LTable) cidr.Record {
	word := wordOption(L, what, t, "value")
	if word == "" {
		word = wordOption(L, what, t, "record_type")
	}
	switch strings.ToLower(word) {
	case "", "a":
		return cidr.RecordA
	case "txt":
		return cidr.RecordTXT
	}
	L.RaiseError("%s: option value: a or txt expected, got %q", what, word)
	return 0
}

// wordOption is a string among a table's options; a number will do.
func wordOption(L *lua.LState, what string, t *lua.LTable, name string) string {
	switch v := t.RawGetString(name).(type) {
	case *lua.LNilType:
		return ""
	case lua.LString, lua.LNumber:
		return v.String()
	default:
		L.RaiseError("%s: option %s: a string is expected, got %s", what, name, v.Type())
	}
	return ""
}

func neededOption(L *lua.LState, what string, t *lua.LTable, name string) string {
	word := wordOption(L, what, t, name)
	if word == "" {
		L.RaiseError("%s: option %s is missing", what, name)
	}
	return word
}

func scalarOption(L *lua.LState, what string, t *lua.LTable, name string) lua.LValue {
	v := t.RawGetString(name)
	switch v.(type) {
	case *lua.LNilType, lua.LBool, lua.LNumber, lua.LString:
		return v
	}
	L.RaiseError("%s: option %s: a string, number or boolean is expected, got %s", what, name, v.Type())
	return lua.LNil
}

// asker runs a list's query. It outlives the interpreter's call: a list asks
// again and again.
func asker(e *Env) cidr.Ask {
	host, shared, own := e.World.Host(), e.World.Shared(), e.World.Config().Generation
	return func(ctx context.Context, cache, query string) (*sdk.Rows, error) {
		return host.Query(ctx, &sdk.Query{Datasource: cache, SQL: query, NoCache: true, Generation: shared.generation(own)})
	}
}

func teller(e *Env) func(text string) {
	host := e.World.Host()
	return func(text string) { host.Log(sdk.LogRecord{Level: sdk.LevelError, Source: "cidrdb", Text: text}) }
}

func cidrQuery(e *Env, L *lua.LState) int {
	const what, steps = "msys.cidr.query", 50
	l := namedList(e, L, what)
	p := networkOf(e, L, what, L.Get(2))
	if !p.IsSingleIP() {
		L.RaiseError("%s: an address is expected, got %s", what, Text(L, L.Get(2)))
	}
	e.World.Spend(L, steps)
	if l.List == nil {
		L.Push(l.miss)
		return 1
	}
	value, ok := l.Lookup(p.Addr())
	switch {
	case !ok:
		L.Push(l.miss)
	case !l.HasValues():
		L.Push(lua.LTrue)
	case l.interpolate:
		e.World.Spend(L, len(value))
		L.Push(lua.LString(cidr.Interpolate(value, p.Addr())))
	default:
		L.Push(lua.LString(value))
	}
	return 1
}

func namedList(e *Env, L *lua.LState, what string) *cidrList {
	shared := e.World.Shared()
	l, ok := defined(shared, shared.lists, L.ToString(1))
	if !ok {
		L.RaiseError("%s: no list %q is defined", what, L.ToString(1))
	}
	return l
}

func cidrReload(e *Env, L *lua.LState) int {
	l := namedList(e, L, "msys.cidr.reload")
	if l.List != nil {
		// What goes wrong is told by the list.
		e.World.Wait(L, false, func(ctx context.Context) { _ = l.Reload(ctx) })
	}
	return 0
}
