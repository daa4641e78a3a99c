package api

import (
	"sync"

	lua "github.com/yuin/gopher-lua"
)

// The bounds of what scripts share.
const (
	maxShareKeys  = 10000
	maxShareKey   = 256      // bytes
	maxShareValue = 64 << 10 // bytes
)

// shareTable is what msys.shareSet stores. It belongs to one module, all of
// whose interpreters see it, through every reload.
type shareTable struct {
	mu     sync.Mutex
	values map[string]lua.LValue // strings, numbers and booleans, which belong to no interpreter
}

// set stores a value, nil removes it; false where it does not fit.
func (t *shareTable) set(key string, v lua.LValue) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch v := v.(type) {
	case *lua.LNilType:
		delete(t.values, key)
		return true
	case lua.LString:
		if len(v) > maxShareValue {
			return false
		}
	case lua.LNumber, lua.LBool:
	default:
		return false
	}
	if _, there := t.values[key]; key == "" || len(key) > maxShareKey || !there && len(t.values) >= maxShareKeys {
		return false
	}
	t.values[key] = v
	return true
}

func (t *shareTable) get(key string) lua.LValue {
	t.mu.Lock()
	defer t.mu.Unlock()
	if v, ok := t.values[key]; ok {
		return v
	}
	return lua.LNil
}

// sharePackage is msys.shareGet and its companions.
func sharePackage() Package {
	table := &shareTable{values: make(map[string]lua.LValue)}
	key := Param{Name: "key", Type: String}
	return Package{
		Name: "msys", Preload: true,
		Funcs: []Func{
			{
				Name: "shareGet", Params: []Param{key}, Returns: "value | nil", Phases: "any", Since: "3.0",
				Doc:     "Reads a value that all scripts share, whatever interpreter they run in.",
				Example: `local c = msys.shareGet("my-counter") or 0`,
				Do: func(_ *Env, L *lua.LState) int {
					L.Push(table.get(L.ToString(1)))
					return 1
				},
			},
			{
				Name: "shareSet", Params: []Param{key, {Name: "value", Type: Any}}, Returns: "boolean", Phases: "any", Since: "3.0",
				Doc:     "Stores a number, a string or a boolean for all scripts; nil removes it. It is false for any other value, one of more than 64 KiB, a key that is empty or longer than 256 bytes, and a table of 10,000 keys that is full. It lasts until the module ends.",
				Example: `msys.shareSet("my-counter", 1)`,
				Do: func(_ *Env, L *lua.LState) int {
					L.Push(lua.LBool(table.set(L.ToString(1), L.Get(2))))
					return 1
				},
			},
			{
				Name: "shareUnset", Params: []Param{key}, Returns: "boolean", Phases: "any", Since: "3.0",
				Doc:     "Removes what msys.shareSet stored.",
				Example: `msys.shareUnset("my-counter")`,
				Do: func(_ *Env, L *lua.LState) int {
					L.Push(lua.LBool(table.set(L.ToString(1), lua.LNil)))
					return 1
				},
			},
		},
	}
}
