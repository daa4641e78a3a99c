package api

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// getoptPackage is msys.getopt. The original's is a script whose functions no
// page documents (reference/lua-api.tsv, msys.getopt), so this one has a
// function of its own.
func getoptPackage() Package {
	return Package{
		Name: "msys.getopt",
		Doc:  "Options among the words of a console command. The original's functions are documented nowhere; this one is mtad's own.",
		Funcs: []Func{{
			Name: "parse", Params: []Param{{Name: "words", Type: Any}, {Name: "short", Type: String}, {Name: "long", Type: Table, Optional: true}},
			Returns: "options, rest | nil, message", Phases: "any", Since: "mtad",
			Doc: "Sorts the words of a command (the handler's cc, or an array) into options and the rest. short lists letters, those with a colon behind take a value; " +
				"long has names, true for those that take a value. An option without a value is true; -- ends the options.",
			Example: `local options, rest = msys.getopt.parse({ "-v", "--domain=example.com", "now" }, "vn:", { domain = true })`,
			Do:      doGetopt,
		}},
	}
}

// getopt is one parse.
type getopt struct {
	short   string
	long    *lua.LTable
	options *lua.LTable
	words   []string
}

func doGetopt(e *Env, L *lua.LState) int {
	g := &getopt{short: L.ToString(2), long: L.OptTable(3, L.NewTable()), options: L.NewTable()}
	switch v := L.Get(1).(type) {
	case *lua.LUserData:
		if c, ok := v.Value.(*Command); ok && len(c.Words) > 0 {
			g.words = c.Words[1:]
		}
	case *lua.LTable:
		for i := 1; i <= v.Len(); i++ {
			g.words = append(g.words, lua.LVAsString(v.RawGetInt(i)))
		}
	default:
		L.RaiseError("bad argument #1 to 'parse' (command_construct or table expected, got %s)", L.Get(1).Type())
	}
	e.World.Spend(L, 20*len(g.words))
	rest, err := g.parse()
	if err != nil {
		return failure(L, err.Error())
	}
	out := L.CreateTable(len(rest), 0)
	for _, w := range rest {
		out.Append(lua.LString(w))
	}
	L.Push(g.options)
	L.Push(out)
	return 2
}

func (g *getopt) parse() (rest []string, err error) {
	for len(g.words) > 0 {
		word := g.words[0]
		g.words = g.words[1:]
		switch {
		case word == "--":
			return append(rest, g.words...), nil
		case strings.HasPrefix(word, "--"):
			err = g.name(word[2:])
		case len(word) > 1 && word[0] == '-':
			err = g.letters(word[1:])
		default:
			rest = append(rest, word)
		}
		if err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// name is an option such as --domain=example.com or --domain example.com.
func (g *getopt) name(word string) error {
	name, value, given := strings.Cut(word, "=")
	takes := g.long.RawGetString(name)
	switch {
	case takes == lua.LNil:
		return fmt.Errorf("unknown option --%s", name)
	case !lua.LVAsBool(takes) && given:
		return fmt.Errorf("option --%s takes no value", name)
	case !lua.LVAsBool(takes):
		g.options.RawSetString(name, lua.LTrue)
		return nil
	case !given && len(g.words) == 0:
		return fmt.Errorf("option --%s needs a value", name)
	case !given:
		value, g.words = g.words[0], g.words[1:]
	}
	g.options.RawSetString(name, lua.LString(value))
	return nil
}

// letters are options such as -v, -vx, -n5 or -n 5.
func (g *getopt) letters(word string) error {
	for i := 0; i < len(word); i++ {
		at := strings.IndexByte(g.short, word[i])
		name := word[i : i+1]
		switch {
		case at < 0 || name == ":":
			return fmt.Errorf("unknown option -%s", name)
		case at+1 == len(g.short) || g.short[at+1] != ':':
			g.options.RawSetString(name, lua.LTrue)
			continue
		case i+1 < len(word):
			g.options.RawSetString(name, lua.LString(word[i+1:]))
		case len(g.words) == 0:
			return fmt.Errorf("option -%s needs a value", name)
		default:
			g.options.RawSetString(name, lua.LString(g.words[0]))
			g.words = g.words[1:]
		}
		return nil
	}
	return nil
}
