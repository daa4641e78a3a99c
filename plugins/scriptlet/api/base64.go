package api

import (
	"encoding/base64"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

func base64Package() Package {
	return Package{
		Name: "msys.base64",
		Doc:  "Base64 (RFC 4648 §4).",
		Funcs: []Func{
			{
				Name: "encode",
				Params: []Param{
					{Name: "data", Type: Any},
					{Name: "fold", Type: Boolean, Optional: true},
					{Name: "charset", Type: String, Optional: true},
				},
				Returns: "string", Phases: "any", Since: "3.0",
				Doc:     "Encodes data; fold puts CRLF between lines of 76 bytes, charset converts the data from UTF-8 first.",
				Example: `msys.base64.encode("policies") -- "cG9saWNpZXM="`,
				Do:      base64Encode,
			},
			{
				Name:    "decode",
				Params:  []Param{{Name: "text", Type: String}, {Name: "charset", Type: String, Optional: true}},
				Returns: "string", Phases: "any", Since: "3.0",
				Doc:     "Decodes text, and converts the result from charset to UTF-8. Blanks and line ends are skipped; what else cannot be decoded raises an error.",
				Example: `msys.base64.decode("cG9saWNpZXM=") -- "policies"`,
				Do:      base64Decode,
			},
		},
	}
}

func base64Encode(e *Env, L *lua.LState) int {
	data := encodeText(L, charsetArg(L, 3), textArg(e, L, 1))
	e.World.Spend(L, len(data))
	out := base64.StdEncoding.EncodeToString([]byte(data))
	if L.ToBool(2) {
		out = foldLines(out)
	}
	L.Push(lua.LString(out))
	return 1
}

// foldLines puts CRLF between pieces of 76 bytes (RFC 2045 §6.8).
func foldLines(s string) string {
	const width = 76
	var b strings.Builder
	for len(s) > width {
		b.WriteString(s[:width])
		b.WriteString("\r\n")
		s = s[width:]
	}
	b.WriteString(s)
	return b.String()
}

func base64Decode(e *Env, L *lua.LState) int {
	text := strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '\r' || r == '\n' {
			return -1
		}
		return r
	}, L.ToString(1))
	e.World.Spend(L, len(text))
	out, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		out, err = base64.RawStdEncoding.DecodeString(text)
	}
	if err != nil {
		L.RaiseError("msys.base64.decode: %s", err.Error())
	}
	L.Push(lua.LString(decodeText(L, charsetArg(L, 2), string(out))))
	return 1
}
