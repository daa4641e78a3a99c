package api

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk/mail"
)

func qpPackage() Package {
	return Package{
		Name: "msys.qp",
		Doc:  "Quoted-printable (RFC 2045 §6.7).",
		Funcs: []Func{
			{
				Name: "encode",
				Params: []Param{
					{Name: "data", Type: Any},
					{Name: "charset", Type: String, Optional: true},
					{Name: "dotstuff", Type: Boolean, Optional: true},
				},
				Returns: "string", Phases: "any", Since: "4.0",
				Doc:     "Encodes text, after converting it from UTF-8 to charset; dotstuff escapes a dot that a new line break would put at the start of a line.",
				Example: `msys.qp.encode("a=b") -- "a=3Db"`,
				Do:      qpEncode,
			},
			{
				Name:    "decode",
				Params:  []Param{{Name: "text", Type: String}, {Name: "charset", Type: String, Optional: true}},
				Returns: "string", Phases: "any", Since: "4.0",
				Doc:     "Decodes text, and converts the result from charset to UTF-8. An = that begins no code raises an error.",
				Example: `msys.qp.decode("a=3Db") -- "a=b"`,
				Do:      qpDecode,
			},
		},
	}
}

func qpEncode(e *Env, L *lua.LState) int {
	data := encodeText(L, charsetArg(L, 2), textArg(e, L, 1))
	e.World.Spend(L, len(data))
	out := string(mail.EncodeTransfer(mail.EncodingQP, []byte(data), true))
	if L.ToBool(3) {
		out = strings.ReplaceAll(out, "=\r\n.", "=\r\n=2E")
	}
	L.Push(lua.LString(out))
	return 1
}

func qpDecode(e *Env, L *lua.LState) int {
	text := L.ToString(1)
	e.World.Spend(L, len(text))
	if at := badQP(text); at >= 0 {
		L.RaiseError("msys.qp.decode: no quoted-printable at offset %d", at)
	}
	out := mail.DecodeTransfer(mail.EncodingQP, []byte(text))
	L.Push(lua.LString(decodeText(L, charsetArg(L, 2), string(out))))
	return 1
}

// badQP is where an = is followed neither by two hexadecimal digits nor by the
// end of its line; -1 if nowhere.
func badQP(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] != '=' {
			continue
		}
		line, _, _ := strings.Cut(s[i+1:], "\n")
		hex := len(line) >= 2 && isHex(line[0]) && isHex(line[1])
		if !hex && strings.Trim(line, " \t\r") != "" {
			return i
		}
	}
	return -1
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' || 'a' <= c && c <= 'f'
}
