package api

import (
	"strings"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
)

// charsetArg is the encoding that argument n names; nil for none and for
// UTF-8, which is what scripts work in.
func charsetArg(L *lua.LState, n int) encoding.Encoding {
	name := strings.ToLower(strings.TrimSpace(L.OptString(n, "")))
	switch name {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		return nil
	case "iso-8859-1", "latin1", "l1":
		return charmap.ISO8859_1 // the index takes windows-1252 for it
	}
	e, err := htmlindex.Get(name)
	if err != nil || e == encoding.Replacement {
		L.RaiseError("unknown charset '%s'", name)
	}
	return e
}

// encodeText turns UTF-8 into e's charset, and raises where that cannot hold
// the text.
func encodeText(L *lua.LState, e encoding.Encoding, text string) string {
	if e == nil {
		return text
	}
	out, err := e.NewEncoder().String(text)
	if err != nil {
		L.RaiseError("the text does not fit the charset: %s", err.Error())
	}
	return out
}

// decodeText turns text of e's charset into UTF-8.
func decodeText(L *lua.LState, e encoding.Encoding, text string) string {
	if e == nil {
		return text
	}
	out, err := e.NewDecoder().String(text)
	if err != nil || strings.ContainsRune(out, utf8.RuneError) {
		L.RaiseError("the text is not of that charset")
	}
	return out
}

// textArg is argument n as text: a string, a number, or an object that says
// what it is as text (ec_string, a message id).
func textArg(e *Env, L *lua.LState, n int) string {
	v := L.Get(n)
	switch v.Type() {
	case lua.LTString, lua.LTNumber:
		return Text(L, v)
	case lua.LTUserData:
		if L.GetMetaField(v, "__tostring") != lua.LNil {
			return Text(L, v)
		}
	}
	L.ArgError(n, "string expected, got "+e.TypeName(v))
	return ""
}
