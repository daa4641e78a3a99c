package api

import lua "github.com/yuin/gopher-lua"

// Arguments appends what the callouts of f's phase are called with, behind
// self (sdk.HookInfo.Args). All callouts of a phase get the same objects.
func Arguments(e *Env, L *lua.LState, f *Frame, args []lua.LValue) []lua.LValue {
	if f.args == nil {
		f.args = HookArgs(e, L, f)
	}
	return append(args, f.args...)
}
