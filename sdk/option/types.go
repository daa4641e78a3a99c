package option

import (
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"time"
)

// typeNames are the words of the type tag, in the order of the Type constants.
var typeNames = [...]string{
	String: "string", Int: "int", Bool: "bool", Seconds: "seconds", Millis: "millis",
	Octal: "octal", Rate: "rate", Bytes: "bytes", List: "list", Dict: "dict",
	Enum: "enum", CIDRs: "cidrs", Port: "port", Fraction: "fraction",
}

// String is the word of the type tag, for docs.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "unknown"
}

// goTypes says which option types a Go type can hold; the first is what it
// means without a type tag.
var goTypes = map[reflect.Type][]Type{
	reflect.TypeFor[time.Duration]():     {Seconds, Millis},
	reflect.TypeFor[[]string]():          {List},
	reflect.TypeFor[map[string]string](): {Dict},
	reflect.TypeFor[Throttle]():          {Rate},
	reflect.TypeFor[[]netip.Prefix]():    {CIDRs},
	reflect.TypeFor[uint32]():            {Octal},
	reflect.TypeFor[float64]():           {Fraction},
}

// fieldType finds the option type of a field from its Go type and its tags.
func fieldType(f reflect.StructField, enum bool) Type {
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	fits, known := goTypes[t]
	if !known {
		fits = kindTypes(t.Kind())
	}
	if len(fits) == 0 {
		badTag(f, "no option has the Go type %s", f.Type)
	}
	word := f.Tag.Get("type")
	if word == "" {
		if enum && fits[0] == String {
			return Enum
		}
		return fits[0]
	}
	named := Type(slices.Index(typeNames[:], word))
	if !slices.Contains(fits, named) {
		badTag(f, "type:%q does not fit Go type %s", word, f.Type)
	}
	return named
}

func kindTypes(k reflect.Kind) []Type {
	switch k {
	case reflect.String:
		return []Type{String, Enum}
	case reflect.Int, reflect.Int64:
		return []Type{Int, Bytes, Port, Seconds, Millis}
	case reflect.Bool:
		return []Type{Bool}
	}
	return nil
}

// datum is a value after its type was applied; which field is set depends on
// the type.
type datum struct {
	text string
	num  int64 // also Octal, and Seconds and Millis as written
	span time.Duration
	flag bool
	frac float64
	rate Throttle
	list []string
	dict map[string]string
	nets []netip.Prefix
}

// clone shares no list or dictionary with d.
func (d *datum) clone() *datum {
	c := *d
	c.list, c.nets, c.dict = slices.Clone(d.list), slices.Clone(d.nets), maps.Clone(d.dict)
	return &c
}

// store puts a datum into a field of one of the Go types above.
func store(field reflect.Value, d *datum) {
	switch p := field.Addr().Interface().(type) {
	case *time.Duration:
		*p = d.span
	case *[]string:
		*p = d.list
	case *map[string]string:
		*p = d.dict
	case *Throttle:
		*p = d.rate
	case *[]netip.Prefix:
		*p = d.nets
	case *uint32:
		*p = uint32(d.num)
	case *float64:
		*p = d.frac
	default:
		storeKind(field, d)
	}
}

func storeKind(field reflect.Value, d *datum) {
	switch field.Kind() {
	case reflect.Pointer:
		item := reflect.New(field.Type().Elem())
		store(item.Elem(), d)
		field.Set(item)
	case reflect.String:
		field.SetString(d.text)
	case reflect.Int, reflect.Int64:
		field.SetInt(d.num)
	case reflect.Bool:
		field.SetBool(d.flag)
	}
}
