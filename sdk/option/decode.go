package option

import "reflect"

// Problem is one thing wrong with a scope.
type Problem struct {
	Pos  Pos
	Text string
}

// Problems is everything wrong; nil is none.
type Problems []Problem

// SchemaOf derives the schema of a scope from a tagged struct, or a pointer to
// one:
//
//	type options struct {
//		CacheSize int64         `opt:"cache_size" default:"1000" unit:"entries" help:"Results kept."`
//		Mode      uint32        `opt:"file_mode" type:"octal" default:"0660"`
//		TLS       string        `opt:"tls" enum:"no,ifavailable,required" default:"no"`
//		Retry     *int64        `opt:"retries"` // nil where it was not set
//		Instance  string        `opt:",instance"`
//		Pos       Pos           `opt:",pos"`
//		Scripts   []scriptScope `scope:"script" help:"One script."`
//	}
//
// The Go type gives the option type; `type:"octal"` and the like override it.
// Untagged structs that are embedded count as if their fields stood here. The
// items of a scope slice need a name if their struct has an instance field;
// `opt:",instance,optional"` and `opt:",instance,required"` say otherwise. A
// tag that makes no sense is an error of the programmer: SchemaOf panics, as
// regexp.MustCompile does.
func SchemaOf(name string, tagged any) Schema {
	return planOf(reflect.TypeOf(tagged)).schema(name)
}

// Decode reads a scope into the tagged struct dst points to, defaults first.
// It reports every unknown option with the nearest right name, every value of
// the wrong type, and every unknown inner scope; what is right is stored all
// the same. Fields without a tag are left alone.
func Decode(s *Scope, dst any) Problems {
	return planOf(reflect.TypeOf(dst)).decode(s, reflect.ValueOf(dst).Elem())
}

// DecodeLayers reads one set of options from several scopes, lowest priority
// first: defaults, then each scope over the ones before it. Options that the
// struct does not have and inner scopes are ignored; nil scopes are skipped.
// It is for core options that fall back over many scopes
// (reference/config-syntax.md §2).
func DecodeLayers(dst any, layers ...*Scope) Problems {
	return planOf(reflect.TypeOf(dst)).layers(reflect.ValueOf(dst).Elem(), layers)
}

// Decoder decodes one struct type again and again: the tags are read once, by
// NewDecoder. It is safe for concurrent use.
type Decoder[T any] struct{ plan *plan }

// NewDecoder reads the tags of T. It panics where SchemaOf does.
func NewDecoder[T any]() *Decoder[T] {
	return &Decoder[T]{plan: planOf(reflect.TypeFor[T]())}
}

// Decode is the function Decode for T.
func (d *Decoder[T]) Decode(s *Scope, dst *T) Problems {
	return d.plan.decode(s, reflect.ValueOf(dst).Elem())
}

// Layers is the function DecodeLayers for T.
func (d *Decoder[T]) Layers(dst *T, layers ...*Scope) Problems {
	return d.plan.layers(reflect.ValueOf(dst).Elem(), layers)
}

// Schema is the function SchemaOf for T.
func (d *Decoder[T]) Schema(name string) Schema { return d.plan.schema(name) }

// decode checks by the plan's own schema, so that Check and Decode can never
// disagree, and then stores what is right.
func (p *plan) decode(s *Scope, dst reflect.Value) Problems {
	schema := p.schema(s.Name)
	problems := Check(s, &schema)
	p.fill(s, dst)
	return problems
}

func (p *plan) fill(s *Scope, dst reflect.Value) {
	p.setDefaults(dst)
	p.apply(s, dst)
	for i := range p.inner {
		p.inner[i].fill(s, dst)
	}
}

func (in *innerField) fill(s *Scope, dst reflect.Value) {
	field := dst.FieldByIndex(in.index)
	found := s.Children(in.name)
	switch in.shape {
	case innerSlice:
		list := reflect.MakeSlice(field.Type(), len(found), len(found))
		for i, child := range found {
			in.plan.fill(child, list.Index(i))
		}
		field.Set(list)
	case innerPointer:
		field.SetZero()
		for _, child := range found {
			item := reflect.New(field.Type().Elem())
			in.plan.fill(child, item.Elem())
			field.Set(item)
		}
	case innerStruct:
		in.plan.fill(&Scope{Name: in.name}, field)
		for _, child := range found {
			in.plan.fill(child, field)
		}
	}
}

func (p *plan) layers(dst reflect.Value, layers []*Scope) Problems {
	var problems Problems
	p.setDefaults(dst)
	for _, s := range layers {
		if s != nil {
			problems = append(problems, p.apply(s, dst)...)
		}
	}
	return problems
}

// apply stores the options that s sets, and its name and place.
func (p *plan) apply(s *Scope, dst reflect.Value) Problems {
	var problems Problems
	for i := range s.Attrs {
		at, known := p.byName[s.Attrs[i].Name]
		if !known {
			continue
		}
		f := &p.fields[at]
		d, wrong := read(&f.opt, s.Attrs[i].Value)
		if wrong != nil {
			problems = append(problems, wrong...)
			continue
		}
		store(dst.FieldByIndex(f.index), &d)
	}
	if p.instance != nil {
		dst.FieldByIndex(p.instance).SetString(s.Instance)
	}
	if p.pos != nil {
		dst.FieldByIndex(p.pos).Set(reflect.ValueOf(s.Pos))
	}
	return problems
}

func (p *plan) setDefaults(dst reflect.Value) {
	for i := range p.fields {
		f := &p.fields[i]
		field := dst.FieldByIndex(f.index)
		if !f.hasDefault {
			field.SetZero()
			continue
		}
		// A list or dictionary is made anew, so that no two structs share it.
		d := f.deflt
		store(field, d.clone())
	}
}
