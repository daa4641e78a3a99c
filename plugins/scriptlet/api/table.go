package api

import lua "github.com/yuin/gopher-lua"

// Type is what a parameter must be.
type Type uint8

// The parameter types. Number and String accept what Lua coerces.
const (
	Any Type = iota
	String
	Number
	Boolean
	Table
	Function
	StringOrTable
	StringOrFunction
	StringOrNumber
	Userdata // Param.Class names it
)

// Param is one parameter.
type Param struct {
	Name     string
	Type     Type
	Class    string // for Userdata: a Class.Name; "" takes any
	Optional bool
	Variadic bool // the last one: any number of them
}

// Status says how far a row of the API works.
type Status uint8

// The statuses.
const (
	Supported   Status = iota
	Partial            // Why says what is missing
	Unsupported        // raises "NAME is not supported by mtad: WHY" when called
)

// Func is one function or method.
type Func struct {
	Name    string // "dnsLookup", "header"
	Params  []Param
	Returns string // as the manual writes it
	Phases  string // where it may be called: "any", "data,data_spool,each_rcpt"
	Since   string // Momentum version, or "mtad"
	Doc     string // one sentence
	Example string
	Status  Status
	Why     string
	Do      func(e *Env, L *lua.LState) int // arguments are checked already; a method's object is L.Get(1)
}

// Field is a readable (and with Set, writable) field of an object.
type Field struct {
	Name   string
	Type   string
	Doc    string
	Get    func(e *Env, L *lua.LState, self *lua.LUserData) lua.LValue
	Set    func(e *Env, L *lua.LState, self *lua.LUserData, v lua.LValue) // nil: read only, raises
	Phases string
}

// Const is a constant of a package.
type Const struct {
	Name  string
	Value lua.LValue
	Doc   string
}

// Class is a kind of userdata: its methods, fields and metamethods.
type Class struct {
	Name    string // shown by msys.type and in argument errors: "ec_message"
	Doc     string
	Methods []Func
	Fields  []Field
	Meta    map[string]func(e *Env, L *lua.LState) int // "__tostring", "__len", "__call", ...
	// FieldsOfCall: the fields are those of the call being served, whichever
	// object they are read from, and Field.Get gets no object. Methods are found
	// three times as fast then.
	FieldsOfCall bool
}

// Package is one msys package: what require of its name gives.
type Package struct {
	Name    string // "msys.core"; "" for globals
	Doc     string
	Preload bool // there without require
	Funcs   []Func
	Consts  []Const
	Classes []Class
	// Setup, if set, runs after the functions are registered, for what a table
	// cannot say (a metatable of the package itself).
	Setup func(e *Env, L *lua.LState, pkg *lua.LTable)
	// Close, if set, is called once when the module ends and no script runs
	// any more: it releases what the package's functions keep outside of Lua.
	Close func()
}
