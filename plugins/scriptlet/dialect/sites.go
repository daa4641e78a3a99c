package dialect

import (
	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
)

// site is the place in the source that an instruction comes from: its line, and
// how an error there names the values it is about, as Lua 5.1 does ("local 'x'",
// "field 'y'"), "" for one without a name.
type site struct {
	line   int
	names  []string // the operands, or what is called or indexed
	object string   // what a method is taken from, or a field assigned in
}

// sites are the places of a chunk. gopher-lua's compiler carries a node's line
// to its instructions and does nothing else with it: so while it compiles, each
// node has its index here for a line.
type sites struct {
	list  []site
	seen  map[ast.PositionHolder]bool
	scope map[*ast.IdentExpr]string
	alias map[*ast.IdentExpr]ast.Expr
	loops map[*ast.ArithmeticOpExpr]string
	ops   map[ast.Expr]bool // what stands for a function of the Runtime
	cost  *cost
	inner constants // of the function that is being looked at
}

// number gives every node of a chunk its index.
func (p *parser) number(stmts []ast.Stmt) *sites {
	s := &sites{list: make([]site, 1, 256), seen: map[ast.PositionHolder]bool{}, scope: p.scopes, alias: p.alias, loops: p.loops, ops: map[ast.Expr]bool{}}
	for _, u := range p.ops {
		s.ops[u.node] = true
	}
	s.cost = p.cost
	s.block(stmts)
	s.cost.function(&s.inner, 1)
	return s
}

// line is the line that an index stands for.
func (s *sites) line(id int) int {
	if id <= 0 {
		return 0
	}
	return s.list[min(id, len(s.list)-1)].line
}

func (s *sites) mark(n ast.PositionHolder, at site) {
	if s.seen[n] {
		return
	}
	s.seen[n] = true
	at.line = n.Line()
	s.list = append(s.list, at)
	n.SetLine(len(s.list) - 1)
	if end := n.LastLine(); end != at.line {
		s.list = append(s.list, site{line: end})
	}
	n.SetLastLine(len(s.list) - 1)
}

func (s *sites) block(stmts []ast.Stmt) {
	for _, stmt := range stmts {
		s.stmt(stmt)
		s.mark(stmt, site{})
	}
}

func (s *sites) stmt(stmt ast.Stmt) {
	switch t := stmt.(type) {
	case *ast.AssignStmt:
		s.exprs(t.Lhs...)
		s.exprs(t.Rhs...)
	case *ast.LocalAssignStmt:
		s.exprs(t.Exprs...)
	case *ast.FuncCallStmt:
		s.exprs(t.Expr)
	case *ast.DoBlockStmt:
		s.block(t.Stmts)
	case *ast.WhileStmt:
		s.exprs(t.Condition)
		s.block(t.Stmts)
	case *ast.RepeatStmt:
		s.block(t.Stmts)
		s.exprs(t.Condition)
	case *ast.IfStmt:
		s.exprs(t.Condition)
		s.block(t.Then)
		s.block(t.Else)
	case *ast.NumberForStmt:
		s.exprs(t.Init, t.Limit, t.Step)
		s.block(t.Stmts)
	case *ast.GenericForStmt:
		s.exprs(t.Exprs...)
		s.block(t.Stmts)
	case *ast.FuncDefStmt:
		s.funcDef(t)
	case *ast.ReturnStmt:
		s.exprs(t.Exprs...)
	}
}

func (s *sites) funcDef(t *ast.FuncDefStmt) {
	if t.Name.Func != nil {
		s.exprs(t.Name.Func, t.Func)
		return
	}
	s.exprs(t.Name.Receiver, t.Func)
	s.list[t.Name.Receiver.Line()].object = s.describe(t.Name.Receiver)
}

// exprs numbers expressions, operands before the whole.
func (s *sites) exprs(list ...ast.Expr) {
	for _, e := range list {
		if e != nil {
			at := s.expr(e)
			s.mark(e, at)
		}
	}
}

func (s *sites) expr(e ast.Expr) site {
	switch e := e.(type) {
	case *ast.NumberExpr:
		s.inner.add(e.Value)
	case *ast.StringExpr:
		s.inner.add(e.Value)
	case *ast.IdentExpr:
		if s.scope[e] == scopeGlobal {
			s.inner.add(e.Value)
		}
	case *ast.AttrGetExpr:
		s.exprs(e.Object, e.Key)
		return site{names: s.named(e.Object), object: s.describe(e.Object)}
	case *ast.FuncCallExpr:
		return s.call(e)
	case *ast.ArithmeticOpExpr:
		s.exprs(e.Lhs, e.Rhs)
		if wrong := s.loops[e]; wrong != "" {
			return site{names: []string{wrong}}
		}
		return site{names: s.named(e.Lhs, e.Rhs)}
	case *ast.RelationalOpExpr:
		s.exprs(e.Lhs, e.Rhs)
	case *ast.LogicalOpExpr:
		s.exprs(e.Lhs, e.Rhs)
	case *ast.StringConcatOpExpr:
		s.exprs(e.Lhs, e.Rhs)
	case *ast.UnaryMinusOpExpr:
		s.exprs(e.Expr)
		return site{names: s.named(e.Expr)}
	case *ast.UnaryLenOpExpr:
		s.exprs(e.Expr)
		return site{names: s.named(e.Expr)}
	case *ast.UnaryNotOpExpr:
		s.exprs(e.Expr)
	case *ast.TableExpr:
		for _, f := range e.Fields {
			s.exprs(f.Key, f.Value)
		}
	case *ast.FunctionExpr:
		outer := s.inner
		s.inner = constants{}
		s.block(e.Stmts)
		s.cost.function(&s.inner, e.Line())
		s.inner = outer
	}
	return site{}
}

func (s *sites) call(e *ast.FuncCallExpr) site {
	s.exprs(e.Func, e.Receiver)
	s.exprs(e.Args...)
	if e.Receiver != nil {
		s.inner.add(e.Method)
		return site{names: []string{"method '" + e.Method + "'"}, object: s.describe(e.Receiver)}
	}
	if s.ops[e.Func] {
		return site{names: s.named(e.Args...)}
	}
	return site{names: s.named(e.Func)}
}

// named names operands; nil where none has a name.
func (s *sites) named(list ...ast.Expr) []string {
	var names []string
	for i, e := range list {
		if name := s.describe(e); name != "" {
			if names == nil {
				names = make([]string, len(list))
			}
			names[i] = name
		}
	}
	return names
}

// describe names a value by where it comes from.
func (s *sites) describe(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.IdentExpr:
		if of := s.alias[e]; of != nil {
			return s.describe(of)
		}
		if kind := s.scope[e]; kind != "" {
			return kind + " '" + e.Value + "'"
		}
	case *ast.AttrGetExpr:
		if key, ok := e.Key.(*ast.StringExpr); ok {
			return "field '" + key.Value + "'"
		}
		return "field '?'"
	case *ast.LogicalOpExpr:
		// What decides at compile time leaves no trace.
		if known, truth := literalTruth(e.Lhs); known && truth == (e.Operator == "and") {
			return s.describe(e.Rhs)
		}
		// `a and b or c`: where a's test jumps to, c goes to the register.
		if l, ok := e.Lhs.(*ast.LogicalOpExpr); ok && l.Operator != e.Operator {
			_, deeper := l.Lhs.(*ast.LogicalOpExpr)
			if known, _ := literalTruth(l.Lhs); !known && !deeper {
				return s.describe(e.Rhs)
			}
		}
	}
	return ""
}

// literalTruth is whether an expression of literals is true.
func literalTruth(e ast.Expr) (known, truth bool) {
	switch e := e.(type) {
	case *ast.TrueExpr, *ast.NumberExpr, *ast.StringExpr:
		return true, true
	case *ast.FalseExpr, *ast.NilExpr:
		return true, false
	case *ast.LogicalOpExpr:
		if known, truth = literalTruth(e.Lhs); known && truth == (e.Operator == "and") {
			return literalTruth(e.Rhs)
		}
		return known, truth
	}
	return false, false
}

// What a name refers to.
const (
	scopeLocal   = "local"
	scopeUpvalue = "upvalue"
	scopeGlobal  = "global"
)

// kind tells what a name refers to where f is the innermost function.
func (f *funcState) kind(name string) string {
	if f.find(name) >= 0 {
		return scopeLocal
	}
	for f = f.outer; f != nil; f = f.outer {
		if f.find(name) >= 0 {
			return scopeUpvalue
		}
	}
	return scopeGlobal
}

// noted remembers what a name refers to, while the source is read to be compiled.
func (p *parser) noted(e *ast.IdentExpr) *ast.IdentExpr {
	if p.scopes != nil {
		p.scopes[e] = p.fs.kind(e.Value)
	}
	return e
}

// ended moves a node to the line that has been read so far: Lua 5.1 makes an
// instruction when it knows the operands, and it gets the line of the last one.
func (p *parser) ended(n ast.PositionHolder) {
	if p.scopes != nil {
		n.SetLine(p.prev.end)
	}
}

// resolve turns the indexes that the compiler has put for lines back into lines,
// and leaves the operands' names in DbgCalls, where OperandName finds them.
func (s *sites) resolve(f *lua.FunctionProto) {
	f.LineDefined, f.LastLineDefined = s.line(f.LineDefined), s.line(f.LastLineDefined)
	for pc, id := range f.DbgSourcePositions {
		f.DbgSourcePositions[pc] = s.line(id)
		if id <= 0 || id >= len(s.list) {
			continue
		}
		for _, name := range s.list[id].operands(int(f.Code[pc] >> opShift)) {
			f.DbgCalls = append(f.DbgCalls, lua.DbgCall{Pc: ^pc, Name: name})
		}
	}
	for _, inner := range f.FunctionPrototypes {
		s.resolve(inner)
	}
}

// operands are the names of what an instruction may complain about.
func (s site) operands(opcode int) []string {
	switch opcode {
	case lua.OP_SELF, lua.OP_SETTABLE, lua.OP_SETTABLEKS:
		if s.object != "" {
			return []string{s.object}
		}
	case lua.OP_GETTABLE, lua.OP_GETTABLEKS, lua.OP_CALL, lua.OP_TAILCALL, lua.OP_LEN, lua.OP_UNM,
		lua.OP_ADD, lua.OP_SUB, lua.OP_MUL, lua.OP_DIV, lua.OP_MOD, lua.OP_POW:
		return s.names
	}
	return nil
}

// OperandName is how an error of the instruction at pc names its operand i, from
// 0: "local 'x'", "upvalue 'x'", "global 'x'", "field 'x'", "method 'x'", or "".
// For a call operand 0 is what is called, and for an operator that is a call of
// ours they are the arguments.
func OperandName(f *lua.FunctionProto, pc, i int) string {
	for n := range f.DbgCalls {
		if f.DbgCalls[n].Pc != ^pc {
			continue
		}
		if n += i; n < len(f.DbgCalls) && f.DbgCalls[n].Pc == ^pc {
			return f.DbgCalls[n].Name
		}
		break
	}
	return ""
}
