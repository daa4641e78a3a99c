package api

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/dialect"
)

func dumperPackage() Package {
	return Package{
		Name: "msys.dumper",
		Doc:  "Shows what a value holds.",
		Funcs: []Func{{
			Name: "Dumper", Params: []Param{{Name: "value", Type: Any}},
			Returns: "string", Phases: "any", Since: "3.0",
			Doc:     "The value as a Lua statement, keys in order. A table of plain values is one line; one that holds tables is a line for each. What Lua cannot write down, and a table inside itself, is a string between angle brackets.",
			Example: `print(msys.dumper.Dumper({ code = "550", note = "No such address" }))`,
			Do: func(e *Env, L *lua.LState) int {
				d := dumper{e: e, L: L, inside: make(map[*lua.LTable]bool)}
				d.out.WriteString("return ")
				d.value(L.Get(1), 0)
				L.Push(lua.LString(d.out.String()))
				return 1
			},
		}},
	}
}

// The bounds of a dump: it goes into a log.
const (
	dumpDepth = 50
	dumpSize  = 1 << 20 // bytes
)

// dumper writes one value.
type dumper struct {
	e      *Env
	L      *lua.LState
	out    strings.Builder
	inside map[*lua.LTable]bool
}

func (d *dumper) value(v lua.LValue, depth int) {
	d.e.World.Spend(d.L, 20)
	switch v := v.(type) {
	case *lua.LNilType:
		d.out.WriteString("nil")
	case lua.LBool:
		d.out.WriteString(v.String())
	case lua.LNumber:
		d.out.WriteString(dialect.NumberText(float64(v)))
	case lua.LString:
		d.quote(string(v))
	case *lua.LTable:
		d.table(v, depth)
	case *lua.LUserData:
		d.quote(d.object(v))
	default:
		d.quote("<" + v.Type().String() + ">")
	}
}

// object is a userdata as text: what tostring says of one of ours.
func (d *dumper) object(v *lua.LUserData) string {
	if d.L.GetMetaField(v, "__tostring") != lua.LNil {
		return Text(d.L, v)
	}
	return "<" + d.e.TypeName(v) + ">"
}

// quote writes a string so that Lua reads it back. Line ends are escaped: what
// a peer sent cannot begin a line of the log.
func (d *dumper) quote(s string) {
	d.e.World.Spend(d.L, len(s))
	d.out.WriteByte('"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			d.out.WriteByte('\\')
			d.out.WriteByte(c)
		case c == '\n':
			d.out.WriteString(`\n`)
		case c == '\r':
			d.out.WriteString(`\r`)
		case c == '\t':
			d.out.WriteString(`\t`)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&d.out, `\%03d`, c)
		default:
			d.out.WriteByte(c)
		}
	}
	d.out.WriteByte('"')
}

func (d *dumper) table(t *lua.LTable, depth int) {
	switch {
	case d.inside[t]:
		d.quote("<the table itself>")
		return
	case depth >= dumpDepth || d.out.Len() > dumpSize:
		d.quote("<more>")
		return
	}
	d.inside[t] = true
	defer delete(d.inside, t)
	entries, nested := tableEntries(t)
	d.e.World.Spend(d.L, 10*len(entries))
	slices.SortFunc(entries, compareEntries)
	before, between, after := " ", ", ", " "
	if nested {
		indent := "\n" + strings.Repeat("  ", depth)
		before, between, after = indent+"  ", ","+indent+"  ", indent
	}
	d.out.WriteByte('{')
	for i, entry := range entries {
		if d.out.Len() > dumpSize {
			break
		}
		if i == 0 {
			d.out.WriteString(before)
		} else {
			d.out.WriteString(between)
		}
		d.key(entry.key, i+1)
		d.value(entry.value, depth+1)
	}
	if len(entries) > 0 {
		d.out.WriteString(after)
	}
	d.out.WriteByte('}')
}

// key writes `name=` or `[key]=`; nothing where the key is the next index.
func (d *dumper) key(k lua.LValue, next int) {
	switch k := k.(type) {
	case lua.LNumber:
		if float64(k) == float64(next) {
			return
		}
	case lua.LString:
		if isName(string(k)) {
			d.out.WriteString(string(k) + "=")
			return
		}
	}
	d.out.WriteByte('[')
	if t, ok := k.(*lua.LTable); ok {
		d.quote("<" + t.Type().String() + ">")
	} else {
		d.value(k, dumpDepth)
	}
	d.out.WriteString("]=")
}

type tableEntry struct{ key, value lua.LValue }

// tableEntries is what a table holds, and whether it holds tables.
func tableEntries(t *lua.LTable) (entries []tableEntry, nested bool) {
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		entries = append(entries, tableEntry{k, v})
		nested = nested || v.Type() == lua.LTTable
	}
	return entries, nested
}

// compareEntries orders numbers, then strings, then the rest.
func compareEntries(a, b tableEntry) int {
	rank := func(v lua.LValue) int {
		switch v.Type() {
		case lua.LTNumber:
			return 0
		case lua.LTString:
			return 1
		}
		return 2
	}
	if c := cmp.Compare(rank(a.key), rank(b.key)); c != 0 {
		return c
	}
	if x, ok := a.key.(lua.LNumber); ok {
		return cmp.Compare(x, b.key.(lua.LNumber))
	}
	return cmp.Compare(a.key.String(), b.key.String())
}

// isName reports a word that Lua takes for a name.
func isName(s string) bool {
	switch s {
	case "", "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil", "not",
		"or", "repeat", "return", "then", "true", "until", "while":
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return true
}
