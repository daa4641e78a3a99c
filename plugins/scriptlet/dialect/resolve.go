package dialect

import "github.com/yuin/gopher-lua/ast"

// variable is a local variable of a script.
type variable struct {
	fn    *function // that declares it
	param int       // its place among the parameters, from 0; -1 if it is none
	alias ast.Expr  // the path it was declared with, to be read in scope
	scope *names
}

// ref is a variable: a local, or a global by name.
type ref struct {
	local  *variable
	global string
}

// function is a function of a script; the file itself is one.
type function struct {
	node   *ast.FunctionExpr // nil for the file
	writes map[int]bool      // parameters into which it writes
}

// names is a block's locals.
type names struct {
	outer *names
	fn    *function
	vars  map[string]*variable
}

func (n *names) find(name string) ref {
	for s := n; s != nil; s = s.outer {
		if v := s.vars[name]; v != nil {
			return ref{local: v}
		}
	}
	return ref{global: name}
}

// write is an assignment to a variable or into a table held in one.
type write struct {
	target ast.Expr
	scope  *names
	field  bool
}

// call is a call and where it is.
type call struct {
	node  *ast.FuncCallExpr
	scope *names
}

// tableKey is a value that the file stores in a table.
type tableKey struct {
	name string
	at   ast.PositionHolder
	fn   *function
}

// resolved is a file with its names resolved.
type resolved struct {
	main        *function
	globals     map[string]bool // that the file defines
	globalReads []*ast.IdentExpr
	writes      []write
	calls       []call
	functions   map[*ast.FunctionExpr]*function
	byRef       map[ref]*function // a function stored in a variable
	byKey       map[string][]*function
	keys        map[ref][]tableKey
	inline      map[*ast.TableExpr][]tableKey
}

func resolve(stmts []ast.Stmt) *resolved {
	r := &resolved{
		main:      &function{writes: map[int]bool{}},
		globals:   map[string]bool{},
		functions: map[*ast.FunctionExpr]*function{},
		byRef:     map[ref]*function{},
		byKey:     map[string][]*function{},
		keys:      map[ref][]tableKey{},
		inline:    map[*ast.TableExpr][]tableKey{},
	}
	r.block(stmts, &names{fn: r.main, vars: map[string]*variable{}})
	return r
}

// inner is a new block.
func (n *names) inner() *names {
	return &names{outer: n, fn: n.fn, vars: map[string]*variable{}}
}

func (n *names) declare(name string, param int) *variable {
	v := &variable{fn: n.fn, param: param}
	n.vars[name] = v
	return v
}

func (r *resolved) block(stmts []ast.Stmt, n *names) {
	for _, s := range stmts {
		r.stmt(s, n)
	}
}

func (r *resolved) stmt(s ast.Stmt, n *names) {
	switch s := s.(type) {
	case *ast.AssignStmt:
		r.assign(s, n)
	case *ast.LocalAssignStmt:
		r.local(s, n)
	case *ast.FuncCallStmt:
		r.expr(s.Expr, n)
	case *ast.DoBlockStmt:
		r.block(s.Stmts, n.inner())
	case *ast.WhileStmt:
		r.expr(s.Condition, n)
		r.block(s.Stmts, n.inner())
	case *ast.RepeatStmt:
		body := n.inner()
		r.block(s.Stmts, body)
		r.expr(s.Condition, body)
	case *ast.IfStmt:
		r.expr(s.Condition, n)
		r.block(s.Then, n.inner())
		r.block(s.Else, n.inner())
	case *ast.NumberForStmt:
		r.exprs([]ast.Expr{s.Init, s.Limit, s.Step}, n)
		body := n.inner()
		body.declare(s.Name, -1)
		r.block(s.Stmts, body)
	case *ast.GenericForStmt:
		r.genericFor(s, n)
	case *ast.FuncDefStmt:
		r.funcDef(s, n)
	case *ast.ReturnStmt:
		r.exprs(s.Exprs, n)
	}
}

func (r *resolved) assign(s *ast.AssignStmt, n *names) {
	r.exprs(s.Rhs, n)
	for i, target := range s.Lhs {
		var value ast.Expr
		if i < len(s.Rhs) {
			value = s.Rhs[i]
		}
		r.store(target, value, n)
	}
}

// store notes an assignment.
func (r *resolved) store(target, value ast.Expr, n *names) {
	fn, _ := value.(*ast.FunctionExpr)
	switch t := target.(type) {
	case *ast.IdentExpr:
		to := n.find(t.Value)
		if to.local == nil {
			r.globals[t.Value] = true
		}
		r.writes = append(r.writes, write{target: t, scope: n})
		r.define(to, value)
	case *ast.AttrGetExpr:
		r.expr(t.Object, n)
		r.expr(t.Key, n)
		r.writes = append(r.writes, write{target: t, scope: n, field: true})
		key, ok := t.Key.(*ast.StringExpr)
		object, isName := t.Object.(*ast.IdentExpr)
		if !ok || !isName {
			return
		}
		if object.Value == "_G" {
			r.globals[key.Value] = true
		}
		r.key(n.find(object.Value), key.Value, key, r.valueFunction(value, fn, n))
	}
}

// define notes what a variable holds: a function, or a table's keys.
func (r *resolved) define(to ref, value ast.Expr) {
	switch v := value.(type) {
	case *ast.FunctionExpr:
		r.byRef[to] = r.functions[v]
	case *ast.TableExpr:
		r.keys[to] = append(r.keys[to], r.inline[v]...)
	}
}

// valueFunction is the function that an expression gives, as far as it shows.
func (r *resolved) valueFunction(value ast.Expr, literal *ast.FunctionExpr, n *names) *function {
	if literal != nil {
		return r.functions[literal]
	}
	if id, ok := value.(*ast.IdentExpr); ok {
		return r.byRef[n.find(id.Value)]
	}
	return nil
}

func (r *resolved) key(table ref, name string, at ast.PositionHolder, fn *function) {
	r.keys[table] = append(r.keys[table], tableKey{name: name, at: at, fn: fn})
	if fn != nil {
		r.byKey[name] = append(r.byKey[name], fn)
	}
}

func (r *resolved) local(s *ast.LocalAssignStmt, n *names) {
	_, isFunction := firstOf(s.Exprs).(*ast.FunctionExpr)
	recursive := isFunction && len(s.Names) == 1 && len(s.Exprs) == 1
	if recursive {
		n.declare(s.Names[0], -1)
	}
	r.exprs(s.Exprs, n)
	for i, name := range s.Names {
		if i >= len(s.Exprs) {
			n.declare(name, -1)
			continue
		}
		scope := *n // what the value means is decided before the name exists
		scope.vars = copyVars(n.vars)
		v := n.vars[name]
		if !recursive {
			v = n.declare(name, -1)
		}
		if isPath(s.Exprs[i]) {
			v.alias, v.scope = s.Exprs[i], &scope
		}
		r.define(ref{local: v}, s.Exprs[i])
	}
}

func copyVars(vars map[string]*variable) map[string]*variable {
	c := make(map[string]*variable, len(vars))
	for k, v := range vars {
		c[k] = v
	}
	return c
}

func firstOf(exprs []ast.Expr) ast.Expr {
	if len(exprs) == 0 {
		return nil
	}
	return exprs[0]
}

// genericFor: what pairs(t) gives is part of t.
func (r *resolved) genericFor(s *ast.GenericForStmt, n *names) {
	r.exprs(s.Exprs, n)
	body := n.inner()
	for i, name := range s.Names {
		v := body.declare(name, -1)
		if c, ok := firstOf(s.Exprs).(*ast.FuncCallExpr); ok && i > 0 && len(c.Args) > 0 && isPath(c.Args[0]) {
			v.alias, v.scope = c.Args[0], n
		}
	}
	r.block(s.Stmts, body)
}

func (r *resolved) funcDef(s *ast.FuncDefStmt, n *names) {
	if s.Name.Func != nil {
		r.expr(s.Func, n)
		r.store(s.Name.Func, s.Func, n)
		return
	}
	r.expr(s.Name.Receiver, n)
	r.function(s.Func, n, true)
	target := &ast.AttrGetExpr{Object: s.Name.Receiver, Key: &ast.StringExpr{Value: s.Name.Method}}
	target.SetLine(s.Line())
	r.writes = append(r.writes, write{target: target, scope: n, field: true})
	if object, ok := s.Name.Receiver.(*ast.IdentExpr); ok {
		r.key(n.find(object.Value), s.Name.Method, s.Name.Receiver, r.functions[s.Func])
	}
}

func (r *resolved) function(fn *ast.FunctionExpr, n *names, method bool) {
	f := &function{node: fn, writes: map[int]bool{}}
	r.functions[fn] = f
	body := n.inner()
	body.fn = f
	params := fn.ParList.Names
	if method {
		params = append([]string{"self"}, params...)
	}
	for i, name := range params {
		body.declare(name, i)
	}
	if fn.ParList.HasVargs {
		body.declare("arg", -1)
	}
	r.block(fn.Stmts, body)
}

func (r *resolved) exprs(list []ast.Expr, n *names) {
	for _, e := range list {
		r.expr(e, n)
	}
}

func (r *resolved) expr(e ast.Expr, n *names) {
	switch e := e.(type) {
	case *ast.IdentExpr:
		if n.find(e.Value).local == nil {
			r.globalReads = append(r.globalReads, e)
		}
	case *ast.AttrGetExpr:
		r.expr(e.Object, n)
		r.expr(e.Key, n)
	case *ast.TableExpr:
		r.table(e, n)
	case *ast.FuncCallExpr:
		r.call(e, n)
	case *ast.LogicalOpExpr:
		r.exprs([]ast.Expr{e.Lhs, e.Rhs}, n)
	case *ast.RelationalOpExpr:
		r.exprs([]ast.Expr{e.Lhs, e.Rhs}, n)
	case *ast.ArithmeticOpExpr:
		r.exprs([]ast.Expr{e.Lhs, e.Rhs}, n)
	case *ast.UnaryMinusOpExpr:
		r.expr(e.Expr, n)
	case *ast.UnaryNotOpExpr:
		r.expr(e.Expr, n)
	case *ast.UnaryLenOpExpr:
		r.expr(e.Expr, n)
	case *ast.FunctionExpr:
		r.function(e, n, false)
	}
}

func (r *resolved) table(t *ast.TableExpr, n *names) {
	for _, f := range t.Fields {
		if f.Key != nil {
			r.expr(f.Key, n)
		}
		r.expr(f.Value, n)
		key, ok := f.Key.(*ast.StringExpr)
		if !ok {
			continue
		}
		literal, _ := f.Value.(*ast.FunctionExpr)
		fn := r.valueFunction(f.Value, literal, n)
		r.inline[t] = append(r.inline[t], tableKey{name: key.Value, at: key, fn: fn})
		if fn != nil {
			r.byKey[key.Value] = append(r.byKey[key.Value], fn)
		}
	}
}

func (r *resolved) call(c *ast.FuncCallExpr, n *names) {
	if c.Func != nil {
		r.expr(c.Func, n)
	} else {
		r.expr(c.Receiver, n)
	}
	r.exprs(c.Args, n)
	if _, operator := c.Func.(*ast.StringExpr); operator {
		return
	}
	r.calls = append(r.calls, call{node: c, scope: n})
	if name, ok := firstOf(c.Args).(*ast.StringExpr); ok && pathText(c) == "module" {
		r.globals[firstSegment(name.Value)] = true
	}
}
