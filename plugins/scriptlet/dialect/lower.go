package dialect

import (
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// op is a function of the Runtime that a script calls without naming it.
type op uint8

const (
	opOr op = iota
	opAnd
	opXor
	opShl
	opShr
	opNot
	opIntdiv
	opMod
	opConcat
	opIter   // first values of a generic for
	opAppend // trailing values of a long table constructor
	opFill   // the literals of a long table constructor, part by part
	opClose  // no function: becomes the instruction CLOSE
	ops
)

var binaryCalls = [kinds]op{
	tPipe: opOr, tAmp: opAnd, tXor: opXor, tShl: opShl, tShr: opShr, tBackslash: opIntdiv, tPercent: opMod,
}

// opUse is a constant that stands for an op. It gets its text when the file is
// read, so that no string of the script can be the same.
type opUse struct {
	node *ast.StringExpr
	op   op
	arg  byte // opClose: the register
}

// opMark begins the text of such a constant.
const opMark = "\x00op"

// stringValue is a string of the script. One that could be taken for an op
// makes nameOps choose another text.
func (p *parser) stringValue(s string) string {
	if strings.HasPrefix(s, opMark) {
		p.marked = append(p.marked, s)
	}
	return s
}

// nameOps gives the constants their text: the mark, a run of dots that no
// string of the script has, and what it is.
func (p *parser) nameOps() {
	p.mark = opMark
	for collides := true; collides; {
		collides = false
		for _, s := range p.marked {
			collides = collides || strings.HasPrefix(s, p.mark)
		}
		if collides {
			p.mark += "."
		}
	}
	for _, u := range p.ops {
		u.node.Value = p.mark + string([]byte{byte(u.op), u.arg})
	}
}

// call is a call of an op; its value is one value.
func (p *parser) call(at token, o op, args ...ast.Expr) *ast.FuncCallExpr {
	for _, a := range args {
		single(a)
	}
	c := p.multiCall(at, o, args)
	c.AdjustRet = true
	p.ended(c)
	return c
}

// multiCall passes on all values of the last argument, and gives all results.
func (p *parser) multiCall(at token, o op, args []ast.Expr) *ast.FuncCallExpr {
	fn := &ast.StringExpr{}
	fn.SetLine(at.line)
	p.ops = append(p.ops, opUse{node: fn, op: o})
	c := &ast.FuncCallExpr{Func: fn, Args: args}
	p.at(c, at)
	return c
}

// concat makes `a .. b .. c` one call: the VM's own writes numbers in Go's
// format, knows no bound and words its errors otherwise.
func (p *parser) concat(at token, lhs, rhs ast.Expr) ast.Expr {
	if rest, ok := rhs.(*ast.FuncCallExpr); ok && rhs == p.chainEnd {
		rest.Args = append([]ast.Expr{single(lhs)}, rest.Args...)
		p.at(rest, at)
		p.ended(rest)
		return rest
	}
	p.chainEnd = p.call(at, opConcat, lhs, rhs)
	return p.chainEnd
}

// localValues is the right side of a local statement. gopher-lua takes
// `local f = function` for `local function f`, where the body sees the new f;
// a second value tells them apart.
func (p *parser) localValues(names []string) []ast.Expr {
	plain := len(names) == 1 && p.tok.kind == tFunction
	if plain {
		p.fs.pending, p.fs.pendingHit = names[0], false
	}
	temps := p.fs.temps
	exprs := p.exprList()
	p.fs.temps = temps
	if plain && p.fs.pendingHit {
		exprs = append(exprs, &ast.NilExpr{})
	}
	p.fs.pending = ""
	return exprs
}

// assignment builds an assignment that gopher-lua compiles right: it writes
// local variables before all values are known (`a, b = b, a`) and loses count
// of its registers. So unless it is one of each the values go to temporaries first.
func (p *parser) assignment(at token, targets, values []ast.Expr) ast.Stmt {
	for _, t := range targets {
		p.ended(t)
	}
	if len(targets) == 1 && len(values) == 1 {
		return p.assignOne(at, targets[0], values[0])
	}
	names := hidden("(value ", len(targets))
	block := p.stabilize(at, targets)
	block = append(block, p.localOf(at, names, values))
	for i := len(targets) - 1; i >= 0; i-- {
		block = append(block, p.set(at, targets[i], p.hiddenName(at, names[i])))
	}
	return &ast.DoBlockStmt{Stmts: block}
}

func (p *parser) assignOne(at token, target, value ast.Expr) ast.Stmt {
	// One value is taken anyway; cut to one, the compiler would put a call over
	// the last parameter, and `...` below the top of the registers.
	switch v := value.(type) {
	case *ast.FuncCallExpr:
		v.AdjustRet = false
	case *ast.Comma3Expr:
		v.AdjustRet = false
	}
	s := &ast.AssignStmt{Lhs: []ast.Expr{target}, Rhs: []ast.Expr{value}}
	if p.early(target, value) {
		name := []string{"(value)"}
		local := p.localOf(at, name, []ast.Expr{value})
		s.Rhs[0] = p.standIn(at, name[0], value)
		p.at(s, at)
		return &ast.DoBlockStmt{Stmts: []ast.Stmt{local, s}}
	}
	get, ok := target.(*ast.AttrGetExpr)
	if !ok {
		return s
	}
	switch get.Object.(type) {
	case *ast.IdentExpr, *ast.AttrGetExpr, *ast.FuncCallExpr:
		return s
	}
	// ("x").y = 1: the instruction has no place for a constant.
	p.at(s, at)
	object := []string{"(object)"}
	local := p.localOf(at, object, []ast.Expr{get.Object})
	get.Object = p.standIn(at, object[0], get.Object)
	return &ast.DoBlockStmt{Stmts: []ast.Stmt{local, s}}
}

// early: of `x = (not a or b) and x or y` gopher-lua puts what it tests into the
// local x before it reads x.
func (p *parser) early(target, value ast.Expr) bool {
	id, isName := target.(*ast.IdentExpr)
	_, isLogic := value.(*ast.LogicalOpExpr)
	return isName && isLogic && p.fs.find(id.Value) >= 0
}

// stabilize evaluates the objects and keys of the targets before the values,
// as the original does, where a value could change them.
func (p *parser) stabilize(at token, targets []ast.Expr) []ast.Stmt {
	assigned := map[string]bool{}
	for _, t := range targets {
		if id, ok := t.(*ast.IdentExpr); ok {
			assigned[id.Value] = true
		}
	}
	var block []ast.Stmt
	keep := func(e *ast.Expr, name string) {
		if p.stable(*e, assigned) {
			return
		}
		block = append(block, p.localOf(at, []string{name}, []ast.Expr{*e}))
		*e = p.standIn(at, name, *e)
	}
	for i, t := range targets {
		if get, ok := t.(*ast.AttrGetExpr); ok {
			keep(&get.Object, "(object "+itoa(i)+")")
			if !isConstant(get.Key) {
				keep(&get.Key, "(key "+itoa(i)+")")
			}
		}
	}
	return block
}

// stable: a local of this function that the statement does not assign.
func (p *parser) stable(e ast.Expr, assigned map[string]bool) bool {
	id, ok := e.(*ast.IdentExpr)
	return ok && p.fs.find(id.Value) >= 0 && !assigned[id.Value]
}

func isConstant(e ast.Expr) bool {
	switch e.(type) {
	case *ast.StringExpr, *ast.NumberExpr:
		return true
	}
	return false
}

func hidden(prefix string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = prefix + itoa(i) + ")"
	}
	return names
}

func (p *parser) localOf(at token, names []string, values []ast.Expr) ast.Stmt {
	s := &ast.LocalAssignStmt{Names: names, Exprs: values}
	if _, ok := values[0].(*ast.FunctionExpr); ok && len(names) == 1 && len(values) == 1 {
		s.Exprs = append(s.Exprs, &ast.NilExpr{})
	}
	p.at(s, at)
	return s
}

func (p *parser) hiddenName(at token, name string) ast.Expr {
	e := &ast.IdentExpr{Value: name}
	p.at(e, at)
	return e
}

// standIn is a hidden name that errors call by what it stands for.
func (p *parser) standIn(at token, name string, of ast.Expr) ast.Expr {
	e := &ast.IdentExpr{Value: name}
	p.at(e, at)
	if p.alias != nil {
		p.alias[e] = of
	}
	return e
}

func (p *parser) set(at token, target, value ast.Expr) ast.Stmt {
	s := &ast.AssignStmt{Lhs: []ast.Expr{target}, Rhs: []ast.Expr{value}}
	p.at(s, at)
	return s
}

// flushAt is how many items a constructor collects before it stores them
// (lua.FieldsPerFlush).
const flushAt = 50

// stored avoids what gopher-lua compiles wrong in table constructors: with a
// keyed field, or a call's values, right behind a multiple of 50 items it
// stores the items again, and its index ends at 25550. So the items from there
// on get their keys, and the values of a last call are appended by opAppend.
func (p *parser) stored(at token, t *ast.TableExpr) ast.Expr {
	if whole := p.inParts(at, t); whole != nil {
		return whole
	}
	items, keyFrom := 0, 0
	last := len(t.Fields) - 1
	multi := last >= 0 && t.Fields[last].Key == nil && isMulti(t.Fields[last].Value)
	for i, f := range t.Fields {
		full := items > 0 && items%flushAt == 0
		switch {
		case f.Key != nil:
			if full && keyFrom == 0 {
				keyFrom = items // so that there is never again a multiple of 50
			}
		case i < last || !multi:
			items++
		}
	}
	if items > maxPositional && (keyFrom == 0 || keyFrom > maxPositional) {
		keyFrom = maxPositional
	}
	var values ast.Expr
	if multi && (keyFrom > 0 || items > 0 && items%flushAt == 0) {
		values = t.Fields[last].Value
		t.Fields = t.Fields[:last]
	}
	if keyFrom > 0 {
		p.key(t, keyFrom)
	}
	if values != nil {
		return p.appended(at, t, items, values)
	}
	return t
}

// key writes the items of a constructor from an index on with their keys.
func (p *parser) key(t *ast.TableExpr, from int) {
	items := 0
	for _, f := range t.Fields {
		if f.Key != nil {
			continue
		}
		if items++; items >= from {
			key := &ast.NumberExpr{Value: itoa(items)}
			key.SetLine(f.Value.Line())
			f.Key, f.Value = key, single(f.Value)
		}
	}
}

func (p *parser) appended(at token, t *ast.TableExpr, items int, values ast.Expr) ast.Expr {
	count := &ast.NumberExpr{Value: itoa(items)}
	p.at(count, at)
	c := p.multiCall(at, opAppend, []ast.Expr{t, count, values})
	c.AdjustRet = true
	return c
}

// isMulti: the expression can give any number of values.
func isMulti(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		return !e.AdjustRet
	case *ast.Comma3Expr:
		return !e.AdjustRet
	}
	return false
}
