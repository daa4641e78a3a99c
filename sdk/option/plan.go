package option

import (
	"fmt"
	"reflect"
	"strings"
)

// plan is what the tags of one struct type say.
type plan struct {
	fields   []optionField
	byName   map[string]int // option name to index into fields
	inner    []innerField
	instance []int // field index of the instance; nil: none
	rule     InstanceRule
	ruleSet  bool // the tag names the rule
	pos      []int
}

// optionField is one field with an opt tag.
type optionField struct {
	opt        Option
	index      []int
	deflt      datum
	hasDefault bool
}

// innerField is one field with a scope tag.
type innerField struct {
	name  string
	help  string
	index []int
	plan  *plan
	shape innerShape
}

type innerShape uint8

const (
	innerSlice   innerShape = iota // []T: every scope of the name
	innerPointer                   // *T: nil where there is none
	innerStruct                    // T: defaults where there is none
)

// planOf reads the tags of a struct type, or of what a pointer points to.
func planOf(t reflect.Type) *plan {
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("option: %v is no struct", t))
	}
	p := &plan{byName: map[string]int{}}
	p.add(t, nil)
	return p
}

// add takes the fields of t, which is the struct itself or embedded in it.
func (p *plan) add(t reflect.Type, at []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(append([]int(nil), at...), i)
		name, hasOpt := f.Tag.Lookup("opt")
		scope, hasScope := f.Tag.Lookup("scope")
		switch {
		case hasScope:
			p.addScope(f, strings.ToLower(scope), index)
		case hasOpt && strings.HasPrefix(name, ","):
			p.addSpecial(f, name, index)
		case hasOpt:
			p.addOption(f, strings.ToLower(name), index)
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			p.add(f.Type, index)
		}
	}
}

func (p *plan) addSpecial(f reflect.StructField, tag string, index []int) {
	kind, rule, ruled := strings.Cut(tag[1:], ",")
	switch {
	case kind == "instance" && f.Type.Kind() == reflect.String:
		p.instance, p.ruleSet = index, ruled
		switch rule {
		case "", "optional":
		case "required":
			p.rule = InstanceRequired
		default:
			badTag(f, "unknown instance rule %q", rule)
		}
	case kind == "pos" && f.Type == reflect.TypeFor[Pos]():
		p.pos = index
	default:
		badTag(f, "opt:%q does not fit type %s", tag, f.Type)
	}
}

func (p *plan) addScope(f reflect.StructField, name string, index []int) {
	in := innerField{name: name, help: f.Tag.Get("help"), index: index}
	t := f.Type
	switch t.Kind() {
	case reflect.Slice:
		in.shape, t = innerSlice, t.Elem()
	case reflect.Pointer:
		in.shape, t = innerPointer, t.Elem()
	default:
		in.shape = innerStruct
	}
	if t.Kind() != reflect.Struct {
		badTag(f, "a scope is a struct, a pointer to one or a slice of them, not %s", f.Type)
	}
	in.plan = planOf(t)
	// Many scopes of one name are told apart by their own names.
	if in.shape == innerSlice && in.plan.instance != nil && !in.plan.ruleSet {
		in.plan.rule = InstanceRequired
	}
	p.inner = append(p.inner, in)
}

func (p *plan) addOption(f reflect.StructField, name string, index []int) {
	if !f.IsExported() {
		badTag(f, "the field is not exported")
	}
	o := Option{
		Name:    name,
		Unit:    f.Tag.Get("unit"),
		Default: f.Tag.Get("default"),
		Enum:    words(f.Tag.Get("enum")),
		Scopes:  words(strings.ToLower(f.Tag.Get("scopes"))),
		Help:    f.Tag.Get("help"),
	}
	o.Type = fieldType(f, len(o.Enum) > 0)
	if o.Type == Enum && len(o.Enum) == 0 {
		badTag(f, "an enum needs its words")
	}
	if _, twice := p.byName[name]; twice || name == "" {
		badTag(f, "option %q is there twice or has no name", name)
	}
	field := optionField{opt: o, index: index}
	if v, ok := o.DefaultValue(); ok {
		d, wrong := read(&o, v)
		if wrong != nil {
			badTag(f, "default: %s", wrong[0].Text)
		}
		field.deflt, field.hasDefault = d, true
	}
	p.byName[name] = len(p.fields)
	p.fields = append(p.fields, field)
}

// badTag stops a program whose option structs are wrong. No configuration can
// cause it, and every start would meet it.
func badTag(f reflect.StructField, format string, args ...any) {
	panic("option: field " + f.Name + ": " + fmt.Sprintf(format, args...))
}

func words(list string) []string {
	var out []string
	for _, w := range strings.Split(list, ",") {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}

// schema builds the Schema anew at each call, so that a caller may add to it.
func (p *plan) schema(name string) Schema {
	s := Schema{Name: name, Instance: p.rule}
	for i := range p.fields {
		s.Options = append(s.Options, p.fields[i].opt)
	}
	for i := range p.inner {
		inner := p.inner[i].plan.schema(p.inner[i].name)
		inner.Help = p.inner[i].help
		s.Scopes = append(s.Scopes, inner)
	}
	return s
}
