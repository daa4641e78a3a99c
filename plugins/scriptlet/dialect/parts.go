package dialect

import (
	"github.com/yuin/gopher-lua/ast"
)

// gopher-lua looks for each constant among all those of its function, one by one:
// a constructor of 100,000 items would compile for a minute. So where a long one
// ends in literals these are stored by functions of their own, a part each, with
// few constants each. A literal cannot fail and sees no variable, so nothing of
// that shows.
const (
	longTable    = 1000 // literals from which on a constructor is made in parts
	partSize     = 256  // literals of a part
	partsPerCall = 40   // parts that one call of opFill takes
)

// inParts is the constructor with its last fields in parts, nil where it is short
// or has no literals at its end.
func (p *parser) inParts(at token, t *ast.TableExpr) ast.Expr {
	start, size := literalTail(t.Fields)
	if size < longTable || p.scopes == nil || !independent(t.Fields) {
		return nil
	}
	items := 0
	for _, f := range t.Fields[:start] {
		if f.Key == nil {
			f.Value = single(f.Value)
			items++
		}
	}
	tail := t.Fields[start:]
	t.Fields = t.Fields[:start:start]
	whole := p.stored(at, t)
	var parts []ast.Expr
	for len(tail) > 0 {
		n, nodes := 0, 0
		for n < len(tail) && nodes < partSize {
			nodes += fieldSize(tail[n])
			n++
		}
		parts = append(parts, p.part(tail[:n], &items))
		if tail = tail[n:]; len(parts) == partsPerCall || len(tail) == 0 {
			c := p.multiCall(at, opFill, append([]ast.Expr{whole}, parts...))
			c.AdjustRet = true
			whole, parts = c, nil
		}
	}
	return whole
}

// part is a function that stores fields in the table it is given. items is the
// index of the last item before them.
func (p *parser) part(fields []*ast.Field, items *int) ast.Expr {
	const table = "(table)"
	fn := &ast.FunctionExpr{ParList: &ast.ParList{Names: []string{table}}}
	for _, f := range fields {
		line := f.Value.Line()
		key := f.Key
		if key == nil {
			*items++
			key = &ast.NumberExpr{Value: itoa(*items)}
			key.SetLine(line)
		}
		object := &ast.IdentExpr{Value: table}
		target := &ast.AttrGetExpr{Object: object, Key: key}
		s := &ast.AssignStmt{Lhs: []ast.Expr{target}, Rhs: []ast.Expr{f.Value}}
		for _, n := range []ast.PositionHolder{object, target, s} {
			n.SetLine(line)
			n.SetLastLine(line)
		}
		fn.Stmts = append(fn.Stmts, s)
	}
	fn.SetLine(fields[0].Value.Line())
	fn.SetLastLine(fields[len(fields)-1].Value.Line())
	return fn
}

// literalTail is where the literals begin that a constructor ends in, and how many
// there are.
func literalTail(fields []*ast.Field) (start, size int) {
	for start = len(fields); start > 0; start-- {
		n := fieldSize(fields[start-1])
		if n == 0 {
			break
		}
		size += n
	}
	return start, size
}

// independent: it does not matter in which order the fields are stored, because no
// key can be that of an item.
func independent(fields []*ast.Field) bool {
	items, numbered := false, false
	for _, f := range fields {
		switch f.Key.(type) {
		case nil:
			items = true
		case *ast.StringExpr:
		default:
			numbered = true
		}
	}
	return !items || !numbered
}

// fieldSize is how many literals a field has, 0 if it has anything else.
func fieldSize(f *ast.Field) int {
	value := literalSize(f.Value)
	if value == 0 || f.Key == nil {
		return value
	}
	if _, isTable := f.Key.(*ast.TableExpr); isTable || !isConstant(f.Key) {
		return 0
	}
	return value + 1
}

func literalSize(e ast.Expr) int {
	switch e := e.(type) {
	case *ast.NumberExpr, *ast.StringExpr, *ast.TrueExpr, *ast.FalseExpr, *ast.NilExpr:
		return 1
	case *ast.UnaryMinusOpExpr:
		if _, ok := e.Expr.(*ast.NumberExpr); ok {
			return 1
		}
	case *ast.TableExpr:
		size := 1
		for _, f := range e.Fields {
			n := fieldSize(f)
			if n == 0 {
				return 0
			}
			size += n
		}
		return size
	}
	return 0
}
