package scriptlet

import (
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// required is the name in require "name", or in pcall(require, "name").
func required(e ast.Expr) (string, bool) {
	c, ok := e.(*ast.FuncCallExpr)
	if !ok || c.Func == nil {
		return "", false
	}
	words := append([]ast.Expr{c.Func}, c.Args...)
	if len(words) == 3 && isName(words[0], "pcall") {
		words = words[1:]
	}
	if len(words) != 2 || !isName(words[0], "require") {
		return "", false
	}
	s, ok := words[1].(*ast.StringExpr)
	if !ok {
		return "", false
	}
	return canonical(s.Value), true
}

func isName(e ast.Expr, name string) bool {
	id, ok := e.(*ast.IdentExpr)
	return ok && id.Value == name
}

// lackingPart is what mtad lacks of a path of names: itself, or the package of
// msys that it is in, which a script may use without require.
func lackingPart(name string, lacks map[string]string) string {
	for part := name; strings.Count(part, ".") > 0; part = part[:strings.LastIndexByte(part, '.')] {
		if _, ok := lacks[part]; ok && (part == name || strings.HasPrefix(part, "msys.")) {
			return part
		}
	}
	return name
}
