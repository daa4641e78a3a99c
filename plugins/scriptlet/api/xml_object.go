package api

import (
	"strings"
	"unicode"

	lua "github.com/yuin/gopher-lua"
)

func xmlNodeClass() Class {
	name := []Param{{Name: "name", Type: String}, {Name: "value", Type: String, Optional: true}}
	const attrDoc = "The value of an attribute by its name without prefix, nil where there is none. With a value it is set, with nil as the value removed."
	return Class{
		Name: classXMLNode, Doc: "A node of an XML document: an element, text, a comment, an instruction, or an attribute that XPath found. tostring gives it as text.",
		Methods: append([]Func{
			{
				Name: "name", Returns: "string", Phases: "any", Since: "3.3",
				Doc: `The name without prefix; "text" for text, "comment" for a comment, nil for a CDATA section.`, Example: `print(node:name())`,
				Do: xmlName,
			},
			{
				Name: "attribute", Params: name, Returns: "string | nil", Phases: "any", Since: "3.3",
				Doc: attrDoc, Example: `node:attribute("name", "newval")`, Do: xmlAttrDo,
			},
			{
				Name: "attr", Params: name, Returns: "string | nil", Phases: "any", Since: "3.3",
				Doc: attrDoc, Example: `print(node:attr("name"))`, Do: xmlAttrDo,
			},
			{
				Name:    "attrns",
				Params:  []Param{{Name: "name", Type: Any}, {Name: "ns", Type: Any, Optional: true}, {Name: "value", Type: String, Optional: true}},
				Returns: "string | nil", Phases: "any", Since: "3.6",
				Doc:     "The value of an attribute by its name and the URI of its namespace, nil for none. With a value it is set: then the namespace is an object of newns, which may also come first.",
				Example: `print(node:attrns("lang", "http://www.w3.org/XML/1998/namespace"))`,
				Do:      xmlAttrNSDo,
			},
			{
				Name: "contents", Params: []Param{{Name: "text", Type: String, Optional: true}},
				Returns: "string", Phases: "any", Since: "3.3",
				Doc:     "The text in the node and below it. With a text that replaces what was there; an empty one removes it.",
				Example: `node:contents("Replaced!")`,
				Do:      xmlContents,
			},
			{
				Name: "children", Returns: "iterator", Phases: "any", Since: "3.3",
				Doc: "Gives the child nodes one by one, text included.", Example: `for kid in node:children() do print(kid:name()) end`,
				Do: xmlChildren,
			},
			{
				Name: "addchild", Params: []Param{{Name: "child", Type: Any}},
				Returns: "node", Phases: "any", Since: "3.3",
				Doc:     "Adds an element of that name behind the other children, or moves a node there.",
				Example: `local kid = node:addchild("item")`,
				Do:      xmlAddChild,
			},
		}, xmlTreeMethods()...),
		Meta: map[string]func(e *Env, L *lua.LState) int{"__tostring": xmlNodeString, "__eq": xmlSame},
	}
}

func xmlTreeMethods() []Func {
	doc := func(e *Env, L *lua.LState) int {
		n := xmlNodeArg(L, 1, "doc")
		if n.doc == nil {
			L.Push(lua.LNil)
			return 1
		}
		L.Push(e.Object(classXMLDoc, n.doc))
		return 1
	}
	return []Func{
		{
			Name: "tostring", Returns: "string", Phases: "any", Since: "3.3",
			Doc: "The node and what is below it as text.", Example: `print(node:tostring())`, Do: xmlNodeString,
		},
		{
			Name: "doc", Returns: "doc", Phases: "any", Since: "3.3",
			Doc: "The document that the node belongs to; nil where it never was in one.", Example: `print(node:doc())`, Do: doc,
		},
		{
			Name: "document", Returns: "doc", Phases: "any", Since: "3.6",
			Doc: "The same as node:doc.", Example: `print(node:document())`, Do: doc,
		},
		{
			Name: "unlink", Returns: "node", Phases: "any", Since: "3.3",
			Doc: "Takes the node out of its tree; it can be added elsewhere.", Example: `node = node:unlink()`,
			Do: func(_ *Env, L *lua.LState) int {
				xmlNodeArg(L, 1, "unlink").unlink()
				L.SetTop(1)
				return 1
			},
		},
		{
			Name: "copy", Returns: "node", Phases: "any", Since: "3.6",
			Doc: "A copy of the node and all below it, in no tree.", Example: `local twin = node:copy()`,
			Do: func(e *Env, L *lua.LState) int {
				n := xmlNodeArg(L, 1, "copy")
				n.walk(func(at *xmlNode) { e.World.Spend(L, 50+10*len(at.attrs)) })
				L.Push(xmlObject(e, n.copy()))
				return 1
			},
		},
		{
			Name: "free", Returns: "nothing", Phases: "any", Since: "3.6",
			Doc: "Ends the node: using it afterwards is an error. There is no need to, memory is reclaimed by itself.", Example: `node:free()`,
			Do: func(_ *Env, L *lua.LState) int {
				n := xmlNodeArg(L, 1, "free")
				n.unlink()
				n.freed = true
				return 0
			},
		},
		{
			Name:    "newns",
			Params:  []Param{{Name: "href", Type: String, Optional: true}, {Name: "prefix", Type: String, Optional: true}},
			Returns: "namespace | nil", Phases: "any", Since: "3.6",
			Doc:     "Declares a namespace at an element, the default one without a prefix; nil where the element declares that prefix already.",
			Example: `local ns = node:newns("urn:example", "ex")`,
			Do:      xmlNewNS,
		},
		{
			Name: "setns", Params: []Param{{Name: "ns", Type: Userdata, Class: classXMLNS}},
			Returns: "nothing", Phases: "any", Since: "3.6",
			Doc: "Puts an element into a namespace that newns declared.", Example: `node:setns(ns)`,
			Do: func(_ *Env, L *lua.LState) int {
				xmlNodeArg(L, 1, "setns").ns = L.ToUserData(2).Value.(*xmlNamespace)
				return 0
			},
		},
	}
}

// xmlNodeArg is the node that argument n is. A freed one is no node any more.
func xmlNodeArg(L *lua.LState, n int, method string) *xmlNode {
	if ud, ok := L.Get(n).(*lua.LUserData); ok {
		if node, ok := ud.Value.(*xmlNode); ok && !node.freed {
			return node
		}
	}
	L.RaiseError("calling '%s' on bad self (xml_node expected)", method)
	return nil
}

// xmlElementArg is the element that a method is called on.
func xmlElementArg(L *lua.LState, method string) *xmlNode {
	n := xmlNodeArg(L, 1, method)
	if n.kind != xmlElement {
		L.RaiseError("calling '%s' on a node that is no element", method)
	}
	return n
}

// isXMLName is whether s can be a name, with a prefix or without (Namespaces
// in XML 1.0 §4). What is beyond ASCII is taken by its class.
func isXMLName(s string) bool {
	prefix, local, ok := strings.Cut(s, ":")
	if ok && !isXMLName(prefix) {
		return false
	}
	if !ok {
		local = prefix
	}
	for i, r := range local {
		switch {
		case unicode.IsLetter(r) || r == '_':
		case i > 0 && (unicode.IsDigit(r) || unicode.IsMark(r) || r == '-' || r == '.' || r == '·'):
		default:
			return false
		}
	}
	return local != ""
}

func xmlName(_ *Env, L *lua.LState) int {
	n := xmlNodeArg(L, 1, "name")
	if L.GetTop() > 1 {
		L.RaiseError("node:name must be called with no arguments")
	}
	switch n.kind {
	case xmlText:
		L.Push(lua.LString("text"))
	case xmlComment:
		L.Push(lua.LString("comment"))
	case xmlCData:
		L.Push(lua.LNil)
	default:
		L.Push(lua.LString(n.name))
	}
	return 1
}

func xmlNodeString(e *Env, L *lua.LState) int {
	text, err := xmlNodeText(xmlNodeArg(L, 1, "tostring"), xmlCharge(e, L))
	return xmlWritten(L, text, err)
}

func xmlAttrDo(_ *Env, L *lua.LState) int {
	n, name := xmlNodeArg(L, 1, "attr"), L.ToString(2)
	if L.GetTop() < 3 {
		return pushAttr(L, n.attr(name))
	}
	n = xmlElementArg(L, "attr")
	local, ns := n.resolve(xmlCheckName(L, name, "attr"), false)
	a := n.attrNS(local, "", true)
	if ns != nil {
		a = n.attrNS(local, ns.href, false)
	}
	setAttr(L, n, a, xmlAttr{name: local, ns: ns})
	return 0
}

func pushAttr(L *lua.LState, a *xmlAttr) int {
	if a == nil {
		L.Push(lua.LNil)
	} else {
		L.Push(lua.LString(a.value))
	}
	return 1
}

// setAttr gives an attribute the value that the last argument is; nil removes
// it. old is the attribute if it is there, else fresh is added.
func setAttr(L *lua.LState, n *xmlNode, old *xmlAttr, fresh xmlAttr) {
	value := L.Get(-1)
	switch {
	case value == lua.LNil && old == nil:
	case value == lua.LNil:
		n.removeAttr(old)
	case old != nil:
		old.value = value.String()
	default:
		fresh.value = value.String()
		n.attrs = append(n.attrs, fresh)
	}
}

// xmlAttrNSDo takes the namespace in the second place as the reference has it,
// and in the first as libxml2's binding does where it sets.
func xmlAttrNSDo(_ *Env, L *lua.LState) int {
	n := xmlNodeArg(L, 1, "attrns")
	first, second := L.Get(2), L.Get(3)
	if ud, ok := first.(*lua.LUserData); ok {
		first, second = second, lua.LValue(ud)
	}
	name, ok := first.(lua.LString)
	if !ok {
		L.RaiseError("bad argument #1 to 'attrns' (string expected, got %s)", first.Type().String())
	}
	var ns *xmlNamespace
	switch v := second.(type) {
	case *lua.LUserData:
		ns, _ = v.Value.(*xmlNamespace)
	case lua.LString:
		ns = &xmlNamespace{href: string(v)}
	}
	if ns == nil && second != lua.LNil {
		L.RaiseError("bad argument #2 to 'attrns' (string or %s expected, got %s)", classXMLNS, second.Type().String())
	}
	a := n.attrNS(string(name), "", true)
	if ns != nil {
		a = n.attrNS(string(name), ns.href, false)
	}
	if L.GetTop() < 4 {
		return pushAttr(L, a)
	}
	if _, ok := second.(lua.LString); ok {
		L.RaiseError("bad argument #2 to 'attrns' (to set an attribute it must be a %s)", classXMLNS)
	}
	setAttr(L, xmlElementArg(L, "attrns"), a, xmlAttr{name: xmlCheckName(L, string(name), "attrns"), ns: ns})
	return 0
}

func xmlContents(e *Env, L *lua.LState) int {
	n := xmlNodeArg(L, 1, "contents")
	if L.GetTop() < 2 {
		text := n.content()
		e.World.Spend(L, len(text)/10)
		L.Push(lua.LString(text))
		return 1
	}
	text := L.OptString(2, "")
	switch n.kind {
	case xmlAttribute:
		if a := n.owner.attr(n.name); a != nil {
			a.value = text
		}
		n.text = text
	case xmlElement:
		for n.first != nil {
			n.first.unlink()
		}
		if text != "" {
			n.push(&xmlNode{kind: xmlText, text: text, doc: n.doc})
		}
	default:
		n.text = text
	}
	return 0
}

// xmlChildren goes on behind a child that was unlinked while it was visited.
func xmlChildren(e *Env, L *lua.LState) int {
	next := xmlNodeArg(L, 1, "children").first
	L.Push(L.NewFunction(func(L *lua.LState) int {
		n := next
		if n != nil {
			next = n.next
		}
		L.Push(xmlObject(e, n))
		return 1
	}))
	return 1
}

func xmlAddChild(e *Env, L *lua.LState) int {
	n := xmlElementArg(L, "addchild")
	ud, isNode := L.Get(2).(*lua.LUserData)
	if !isNode {
		if L.Get(2).Type() != lua.LTString {
			L.RaiseError("bad argument #1 to 'addchild' (string or %s expected, got %s)", classXMLNode, e.TypeName(L.Get(2)))
		}
		// libxml2's xmlNewChild: a child without a namespace of its own has
		// its parent's.
		child := &xmlNode{kind: xmlElement, name: xmlCheckName(L, L.ToString(2), "addchild"), ns: n.ns, doc: n.doc}
		xmlCheckDepth(L, n, child)
		n.push(child)
		L.Push(xmlObject(e, child))
		return 1
	}
	if e.registry.ClassName(ud) != classXMLNode {
		L.RaiseError("bad argument #1 to 'addchild' (string or %s expected, got %s)", classXMLNode, e.TypeName(ud))
	}
	child := xmlNodeArg(L, 2, "addchild")
	switch {
	case child.kind == xmlAttribute:
		L.RaiseError("bad argument #1 to 'addchild' (an attribute is no child)")
	case n.within(child):
		L.RaiseError("bad argument #1 to 'addchild' (a node cannot be below itself)")
	}
	child.walk(func(*xmlNode) { e.World.Spend(L, 5) })
	xmlCheckDepth(L, n, child)
	child.unlink()
	n.push(child)
	child.adopt(n.doc)
	L.Push(ud)
	return 1
}

func xmlCheckDepth(L *lua.LState, parent, child *xmlNode) {
	if parent.level()+child.height() >= xmlBuildDepth {
		L.RaiseError("elements are nested deeper than %d", xmlBuildDepth)
	}
}

func xmlNewNS(e *Env, L *lua.LState) int {
	n := xmlElementArg(L, "newns")
	ns := &xmlNamespace{prefix: L.OptString(3, ""), href: L.OptString(2, "")}
	if ns.prefix != "" && !isXMLName(ns.prefix) {
		L.RaiseError("bad argument #2 to 'newns' (%s is no XML name)", shortened(ns.prefix))
	}
	for _, there := range n.declared {
		if there.prefix == ns.prefix {
			L.Push(lua.LNil)
			return 1
		}
	}
	n.declared = append(n.declared, ns)
	L.Push(e.Object(classXMLNS, ns))
	return 1
}
