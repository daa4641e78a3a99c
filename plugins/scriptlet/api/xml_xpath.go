package api

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"

	"github.com/antchfx/xpath"
	lua "github.com/yuin/gopher-lua"
)

// maxXPath is the longest XPath expression, in bytes.
const maxXPath = 4096

var errXPathLong = fmt.Errorf("the expression is longer than %d bytes", maxXPath)

// xmlSelect gives the nodes that an XPath 1.0 expression finds, each once, in
// document order. An expression that is no node set finds none, as in the
// original. Prefixes are those that are in scope at the context node.
func xmlSelect(from *xmlNode, query string, charge func(steps int)) (nodes []*xmlNode, err error) {
	if len(query) > maxXPath {
		return nil, errXPathLong
	}
	scope := from
	if from.isTop() {
		scope = from.doc.root()
	}
	charge(10 * len(query))
	if err := checkXPath(query); err != nil {
		return nil, err
	}
	expr, err := xpath.CompileWithNS(query, scope.prefixes())
	if err != nil {
		return nil, err
	}
	defer func() {
		switch problem := recover().(type) {
		case nil:
		case *lua.ApiError: // of charge: the script's budget is used up
			panic(problem)
		default: // the library's way to say that arguments have wrong types
			nodes, err = nil, fmt.Errorf("%v", problem)
		}
	}()
	found, ok := expr.Evaluate(&xmlCursor{at: from, attr: -1, charge: charge}).(*xpath.NodeIterator)
	if !ok {
		return nil, nil
	}
	seen := make(map[xmlPlace]bool)
	var places []xmlPlace
	for found.MoveNext() {
		c, ok := found.Current().(*xmlCursor)
		if place := (xmlPlace{c.at, c.attr}); ok && !c.at.isTop() && !seen[place] {
			seen[place] = true
			places = append(places, place)
		}
	}
	inDocumentOrder(from.top(), places, charge)
	for _, p := range places {
		nodes = append(nodes, p.node())
	}
	return nodes, nil
}

var (
	xpathLiteral = regexp.MustCompile(`"[^"]*"|'[^']*'`)
	xpathCall    = regexp.MustCompile(`([A-Za-z_][\w.-]*)\s*\(`)
)

// checkXPath refuses functions that XPath 1.0 (§4) does not have, as libxml2
// does. The library knows some of a later version, among them replace, whose
// result may be any number of times as long as the document.
func checkXPath(query string) error {
	for _, m := range xpathCall.FindAllStringSubmatch(xpathLiteral.ReplaceAllString(query, "''"), -1) {
		switch m[1] {
		case "last", "position", "count", "local-name", "namespace-uri", "name",
			"string", "concat", "starts-with", "contains", "substring-before", "substring-after", "substring",
			"string-length", "normalize-space", "translate",
			"boolean", "not", "true", "false", "number", "sum", "floor", "ceiling", "round":
		case "text", "node", "comment", "processing-instruction": // node types
		case "and", "or", "div", "mod": // operators
		default:
			return fmt.Errorf("XPath 1.0 has no function %s", m[1])
		}
	}
	return nil
}

// xmlPlace is a node, or with attr >= 0 an attribute of it.
type xmlPlace struct {
	at   *xmlNode
	attr int
}

// node is what a script gets for a place. An attribute is a node of its own,
// that knows its element.
func (p xmlPlace) node() *xmlNode {
	if p.attr < 0 {
		return p.at
	}
	a := p.at.attrs[p.attr]
	return &xmlNode{kind: xmlAttribute, name: a.name, ns: a.ns, text: a.value, doc: p.at.doc, owner: p.at}
}

// inDocumentOrder sorts places: the library gives those of a union, and those
// of axes that lead back, in the order it came upon them.
func inDocumentOrder(top *xmlNode, places []xmlPlace, charge func(int)) {
	if len(places) < 2 {
		return
	}
	order := make(map[*xmlNode]int, len(places))
	for _, p := range places {
		order[p.at] = 0
	}
	count := 0
	top.walk(func(n *xmlNode) {
		charge(2)
		if _, wanted := order[n]; wanted {
			order[n] = count
		}
		count++
	})
	slices.SortFunc(places, func(a, b xmlPlace) int {
		return cmp.Or(order[a.at]-order[b.at], a.attr-b.attr)
	})
}

// top is the highest node above n.
func (n *xmlNode) top() *xmlNode {
	for n.parent != nil {
		n = n.parent
	}
	return n
}

// prefixes are the namespaces in scope at n, by prefix; never nil.
func (n *xmlNode) prefixes() map[string]string {
	out := map[string]string{"xml": xmlNamespaceXML}
	for ; n != nil; n = n.parent {
		for _, ns := range n.declared {
			if _, nearer := out[ns.prefix]; !nearer && ns.prefix != "" {
				out[ns.prefix] = ns.href
			}
		}
	}
	return out
}

// xmlCursor moves through a document for the XPath library, and charges each
// move to the script.
type xmlCursor struct {
	at     *xmlNode
	attr   int // of at; -1: at itself
	charge func(steps int)
}

var _ xpath.NodeNavigator = (*xmlCursor)(nil)

// NodeType is the kind of node under the cursor.
func (c *xmlCursor) NodeType() xpath.NodeType {
	switch {
	case c.attr >= 0:
		return xpath.AttributeNode
	case c.at.isTop():
		return xpath.RootNode
	case c.at.kind == xmlElement:
		return xpath.ElementNode
	case c.at.kind == xmlComment, c.at.kind == xmlPI:
		return xpath.CommentNode
	}
	return xpath.TextNode
}

func (c *xmlCursor) name() (string, *xmlNamespace) {
	if c.attr >= 0 {
		return c.at.attrs[c.attr].name, c.at.attrs[c.attr].ns
	}
	return c.at.name, c.at.ns
}

// LocalName is the name without its prefix.
func (c *xmlCursor) LocalName() string {
	name, _ := c.name()
	return name
}

// Prefix is the prefix of the name.
func (c *xmlCursor) Prefix() string {
	if _, ns := c.name(); ns != nil {
		return ns.prefix
	}
	return ""
}

// NamespaceURL is the namespace of the name.
func (c *xmlCursor) NamespaceURL() string {
	if _, ns := c.name(); ns != nil {
		return ns.href
	}
	return ""
}

// Value is the string-value (XPath 1.0 §5).
func (c *xmlCursor) Value() string {
	if c.attr >= 0 {
		return c.at.attrs[c.attr].value
	}
	text := c.at.content()
	c.charge(10 + len(text)/4)
	return text
}

// Copy is another cursor at the same place.
func (c *xmlCursor) Copy() xpath.NodeNavigator {
	c.charge(5)
	out := *c
	return &out
}

// move goes to a node, if there is one.
func (c *xmlCursor) move(to *xmlNode) bool {
	c.charge(5)
	if to == nil {
		return false
	}
	c.at, c.attr = to, -1
	return true
}

// MoveToRoot goes to the top of the tree.
func (c *xmlCursor) MoveToRoot() { c.move(c.at.top()) }

// MoveToParent goes up one level.
func (c *xmlCursor) MoveToParent() bool {
	if c.attr >= 0 {
		return c.move(c.at)
	}
	return c.move(c.at.parent)
}

// MoveToNextAttribute goes to an element's attributes one by one.
func (c *xmlCursor) MoveToNextAttribute() bool {
	c.charge(5)
	if c.attr+1 >= len(c.at.attrs) {
		return false
	}
	c.attr++
	return true
}

// MoveToChild goes to the first child.
func (c *xmlCursor) MoveToChild() bool { return c.attr < 0 && c.move(c.at.first) }

// MoveToFirst goes to the first of the siblings.
func (c *xmlCursor) MoveToFirst() bool {
	if c.attr >= 0 || c.at.parent == nil {
		return false
	}
	return c.move(c.at.parent.first)
}

// MoveToNext goes to the sibling behind.
func (c *xmlCursor) MoveToNext() bool { return c.attr < 0 && c.move(c.at.next) }

// MoveToPrevious goes to the sibling before.
func (c *xmlCursor) MoveToPrevious() bool { return c.attr < 0 && c.move(c.at.prev) }

// MoveTo goes where another cursor is.
func (c *xmlCursor) MoveTo(other xpath.NodeNavigator) bool {
	o, ok := other.(*xmlCursor)
	if !ok {
		return false
	}
	c.at, c.attr = o.at, o.attr
	return true
}
