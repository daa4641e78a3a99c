package api

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mail"
)

const classPart = "msgpart"

// part is a MIME part as a script holds it.
type part struct {
	node     *mail.Part
	writable bool
	source   []byte // of makePart: what body_start and body_end cut from
	start    int
	end      int
}

// staleTree owns the tree of a message that has other content by now.
type staleTree struct{}

func newPart(e *Env, L *lua.LState, node *mail.Part, writable bool) lua.LValue {
	if node == nil {
		return lua.LNil
	}
	return e.World.Object(L, classPart, &part{node: node, writable: writable})
}

// owner is the message whose tree the part is in; nil for a part of its own.
func (p *part) owner(e *Env, L *lua.LState) *message {
	switch owner := p.node.Root().Owner.(type) {
	case *message:
		owner.frame(e, L)
		return owner
	case staleTree:
		L.RaiseError("message part is no longer valid: the message got other content since (call msg:mime() again)")
	}
	return nil
}

// edit runs a change of the part, and records what it does to the message.
func (p *part) edit(e *Env, L *lua.LState, do func()) {
	owner := p.mayEdit(e, L)
	do()
	if owner != nil {
		owner.commit(e, L)
	}
}

func (p *part) mayEdit(e *Env, L *lua.LState) *message {
	owner := p.owner(e, L)
	if !p.writable {
		L.RaiseError("the message part is not writable; get it from msg:mime(false)")
	}
	if owner != nil {
		owner.needContent(e, L, "msgpart")
		owner.needOpen(e, L, "msgpart")
	}
	return owner
}

func selfPart(e *Env, L *lua.LState) *part {
	p := self[*part](L)
	p.owner(e, L)
	return p
}

func partOf(e *Env, L *lua.LState, ud *lua.LUserData) *part {
	p, ok := ud.Value.(*part)
	if !ok {
		L.RaiseError("the object is empty")
	}
	p.owner(e, L)
	return p
}

// partClass is the class of MIME parts.
func partClass() Class {
	var methods []Func
	for _, group := range [][]Func{partContentMethods(), partMatchMethods(), partTreeMethods()} {
		methods = append(methods, group...)
	}
	return Class{
		Name: classPart, Doc: "A part of a message's MIME tree.", Methods: methods, Fields: partFields(),
		Meta: map[string]func(e *Env, L *lua.LState) int{
			"__eq": func(_ *Env, L *lua.LState) int {
				a, _ := L.CheckUserData(1).Value.(*part)
				b, _ := L.CheckUserData(2).Value.(*part)
				return pushBool(L, a != nil && b != nil && a.node == b.node)
			},
		},
	}
}

func partFields() []Field {
	const phases = "data,data_spool,each_rcpt"
	near := func(name, doc string, get func(n *mail.Part) *mail.Part) Field {
		return Field{Name: name, Type: "msgpart or nil", Doc: doc, Phases: phases,
			Get: func(e *Env, L *lua.LState, ud *lua.LUserData) lua.LValue {
				p := partOf(e, L, ud)
				return newPart(e, L, get(p.node), p.writable)
			}}
	}
	text := func(name, kind, doc string, get func(n *mail.Part) lua.LValue) Field {
		return Field{Name: name, Type: kind, Doc: doc, Phases: phases,
			Get: func(e *Env, L *lua.LState, ud *lua.LUserData) lua.LValue { return get(partOf(e, L, ud).node) }}
	}
	return []Field{
		near("thread", "The next part in a depth-first walk.", (*mail.Part).Thread),
		near("next", "The next part in the same container.", (*mail.Part).Next),
		near("parent", "The container the part is in.", (*mail.Part).Parent),
		near("parts", "The first part of a container; nil for a leaf.", func(n *mail.Part) *mail.Part {
			if c := n.Children(); len(c) > 0 {
				return c[0]
			}
			return nil
		}),
		bodyEdge("body_start", "Where the body begins in the text given to makePart.", func(p *part) *int { return &p.start }),
		bodyEdge("body_end", "Where the body ends in the text given to makePart.", func(p *part) *int { return &p.end }),
		text("type", "string", "The MIME type.", func(n *mail.Part) lua.LValue { return lua.LString(n.ContentType().Type) }),
		text("encoding", "number", "The transfer encoding: msys.core.EC_MIME_TE_*.", func(n *mail.Part) lua.LValue {
			return lua.LNumber(encodingNumber(n.ContentType().Encoding))
		}),
		text("boundary", "string or nil", "A container's boundary.", func(n *mail.Part) lua.LValue {
			if n.Boundary() == "" {
				return lua.LNil
			}
			return lua.LString(n.Boundary())
		}),
	}
}

// bodyEdge is body_start or body_end: the published example of addLastChild
// sets both on a part made from text (reference/lua-api-notes.md 38).
func bodyEdge(name, doc string, edge func(p *part) *int) Field {
	return Field{
		Name: name, Type: "number", Doc: doc, Phases: "data,data_spool,each_rcpt",
		Get: func(e *Env, L *lua.LState, ud *lua.LUserData) lua.LValue {
			p := partOf(e, L, ud)
			p.hold()
			return lua.LNumber(*edge(p))
		},
		Set: func(e *Env, L *lua.LState, ud *lua.LUserData, v lua.LValue) {
			p := partOf(e, L, ud)
			p.hold()
			n, ok := v.(lua.LNumber)
			if !ok || n < 0 || int(n) > len(p.source) {
				L.RaiseError("%s: a number from 0 to %d is expected, got %s", name, len(p.source), Text(L, v))
			}
			p.edit(e, L, func() {
				*edge(p) = int(n)
				p.node.SetBody(p.source[min(p.start, p.end):p.end])
			})
		},
	}
}

// hold remembers the body that body_start and body_end cut from.
func (p *part) hold() {
	if p.source == nil {
		p.source, p.start = p.node.Body(), 0
		p.end = len(p.source)
	}
}

func mimeMethods() []Func {
	const phases = "data,data_spool,each_rcpt"
	return []Func{
		{Name: "mime", Params: []Param{{Name: "readonly", Type: Boolean, Optional: true}}, Returns: "msgpart", Phases: phases, Since: "3.0",
			Doc: "The root of the message's MIME tree; parts can be changed only if readonly is false.", Example: `local root = msg:mime(false)`,
			Do: func(e *Env, L *lua.LState) int {
				L.Push(newPart(e, L, current(e, L).mime(e, L), L.Get(2) == lua.LFalse))
				return 1
			}},
		{Name: "makePart", Params: []Param{{Name: "mimetype", Type: String}, {Name: "body", Type: Any, Optional: true}, {Name: "encoding", Type: Number, Optional: true}},
			Returns: "msgpart", Phases: phases, Since: "3.0",
			Doc: "A new part that is in no tree, from text or an io_object as it is to be sent.", Example: `local p = msg:makePart("text/plain", "Disclaimer")`, Do: doMakePart},
		{Name: "makeContainer", Params: []Param{{Name: "mimetype", Type: String}, {Name: "boundary", Type: String, Optional: true}, {Name: "add_terminator", Type: Boolean, Optional: true}},
			Returns: "msgpart", Phases: phases, Since: "3.0",
			Doc: "A new container that is in no tree.", Example: `local c = msg:makeContainer("multipart/mixed")`, Do: doMakeContainer},
		{Name: "makeBoundary", Params: []Param{{Name: "part", Type: Userdata, Class: classPart, Optional: true, Variadic: true}}, Returns: "string", Phases: phases, Since: "3.0",
			Doc: "A boundary that occurs neither in the message nor in the parts.", Example: `local b = msg:makeBoundary(part)`,
			Do: func(e *Env, L *lua.LState) int {
				m := current(e, L)
				contents := [][]byte{m.msg.Header, m.body(e, L)}
				for i := 2; i <= L.GetTop(); i++ {
					contents = append(contents, partOf(e, L, L.CheckUserData(i)).node.Raw())
				}
				return pushString(L, newBoundary(L, contents...))
			}},
	}
}

func doMakePart(e *Env, L *lua.LState) int {
	current(e, L)
	var source []byte
	switch v := L.Get(3).(type) {
	case lua.LString:
		source = []byte(v)
	case *lua.LUserData:
		s, ok := v.Value.(ByteSource)
		if !ok {
			L.RaiseError("bad argument #2 to 'makePart' (string or io_object expected, got %s)", e.TypeName(v))
		}
		source = readSource(e, L, s)
	}
	encoding := encodingName(L, int(L.ToNumber(4)))
	p := &part{node: mail.NewLeaf(headerText(L, L.ToString(2)), encoding, source), writable: true}
	if encoding == mail.Encoding7Bit && p.node.IsText() {
		p.node.ReplaceText(string(source)) // 8-bit text gets an encoding
	}
	p.hold()
	L.Push(e.World.Object(L, classPart, p))
	return 1
}

func doMakeContainer(e *Env, L *lua.LState) int {
	m := current(e, L)
	boundary := optional(L, 3)
	if boundary == "" {
		boundary = newBoundary(L, m.msg.Header, m.body(e, L))
	}
	node, err := mail.NewContainer(headerText(L, L.ToString(2)), headerText(L, boundary))
	if err != nil {
		L.RaiseError("%s", err.Error())
	}
	L.Push(newPart(e, L, node, true))
	return 1
}

// headerText is text that can stand in a header as it is.
func headerText(L *lua.LState, s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] >= 0x7f {
			L.RaiseError("%q cannot stand in a header", s)
		}
	}
	return s
}

// encodings are the EC_MIME_TE_* numbers' names, by number.
func encodings() []string {
	return []string{mail.Encoding7Bit, mail.Encoding8Bit, mail.EncodingBase64, mail.EncodingQP}
}

func encodingName(L *lua.LState, n int) string {
	list := encodings()
	if n < 0 || n >= len(list) {
		L.RaiseError("%d is no transfer encoding (EC_MIME_TE_7BIT, _8BIT, _BASE64, _QUOTED_PRINTABLE)", n)
	}
	return list[n]
}

func encodingNumber(name string) int {
	for i, known := range encodings() {
		if known == name {
			return i
		}
	}
	return 1 // binary and unknown ones: nothing to undo
}

func partContentMethods() []Func {
	const phases = "data,data_spool,each_rcpt"
	return []Func{
		{Name: "header", Params: []Param{{Name: "name", Type: String}, {Name: "value", Type: Any, Optional: true}, {Name: "mode", Type: String, Optional: true}},
			Returns: "table, or boolean when setting", Phases: phases, Since: "3.0",
			Doc: "The values of a part's header; or sets it; an explicit nil deletes it.", Example: `part:header("Content-ID", "<1@example.com>")`, Do: doPartHeader},
		{Name: "address_header", Params: []Param{{Name: "name", Type: String}, {Name: "component", Type: String, Optional: true}}, Returns: "table", Phases: phases, Since: "3.0",
			Doc: "The addresses in a part's header.", Example: `part:address_header("From")[1]`,
			Do: func(e *Env, L *lua.LState) int { return addressHeader(L, selfPart(e, L).node.Header()) }},
		{Name: "content_type", Returns: "table {mimetype, charset, encoding, is_attachment, filename}", Phases: phases, Since: "3.0",
			Doc: "What the part says of its content.", Example: `local ct = part:content_type()`, Do: doContentType},
		{Name: "text", Params: []Param{{Name: "text", Type: String, Optional: true}, {Name: "type", Type: String, Optional: true}, {Name: "charset", Type: String, Optional: true}},
			Returns: "string or nil", Phases: phases, Since: "3.0",
			Doc: "The part's decoded text in UTF-8, nil without a body; with an argument it is replaced.", Example: `local text = part:text()`, Do: doPartText},
	}
}

func doPartHeader(e *Env, L *lua.LState) int {
	p := selfPart(e, L)
	name := L.ToString(2)
	if L.GetTop() < 3 {
		return pushStrings(L, mail.Header(p.node.Header(), name))
	}
	var values []string
	if L.Get(3) != lua.LNil {
		values = headerValues(L, 3)
	}
	c, ok := headerChange(L, name, values, optional(L, 4))
	if !ok {
		return pushBool(L, true)
	}
	p.edit(e, L, func() { p.node.SetHeader(editHeader(p.node.Header(), c)) })
	return pushBool(L, true)
}

func editHeader(section []byte, c sdk.Change) []byte {
	switch c.Kind {
	case sdk.HeaderPrepend:
		return mail.PrependHeader(section, c.Name, c.Values)
	case sdk.HeaderAppend:
		return mail.AppendHeader(section, c.Name, c.Values)
	}
	return mail.SetHeader(section, c.Name, c.Values)
}

func doContentType(e *Env, L *lua.LState) int {
	ct := selfPart(e, L).node.ContentType()
	t := L.CreateTable(0, 5)
	t.RawSetString("mimetype", lua.LString(ct.Type))
	t.RawSetString("encoding", lua.LString(ct.Encoding))
	t.RawSetString("is_attachment", lua.LBool(ct.Attachment))
	if ct.Charset != "" {
		t.RawSetString("charset", lua.LString(ct.Charset))
	}
	if ct.Filename != "" {
		t.RawSetString("filename", lua.LString(ct.Filename))
	}
	L.Push(t)
	return 1
}

func doPartText(e *Env, L *lua.LState) int {
	p := selfPart(e, L)
	if text, ok := L.Get(2).(lua.LString); ok {
		kind := optional(L, 3)
		if kind == "" && p.node.IsText() {
			kind = p.node.ContentType().Type
		}
		p.edit(e, L, func() { p.node.SetText(string(text), kind, optional(L, 4)) })
		return 0
	}
	if p.node.Container() || len(p.node.Body()) == 0 {
		return pushNil(L)
	}
	spendOn(e, L, 4*len(p.node.Body()))
	return pushString(L, p.node.Text())
}
