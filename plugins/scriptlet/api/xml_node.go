package api

import "strings"

// xmlKind is the type of a node of an XML document.
type xmlKind uint8

const (
	xmlElement xmlKind = iota
	xmlText
	xmlCData
	xmlComment
	xmlPI
	xmlAttribute // what XPath finds; no child of anything
)

// xmlNamespace is a namespace as an element declares it (Namespaces in XML
// 1.0 §3). prefix is empty for the default one.
type xmlNamespace struct {
	prefix, href string
}

// xmlAttr is an attribute. ns is nil where its name has no prefix.
type xmlAttr struct {
	name  string
	ns    *xmlNamespace
	value string
}

// xmlNode is a node of a document, or of none. Children are a list of
// siblings, so that a script may change it while it iterates. It lives in one
// interpreter, whose lock guards it.
type xmlNode struct {
	kind        xmlKind
	name        string // local name of an element, target of an instruction
	ns          *xmlNamespace
	text        string // of what is no element
	attrs       []xmlAttr
	declared    []*xmlNamespace
	doc         *xmlDoc
	parent      *xmlNode
	first, last *xmlNode
	prev, next  *xmlNode
	freed       bool
	owner       *xmlNode // the element of an attribute
}

// xmlDoc is a document: its top node has the root element and what stands
// beside it as children.
type xmlDoc struct {
	top     *xmlNode
	doctype string // "DOCTYPE html", written back as it was read
}

func newXMLDoc() *xmlDoc {
	d := &xmlDoc{}
	d.top = &xmlNode{doc: d}
	return d
}

// root is the document element; nil once it was unlinked.
func (d *xmlDoc) root() *xmlNode {
	for n := d.top.first; n != nil; n = n.next {
		if n.kind == xmlElement {
			return n
		}
	}
	return nil
}

// isTop is whether n stands for a document, which is no node to scripts.
func (n *xmlNode) isTop() bool { return n.doc != nil && n.doc.top == n }

// isText is whether n is character data.
func (n *xmlNode) isText() bool { return n.kind == xmlText || n.kind == xmlCData }

// qualified is the name with its prefix.
func (n *xmlNode) qualified() string { return xmlQName(n.ns, n.name) }

func xmlQName(ns *xmlNamespace, name string) string {
	if ns == nil || ns.prefix == "" {
		return name
	}
	return ns.prefix + ":" + name
}

// push adds a child behind the others.
func (n *xmlNode) push(child *xmlNode) {
	child.parent, child.prev, child.next = n, n.last, nil
	if n.last == nil {
		n.first = child
	} else {
		n.last.next = child
	}
	n.last = child
}

// unlink takes n out of its parent.
func (n *xmlNode) unlink() {
	p := n.parent
	if p == nil {
		return
	}
	if n.prev == nil {
		p.first = n.next
	} else {
		n.prev.next = n.next
	}
	if n.next == nil {
		p.last = n.prev
	} else {
		n.next.prev = n.prev
	}
	n.parent, n.prev, n.next = nil, nil, nil
}

// lookup finds the namespace that a prefix means at n (Namespaces in XML 1.0
// §6.1); nil for none.
func (n *xmlNode) lookup(prefix string) *xmlNamespace {
	for ; n != nil; n = n.parent {
		for _, ns := range n.declared {
			if ns.prefix == prefix {
				return ns
			}
		}
	}
	return nil
}

// attr finds an attribute by its local name, whatever its namespace, as
// libxml2's xmlGetProp does.
func (n *xmlNode) attr(name string) *xmlAttr {
	for i := range n.attrs {
		if n.attrs[i].name == name {
			return &n.attrs[i]
		}
	}
	return nil
}

// attrNS finds an attribute by local name and namespace; "" is none.
func (n *xmlNode) attrNS(name, href string, none bool) *xmlAttr {
	for i := range n.attrs {
		a := &n.attrs[i]
		if a.name == name && (none && a.ns == nil || !none && a.ns != nil && a.ns.href == href) {
			return a
		}
	}
	return nil
}

func (n *xmlNode) removeAttr(a *xmlAttr) {
	for i := range n.attrs {
		if &n.attrs[i] == a {
			n.attrs = append(n.attrs[:i], n.attrs[i+1:]...)
			return
		}
	}
}

// walk visits n and all below it in document order, without recursion.
func (n *xmlNode) walk(visit func(*xmlNode)) {
	for at := n; at != nil; at = at.following(n) {
		visit(at)
	}
}

// following is the node behind n in document order, within the subtree of top.
func (n *xmlNode) following(top *xmlNode) *xmlNode {
	if n.first != nil {
		return n.first
	}
	for ; n != top; n = n.parent {
		if n.next != nil {
			return n.next
		}
	}
	return nil
}

// content is the character data in n and below it, as xmlNodeGetContent gives
// it: comments and instructions count only where n is one.
func (n *xmlNode) content() string {
	if n.kind != xmlElement {
		return n.text
	}
	var b strings.Builder
	n.walk(func(at *xmlNode) {
		if at.isText() {
			b.WriteString(at.text)
		}
	})
	return b.String()
}

// level is how many ancestors n has.
func (n *xmlNode) level() int {
	depth := 0
	for p := n.parent; p != nil; p = p.parent {
		depth++
	}
	return depth
}

// height is how many levels there are below n.
func (n *xmlNode) height() int {
	most, depth := 0, 0
	for at := n; ; {
		most = max(most, depth)
		if at.first != nil {
			at, depth = at.first, depth+1
			continue
		}
		for at != n && at.next == nil {
			at, depth = at.parent, depth-1
		}
		if at == n {
			return most
		}
		at = at.next
	}
}

// within is whether n is other or below it.
func (n *xmlNode) within(other *xmlNode) bool {
	for ; n != nil; n = n.parent {
		if n == other {
			return true
		}
	}
	return false
}

// copy is a copy of n and all below it, of no document.
func (n *xmlNode) copy() *xmlNode {
	c := &xmlNode{kind: n.kind, name: n.name, ns: n.ns, text: n.text}
	c.attrs = append([]xmlAttr(nil), n.attrs...)
	c.declared = append([]*xmlNamespace(nil), n.declared...)
	for child := n.first; child != nil; child = child.next {
		c.push(child.copy())
	}
	return c
}

// adopt makes n and all below it part of a document.
func (n *xmlNode) adopt(d *xmlDoc) { n.walk(func(at *xmlNode) { at.doc = d }) }
