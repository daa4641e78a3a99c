package api

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// Registry is the API inside one interpreter: the table of every package, and
// the metatable of every class. It is built once, before any script runs.
type Registry struct {
	env      *Env
	packages map[string]*lua.LTable
	classes  map[string]*lua.LTable // metatable by Class.Name
	names    map[*lua.LTable]string // Class.Name by metatable
	missing  map[string]string
}

// Install builds all packages in L's world. Those that are there without
// require are visible at once, the others after Open.
func Install(L *lua.LState, e *Env, packages []Package, missing []Missing) *Registry {
	r := &Registry{
		env:      e,
		packages: make(map[string]*lua.LTable, len(packages)),
		classes:  make(map[string]*lua.LTable),
		names:    make(map[*lua.LTable]string),
		missing:  make(map[string]string, len(missing)),
	}
	e.registry = r
	for _, m := range missing {
		r.missing[m.Name] = m.Why
	}
	for i := range packages {
		r.declareClasses(L, &packages[i])
	}
	for i := range packages {
		r.build(L, &packages[i])
	}
	for i := range packages {
		if packages[i].Preload {
			r.Open(L, packages[i].Name)
		}
	}
	return r
}

// Open gives the table of a package and makes it visible under its global
// name, as require does. ok is false where there is no such package; why says
// so for a documented one.
func (r *Registry) Open(L *lua.LState, name string) (pkg *lua.LTable, why string, ok bool) {
	pkg, ok = r.packages[name]
	if !ok {
		return nil, r.missing[name], false
	}
	if name != "" {
		attach(L, strings.Split(name, "."), pkg)
	}
	return pkg, "", true
}

// Class gives the metatable of a class, nil if no package declares it.
func (r *Registry) Class(name string) *lua.LTable { return r.classes[name] }

// ClassName is the class of a value, "" for what is no object of ours.
func (r *Registry) ClassName(v lua.LValue) string {
	ud, ok := v.(*lua.LUserData)
	if !ok {
		return ""
	}
	mt, ok := ud.Metatable.(*lua.LTable)
	if !ok {
		return ""
	}
	return r.names[mt]
}

// Object wraps value as an object of the class.
func (r *Registry) Object(class string, value any) *lua.LUserData {
	ud := &lua.LUserData{Value: value, Metatable: lua.LNil}
	if mt := r.classes[class]; mt != nil {
		ud.Metatable = mt
	}
	return ud
}

// attach puts pkg at a dotted path of globals. A package that is a parent of
// another keeps what hangs on it already.
func attach(L *lua.LState, path []string, pkg *lua.LTable) {
	at := L.G.Global
	for _, name := range path[:len(path)-1] {
		next, ok := at.RawGetString(name).(*lua.LTable)
		if !ok {
			next = L.CreateTable(0, 4)
			at.RawSetString(name, next)
		}
		at = next
	}
	last := path[len(path)-1]
	if old, ok := at.RawGetString(last).(*lua.LTable); ok && old != pkg {
		old.ForEach(func(k, v lua.LValue) {
			if pkg.RawGet(k) == lua.LNil {
				pkg.RawSet(k, v)
			}
		})
	}
	at.RawSetString(last, pkg)
}

// table is a package's own table. The one for globals is _G, and packages that
// are declared in several pieces (msys.core) share one.
func (r *Registry) table(L *lua.LState, name string) *lua.LTable {
	if name == "" {
		return L.G.Global
	}
	if t := r.packages[name]; t != nil {
		return t
	}
	return L.CreateTable(0, 16)
}

func (r *Registry) build(L *lua.LState, p *Package) {
	t := r.table(L, p.Name)
	r.packages[p.Name] = t
	for i := range p.Funcs {
		f := &p.Funcs[i]
		t.RawSetString(f.Name, L.NewFunction(r.function(qualified(p.Name, f.Name), f, "")))
	}
	for _, c := range p.Consts {
		t.RawSetString(c.Name, c.Value)
	}
	for i := range p.Classes {
		r.buildClass(L, &p.Classes[i])
	}
	if p.Setup != nil {
		p.Setup(r.env, L, t)
	}
}

func qualified(pkg, name string) string {
	if pkg == "" {
		return name
	}
	return pkg + "." + name
}

// declareClasses makes the metatables first, so that a package may use a class
// that a later one declares. Several packages may add to one class.
func (r *Registry) declareClasses(L *lua.LState, p *Package) {
	for i := range p.Classes {
		name := p.Classes[i].Name
		if r.classes[name] == nil {
			mt := L.CreateTable(0, 8)
			r.classes[name] = mt
			r.names[mt] = name
		}
	}
}

// buildClass adds methods, fields and metamethods of one declaration. Methods
// are found by a table as __index, which is three times as fast as a function;
// the function comes in only where a class has fields.
func (r *Registry) buildClass(L *lua.LState, c *Class) {
	mt := r.classes[c.Name]
	methods, ok := mt.RawGetString("__methods").(*lua.LTable)
	if !ok {
		methods = L.CreateTable(0, len(c.Methods))
		mt.RawSetString("__methods", methods)
		mt.RawSetString("__index", methods)
	}
	for i := range c.Methods {
		f := &c.Methods[i]
		methods.RawSetString(f.Name, L.NewFunction(r.function(c.Name+":"+f.Name, f, c.Name)))
	}
	for name, fn := range c.Meta {
		mt.RawSetString(name, L.NewFunction(func(L *lua.LState) int { return fn(r.env, L) }))
	}
	if len(c.Fields) > 0 {
		r.addFields(L, c, mt, methods)
	}
}

func (r *Registry) addFields(L *lua.LState, c *Class, mt, methods *lua.LTable) {
	var fields fieldSet
	if ud, ok := mt.RawGetString("__fields").(*lua.LUserData); ok {
		fields = ud.Value.(fieldSet)
	} else {
		fields = make(fieldSet, len(c.Fields))
		mt.RawSetString("__fields", &lua.LUserData{Value: fields, Metatable: lua.LNil})
	}
	for i := range c.Fields {
		fields[c.Fields[i].Name] = &c.Fields[i]
	}
	name := c.Name
	if c.FieldsOfCall {
		behind := L.CreateTable(0, 1)
		behind.RawSetString("__index", L.NewFunction(func(L *lua.LState) int { return r.indexCall(L, fields) }))
		methods.Metatable = behind
		r.addNewIndex(L, c, mt, fields)
		return
	}
	mt.RawSetString("__index", L.NewFunction(func(L *lua.LState) int { return r.index(L, name, methods, fields) }))
	r.addNewIndex(L, c, mt, fields)
}

func (r *Registry) addNewIndex(L *lua.LState, c *Class, mt *lua.LTable, fields fieldSet) {
	if name := c.Name; c.Meta["__newindex"] == nil {
		mt.RawSetString("__newindex", L.NewFunction(func(L *lua.LState) int { return r.newIndex(L, name, fields) }))
	}
}

type fieldSet map[string]*Field

func (r *Registry) index(L *lua.LState, class string, methods *lua.LTable, fields fieldSet) int {
	key, ok := L.Get(2).(lua.LString)
	if !ok {
		L.Push(lua.LNil)
		return 1
	}
	if m := methods.RawGetString(string(key)); m != lua.LNil {
		L.Push(m)
		return 1
	}
	f := fields[string(key)]
	if f == nil {
		L.Push(lua.LNil)
		return 1
	}
	L.Push(f.Get(r.env, L, r.self(L, class, string(key))))
	return 1
}

// indexCall reads a field of the call being served; it comes behind the methods.
func (r *Registry) indexCall(L *lua.LState, fields fieldSet) int {
	key, _ := L.Get(2).(lua.LString)
	if f := fields[string(key)]; f != nil {
		L.Push(f.Get(r.env, L, nil))
	} else {
		L.Push(lua.LNil)
	}
	return 1
}

func (r *Registry) newIndex(L *lua.LState, class string, fields fieldSet) int {
	key := L.Get(2).String()
	f := fields[key]
	switch {
	case f == nil:
		L.RaiseError("%s has no field '%s'", class, key)
	case f.Set == nil:
		L.RaiseError("field '%s' of %s cannot be set", key, class)
	default:
		f.Set(r.env, L, r.self(L, class, key), L.Get(3))
	}
	return 0
}

// self is the object a field or method is used on.
func (r *Registry) self(L *lua.LState, class, member string) *lua.LUserData {
	ud, ok := L.Get(1).(*lua.LUserData)
	if !ok || r.ClassName(ud) != class {
		r.badSelf(L, class, member)
	}
	return ud
}

func (r *Registry) badSelf(L *lua.LState, class, member string) {
	L.RaiseError("calling '%s' on bad self (%s expected, got %s)", member, class, r.typeName(L, 1))
}

// function is what a script calls: the arguments checked, then Do.
func (r *Registry) function(full string, f *Func, class string) lua.LGFunction {
	e := r.env
	switch {
	case f.Status == Unsupported || f.Do == nil:
		text := fmt.Sprintf("%s is not supported by mtad: %s", full, f.Why)
		return func(L *lua.LState) int {
			L.RaiseError("%s", text)
			return 0
		}
	case class == "" && len(f.Params) == 0:
		return func(L *lua.LState) int { return f.Do(e, L) }
	case class == "":
		return func(L *lua.LState) int {
			r.check(L, f, 0)
			return f.Do(e, L)
		}
	}
	mt := lua.LValue(r.classes[class])
	return func(L *lua.LState) int {
		if ud, ok := L.Get(1).(*lua.LUserData); !ok || ud.Metatable != mt {
			r.badSelf(L, class, f.Name)
		}
		r.check(L, f, 1)
		return f.Do(e, L)
	}
}
