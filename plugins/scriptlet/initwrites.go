package scriptlet

import (
	"fmt"

	"github.com/yuin/gopher-lua/ast"

	"github.com/mtad/mtad/sdk"
)

// initWrites finds out whether some init of a script sets what callouts may
// read. init runs in the first interpreter only, so that its timers and console
// commands exist once; what it sets would be missing in the others. Where it
// calls a function of the script itself, that is taken for a write.
func initWrites(file string, stmts []ast.Stmt) (sdk.Problem, bool) {
	var found *sdk.Problem
	own := ownFunctions(stmts)
	walk(stmts, func(n any) bool {
		name, fn := definition(n)
		if name != funcInit || fn == nil || found != nil {
			return true
		}
		line, what := outsideWrite(fn, own)
		if what != "" {
			found = &sdk.Problem{File: file, Line: line, Text: fmt.Sprintf("init %s, which other interpreters would lack", what)}
		}
		return false
	})
	if found == nil {
		return sdk.Problem{}, false
	}
	return *found, true
}

// definition is the name and body of a function that a node defines as a
// member of a table.
func definition(n any) (string, *ast.FunctionExpr) {
	switch n := n.(type) {
	case *ast.FuncDefStmt:
		if n.Name.Func == nil {
			return n.Name.Method, n.Func
		}
		return lastName(n.Name.Func), n.Func
	case *ast.AssignStmt:
		for i, e := range n.Lhs {
			if i < len(n.Rhs) && lastName(e) == funcInit {
				fn, _ := n.Rhs[i].(*ast.FunctionExpr)
				return funcInit, fn
			}
		}
	case *ast.TableExpr:
		for _, f := range n.Fields {
			if key, ok := f.Key.(*ast.StringExpr); ok && key.Value == funcInit {
				fn, _ := f.Value.(*ast.FunctionExpr)
				return funcInit, fn
			}
		}
	}
	return "", nil
}

func lastName(e ast.Expr) string {
	if get, ok := e.(*ast.AttrGetExpr); ok {
		if key, ok := get.Key.(*ast.StringExpr); ok {
			return key.Value
		}
	}
	return ""
}

// ownFunctions are the names under which a script defines functions.
func ownFunctions(stmts []ast.Stmt) map[string]bool {
	own := make(map[string]bool)
	walk(stmts, func(n any) bool {
		switch n := n.(type) {
		case *ast.FuncDefStmt:
			if id, ok := n.Name.Func.(*ast.IdentExpr); ok {
				own[id.Value] = true
			}
			own[n.Name.Method] = true
		case *ast.LocalAssignStmt:
			for i, e := range n.Exprs {
				if _, ok := e.(*ast.FunctionExpr); ok && i < len(n.Names) {
					own[n.Names[i]] = true
				}
			}
		}
		return true
	})
	delete(own, "")
	return own
}

// outsideWrite is where a function writes what is not its own, and how.
// Functions inside it (timers, console commands) run in the same interpreter,
// and the linter has read them.
func outsideWrite(fn *ast.FunctionExpr, own map[string]bool) (line int, what string) {
	mine := make(map[string]bool)
	walk(fn.Stmts, func(n any) bool {
		switch n := n.(type) {
		case *ast.LocalAssignStmt:
			for _, name := range n.Names {
				mine[name] = true
			}
		case *ast.NumberForStmt:
			mine[n.Name] = true
		case *ast.GenericForStmt:
			for _, name := range n.Names {
				mine[name] = true
			}
		}
		return true
	})
	walk(fn.Stmts, func(n any) bool {
		switch n := n.(type) {
		case *ast.FunctionExpr:
			return false
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				if name := rootName(e); what == "" && !mine[name] {
					line, what = n.Line(), fmt.Sprintf("sets %s", name)
				}
			}
		case *ast.FuncCallExpr:
			name := n.Method
			if id, ok := n.Func.(*ast.IdentExpr); ok {
				name = id.Value
			}
			if what == "" && own[name] && !mine[name] {
				line, what = n.Line(), fmt.Sprintf("calls %s, which may set something", name)
			}
		}
		return true
	})
	return line, what
}

// rootName is the variable an assignment goes to or through.
func rootName(e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.AttrGetExpr:
			e = x.Object
		case *ast.IdentExpr:
			return x.Value
		default:
			return "a result"
		}
	}
}
