package api

import (
	"errors"
	"strings"
)

var errXMLLong = errors.New("the document is longer than 16 MiB as text")

// xmlMaxWritten bounds a document as text, in bytes: a script may put copies
// into copies.
const xmlMaxWritten = 16 << 20

// xmlWriter writes nodes as libxml2 does with format 1: two blanks for each
// level, and no white space added where an element has text.
type xmlWriter struct {
	b      strings.Builder
	charge func(steps int)
	err    error
}

// xmlDocumentText is a whole document, with a declaration.
func xmlDocumentText(d *xmlDoc, charge func(int)) (string, error) {
	w := &xmlWriter{charge: charge}
	w.add("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n")
	if d.doctype != "" {
		w.add("<!", d.doctype, ">\n")
	}
	for n := d.top.first; n != nil; n = n.next {
		w.node(n, 0, true)
		w.add("\n")
	}
	return w.b.String(), w.err
}

// xmlNodeText is a node and what is below it.
func xmlNodeText(n *xmlNode, charge func(int)) (string, error) {
	w := &xmlWriter{charge: charge}
	w.node(n, 0, true)
	return w.b.String(), w.err
}

func (w *xmlWriter) add(pieces ...string) {
	for _, p := range pieces {
		w.b.WriteString(p)
	}
}

// node writes n. It recurses no deeper than xmlBuildDepth, which addchild
// keeps.
func (w *xmlWriter) node(n *xmlNode, level int, format bool) {
	w.charge(20 + len(n.text)/10)
	if w.b.Len() > xmlMaxWritten {
		w.err = errXMLLong
	}
	if w.err != nil {
		return
	}
	switch n.kind {
	case xmlElement:
		w.element(n, level, format)
	case xmlText:
		w.add(xmlTextEscapes.Replace(n.text))
	case xmlCData:
		w.add("<![CDATA[", strings.ReplaceAll(n.text, "]]>", "]]]]><![CDATA[>"), "]]>")
	case xmlComment:
		w.add("<!--", n.text, "-->")
	case xmlAttribute:
		w.attribute(n.qualified(), n.text)
	case xmlPI:
		w.add("<?", n.name)
		if n.text != "" {
			w.add(" ", n.text)
		}
		w.add("?>")
	}
}

func (w *xmlWriter) element(n *xmlNode, level int, format bool) {
	name := n.qualified()
	w.add("<", name)
	for _, ns := range n.declared {
		if ns.prefix == "" {
			w.attribute("xmlns", ns.href)
		} else {
			w.attribute("xmlns:"+ns.prefix, ns.href)
		}
	}
	for i := range n.attrs {
		w.attribute(xmlQName(n.attrs[i].ns, n.attrs[i].name), n.attrs[i].value)
	}
	if n.first == nil {
		w.add("/>")
		return
	}
	w.add(">")
	for c := n.first; c != nil && format; c = c.next {
		format = !c.isText()
	}
	for c := n.first; c != nil; c = c.next {
		if format {
			w.add("\n", strings.Repeat("  ", level+1))
		}
		w.node(c, level+1, format)
	}
	if format {
		w.add("\n", strings.Repeat("  ", level))
	}
	w.add("</", name, ">")
}

func (w *xmlWriter) attribute(name, value string) {
	w.charge(10 + len(value)/10)
	w.add(" ", name, `="`, xmlValueEscapes.Replace(value), `"`)
}

var (
	xmlTextEscapes  = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#13;")
	xmlValueEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;",
		"\n", "&#10;", "\r", "&#13;", "\t", "&#9;")
)
