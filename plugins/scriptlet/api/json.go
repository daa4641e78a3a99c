package api

import (
	"errors"
	"math"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/dialect"
)

const classJSON = "json"

// jsonPackage is the json module of the original, with the behaviour of the
// json-c library behind it (reference/lua-api-notes.md 63).
func jsonPackage() Package {
	return Package{
		Name:    "json",
		Doc:     "JSON values that scripts read and write like tables. A root is always an object of class json; its members read as plain Lua values where they are scalars. What follows the value in a decoded text is ignored, as are comments.",
		Preload: true,
		Funcs: []Func{
			{
				Name: "decode", Params: []Param{{Name: "text", Type: String}},
				Returns: "json value | nil, code, message", Phases: "any", Since: "3.3",
				Doc:     "Reads a JSON text; the message of a failure says at which offset.",
				Example: `local o, code, err = json.decode('{ "hello": "world" }')`,
				Do:      jsonDecode,
			},
			{
				Name: "encode", Params: []Param{{Name: "value", Type: Any, Optional: true}},
				Returns: "json value", Phases: "any", Since: "3.3",
				Doc:     "Makes a JSON value of a Lua value. A table that has [1] becomes an array up to its first nil, any other an object.",
				Example: `tostring(json.encode({ 1, 2 })) -- "[ 1, 2 ]"`,
				Do:      jsonEncode,
			},
			{
				Name: "new", Returns: "json value", Phases: "any", Since: "3.3",
				Doc:     "Makes an empty JSON object.",
				Example: `local o = json.new(); o.name = "value"`,
				Do: func(e *Env, L *lua.LState) int {
					L.Push(e.Object(classJSON, newJSONObject()))
					return 1
				},
			},
			{
				Name: "strerror", Params: []Param{{Name: "code", Type: Number}},
				Returns: "string", Phases: "any", Since: "3.3",
				Doc:     "The text of an error code of json.decode.",
				Example: `json.strerror(json.ERROR_PARSE_NULL) -- "null expected"`,
				Do: func(_ *Env, L *lua.LState) int {
					L.Push(lua.LString(jsonErrorCode(L.ToInt(1)).String()))
					return 1
				},
			},
			{
				Name: "free", Params: []Param{{Name: "obj", Type: Userdata, Class: classJSON}},
				Returns: "nothing", Phases: "any", Since: "3.6",
				Doc:     "Does nothing: memory is reclaimed by itself.",
				Example: `json.free(o)`,
				Do:      func(*Env, *lua.LState) int { return 0 },
			},
			{
				Name: "addref", Params: []Param{{Name: "obj", Type: Userdata, Class: classJSON}},
				Returns: "true", Phases: "any", Since: "3.6",
				Doc:     "Does nothing: memory is reclaimed by itself.",
				Example: `json.addref(o)`,
				Do: func(_ *Env, L *lua.LState) int {
					L.Push(lua.LTrue)
					return 1
				},
			},
		},
		Consts:  jsonConsts(),
		Classes: []Class{jsonClass()},
	}
}

func jsonConsts() []Const {
	code := func(name string, c jsonErrorCode) Const {
		return Const{"ERROR_" + name, lua.LNumber(c), "json.decode: " + c.String() + "."}
	}
	return []Const{
		code("DEPTH", jsonTooDeep),
		code("PARSE_EOF", jsonEOF),
		code("PARSE_UNEXPECTED", jsonUnexpected),
		code("PARSE_NULL", jsonWantNull),
		code("PARSE_BOOLEAN", jsonWantBoolean),
		code("PARSE_NUMBER", jsonWantNumber),
		code("PARSE_ARRAY", jsonWantArraySep),
		code("PARSE_OBJECT_KEY_NAME", jsonWantKey),
		code("PARSE_OBJECT_KEY_SEP", jsonWantKeySep),
		code("PARSE_OBJECT_VALUE_SEP", jsonWantValueSep),
		code("PARSE_STRING", jsonBadString),
		code("PARSE_COMMENT", jsonWantComment),
	}
}

func jsonClass() Class {
	return Class{
		Name: classJSON,
		Doc:  "A JSON value: index it like a table, iterate with `for k, v in obj do`, and tostring it. Assigning nil deletes a member of an object.",
		Meta: map[string]func(e *Env, L *lua.LState) int{
			"__index":    jsonIndex,
			"__newindex": jsonNewIndex,
			"__len":      jsonLen,
			"__iter":     jsonIter,
			"__tostring": jsonToString,
			"__eq":       jsonEqual,
		},
	}
}

func jsonDecode(e *Env, L *lua.LState) int {
	text := L.ToString(1)
	e.World.Spend(L, len(text))
	v, err := parseJSON(text)
	var bad *jsonError
	if errors.As(err, &bad) {
		L.Push(lua.LNil)
		L.Push(lua.LNumber(bad.code))
		L.Push(lua.LString(bad.Error()))
		return 3
	}
	L.Push(e.Object(classJSON, v))
	return 1
}

func jsonEncode(e *Env, L *lua.LState) int {
	v := newJSONObject()
	if L.GetTop() > 0 {
		v = toJSON(e, L, L.Get(1), 0)
	}
	L.Push(e.Object(classJSON, v))
	return 1
}

// toJSON makes a JSON value of a Lua value; a JSON value is used as it is.
func toJSON(e *Env, L *lua.LState, v lua.LValue, depth int) *jsonValue {
	if depth > jsonBuildDepth {
		L.RaiseError("table is nested too deep, or contains itself")
	}
	e.World.Spend(L, 10)
	switch v := v.(type) {
	case lua.LString:
		return &jsonValue{kind: jsonString, text: string(v)}
	case lua.LBool:
		return &jsonValue{kind: jsonBool, truth: bool(v)}
	case lua.LNumber:
		if n := float64(v); !math.IsNaN(n) && !math.IsInf(n, 0) {
			return &jsonValue{kind: jsonNumber, number: n}
		}
		L.RaiseError("cannot assign the number %s: JSON has none like it", dialect.NumberText(float64(v)))
	case *lua.LUserData:
		if j, ok := v.Value.(*jsonValue); ok {
			return j
		}
	case *lua.LTable:
		if v.RawGetInt(1) != lua.LNil {
			return toJSONArray(e, L, v, depth)
		}
		return toJSONObject(e, L, v, depth)
	}
	L.RaiseError("cannot assign values of type %s", e.TypeName(v))
	return nil
}

func toJSONArray(e *Env, L *lua.LState, t *lua.LTable, depth int) *jsonValue {
	v := &jsonValue{kind: jsonArray}
	for i := 1; ; i++ {
		item := t.RawGetInt(i)
		if item == lua.LNil {
			return v
		}
		v.items = append(v.items, toJSON(e, L, item, depth+1))
	}
}

func toJSONObject(e *Env, L *lua.LState, t *lua.LTable, depth int) *jsonValue {
	v := newJSONObject()
	for k, item := t.Next(lua.LNil); k != lua.LNil; k, item = t.Next(k) {
		v.set(jsonKey(L, k), toJSON(e, L, item, depth+1))
	}
	return v
}

func jsonKey(L *lua.LState, k lua.LValue) string {
	switch k := k.(type) {
	case lua.LString:
		return string(k)
	case lua.LNumber:
		return dialect.NumberText(float64(k))
	}
	L.RaiseError("a json object's key cannot be a %s", k.Type().String())
	return ""
}

// fromJSON is a member of a JSON value as scripts read it.
func fromJSON(e *Env, v *jsonValue) lua.LValue {
	switch v.kind {
	case jsonNull:
		return lua.LNil
	case jsonBool:
		return lua.LBool(v.truth)
	case jsonNumber:
		return lua.LNumber(v.number)
	case jsonString:
		return lua.LString(v.text)
	}
	return e.Object(classJSON, v)
}

// jsonSelf is the value that a metamethod is called on.
func jsonSelf(L *lua.LState) *jsonValue {
	if ud, ok := L.Get(1).(*lua.LUserData); ok {
		if v, ok := ud.Value.(*jsonValue); ok {
			return v
		}
	}
	L.ArgError(1, "json expected")
	return nil
}

func jsonIndex(e *Env, L *lua.LState) int {
	v := jsonSelf(L)
	var item *jsonValue
	switch v.kind {
	case jsonObject:
		item = v.fields[jsonKey(L, L.Get(2))]
	case jsonArray:
		if i, ok := jsonPosition(L.Get(2)); ok && i >= 1 && i <= len(v.items) {
			item = v.items[i-1]
		}
	}
	if item == nil {
		L.Push(lua.LNil)
		return 1
	}
	L.Push(fromJSON(e, item))
	return 1
}

func jsonPosition(k lua.LValue) (int, bool) {
	switch k := k.(type) {
	case lua.LNumber:
		return int(k), true
	case lua.LString:
		n, ok := dialect.ParseNumber(string(k))
		return int(n), ok
	}
	return 0, false
}

func jsonNewIndex(e *Env, L *lua.LState) int {
	v, value := jsonSelf(L), L.Get(3)
	switch v.kind {
	case jsonObject:
		key := jsonKey(L, L.Get(2))
		if value == lua.LNil {
			v.remove(key)
		} else {
			v.set(key, toJSON(e, L, value, 0))
		}
	case jsonArray:
		jsonPut(e, L, v, value)
	default:
		L.RaiseError("cannot assign to this type of json object")
	}
	return 0
}

// maxJSONGap is how far behind its end an array may be assigned to; the places
// between become null.
const maxJSONGap = 1 << 16

func jsonPut(e *Env, L *lua.LState, v *jsonValue, value lua.LValue) {
	i, ok := jsonPosition(L.Get(2))
	switch {
	case !ok:
		L.RaiseError("json array index must be numeric")
	case i < 1:
		L.RaiseError("lua array semantics are that index operations are 1-based")
	case i > len(v.items)+maxJSONGap:
		L.RaiseError("json array index %d is too far behind the array's end", i)
	case value == lua.LNil:
		L.RaiseError("cannot delete from json arrays")
	}
	item := toJSON(e, L, value, 0)
	e.World.Spend(L, max(i-len(v.items), 0))
	for len(v.items) < i {
		v.items = append(v.items, &jsonValue{})
	}
	v.items[i-1] = item
}

func jsonLen(_ *Env, L *lua.LState) int {
	L.Push(lua.LNumber(len(jsonSelf(L).items)))
	return 1
}

// jsonIter is `for k, v in obj do`. The members are those at its beginning; a
// null is visited with its key and nil.
func jsonIter(e *Env, L *lua.LState) int {
	v := jsonSelf(L)
	i := 0
	keys := append([]string(nil), v.keys...)
	L.Push(L.NewFunction(func(L *lua.LState) int {
		i++
		switch {
		case v.kind == jsonArray && i <= len(v.items):
			L.Push(lua.LNumber(i))
			L.Push(fromJSON(e, v.items[i-1]))
			return 2
		case v.kind == jsonObject:
			for ; i <= len(keys); i++ {
				if item := v.fields[keys[i-1]]; item != nil {
					L.Push(lua.LString(keys[i-1]))
					L.Push(fromJSON(e, item))
					return 2
				}
			}
		}
		L.Push(lua.LNil)
		return 1
	}))
	return 1
}

func jsonToString(e *Env, L *lua.LState) int {
	text, err := jsonSelf(L).format()
	if err != nil {
		L.RaiseError("%s", err.Error())
	}
	e.World.Spend(L, len(text))
	L.Push(lua.LString(text))
	return 1
}

func jsonEqual(_ *Env, L *lua.LState) int {
	other, _ := L.Get(2).(*lua.LUserData)
	L.Push(lua.LBool(other != nil && other.Value == any(jsonSelf(L))))
	return 1
}
