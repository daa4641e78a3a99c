package api

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

const (
	classDict     = "dict"
	classDictIter = "dict_iterator"
)

// contextual is an object with the two context dictionaries.
type contextual interface {
	// get gives a dictionary to read from; nil where there is none yet.
	get(e *Env, L *lua.LState, id sdk.DictID) sdk.Dict
	// put records a change of a dictionary.
	put(e *Env, L *lua.LState, c sdk.Change)
}

// dictID reads a dictionary selector: VCTX_* and ECMESS_CTX_* are the same
// numbers (reference/lua-api-notes.md 44).
func dictID(L *lua.LState, n int) sdk.DictID {
	switch id := L.ToNumber(n); id {
	case lua.LNumber(sdk.DictMess), lua.LNumber(sdk.DictConn):
		return sdk.DictID(id)
	}
	L.RaiseError("bad context type %s (VCTX_MESS or VCTX_CONN expected)", Text(L, L.Get(n)))
	return 0
}

// contextGet, contextSet ... are vctx:get, msg:context_get and so on, of the
// object at stack index 1 and the type and key behind it.

func contextGet(e *Env, L *lua.LState) int {
	v, _ := contextValue(e, L)
	L.Push(e.texts.value(v))
	return 1
}

// contextValue finds a variable. A vctx finds it without making the dictionary
// of which it is one.
func contextValue(e *Env, L *lua.LState) (value string, ok bool) {
	id, key := dictID(L, 2), L.ToString(3)
	if v, ok := L.CheckUserData(1).Value.(*validateContext); ok {
		return v.lookup(e, L, id, key)
	}
	return self[contextual](L).get(e, L, id).Get(key)
}

func contextExists(e *Env, L *lua.LState) int {
	_, ok := contextValue(e, L)
	return pushFlag(L, ok)
}

func contextExistsAndGet(e *Env, L *lua.LState) int {
	v, ok := contextValue(e, L)
	pushFlag(L, ok)
	if ok {
		L.Push(e.texts.value(v))
		return 2
	}
	L.Push(lua.LNil)
	return 2
}

// contextSet stores a value as text. nil changes nothing, as NULL in C.
func contextSet(e *Env, L *lua.LState) int {
	id, value := dictID(L, 2), L.Get(4)
	if value == lua.LNil {
		return pushFlag(L, false)
	}
	self[contextual](L).put(e, L, sdk.Change{Kind: sdk.ContextSet, Dict: id, Name: L.ToString(3), Value: Text(L, value)})
	return pushFlag(L, true)
}

func contextDelete(e *Env, L *lua.LState) int {
	c, id, key := self[contextual](L), dictID(L, 2), L.ToString(3)
	_, ok := c.get(e, L, id).Get(key)
	if ok {
		c.put(e, L, sdk.Change{Kind: sdk.ContextDelete, Dict: id, Name: key})
	}
	return pushFlag(L, ok)
}

// pushFlag gives 1 or 0, numbers both (0 is true in Lua).
func pushFlag(L *lua.LState, ok bool) int {
	if ok {
		return pushNumber(L, 1)
	}
	return pushNumber(L, 0)
}

// nativeDict is one dictionary of an object: msg.vctx_mess, msg.vctx_conn.
type nativeDict struct {
	of contextual
	id sdk.DictID
}

// dictIterator walks over the entries a dictionary had at its start.
type dictIterator struct{ rest sdk.Dict }

func dictClasses() []Class {
	return []Class{
		{Name: classDict, Doc: "A native dictionary, read with dict_iter2 and dict_next."},
		{Name: classDictIter, Doc: "A walk over a native dictionary."},
	}
}

func dictFuncs() []Func {
	dict := Param{Name: "dict", Type: Userdata, Class: classDict}
	iter := Param{Name: "iter", Type: Userdata, Class: classDictIter}
	return []Func{
		{
			Name: "dict_iter2", Params: []Param{dict}, Returns: "dict_iterator", Phases: "any", Since: "3.0",
			Doc: "Begins a walk over a native dictionary.", Example: `local iter = msys.core.dict_iter2(msg.vctx_mess)`,
			Do: func(e *Env, L *lua.LState) int {
				d := self[nativeDict](L)
				L.Push(e.World.Object(L, classDictIter, &dictIterator{rest: d.of.get(e, L, d.id).Clone()}))
				return 1
			},
		},
		{
			Name: "dict_next", Params: []Param{dict, iter}, Returns: "rc, key, value", Phases: "any", Since: "3.0",
			Doc: "The next entry; rc is 1 while there is one and 0 at the end.", Example: `local rc, key, value = msys.core.dict_next(dict, iter)`,
			Do: dictNext,
		},
		{
			Name: "dict_iter2_free", Params: []Param{dict, iter}, Returns: "nothing", Phases: "any", Since: "3.0",
			Doc: "Ends a walk over a native dictionary.", Example: `msys.core.dict_iter2_free(dict, iter)`,
			Do: func(_ *Env, L *lua.LState) int {
				if it, ok := L.CheckUserData(2).Value.(*dictIterator); ok {
					it.rest = nil
				}
				return 0
			},
		},
		{
			Name: "dict_add_key_value", Params: []Param{dict, {Name: "key", Type: String}, {Name: "value", Type: String}},
			Returns: "nothing", Phases: "any", Since: "3.0",
			Doc: "Sets an entry of a native dictionary.", Example: `msys.core.dict_add_key_value(msg.vctx_mess, "k", "v")`,
			Do: func(e *Env, L *lua.LState) int {
				d := self[nativeDict](L)
				d.of.put(e, L, sdk.Change{Kind: sdk.ContextSet, Dict: d.id, Name: L.ToString(2), Value: L.ToString(3)})
				return 0
			},
		},
		{
			Name: "dict_key_delete", Params: []Param{dict, {Name: "key", Type: String}}, Returns: "1 or 0", Phases: "any", Since: "3.0",
			Doc: "Removes an entry of a native dictionary.", Example: `msys.core.dict_key_delete(msg.vctx_mess, "k")`,
			Do: func(e *Env, L *lua.LState) int {
				d, key := self[nativeDict](L), L.ToString(2)
				_, ok := d.of.get(e, L, d.id).Get(key)
				if ok {
					d.of.put(e, L, sdk.Change{Kind: sdk.ContextDelete, Dict: d.id, Name: key})
				}
				return pushFlag(L, ok)
			},
		},
	}
}

func dictNext(_ *Env, L *lua.LState) int {
	it, ok := L.CheckUserData(2).Value.(*dictIterator)
	if !ok || len(it.rest) == 0 {
		return pushFlag(L, false)
	}
	pair := it.rest[0]
	it.rest = it.rest[1:]
	return pushFlag(L, true) + pushString(L, pair.Key) + pushString(L, pair.Value)
}
