package api

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/dialect"
)

// check looks at the arguments of f, of which the first lies behind skip stack
// slots (a method's object). A number where text is wanted, and the other way
// round, is converted in place, as Lua does.
func (r *Registry) check(L *lua.LState, f *Func, skip int) {
	for i := range f.Params {
		p := &f.Params[i]
		if p.Variadic {
			for n := i + 1 + skip; n <= L.GetTop(); n++ {
				r.checkOne(L, f, p, n, skip)
			}
			return
		}
		r.checkOne(L, f, p, i+1+skip, skip)
	}
}

func (r *Registry) checkOne(L *lua.LState, f *Func, p *Param, n, skip int) {
	v := L.Get(n)
	if v == lua.LNil && (p.Optional || p.Type == Any && n <= L.GetTop()) {
		return
	}
	if r.fits(L, p, n, v) {
		return
	}
	L.RaiseError("bad argument #%d to '%s' (%s expected, got %s)", n-skip, f.Name, p.expects(), r.typeName(L, n))
}

func (r *Registry) fits(L *lua.LState, p *Param, n int, v lua.LValue) bool {
	switch p.Type {
	case Any:
		return n <= L.GetTop()
	case String:
		return fitsString(L, n, v)
	case Number:
		return fitsNumber(L, n, v)
	case Boolean:
		return v.Type() == lua.LTBool
	case Table:
		return v.Type() == lua.LTTable
	case Function:
		return v.Type() == lua.LTFunction
	case StringOrTable:
		return v.Type() == lua.LTTable || fitsString(L, n, v)
	case StringOrFunction:
		return v.Type() == lua.LTFunction || fitsString(L, n, v)
	case StringOrNumber:
		return v.Type() == lua.LTString || v.Type() == lua.LTNumber
	case Userdata:
		if v.Type() != lua.LTUserData {
			return false
		}
		return p.Class == "" || r.ClassName(v) == p.Class
	}
	return false
}

func fitsString(L *lua.LState, n int, v lua.LValue) bool {
	switch v := v.(type) {
	case lua.LString:
		return true
	case lua.LNumber:
		L.Replace(n, lua.LString(dialect.NumberText(float64(v))))
		return true
	case *lua.LUserData: // the command line of a callout, without tostring
		if s, ok := v.Value.(*ecString); ok {
			L.Replace(n, lua.LString(s.text))
			return true
		}
	}
	return false
}

func fitsNumber(L *lua.LState, n int, v lua.LValue) bool {
	switch v := v.(type) {
	case lua.LNumber:
		return true
	case lua.LString:
		f, ok := dialect.ParseNumber(string(v))
		if ok {
			L.Replace(n, lua.LNumber(f))
		}
		return ok
	}
	return false
}

// expects is the type as an argument error names it.
func (p *Param) expects() string {
	switch p.Type {
	case String:
		return "string"
	case Number:
		return "number"
	case Boolean:
		return "boolean"
	case Table:
		return "table"
	case Function:
		return "function"
	case StringOrTable:
		return "string or table"
	case StringOrFunction:
		return "string or function"
	case StringOrNumber:
		return "string or number"
	case Userdata:
		if p.Class != "" {
			return p.Class
		}
		return "userdata"
	}
	return "value"
}

// typeName is what an argument is, as an argument error names it.
func (r *Registry) typeName(L *lua.LState, n int) string {
	if n > L.GetTop() {
		return "no value"
	}
	v := L.Get(n)
	if class := r.ClassName(v); class != "" {
		return class
	}
	return v.Type().String()
}

// TypeName is what msys.type says: the class of an object of ours, else what
// type() says.
func (e *Env) TypeName(v lua.LValue) string {
	if class := e.registry.ClassName(v); class != "" {
		return class
	}
	return v.Type().String()
}

// Object wraps value as an object of a class that some package declared.
func (e *Env) Object(class string, value any) *lua.LUserData {
	return e.registry.Object(class, value)
}

// Registry is what Install built for this interpreter.
func (e *Env) Registry() *Registry { return e.registry }

// Text is v as tostring gives it: __tostring honoured, numbers as stock Lua
// prints them.
func Text(L *lua.LState, v lua.LValue) string {
	switch v := v.(type) {
	case lua.LString:
		return string(v)
	case lua.LNumber:
		return dialect.NumberText(float64(v))
	}
	if fn, ok := L.GetMetaField(v, "__tostring").(*lua.LFunction); ok {
		L.Push(fn)
		L.Push(v)
		L.Call(1, 1)
		out := L.Get(-1)
		L.Pop(1)
		if s, ok := out.(lua.LString); ok {
			return string(s)
		}
		if n, ok := out.(lua.LNumber); ok {
			return dialect.NumberText(float64(n))
		}
		L.RaiseError("'tostring' must return a string to 'print'")
	}
	if v.Type() == lua.LTUserData {
		return fmt.Sprintf("userdata: %p", v)
	}
	return v.String()
}
