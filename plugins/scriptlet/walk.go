package scriptlet

import "github.com/yuin/gopher-lua/ast"

// walk visits every node of a script, a parent before its children. Where f
// returns false the children are left out. f gets the pointer types of package
// ast.
func walk(stmts []ast.Stmt, f func(node any) bool) {
	for _, s := range stmts {
		if f(s) {
			walkStmt(s, f)
		}
	}
}

func walkStmt(s ast.Stmt, f func(any) bool) {
	switch s := s.(type) {
	case *ast.AssignStmt:
		walkExprs(f, s.Lhs...)
		walkExprs(f, s.Rhs...)
	case *ast.LocalAssignStmt:
		walkExprs(f, s.Exprs...)
	case *ast.FuncCallStmt:
		walkExprs(f, s.Expr)
	case *ast.DoBlockStmt:
		walk(s.Stmts, f)
	case *ast.WhileStmt:
		walkExprs(f, s.Condition)
		walk(s.Stmts, f)
	case *ast.RepeatStmt:
		walk(s.Stmts, f)
		walkExprs(f, s.Condition)
	case *ast.IfStmt:
		walkExprs(f, s.Condition)
		walk(s.Then, f)
		walk(s.Else, f)
	case *ast.NumberForStmt:
		walkExprs(f, s.Init, s.Limit, s.Step)
		walk(s.Stmts, f)
	case *ast.GenericForStmt:
		walkExprs(f, s.Exprs...)
		walk(s.Stmts, f)
	case *ast.FuncDefStmt:
		walk(s.Func.Stmts, f)
	case *ast.ReturnStmt:
		walkExprs(f, s.Exprs...)
	}
}

func walkExprs(f func(any) bool, exprs ...ast.Expr) {
	for _, e := range exprs {
		if e != nil && f(e) {
			walkExpr(e, f)
		}
	}
}

func walkExpr(e ast.Expr, f func(any) bool) {
	switch e := e.(type) {
	case *ast.AttrGetExpr:
		walkExprs(f, e.Object, e.Key)
	case *ast.TableExpr:
		for _, field := range e.Fields {
			walkExprs(f, field.Key, field.Value)
		}
	case *ast.FuncCallExpr:
		walkExprs(f, e.Func, e.Receiver)
		walkExprs(f, e.Args...)
	case *ast.LogicalOpExpr:
		walkExprs(f, e.Lhs, e.Rhs)
	case *ast.RelationalOpExpr:
		walkExprs(f, e.Lhs, e.Rhs)
	case *ast.StringConcatOpExpr:
		walkExprs(f, e.Lhs, e.Rhs)
	case *ast.ArithmeticOpExpr:
		walkExprs(f, e.Lhs, e.Rhs)
	case *ast.UnaryMinusOpExpr:
		walkExprs(f, e.Expr)
	case *ast.UnaryNotOpExpr:
		walkExprs(f, e.Expr)
	case *ast.UnaryLenOpExpr:
		walkExprs(f, e.Expr)
	case *ast.FunctionExpr:
		walk(e.Stmts, f)
	}
}
