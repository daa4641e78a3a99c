package conf

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/mtad/mtad/sdk/option"
)

// loader reads one configuration.
type loader struct {
	opts   Options
	search []string
	diags  Diagnostics
	text   map[string][]byte
	files  []File
	reads  int      // files read so far, counting each time
	stack  []string // files being read, outermost first
	src    []byte   // the innermost of them, as it was parsed
}

func (l *loader) wrong(pos option.Pos, format string, args ...any) {
	l.diags = append(l.diags, diagnose(l.text, pos, fmt.Sprintf(format, args...)))
}

func posOf(r hcl.Range) option.Pos {
	return option.Pos{File: r.Filename, Line: r.Start.Line, Column: r.Start.Column}
}

// item is an attribute or a block; HCL keeps them apart, but an include between
// two options must override the first and yield to the second.
type item struct {
	at    int
	attr  *hclsyntax.Attribute
	block *hclsyntax.Block
}

func itemsOf(b *hclsyntax.Body) []item {
	items := make([]item, 0, len(b.Attributes)+len(b.Blocks))
	for _, a := range b.Attributes {
		items = append(items, item{at: a.SrcRange.Start.Byte, attr: a})
	}
	for _, k := range b.Blocks {
		items = append(items, item{at: k.TypeRange.Start.Byte, block: k})
	}
	slices.SortFunc(items, func(a, b item) int { return a.at - b.at })
	return items
}

// body reads the items of a file or a block into n.
func (l *loader) body(n *node, b *hclsyntax.Body) {
	seen := make(map[string]*hclsyntax.Attribute, len(b.Attributes))
	for _, it := range itemsOf(b) {
		if it.block != nil {
			l.block(n, it.block)
			continue
		}
		name := strings.ToLower(it.attr.Name)
		if first := seen[name]; first != nil {
			l.setTwice(name, it.attr.NameRange, first.NameRange)
			continue
		}
		seen[name] = it.attr
		if v, ok := l.value(it.attr.Expr); ok {
			n.set(option.Attr{Name: name, Value: v, Pos: posOf(it.attr.NameRange)})
		}
	}
}

func (l *loader) setTwice(name string, again, first hcl.Range) {
	l.wrong(posOf(again), "option %q is set twice in this scope; the first is at %s", name, posOf(first))
}

func (l *loader) block(n *node, b *hclsyntax.Block) {
	name := strings.ToLower(b.Type)
	// Ours, unless somebody really wrote the word.
	if name == repaired && !bytes.Contains(l.text[b.TypeRange.Filename], []byte(repaired)) {
		l.body(newNode(name, "", option.Pos{}), b.Body)
		return
	}
	if len(b.Labels) > 1 {
		l.wrong(posOf(b.LabelRanges[1]), "scope %q has more than one name; %s is one too many",
			name, strconv.Quote(b.Labels[1]))
	}
	instance := ""
	if len(b.Labels) > 0 {
		instance = b.Labels[0]
	}
	if name == "include" || name == "readonly_include" {
		l.include(n, b, name == "readonly_include")
		return
	}
	listed := slices.Contains(l.opts.Listed, name)
	l.body(n.child(name, instance, posOf(b.TypeRange), listed), b.Body)
}
