package api

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
)

// The bounds of a document. libxml2 too reads no deeper than 256 elements; a
// tree that scripts have put together may be deeper.
const (
	xmlReadDepth  = 256
	xmlBuildDepth = 1000
	xmlMaxText    = 10 << 20 // bytes of a document
)

// xmlNamespaceXML is the namespace that the prefix xml always means
// (Namespaces in XML 1.0 §3).
const xmlNamespaceXML = "http://www.w3.org/XML/1998/namespace"

var (
	errXMLSize    = errors.New("the document is larger than 10 MiB")
	errXMLDepth   = errors.New("elements are nested deeper than 256")
	errXMLEntity  = errors.New("the document declares entities, which are not expanded")
	errXMLEnd     = errors.New("an element ends that is not open")
	errXMLOpen    = errors.New("the document ends inside an element")
	errXMLRoot    = errors.New("a document has one root element")
	errXMLAttr    = errors.New("an element has an attribute twice")
	errXMLProlog  = errors.New("the XML declaration or DOCTYPE is out of place")
	errXMLCharset = errors.New("unknown or wrong encoding")
)

// xmlReader builds a document of the tokens of encoding/xml, which knows no
// entities but the five of the standard: there is nothing that a DTD could
// make it expand or fetch.
type xmlReader struct {
	text       []byte // UTF-8
	keepBlanks bool
	decoder    *xml.Decoder
	charge     func(steps int)
	doc        *xmlDoc
	at         *xmlNode // the open element
	depth      int
	blank      string // white space that is dropped unless text is around it
}

// parseXML reads a document. charge is told of the work, and may panic.
func parseXML(text []byte, keepBlanks bool, charge func(steps int)) (*xmlDoc, error) {
	if len(text) > xmlMaxText {
		return nil, errXMLSize
	}
	utf, err := xmlToUTF8(text)
	if err != nil {
		return nil, err
	}
	r := &xmlReader{text: utf, keepBlanks: keepBlanks, charge: charge, doc: newXMLDoc()}
	r.at = r.doc.top
	r.decoder = xml.NewDecoder(bytes.NewReader(utf))
	r.decoder.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	for {
		start := r.decoder.InputOffset()
		token, err := r.decoder.RawToken()
		if errors.Is(err, io.EOF) {
			return r.finish()
		}
		if err == nil {
			end := r.decoder.InputOffset()
			charge(50 + int(end-start)/10)
			err = r.token(token, utf[start:end])
		}
		if err != nil {
			return nil, err
		}
	}
}

func (r *xmlReader) finish() (*xmlDoc, error) {
	switch {
	case r.at != r.doc.top:
		return nil, errXMLOpen
	case r.doc.root() == nil:
		return nil, errXMLRoot
	}
	return r.doc, nil
}

// token adds what a token stands for; raw is its text.
func (r *xmlReader) token(token xml.Token, raw []byte) error {
	switch t := token.(type) {
	case xml.CharData:
		return r.characters(string(t), bytes.HasPrefix(raw, []byte("<![CDATA[")))
	case xml.StartElement:
		r.settle(false)
		return r.start(t, raw)
	case xml.EndElement:
		r.settle(true)
		return r.end(t)
	case xml.Comment:
		r.settle(false)
		r.add(&xmlNode{kind: xmlComment, text: string(t)})
	case xml.ProcInst:
		return r.instruction(t, raw)
	case xml.Directive:
		return r.directive(string(t))
	}
	return nil
}

func (r *xmlReader) add(n *xmlNode) {
	n.doc = r.doc
	r.at.push(n)
}

func (r *xmlReader) characters(text string, cdata bool) error {
	blank := strings.Trim(text, " \t\r\n") == ""
	switch {
	case r.at == r.doc.top && (cdata || !blank):
		return errXMLRoot
	case r.at == r.doc.top:
		return nil
	case cdata:
		r.settle(false)
		r.add(&xmlNode{kind: xmlCData, text: text})
	case blank && !r.keepBlanks:
		r.blank = text
	default:
		r.add(&xmlNode{kind: xmlText, text: text})
	}
	return nil
}

// settle decides about white space once it is known what follows. libxml2
// drops it between elements, and keeps it where it is all that an element has,
// behind text, and where the element begins with text.
func (r *xmlReader) settle(ends bool) {
	text := r.blank
	r.blank = ""
	if text == "" {
		return
	}
	first, last := r.at.first, r.at.last
	if first == nil && ends || first != nil && (first.isText() || last.isText()) || r.preserved() {
		r.add(&xmlNode{kind: xmlText, text: text})
	}
}

// preserved is whether xml:space says that white space matters (XML 1.0
// §2.10).
func (r *xmlReader) preserved() bool {
	for n := r.at; n != nil; n = n.parent {
		if a := n.attrNS("space", xmlNamespaceXML, false); a != nil {
			return a.value == "preserve"
		}
	}
	return false
}

func (r *xmlReader) start(t xml.StartElement, raw []byte) error {
	if r.at == r.doc.top && r.doc.root() != nil {
		return errXMLRoot
	}
	if r.depth++; r.depth > xmlReadDepth {
		return errXMLDepth
	}
	n := &xmlNode{kind: xmlElement}
	r.add(n)
	plain := !bytes.Contains(raw, []byte("&#"))
	for _, a := range t.Attr {
		value := a.Value
		if plain { // XML 1.0 §3.3.3: a line end in the text is a blank, &#10; is not
			value = xmlBlanks.Replace(value)
		}
		switch {
		case a.Name.Space == "xmlns":
			n.declared = append(n.declared, &xmlNamespace{a.Name.Local, value})
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			n.declared = append(n.declared, &xmlNamespace{"", value})
		default:
			n.attrs = append(n.attrs, xmlAttr{name: xmlRawName(a.Name), value: value})
		}
	}
	n.name, n.ns = n.resolve(xmlRawName(t.Name), true)
	for i := range n.attrs {
		n.attrs[i].name, n.attrs[i].ns = n.resolve(n.attrs[i].name, false)
	}
	r.at = n
	return n.unique(r.charge)
}

var xmlBlanks = strings.NewReplacer("\n", " ", "\t", " ", "\r", " ")

func xmlRawName(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}

// resolve takes a name apart. Where its prefix is not declared, the name
// stays whole, as libxml2 leaves it. The default namespace is for elements
// only (Namespaces in XML 1.0 §6.2).
func (n *xmlNode) resolve(qname string, element bool) (string, *xmlNamespace) {
	prefix, local, ok := strings.Cut(qname, ":")
	switch {
	case ok && prefix == "xml":
		return local, &xmlNamespace{"xml", xmlNamespaceXML}
	case ok:
		if ns := n.lookup(prefix); ns != nil {
			return local, ns
		}
	case element:
		if ns := n.lookup(""); ns != nil && ns.href != "" {
			return qname, ns
		}
	}
	return qname, nil
}

// unique finds attributes of one name (XML 1.0 §3.1).
func (n *xmlNode) unique(charge func(int)) error {
	charge(10 * len(n.attrs))
	seen := make(map[string]bool, len(n.attrs))
	for _, a := range n.attrs {
		key := a.name
		if a.ns != nil {
			key += "\x00" + a.ns.href
		}
		if seen[key] {
			return errXMLAttr
		}
		seen[key] = true
	}
	return nil
}

func (r *xmlReader) end(t xml.EndElement) error {
	if r.at == r.doc.top || xmlRawName(t.Name) != r.at.qualified() {
		return errXMLEnd
	}
	r.at = r.at.parent
	r.depth--
	return nil
}

func (r *xmlReader) instruction(t xml.ProcInst, raw []byte) error {
	r.settle(false)
	if !strings.EqualFold(t.Target, "xml") {
		r.add(&xmlNode{kind: xmlPI, name: t.Target, text: string(t.Inst)})
		return nil
	}
	if &raw[0] != &r.text[0] { // XML 1.0 §2.8: it comes first
		return errXMLProlog
	}
	return nil
}

// directive takes the DOCTYPE. One that declares entities is refused: without
// them its document would not be what it says, with them it may be a bomb.
func (r *xmlReader) directive(text string) error {
	r.settle(false)
	switch {
	case !strings.HasPrefix(text, "DOCTYPE") || r.at != r.doc.top || r.doc.root() != nil || r.doc.doctype != "":
		return errXMLProlog
	case strings.Contains(text, "<!ENTITY"):
		return errXMLEntity
	}
	r.doc.doctype = text
	return nil
}

// xmlEncoding finds the encoding that a document declares (XML 1.0 §4.3.3).
var xmlEncoding = regexp.MustCompile(`^<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]*)["']`)

// xmlToUTF8 makes a document UTF-8, by its byte order mark or its declaration.
func xmlToUTF8(text []byte) ([]byte, error) {
	if rest, ok := bytes.CutPrefix(text, []byte("\xef\xbb\xbf")); ok {
		return rest, nil
	}
	var decoder *encoding.Decoder
	name := xmlEncoding.FindSubmatch(text[:min(len(text), 256)])
	switch {
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")):
		decoder = unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM).NewDecoder()
	case name == nil:
		return text, nil
	default:
		switch strings.ToLower(string(name[1])) {
		case "utf-8", "utf8", "us-ascii", "ascii":
			return text, nil
		case "iso-8859-1", "latin1":
			decoder = charmap.ISO8859_1.NewDecoder() // the index takes windows-1252 for it
		default:
			e, err := htmlindex.Get(string(name[1]))
			if err != nil {
				return nil, errXMLCharset
			}
			decoder = e.NewDecoder()
		}
	}
	out, err := decoder.Bytes(text)
	if err != nil || !utf8.Valid(out) || len(out) > 3*xmlMaxText {
		return nil, errXMLCharset
	}
	return out, nil
}
