package api

import lua "github.com/yuin/gopher-lua"

// ClassCommand is the class of the object that a console command's handler
// gets.
const ClassCommand = "command_construct"

// Command is the value behind an object of ClassCommand: the words typed on
// the console, the command itself first.
type Command struct{ Words []string }

// commandClass is cc of a registerControl handler. argv is 0-based as in C,
// and reading past its end gives nil where the original crashed
// (reference/lua-api-notes.md 31).
func commandClass() Class {
	return Class{
		Name: ClassCommand,
		Doc:  "A console command as its handler sees it.",
		Fields: []Field{
			{
				Name: "argc", Type: "number", Phases: "control",
				Doc: "How many words were typed, the command itself counted.",
				Get: func(_ *Env, _ *lua.LState, self *lua.LUserData) lua.LValue {
					return lua.LNumber(len(words(self)))
				},
			},
			{
				Name: "argv", Type: "table", Phases: "control",
				Doc: "The words, from argv[0], the command itself.",
				Get: func(_ *Env, L *lua.LState, self *lua.LUserData) lua.LValue {
					list := words(self)
					t := L.CreateTable(len(list), 1)
					for i, w := range list {
						t.RawSet(lua.LNumber(i), lua.LString(w))
					}
					return t
				},
			},
		},
	}
}

func words(self *lua.LUserData) []string {
	if c, ok := self.Value.(*Command); ok {
		return c.Words
	}
	return nil
}
