package luals

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/api"
)

// written marks the files that are ours.
const written = "-- Written by `mtad luals` from the declarations of the API; changes will be lost.\n\n"

// heading begins a file. name is what require of it takes, "" for a file that
// nobody requires.
func heading(name string) string {
	if name == "" {
		name = "_"
	}
	return "---@meta " + name + "\n" + written
}

// stub is the file of one package.
func stub(p *api.Package, known map[string]bool) string {
	var b strings.Builder
	b.WriteString(heading(p.Name))
	seen := make(map[string]bool)
	for i := range p.Classes {
		stubClass(&b, &p.Classes[i], known, seen)
	}
	stubTables(&b, p)
	for _, c := range p.Consts {
		comment(&b, c.Doc)
		name := joined(p.Name, ".", c.Name)
		if p.Name != "" && strings.Contains(c.Name, ".") {
			name = fmt.Sprintf("%s[%q]", p.Name, c.Name)
		}
		fmt.Fprintf(&b, "%s = %s\n\n", name, literal(c.Value))
	}
	for i := range p.Funcs {
		stubFunction(&b, joined(p.Name, ".", p.Funcs[i].Name), &p.Funcs[i], known)
	}
	if p.Name != "" {
		fmt.Fprintf(&b, "return %s\n", p.Name)
	}
	return b.String()
}

func joined(owner, separator, name string) string {
	if owner == "" {
		return name
	}
	return owner + separator + name
}

// literal is a value as a script writes it.
func literal(v lua.LValue) string {
	if s, ok := v.(lua.LString); ok {
		return strconv.Quote(string(s))
	}
	return v.String()
}

// stubTables declares the table of a package, and those that it hangs on: each
// file stands on its own, and a language server puts their classes together.
func stubTables(b *strings.Builder, p *api.Package) {
	if p.Name == "" {
		return
	}
	parts := strings.Split(p.Name, ".")
	for i := range parts {
		name := strings.Join(parts[:i+1], ".")
		if name == p.Name {
			comment(b, p.Doc)
			if !p.Preload {
				comment(b, fmt.Sprintf("It is there after require(%q).", p.Name))
			}
		}
		fmt.Fprintf(b, "---@class %s_package\n%s = {}\n\n", name, name)
	}
}

// stubClass declares a class, or a further piece of one.
func stubClass(b *strings.Builder, c *api.Class, known, seen map[string]bool) {
	variable := c.Name + "_object"
	comment(b, c.Doc)
	fmt.Fprintf(b, "---@class %s\n", c.Name)
	for _, f := range c.Fields {
		doc := f.Doc
		if f.Set != nil {
			doc += " It can be set."
		}
		fmt.Fprintf(b, "---@field %s %s %s\n", f.Name, fieldType(f.Type, known), doc)
	}
	for _, line := range operators(c) {
		b.WriteString(line)
	}
	if !seen[c.Name] {
		fmt.Fprintf(b, "local %s = {}\n", variable)
	}
	b.WriteString("\n")
	seen[c.Name] = true
	for i := range c.Methods {
		stubFunction(b, variable+":"+c.Methods[i].Name, &c.Methods[i], known)
	}
}

// operators are what a class's metamethods allow. An object that takes any key
// says so.
func operators(c *api.Class) []string {
	var lines []string
	if c.Meta["__index"] != nil {
		lines = append(lines, "---@field [string|number] any\n")
	}
	if c.Meta["__len"] != nil {
		lines = append(lines, "---@operator len: number\n")
	}
	if c.Meta["__call"] != nil {
		lines = append(lines, "---@overload fun(...: any): any\n")
	}
	if c.Meta["__concat"] != nil {
		lines = append(lines, "---@operator concat(any): string\n")
	}
	return lines
}

func fieldType(words string, known map[string]bool) string {
	list := results(words, known)
	if len(list) != 1 {
		return "any"
	}
	return list[0].kind
}

func stubFunction(b *strings.Builder, name string, f *api.Func, known map[string]bool) {
	comment(b, f.Doc)
	if f.Phases != "any" && f.Phases != "none" {
		comment(b, "Phases: "+f.Phases+".")
	}
	if f.Example != "" {
		b.WriteString("---```lua\n")
		comment(b, f.Example)
		b.WriteString("---```\n")
	}
	status(b, name, f)
	names := make([]string, len(f.Params))
	for i := range f.Params {
		p := &f.Params[i]
		names[i] = parameterName(p)
		fmt.Fprintf(b, "---@param %s%s %s\n", names[i], optional(p), ParamType(p))
	}
	switch list := results(f.Returns, known); {
	case f.Status == api.Unsupported:
	case slices.Contains(list, result{"any", f.Returns}):
		fmt.Fprintf(b, "---@return any ... # %s\n", f.Returns)
	default:
		for _, r := range list {
			fmt.Fprintf(b, "---@return %s # %s\n", r.kind, r.word)
		}
	}
	if f.Status == api.Unsupported && len(names) == 0 {
		names = []string{"..."} // its parameters are not declared
	}
	fmt.Fprintf(b, "function %s(%s) end\n\n", name, strings.Join(names, ", "))
}

// status says how far a function works, and marks those that nobody should
// call.
func status(b *strings.Builder, name string, f *api.Func) {
	if f.Status == api.Partial {
		comment(b, "In part: "+f.Why+".")
	}
	switch {
	case f.Status == api.Unsupported:
		comment(b, "mtad does not support it: "+f.Why+".")
	case api.Deprecated(name) != "":
		comment(b, "Use "+api.Deprecated(name)+".")
	default:
		return
	}
	b.WriteString("---@deprecated\n")
}

func parameterName(p *api.Param) string {
	if p.Variadic {
		return "..."
	}
	return p.Name
}

func optional(p *api.Param) string {
	if p.Optional && !p.Variadic {
		return "?"
	}
	return ""
}

func comment(b *strings.Builder, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" {
			b.WriteString("---" + line + "\n")
		}
	}
}
