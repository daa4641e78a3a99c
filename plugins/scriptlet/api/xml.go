package api

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"
)

const (
	classXMLDoc  = "xml_doc"
	classXMLNode = "xml_node"
	classXMLNS   = "xml_namespace"
)

// xmlPackage is the xml module of the original, a binding of libxml2
// (reference/lua-api.tsv, package xml). Here nothing is fetched, and entities
// that a document declares are not expanded.
func xmlPackage() Package {
	return Package{
		Name:    "xml",
		Preload: true,
		Doc:     "XML documents as trees that scripts read, search by XPath 1.0 and change. A text has 10 MiB and 256 levels at the most. Nothing is ever fetched, and a document that declares entities is refused.",
		Funcs: []Func{
			{
				Name:    "parsexml",
				Params:  []Param{{Name: "text", Type: String}, {Name: "keep_blanks", Type: Number, Optional: true}},
				Returns: "doc | nil, message", Phases: "any", Since: "3.3",
				Doc:     "Reads an XML document. White space between elements is dropped unless keep_blanks is given and not 0.",
				Example: `local doc = xml.parsexml("<doc><item/></doc>")`,
				Do:      xmlParse,
			},
			{
				Name:    "newnode",
				Params:  []Param{{Name: "name", Type: String}, {Name: "ns", Type: Userdata, Class: classXMLNS, Optional: true}},
				Returns: "node", Phases: "any", Since: "3.6",
				Doc:     "Makes an element that belongs to no document yet.",
				Example: `local stanza = xml.newnode("message")`,
				Do: func(e *Env, L *lua.LState) int {
					n := &xmlNode{kind: xmlElement, name: xmlCheckName(L, L.ToString(1), "newnode")}
					if ud, ok := L.Get(2).(*lua.LUserData); ok {
						n.ns = ud.Value.(*xmlNamespace)
					}
					L.Push(e.Object(classXMLNode, n))
					return 1
				},
			},
		},
		Classes: []Class{xmlDocClass(), xmlNodeClass(), {Name: classXMLNS, Doc: "A namespace that node:newns declared."}},
	}
}

func xmlDocClass() Class {
	return Class{
		Name: classXMLDoc, Doc: "An XML document. tostring gives it as text.",
		Methods: []Func{
			{
				Name: "root", Returns: "node", Phases: "any", Since: "3.3",
				Doc: "The root element; nil once it was unlinked.", Example: `local root = doc:root()`,
				Do: func(e *Env, L *lua.LState) int {
					L.Push(xmlObject(e, xmlDocSelf(L).root()))
					return 1
				},
			},
			{
				Name: "tostring", Returns: "string", Phases: "any", Since: "3.3",
				Doc: "The document as text in UTF-8, indented by two blanks where there is no text.", Example: `print(doc:tostring())`,
				Do: xmlDocString,
			},
			{
				Name:    "xpath",
				Params:  []Param{{Name: "query", Type: String}, {Name: "node", Type: Userdata, Class: classXMLNode, Optional: true}},
				Returns: "iterator", Phases: "any", Since: "3.3",
				Doc:     "Finds nodes by an XPath 1.0 expression, in document order; node is the context, else the document is. The prefixes that are declared at the root, or at node, can be used; a name without one also finds elements of a default namespace. An expression that cannot be, or gives no nodes, finds none, and the former is written to the paniclog.",
				Example: `for node in doc:xpath("//item[@name='one']") do print(node:name()) end`,
				Do:      xmlXPath,
			},
		},
		Meta: map[string]func(e *Env, L *lua.LState) int{"__tostring": xmlDocString, "__eq": xmlSame},
	}
}

func xmlDocSelf(L *lua.LState) *xmlDoc {
	if ud, ok := L.Get(1).(*lua.LUserData); ok {
		if d, ok := ud.Value.(*xmlDoc); ok {
			return d
		}
	}
	L.ArgError(1, "xml_doc expected")
	return nil
}

// xmlCharge counts the work of this package for the script on L.
func xmlCharge(e *Env, L *lua.LState) func(int) {
	return func(steps int) { e.World.Spend(L, steps) }
}

// xmlObject is a node as scripts see it; nil for none.
func xmlObject(e *Env, n *xmlNode) lua.LValue {
	if n == nil || n.isTop() {
		return lua.LNil
	}
	return e.Object(classXMLNode, n)
}

// xmlSame compares what is behind two objects: each access makes one.
func xmlSame(_ *Env, L *lua.LState) int {
	a, _ := L.Get(1).(*lua.LUserData)
	b, _ := L.Get(2).(*lua.LUserData)
	L.Push(lua.LBool(a != nil && b != nil && a.Value == b.Value))
	return 1
}

func xmlParse(e *Env, L *lua.LState) int {
	d, err := parseXML([]byte(L.ToString(1)), L.OptInt(2, 0) != 0, xmlCharge(e, L))
	if err != nil {
		return failure(L, err.Error())
	}
	L.Push(e.Object(classXMLDoc, d))
	return 1
}

func xmlDocString(e *Env, L *lua.LState) int {
	text, err := xmlDocumentText(xmlDocSelf(L), xmlCharge(e, L))
	return xmlWritten(L, text, err)
}

func xmlWritten(L *lua.LState, text string, err error) int {
	if err != nil {
		L.RaiseError("%s", err.Error())
	}
	L.Push(lua.LString(text))
	return 1
}

func xmlXPath(e *Env, L *lua.LState) int {
	d := xmlDocSelf(L)
	from, query := d.top, L.ToString(2)
	if L.Get(3) != lua.LNil {
		from = xmlNodeArg(L, 3, "xpath")
		if from.doc != d {
			L.RaiseError("bad argument #2 to 'xpath' (a node of the document expected)")
		}
	}
	nodes, err := xmlSelect(from, query, xmlCharge(e, L))
	if err != nil {
		e.World.Print(L, fmt.Sprintf("doc:xpath: %s: %s", shortened(query), err.Error()))
	}
	i := 0
	L.Push(L.NewFunction(func(L *lua.LState) int {
		if i >= len(nodes) {
			L.Push(lua.LNil)
			return 1
		}
		i++
		L.Push(xmlObject(e, nodes[i-1]))
		return 1
	}))
	return 1
}

// shortened is a text for a log line.
func shortened(text string) string {
	const most = 200
	if len(text) > most {
		text = text[:most] + "..."
	}
	return fmt.Sprintf("%q", text)
}

// xmlCheckName raises unless name can be that of an element or attribute.
func xmlCheckName(L *lua.LState, name, function string) string {
	if !isXMLName(name) {
		L.RaiseError("bad argument #1 to '%s' (%s is no XML name)", function, shortened(name))
	}
	return name
}
