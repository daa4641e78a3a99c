package api

import (
	"errors"

	lua "github.com/yuin/gopher-lua"
)

// pcrePackage is msys.pcre, and pcre, the name of the native module behind it.
func pcrePackage(name string) Package {
	subject := []Param{{Name: "subject", Type: String}, {Name: "pattern", Type: String}}
	limited := func(p ...Param) []Param {
		return append(append(subject[:2:2], p...), Param{Name: "limit", Type: Number, Optional: true})
	}
	return Package{
		Name:    name,
		Doc:     "Perl-compatible regular expressions (PCRE2, UTF-8). A match that costs too much raises an error.",
		Preload: name == "msys.pcre",
		Funcs: []Func{
			{
				Name: "match", Params: subject,
				Returns: "table | nil | nil, message, offset", Phases: "any", Since: "3.0",
				Doc:     "Matches a text. The table has the match under 0, the groups under 1 and on, and named groups under their names. A pattern that does not compile gives nil, the reason and where it is wrong.",
				Example: `local m = msys.pcre.match("order 8812", "order (?P<number>\\d+)"); print(m.number)`,
				Do:      pcreMatch,
			},
			{
				Name: "replace", Params: limited(Param{Name: "replacement", Type: StringOrFunction}),
				Returns: "string | nil, message, offset", Phases: "any", Since: "3.0",
				Doc:     "Replaces every match, or as many as limit says. The replacement may use $1, \\1, ${1} and ${name}; or it is a function that gets the table of msys.pcre.match and gives a text, or nil to leave the match as it is.",
				Example: `msys.pcre.replace("a1b22c", "[0-9]+", "#") -- "a#b#c"`,
				Do:      pcreReplace,
			},
			{
				Name: "split", Params: limited(),
				Returns: "array | nil, message, offset", Phases: "any", Since: "3.0",
				Doc:     "Cuts a text at every match, into at most limit pieces; empty pieces are left out.",
				Example: `msys.pcre.split("the quick fox", "\\s+") -- { "the", "quick", "fox" }`,
				Do:      pcreSplit,
			},
		},
	}
}

// pcreCompile compiles the second argument. Where that fails it pushes what the
// functions return then, and n is the number of these values.
func pcreCompile(L *lua.LState) (re Regexp, n int) {
	pattern := L.ToString(2)
	text, offset := "an empty pattern was provided", 0
	if pattern != "" {
		re, err := PatternsOf(L).Compile(pattern)
		if err == nil {
			return re, 0
		}
		text = err.Error()
		var bad *RegexpError
		if errors.As(err, &bad) {
			text, offset = bad.Text, bad.Offset
		}
	}
	failure(L, text)
	L.Push(lua.LNumber(offset))
	return nil, 3
}

func pcreMatch(e *Env, L *lua.LState) int {
	re, n := pcreCompile(L)
	if n > 0 {
		return n
	}
	subject := L.ToString(1)
	loc := MatchFirst(e, L, re, subject)
	if loc == nil {
		L.Push(lua.LNil)
	} else {
		L.Push(Captures(L, re, subject, loc))
	}
	return 1
}

func pcreReplace(e *Env, L *lua.LState) int {
	re, n := pcreCompile(L)
	if n > 0 {
		return n
	}
	out, limit := L.ToString(1), L.OptInt(4, -1)
	if limit != 0 {
		out, _ = ReplaceAll(e, L, re, out, L.Get(3), max(limit, 0))
	}
	L.Push(lua.LString(out))
	return 1
}

func pcreSplit(e *Env, L *lua.LState) int {
	re, n := pcreCompile(L)
	if n > 0 {
		return n
	}
	subject, limit := L.ToString(1), L.OptInt(3, -1)
	var pieces []string
	end := 0
	err := matchAll(e, L, re, subject, func(loc []int) bool {
		if limit > 0 && len(pieces) >= limit-1 {
			return false
		}
		start, stop := loc[0], max(loc[0], loc[1])
		if start > end {
			pieces = append(pieces, subject[end:start])
		}
		end = max(stop, end)
		return true
	})
	if err != nil {
		L.RaiseError("%s", err.Error())
	}
	if end < len(subject) {
		pieces = append(pieces, subject[end:])
	}
	return pushStrings(L, pieces)
}
