package conf

import (
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/mtad/mtad/sdk/option"
)

// value reads a plain value. HCL would evaluate more: 60/3 is 20 to it, which
// nobody who writes a rate means (reference/config-syntax.md §4 row 2), so
// everything that is not a literal is an error that says how to write it.
func (l *loader) value(e hclsyntax.Expression) (option.Value, bool) {
	v := option.Value{Pos: posOf(e.Range())}
	switch e := e.(type) {
	case *hclsyntax.LiteralValueExpr:
		return l.literal(v, e)
	case *hclsyntax.TemplateExpr:
		text, ok := l.template(e)
		v.Kind, v.Text = option.KindString, text
		return v, ok
	case *hclsyntax.ParenthesesExpr:
		return l.value(e.Expression)
	case *hclsyntax.UnaryOpExpr:
		return l.negative(v, e)
	case *hclsyntax.TupleConsExpr:
		return l.list(v, e)
	case *hclsyntax.ObjectConsExpr:
		return l.dict(v, e)
	}
	l.notPlain(e)
	return v, false
}

func (l *loader) source(r hcl.Range) string {
	return string(l.src[min(r.Start.Byte, len(l.src)):min(r.End.Byte, len(l.src))])
}

func (l *loader) literal(v option.Value, e *hclsyntax.LiteralValueExpr) (option.Value, bool) {
	v.Text = l.source(e.SrcRange)
	switch {
	case e.Val.IsNull():
		l.wrong(v.Pos, `null is no value; leave the option out, or quote it: "null"`)
		return v, false
	case e.Val.Type() == cty.Bool:
		v.Kind = option.KindBool
	case e.Val.Type() == cty.Number:
		v.Kind = option.KindNumber
	default: // what is left of an expression that did not parse
		return v, false
	}
	return v, true
}

func (l *loader) negative(v option.Value, e *hclsyntax.UnaryOpExpr) (option.Value, bool) {
	number, ok := e.Val.(*hclsyntax.LiteralValueExpr)
	if e.Op != hclsyntax.OpNegate || !ok || number.Val.IsNull() || number.Val.Type() != cty.Number {
		l.notPlain(e)
		return v, false
	}
	v.Kind, v.Text = option.KindNumber, "-"+l.source(number.SrcRange)
	return v, true
}

// templateText is said of "${x}" and of "%{ if x }...".
const templateText = `this begins an expression, which a configuration does not have; ` +
	`write "$${" for a literal "${", and "%%{" for a literal "%{"`

// template joins the parts of a quoted string or a heredoc.
func (l *loader) template(e *hclsyntax.TemplateExpr) (string, bool) {
	var b strings.Builder
	for _, part := range e.Parts {
		lit, ok := part.(*hclsyntax.LiteralValueExpr)
		if !ok || lit.Val.IsNull() || lit.Val.Type() != cty.String {
			l.wrong(posOf(part.Range()), "%s", templateText)
			return "", false
		}
		b.WriteString(lit.Val.AsString())
	}
	return b.String(), true
}

func (l *loader) list(v option.Value, e *hclsyntax.TupleConsExpr) (option.Value, bool) {
	v.Kind = option.KindList
	good := true
	for _, x := range e.Exprs {
		item, ok := l.value(x)
		good = good && ok
		v.List = append(v.List, item)
	}
	return v, good
}

func (l *loader) dict(v option.Value, e *hclsyntax.ObjectConsExpr) (option.Value, bool) {
	v.Kind = option.KindDict
	good := true
	seen := make(map[string]option.Pos, len(e.Items))
	for _, x := range e.Items {
		key, keyOK := l.key(x.KeyExpr)
		at := posOf(x.KeyExpr.Range())
		if first, twice := seen[key]; twice && keyOK {
			l.wrong(at, "key %q is there twice; the first is at %s", key, first)
			keyOK = false
		}
		seen[key] = at
		item, ok := l.value(x.ValueExpr)
		good = good && ok && keyOK
		v.Dict = append(v.Dict, option.Entry{Key: key, Value: item})
	}
	return v, good
}

// key reads a dictionary key: a word, a number as it is written, or a string.
func (l *loader) key(e hclsyntax.Expression) (string, bool) {
	k, ok := e.(*hclsyntax.ObjectConsKeyExpr)
	if !ok {
		l.notPlain(e)
		return "", false
	}
	if word := hcl.ExprAsKeyword(k.Wrapped); word != "" && !k.ForceNonLiteral {
		return word, true
	}
	switch inner := k.Wrapped.(type) {
	case *hclsyntax.TemplateExpr:
		return l.template(inner)
	case *hclsyntax.LiteralValueExpr:
		return l.source(inner.SrcRange), true
	}
	l.wrong(posOf(e.Range()), "quote the key: %s", quoted(l.source(e.Range())))
	return "", false
}

// notPlain says how to write what HCL takes for an expression.
func (l *loader) notPlain(e hclsyntax.Expression) {
	at, text := posOf(e.Range()), l.source(e.Range())
	switch e := e.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		l.wrong(at, "%s is not quoted; quote it: %s", text, quoted(text))
	case *hclsyntax.BinaryOpExpr:
		l.wrong(at, "%s is arithmetic, which a configuration does not do; quote it: %s", text, quoted(text))
	case *hclsyntax.FunctionCallExpr:
		l.wrong(at, "%s(...) calls a function, which a configuration does not have; quote the value", e.Name)
	case *hclsyntax.TemplateWrapExpr:
		l.wrong(at, "%s", templateText)
	default:
		l.wrong(at, "this is an expression; a configuration holds plain values only: quote it")
	}
}

// quoted writes text as HCL wants it between quotes.
func quoted(text string) string {
	text = strings.NewReplacer("${", "$${", "%{", "%%{").Replace(text)
	return strconv.Quote(text)
}
