package conf

import (
	"strings"

	"github.com/mtad/mtad/sdk/option"
)

// node is a scope while it is being read: it takes in its namesakes and what
// includes bring.
type node struct {
	name, instance string
	pos            option.Pos
	attrs          []option.Attr
	attrAt         map[string]int
	children       []*node
	childAt        map[string]*node
}

func newNode(name, instance string, pos option.Pos) *node {
	return &node{name: name, instance: instance, pos: pos,
		attrAt: map[string]int{}, childAt: map[string]*node{}}
}

// set stores an option; the last value wins and stands where the first stood
// (reference/config-syntax.md §1).
func (n *node) set(a option.Attr) {
	if i, again := n.attrAt[a.Name]; again {
		n.attrs[i] = a
		return
	}
	n.attrAt[a.Name] = len(n.attrs)
	n.attrs = append(n.attrs, a)
}

// child finds the inner scope of that name and instance, or adds it at the end.
func (n *node) child(name, instance string, pos option.Pos, listed bool) *node {
	key := name + "\x00" + foldInstance(name, instance)
	if c := n.childAt[key]; c != nil && !listed {
		return c
	}
	c := newNode(name, instance, pos)
	n.childAt[key] = c
	n.children = append(n.children, c)
	return c
}

// foldInstance folds what is a domain name, which has no case (RFC 5321 §2.4);
// every other instance keeps it.
func foldInstance(name, instance string) string {
	if (name == "domain" || name == "host") && !isRegex(instance) {
		return strings.ToLower(instance)
	}
	return instance
}

func (n *node) scope() option.Scope {
	s := option.Scope{Name: n.name, Instance: n.instance, Attrs: n.attrs, Pos: n.pos}
	for _, c := range n.children {
		s.Scopes = append(s.Scopes, c.scope())
	}
	return s
}
