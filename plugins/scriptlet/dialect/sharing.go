package dialect

import (
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// keysOf is what the file puts into the table that a call registers.
func (r *resolved) keysOf(c call) []tableKey {
	if len(c.node.Args) < 2 {
		return nil
	}
	switch t := c.node.Args[1].(type) {
	case *ast.TableExpr:
		return r.inline[t]
	case *ast.IdentExpr:
		if t.Value == "_M" { // module(...) made it; its functions look like globals
			return r.globalFunctions()
		}
		return r.keys[c.scope.find(t.Value)]
	}
	return nil
}

func (r *resolved) globalFunctions() []tableKey {
	var keys []tableKey
	for _, w := range r.writes {
		id, ok := w.target.(*ast.IdentExpr)
		if !ok {
			continue
		}
		to := w.scope.find(id.Value)
		if fn := r.byRef[to]; to.local == nil && fn != nil {
			keys = append(keys, tableKey{name: id.Value, at: id, fn: fn})
		}
	}
	return keys
}

// registeredKeys is what is in the tables that hooks are called of.
func (r *resolved) registeredKeys() []tableKey {
	var keys []tableKey
	for _, c := range r.calls {
		if via := pathText(c.node); via == "msys.registerModule" || via == "registerModule" {
			keys = append(keys, r.keysOf(c)...)
		}
	}
	return keys
}

// isPath: names and indexes only, so that it denotes a part of a variable.
func isPath(e ast.Expr) bool {
	for {
		get, ok := e.(*ast.AttrGetExpr)
		if !ok {
			break
		}
		e = get.Object
	}
	_, ok := e.(*ast.IdentExpr)
	return ok
}

func root(e ast.Expr) *ast.IdentExpr {
	for {
		switch t := e.(type) {
		case *ast.AttrGetExpr:
			e = t.Object
		case *ast.IdentExpr:
			return t
		default:
			return nil
		}
	}
}

func firstSegment(path string) string {
	name, _, _ := strings.Cut(path, ".")
	return name
}

// holder is the variable that holds the table which a path denotes: locals
// that were declared as another name for a part of it are looked through.
func holder(e ast.Expr, n *names) (ref, *ast.IdentExpr) {
	for range maxLevels {
		id := root(e)
		if id == nil {
			return ref{}, nil
		}
		to := n.find(id.Value)
		if to.local == nil || to.local.alias == nil {
			return to, id
		}
		e, n = to.local.alias, to.local.scope
	}
	return ref{}, nil
}

// sharedWrites finds what callouts, and the functions they may call, write
// outside of the session. That is every function but init and deinit.
func (l *linter) sharedWrites() {
	exempt := l.exempt()
	l.r.spreadWrites()
	for _, w := range l.r.writes {
		if fn := w.scope.fn; fn != l.r.main && !exempt[fn] {
			l.checkWrite(w)
		}
	}
	for _, c := range l.r.calls {
		if fn := c.scope.fn; fn != l.r.main && !exempt[fn] {
			l.checkCall(c)
		}
	}
}

// exempt are the functions that run while nothing else does.
func (l *linter) exempt() map[*function]bool {
	fns := map[*function]bool{}
	for _, k := range l.r.registeredKeys() {
		if k.fn != nil && (k.name == "init" || k.name == "deinit") {
			fns[k.fn] = true
		}
	}
	return fns
}

func (l *linter) checkWrite(w write) {
	if w.field {
		to, id := holder(w.target, w.scope)
		if id != nil && l.shared(to, w.scope.fn) {
			l.forces(w.target, namesOr(w.target, id), "writes into the table '"+id.Value+"'")
		}
		return
	}
	id := root(w.target)
	to := w.scope.find(id.Value)
	switch {
	case strings.HasPrefix(id.Value, "("): // a temporary of ours
	case to.local == nil:
		l.forces(id, id.Value, "writes the global '"+id.Value+"'")
	case l.shared(to, w.scope.fn):
		l.forces(id, id.Value, "writes the file's variable '"+id.Value+"'")
	}
}

// namesOr is the target as written, or the variable if it has computed keys.
func namesOr(target ast.Expr, id *ast.IdentExpr) string {
	if s := namesText(target); s != "" {
		return s
	}
	return id.Value
}

func (l *linter) forces(at ast.PositionHolder, name, text string) {
	l.find(SharedWrite, at, name, "", "a callout "+text+": this forces one interpreter")
}

// shared: the variable outlives the call. A local of another function does if
// the file calls that function while it loads (a constructor of closures).
func (l *linter) shared(to ref, fn *function) bool {
	if to.local == nil {
		return !set(l.opt.Private)[to.global]
	}
	if to.local.fn == l.r.main {
		return true
	}
	return to.local.fn != fn && l.r.calledAtLoad(to.local.fn)
}

func (r *resolved) calledAtLoad(fn *function) bool {
	for _, c := range r.calls {
		if c.scope.fn == r.main {
			for _, callee := range r.callees(c) {
				if callee == fn {
					return true
				}
			}
		}
	}
	return false
}

// writers change their first argument.
var writers = map[string]bool{
	"table.insert": true, "table.remove": true, "table.sort": true, "table.setn": true,
	"rawset": true, "setmetatable": true,
}

// arguments of a call; a method's object is the first.
func (c call) arguments() []ast.Expr {
	if c.node.Func == nil {
		return append([]ast.Expr{c.node.Receiver}, c.node.Args...)
	}
	return c.node.Args
}

func (l *linter) checkCall(c call) {
	for i, a := range c.arguments() {
		if !isPath(a) || !l.r.writesArgument(c, i) {
			continue
		}
		to, id := holder(a, c.scope)
		if id != nil && l.shared(to, c.scope.fn) {
			l.forces(c.node, namesOr(a, id), "lets '"+pathText(c.node)+"' write into the table '"+id.Value+"'")
			return
		}
	}
}

func (r *resolved) writesArgument(c call, i int) bool {
	if i == 0 && writers[pathText(c.node)] {
		return true
	}
	for _, fn := range r.callees(c) {
		if fn.writes[i] {
			return true
		}
	}
	return false
}

// callees are the functions of the file that a call may be of: by variable, or
// by the key they are stored at.
func (r *resolved) callees(c call) []*function {
	switch f := c.node.Func.(type) {
	case nil:
		return r.byKey[c.node.Method]
	case *ast.IdentExpr:
		if fn := r.byRef[c.scope.find(f.Value)]; fn != nil {
			return []*function{fn}
		}
	case *ast.AttrGetExpr:
		if key, ok := f.Key.(*ast.StringExpr); ok {
			return r.byKey[key.Value]
		}
	}
	return nil
}

// spreadWrites finds into which of its parameters each function writes, itself
// or through another.
func (r *resolved) spreadWrites() {
	for _, w := range r.writes {
		if w.field {
			markParam(w.target, w.scope)
		}
	}
	for changed := true; changed; {
		changed = false
		for _, c := range r.calls {
			for i, a := range c.arguments() {
				if isPath(a) && r.writesArgument(c, i) {
					changed = markParam(a, c.scope) || changed
				}
			}
		}
	}
}

// markParam notes a write into what a path denotes, if that is a parameter.
func markParam(e ast.Expr, n *names) bool {
	to, _ := holder(e, n)
	v := to.local
	if v == nil || v.param < 0 || v.fn.writes[v.param] {
		return false
	}
	v.fn.writes[v.param] = true
	return true
}
