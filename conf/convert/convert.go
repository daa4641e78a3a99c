package convert

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/sdk/option"
)

// Options say what to convert, and into what.
type Options struct {
	Path   string         // the original's main file
	Search []string       // directories in which includes are looked for, behind that of the including file
	FS     conf.FS        // nil: the real one
	Schema *option.Schema // all scopes and options that there are
	// Split makes a file of each file that is included; else there is one file,
	// and what is included stands in it.
	Split bool
	// Further, if set, says what else is wrong with the result, which is at path
	// in fsys; positions are those of the result.
	Further func(fsys conf.FS, path string) []option.Problem
}

// Result is what came of it.
type Result struct {
	Files    []*File   // the main file first
	Findings []Finding // by file and line
	Defaults []Default // options that are not set and have another default here
	Scripts  []Script  // in the order of the files
	Sources  []Datasource
	Paths    []Place // values that name a file or directory by its whole path
	Read     []string
}

// Rounds in which what a check of the result refuses is taken out.
const maxRounds = 20

// Convert reads and converts a configuration. The error says that the main
// file cannot be read; everything else is a finding.
func Convert(o Options) (*Result, error) {
	if o.FS == nil {
		o.FS = conf.OS{}
	}
	o.Path = filepath.Clean(o.Path)
	c := &converter{o: o, known: knownNames(), sources: map[string]*source{}, refused: map[*item]string{}}
	main, err := c.read(o.Path)
	if err != nil {
		return nil, err
	}
	for range maxRounds {
		c.start()
		name, _ := c.place(main.path, filepath.Base(o.Path), context{})
		c.file(main, context{schema: o.Schema}, name)
		if !c.check() {
			break
		}
	}
	c.further()
	return c.result(), nil
}

// converter is one conversion. What start empties is of one round.
type converter struct {
	o       Options
	known   map[string]known
	sources map[string]*source
	order   []string         // the sources' paths as they were first read
	syntax  []Finding        // of the parser
	refused map[*item]string // what a check does not take, and why

	files    []*File
	placed   map[string]placeKey // what has which name
	current  *File
	instance string // of the innermost scope
	reads    int
	stack    []string // sources that are being converted, outermost first
	findings []Finding
	set      map[string]bool // options that are set anywhere
	scripts  []Script
	data     []Datasource
	paths    []Place
}

func (c *converter) start() {
	c.files, c.placed, c.reads, c.findings = nil, map[string]placeKey{}, 0, nil
	c.set, c.scripts, c.data, c.paths = map[string]bool{}, nil, nil, nil
}

// context is where an item stands.
type context struct {
	schema *option.Schema // of the scope
	path   string         // the scope's, as "esmtp_listener::listen"; "" for the global one
}

func (k context) inner(schema *option.Schema) context {
	path := schema.Name
	if k.path != "" {
		path = k.path + "::" + path
	}
	return context{schema, path}
}

func (c *converter) find(kind Kind, pos option.Pos, format string, args ...any) {
	c.findings = append(c.findings, Finding{Kind: kind, Pos: pos, Text: fmt.Sprintf(format, args...)})
}

// leaveOut keeps an item as a comment and reports it.
func (c *converter) leaveOut(g *page, it *item, why string) { c.drop(g, it, Unconverted, why) }

func (c *converter) drop(g *page, it *item, kind Kind, why string) {
	what := it.label() + ": "
	if strings.HasPrefix(strings.ToLower(why), it.key()+" ") {
		what = "" // the reason says it
	}
	c.find(kind, it.pos(), "%s%s", what, why)
	g.asComment(it, why)
}

// label is how a finding calls an item.
func (it *item) label() string {
	if it.named {
		return fmt.Sprintf("%s %q", it.name, it.instance)
	}
	return it.name
}

// body converts what is in a file or a scope.
func (c *converter) body(g *page, items []*item, k context) {
	items = c.expand(items)
	last := map[string]*item{}
	for _, it := range items {
		if it.kind == optionItem {
			last[it.key()] = it
		}
	}
	for _, it := range items {
		if it.above {
			g.empty()
		}
		switch why := c.refused[it]; {
		case it.kind == commentItem:
			text := it.say
			if text == "" {
				text = it.text()
			}
			g.put(nil, it.pos(), commentText(text))
		case it.kind == junkItem:
			g.asComment(it, it.why)
		case why != "":
			c.leaveOut(g, it, why)
		case it.kind == includeItem:
			c.include(g, it, k)
		case it.kind == scopeItem:
			c.scope(g, it, k)
		case last[it.key()] != it:
			again := last[it.key()].pos()
			c.find(Overridden, it.pos(), "%s is set again at %s, and that counts", it.name, again)
			g.asComment(it, fmt.Sprintf("set again at %s", again))
		default:
			c.option(g, it, k)
		}
	}
}

// option converts name = value.
func (c *converter) option(g *page, it *item, k context) {
	name := it.key()
	o := k.schema.Option(name)
	if o == nil {
		kind, why := c.noOption(name, k)
		c.drop(g, it, kind, why)
		return
	}
	v := normal(o, it.value.Value)
	if problems := o.Check(v); len(problems) > 0 {
		c.leaveOut(g, it, problems[0].Text)
		return
	}
	c.set[name] = true
	if why := unsafe(name, v, k.path); why != "" {
		c.find(Unsafe, it.pos(), "%s: %s", it.name, why)
	}
	c.note(it, v, k)
	g.option(it, name, v)
}

// scope converts name "instance" { ... }.
func (c *converter) scope(g *page, it *item, k context) {
	schema := k.schema.Scope(it.key())
	if schema == nil {
		kind, why := c.noScope(it.key(), k)
		c.drop(g, it, kind, why)
		return
	}
	instance, why := instanceOf(it, schema, k)
	if why == "" && schema.Option("enabled") == nil && k.path == "" && disabled(it) {
		why = "it is switched off, and mtad has no switch here"
	}
	if why != "" {
		c.leaveOut(g, it, why)
		return
	}
	g.comments(it)
	head := schema.Name
	if instance != "" {
		head += " " + hclString(instance)
	}
	if len(it.items) == 0 && it.behind == "" {
		g.put(it, it.pos(), head+" {}"+behind(it.after))
		return
	}
	g.put(it, it.pos(), head+" {"+behind(it.behind))
	outer := c.instance
	c.instance = instance
	c.body(g, it.items, k.inner(schema))
	c.instance = outer
	g.put(it, it.pos(), "}"+behind(it.after))
}

// instanceOf is the name that a scope has in HCL. The original's modules may go
// without, or have one that says nothing.
func instanceOf(it *item, schema *option.Schema, k context) (string, string) {
	switch {
	case schema.Instance == option.InstanceForbidden:
		return "", ""
	case schema.Instance != option.InstanceRequired || it.instance != "":
		return it.instance, ""
	case k.path != "" || wantsName[schema.Name]:
		return "", fmt.Sprintf(`it needs a name: %s "..." { }`, it.name)
	}
	return schema.Name, ""
}

// wantsName are the global scopes whose name says what they are for.
var wantsName = map[string]bool{
	"domain": true, "host": true, "binding": true, "binding_group": true, "pathway": true,
	"pathway_group": true, "datasource": true, "threadpool": true, "module": true,
}

// disabled reports a module's scope that is switched off.
func disabled(it *item) bool {
	off := false
	for _, inner := range it.items {
		if inner.kind == optionItem && inner.key() == "enabled" {
			off = boolText(inner.value.Text) == "false"
		}
	}
	return off
}

// noOption says why an option is left out.
func (c *converter) noOption(name string, k context) (Kind, string) {
	scope := k.schema.Name
	if k.schema.Scope(name) != nil {
		return Unconverted, "this is a scope: write " + name + " { ... }"
	}
	if own, ok := about(c.known, scope+"::"+name); ok {
		return own.sentence()
	}
	general, ok := about(c.known, name)
	if ok && general.class == dead {
		return general.sentence()
	}
	if where := scopesWith(c.o.Schema, func(s *option.Schema) bool { return s.Option(name) != nil }); len(where) > 0 {
		return Unconverted, fmt.Sprintf("mtad has this option in %s, not in %s", strings.Join(where, ", "), scope)
	}
	if ok {
		return general.sentence()
	}
	return Unconverted, "mtad does not know this option" + didYouMean(name, namesOf(k.schema))
}

// noScope says why a scope is left out.
func (c *converter) noScope(name string, k context) (Kind, string) {
	if k.schema.Option(name) != nil {
		return Unconverted, "this is an option: write " + name + " = ..."
	}
	if where := scopesWith(c.o.Schema, func(s *option.Schema) bool { return s.Scope(name) != nil }); len(where) > 0 {
		return Unconverted, fmt.Sprintf("mtad has this scope in %s, not in %s", strings.Join(where, ", "), k.schema.Name)
	}
	if known, ok := about(c.known, name); ok {
		return known.sentence()
	}
	names := make([]string, len(k.schema.Scopes))
	for i := range k.schema.Scopes {
		names[i] = k.schema.Scopes[i].Name
	}
	return Unconverted, "mtad does not know this scope" + didYouMean(name, names)
}

func namesOf(s *option.Schema) []string {
	names := make([]string, len(s.Options))
	for i := range s.Options {
		names[i] = s.Options[i].Name
	}
	return names
}

func didYouMean(name string, names []string) string {
	if near := option.Nearest(name, names); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// scopesWith lists the scopes for which has is true, each name once.
func scopesWith(s *option.Schema, has func(*option.Schema) bool) []string {
	seen := map[string]bool{}
	var out []string
	var visit func(*option.Schema)
	visit = func(s *option.Schema) {
		if has(s) && !seen[s.Name] {
			seen[s.Name] = true
			out = append(out, s.Name)
		}
		for i := range s.Scopes {
			visit(&s.Scopes[i])
		}
	}
	visit(s)
	return out
}
