package api

import (
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

const xmlSample = `<?xml version="1.0" encoding="utf-8"?>
<doc>
  <item name="one">
    <property name="prop1" value="value1">hello</property>
  </item>
  <item name="two">
    <property name="prop1" value="value2">there</property>
  </item>
</doc>
`

func newXMLWorld(t *testing.T, text string) *fakeWorld {
	t.Helper()
	w := newWorld(t)
	w.run(`doc = xml.parsexml([==[` + text + `]==]) root = doc:root()`)
	return w
}

func TestXMLReadsAndWrites(t *testing.T) {
	w := newXMLWorld(t, xmlSample)
	w.is(xmlSample, `return doc:tostring()`)
	for _, c := range []struct{ script, want string }{
		{`return tostring(doc) == doc:tostring(), node == nil`, `true true`},
		{`return root:name(), root:attr("none"), doc == root:doc(), root:document() == doc, root == doc:root()`, `doc nil true true true`},
		{`root:attr("foo", "bar") local a = root:attribute("foo") root:attr("foo", nil) return a, root:attr("foo")`, `bar nil`},
		{`local s = "" for kid in root:children() do s = s .. kid:name() .. kid:attr("name") .. " " end return s`, `itemone itemtwo `},
		{`return root:contents()`, `hellothere`},
		{`local n = root:addchild("fruit") local bare = n:tostring() n:contents("and <vegetables>") return n:name(), bare, n:contents(), n`,
			`fruit <fruit/> and <vegetables> <fruit>and &lt;vegetables&gt;</fruit>`},
		{`local n = root:addchild("x") n:contents("a") n:contents("") local out = tostring(n) n:unlink() return out`, `<x/>`},
		{`local n = root:addchild("c") local c = n:copy() c:attr("cloned", "trooper")
			return n:attr("cloned"), c:attr("cloned"), c:attrns("cloned"), c:attrns("cloned", ""), c:attrns("cloned", "boo"), c:doc()`,
			`nil trooper trooper nil nil nil`},
		{`local n = xml.newnode("foo") local name = n:name() n:addchild("body"):contents("t") return name, n, n:doc()`, "foo <foo>\n  <body>t</body>\n</foo> nil"},
		{`local d = xml.parsexml("<doc><item/></doc>") local r = d:root():unlink() local empty = d:root()
			return r, empty, d`, "<doc>\n  <item/>\n</doc> nil <?xml version=\"1.0\" encoding=\"utf-8\"?>\n"},
		{`local d = xml.parsexml("<a><b/><c/></a>") local a = d:root() local b
			for kid in a:children() do if not b then b = kid end kid:unlink() end
			a:addchild(b) return a, b:doc() == d`, "<a>\n  <b/>\n</a> true"},
		{`local child = xml.parsexml("<doc></doc>"):root():addchild("item") child:attr("name", "Junior") child:contents("I am")
			local s = "" for kid in child:children() do s = s .. kid:name() .. "=" .. kid:contents() end return child, s`, `<item name="Junior">I am</item> text=I am`},
	} {
		w.is(c.want, c.script)
	}
}

func TestXMLText(t *testing.T) {
	w := newWorld(t)
	for text, want := range map[string]string{
		`<a> <b/> </a>`:                          `<a><b/></a>`,
		`<a> </a>`:                               `<a> </a>`,
		`<a>x <b/> <c/></a>`:                     `<a>x <b/> <c/></a>`,
		`<a xml:space="preserve"> <b/> </a>`:     `<a xml:space="preserve"> <b/> </a>`,
		`<a>&lt;&amp;&#228;</a>`:                 `<a>&lt;&amp;ä</a>`,
		`<a b='"&lt;&#10;'/>`:                    `<a b="&quot;&lt;&#10;"/>`,
		"<a b='x\ny'/>":                          `<a b="x y"/>`,
		`<a><![CDATA[<x>]]></a>`:                 `<a><![CDATA[<x>]]></a>`,
		`<a><!-- c --><?pi data?></a>`:           "<a><!-- c --><?pi data?></a>",
		`<x:a xmlns:x="urn:x" x:b="1"/>`:         `<x:a xmlns:x="urn:x" x:b="1"/>`,
		`<a xmlns="urn:d"><b/></a>`:              `<a xmlns="urn:d"><b/></a>`,
		`<x:a/>`:                                 `<x:a/>`,
		`<!DOCTYPE html SYSTEM "http://x/"><a/>`: `<a/>`,
		"\xef\xbb\xbf<a>ä</a>":                   `<a>ä</a>`,
		"<?xml version='1.0' encoding='iso-8859-1'?><a>\xe4</a>": `<a>ä</a>`,
		"\xff\xfe<\x00a\x00/\x00>\x00":                           `<a/>`,
	} {
		w.L.SetGlobal("text", lua.LString(text))
		got := strings.Join(w.run(`return xml.parsexml(text):root()`), " ")
		if flat := strings.NewReplacer("\n", "", "  ", "").Replace(got); flat != want {
			t.Errorf("%q gave %q, wanted %q", text, got, want)
		}
	}
	w.is("<a> <b/> </a>", `return xml.parsexml("<a> <b/> </a>", 1):root()`)
	w.is(`x nil urn:d a`, `local r = xml.parsexml("<a xmlns='urn:d'>x<![CDATA[y]]></a>"):root()
		local it = r:children() local one, two = it(), it() return one:contents(), two:name(), tostring(r):match("urn:d"), r:name()`)
	w.is("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!DOCTYPE html>\n<!--x-->\n<a/>\n", `return xml.parsexml("<!DOCTYPE html><!--x--><a/>")`)
}

func TestXMLNamespaces(t *testing.T) {
	w := newXMLWorld(t, `<s:e xmlns:s="urn:s" xmlns="urn:d"><b s:k="1" k="2" xml:lang="de"/></s:e>`)
	for _, c := range []struct{ script, want string }{
		{`return root:name(), root:children()():attrns("k", "urn:s"), root:children()():attrns("k")`, `e 1 2`},
		{`return root:children()():attr("lang"), root:children()():attrns("lang", "http://www.w3.org/XML/1998/namespace")`, `de de`},
		{`local ns = root:newns("urn:n", "n") local c = root:addchild("c") c:setns(ns) c:attrns("a", ns, "v") c:attrns(ns, "b", "w") return c, root:newns("urn:x", "n")`,
			`<n:c n:a="v" n:b="w"/> nil`},
		{`local b = root:children()() b:attr("s:k", "3") return b:attrns("k", "urn:s"), b:attrns("k")`, `3 2`},
		{`local s = "" for n in doc:xpath("//s:e/b/@s:k") do s = s .. n:name() .. n:contents() end return s`, `k3`},
		{`local s = "" for n in doc:xpath("//*[namespace-uri()='urn:d']") do s = s .. n:name() end return s`, `b`},
		{`local n = xml.newnode("m", root:newns("urn:m", "m")) return n`, `<m:m/>`},
	} {
		w.is(c.want, c.script)
	}
}

func TestXPath(t *testing.T) {
	w := newXMLWorld(t, `<doc><a id="1"><b>x</b></a><a id="2"><b>y</b><c/></a><!--n--><d>3</d></doc>`)
	for query, want := range map[string]string{
		`//b`:                                  `bx by`,
		`/doc/a[2]/b`:                          `by`,
		`//a[@id="1"]`:                         `ax`,
		`//a[b="y"]/c`:                         `c`,
		`//@id`:                                `id1 id2`,
		`//c | //b | /doc/a`:                   `ax bx ay by c`,
		`//c/ancestor::*`:                      `docxy3 ay`,
		`//b/text()`:                           `textx texty`,
		`/doc/comment()`:                       `commentn`,
		`//a[last()]/@id`:                      `id2`,
		`//*[local-name()="d"]`:                `d3`,
		`//a[starts-with(@id, "2")]`:           `ay`,
		`//c/preceding-sibling::b`:             `by`,
		`count(//a)`:                           ``,
		`string(//d)`:                          ``,
		`//nothing`:                            ``,
		`/`:                                    ``,
		`//d[. = "replace(1)"]`:                ``,
		`//d[(1) and (position() = 1) or (2)]`: `d3`,
		`//b[string-length(concat(., 'x')) = 2][contains(., "y")]`: `by`,
	} {
		got := w.run(`local out = {} for n in doc:xpath([==[` + query + `]==]) do table.insert(out, n:name() .. n:contents()) end return table.concat(out, " ")`)
		if got[0] != want {
			t.Errorf("%s found %q, wanted %q", query, got[0], want)
		}
	}
	w.is("by", `local second for n in doc:xpath("/doc/a[2]") do second = n end
		local s = "" for n in doc:xpath("b", second) do s = s .. n:name() .. n:contents() end return s`)
	w.is(`9 9  id="9"`, `for n in doc:xpath("/doc/a[1]/@id") do n:contents("9") for again in doc:xpath("/doc/a[1]") do return n:contents(), again:attr("id"), n end end`)
	if len(w.printed) != 0 {
		t.Errorf("printed %q", w.printed)
	}
}

func TestXPathThatCannotBeFindsNothing(t *testing.T) {
	w := newXMLWorld(t, xmlSample)
	for _, query := range []string{"//", "//x:item", "//item[", "foo(", "//item[replace(., 'a', 'b') = 'b']", "//item[matches(., 'x')]", "//item[starts-with(1, 2)]", strings.Repeat("/a", 5000), ""} {
		w.printed = nil
		w.is("0", `local n = 0 for _ in doc:xpath([==[`+query+`]==]) do n = n + 1 end return n`)
		if len(w.printed) != 1 || !strings.HasPrefix(w.printed[0], "doc:xpath: ") || len(w.printed[0]) > 400 {
			t.Errorf("%.40s: printed %q", query, w.printed)
		}
	}
}

func TestXMLRefuses(t *testing.T) {
	w := newWorld(t)
	for text, want := range map[string]string{
		``:                 "root element",
		`text`:             "root element",
		`<a>`:              "inside an element",
		`<a></b>`:          "not open",
		`</a>`:             "not open",
		`<a/><b/>`:         "root element",
		`<a/>x`:            "root element",
		`<a b="1" b="2"/>`: "twice",
		`<a xmlns:x="u" xmlns:y="u" x:b="1" y:b="2"/>`: "twice",
		`<a>&unknown;</a>`:           "invalid character entity",
		`<a b=c/>`:                   "unquoted",
		"<a>\x00</a>":                "illegal character",
		"<a>\xe4</a>":                "invalid UTF-8",
		` <?xml version="1.0"?><a/>`: "out of place",
		`<a/><!DOCTYPE a>`:           "out of place",
		`<?xml version="1.0" encoding="klingon"?><a/>`:                     "encoding",
		`<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;">]><a>&y;</a>`: "declares entities",
		`<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`: "declares entities",
		strings.Repeat("<a>", 257) + strings.Repeat("</a>", 257):           "deeper than 256",
		"<a>" + strings.Repeat("x", xmlMaxText) + "</a>":                   "larger than 10 MiB",
	} {
		w.L.SetGlobal("text", lua.LString(text))
		got := w.run(`return xml.parsexml(text)`)
		if len(got) != 2 || got[0] != "nil" || !strings.Contains(got[1], want) {
			t.Errorf("%.60q gave %q, wanted %q", text, got, want)
		}
	}
}

func TestXMLMisuse(t *testing.T) {
	w := newXMLWorld(t, xmlSample)
	w.raises("bad argument #1 to 'parsexml' (string expected, got nil)", `xml.parsexml(nil)`)
	w.raises("must be called with no arguments", `root:name("boo")`)
	w.raises("bad self", `local n = xml.newnode("foo") n:free() n:name()`)
	w.raises("is no XML name", `xml.newnode("a b")`)
	w.raises("is no XML name", `root:addchild("<x>")`)
	w.raises("is no XML name", `root:attr("a=b", "c")`)
	w.raises("a node cannot be below itself", `root:addchild(root)`)
	w.raises("a node cannot be below itself", `for kid in root:children() do kid:addchild(root) end`)
	w.raises("string or xml_node expected, got table", `root:addchild({})`)
	w.raises("string or xml_node expected, got xml_doc", `root:addchild(doc)`)
	w.raises("an attribute is no child", `for a in doc:xpath("//@name") do root:addchild(a) end`)
	w.raises("no element", `for t in doc:xpath("//text()") do t:addchild("x") end`)
	w.raises("a node of the document expected", `doc:xpath("//x", xml.newnode("y"))`)
	w.raises("bad argument #1 to 'setns' (xml_namespace expected, got string)", `root:setns("urn:x")`)
	w.raises("must be a xml_namespace", `root:attrns("a", "urn:x", "v")`)
	w.raises("nested deeper than 1000", `local n = root for i = 1, 1001 do n = n:addchild("x") end`)
	w.raises("longer than 16 MiB", `local r = xml.newnode("r") r:contents(("x"):rep(1e6)) for i = 1, 6 do local c = r:copy() r:addchild(c) end tostring(r)`)
}

func TestXMLIsCharged(t *testing.T) {
	w := newXMLWorld(t, "<d>"+strings.Repeat("<a><b/></a>", 1000)+"</d>")
	for script, atLeast := range map[string]int{
		`for _ in doc:xpath("//*//*//*") do end`: 20000,
		`tostring(doc)`:                          20000,
		`root:copy()`:                            20000,
	} {
		w.spent = 0
		w.run(script)
		if w.spent < atLeast {
			t.Errorf("%s was charged %d steps", script, w.spent)
		}
	}
	w.spent, w.limit = 0, 100000
	w.raises("budget", `for _ in doc:xpath("//*[count(//*) > count(//*//*)]") do end`)
}

func FuzzXML(f *testing.F) {
	for _, s := range []string{xmlSample, `<a xmlns:x="u"><![CDATA[x]]><?p q?></a>`, `<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`, "\xff\xfe<\x00", `<a b='&#10;'> <b/> </a>`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		charge := func(int) {}
		d, err := parseXML([]byte(text), false, charge)
		if err != nil {
			return
		}
		out, err := xmlDocumentText(d, charge)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseXML([]byte(out), true, charge)
		if err != nil {
			t.Fatalf("%q gave %q: %v", text, out, err)
		}
		if a, b := d.root().content(), again.root().content(); strings.Trim(a, " \n\t") == "" != (strings.Trim(b, " \n\t") == "") {
			t.Errorf("%q has %q, then %q", text, a, b)
		}
	})
}

// FuzzXPath: no expression may bring the process down, or cost more than it
// is charged for.
func FuzzXPath(f *testing.F) {
	for _, s := range []string{
		`//a[@id="1"]/b | //c`, `//*[local-name()="d"][last()]`, `count(//a) + sum(//b)`, `//a[position() < 2 and not(b)]`,
		`../ancestor-or-self::node()/@*`, `//b[contains(substring(., 1, 2), 'x')]`, `((((//a))))[1]`, `-//a`, `//x:y`,
		strings.Repeat("(", 300), strings.Repeat("a[", 300), strings.Repeat("-", 300) + "1", strings.Repeat("not(", 300),
	} {
		f.Add(s)
	}
	d, err := parseXML([]byte(`<doc xmlns:x="urn:x"><a id="1"><b>x</b></a><a id="2"><b>y</b><c/></a><!--n--><x:y>3</x:y></doc>`), false, func(int) {})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, query string) {
		spent := 0
		defer func() {
			problem := recover()
			if _, budget := problem.(*lua.ApiError); problem != nil && !budget {
				t.Errorf("%q: %v", query, problem)
			}
		}()
		nodes, err := xmlSelect(d.top, query, func(steps int) {
			if spent += steps; spent > 10_000_000 {
				panic(&lua.ApiError{Object: lua.LString("budget")})
			}
		})
		if err != nil && len(nodes) > 0 {
			t.Errorf("%q found %d nodes and failed: %v", query, len(nodes), err)
		}
	})
}
