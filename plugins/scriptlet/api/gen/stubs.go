package main

import (
	"fmt"
	"strings"

	"github.com/mtad/mtad/plugins/scriptlet/api"
)

// stubs is the API as LuaCATS annotations, which language servers read.
func stubs(m *manual) string {
	var b strings.Builder
	b.WriteString("---@meta\n-- Written by plugins/scriptlet/api/gen from the tables of the API.\n\n")
	declared := make(map[string]bool)
	for i := range m.packages {
		p := &m.packages[i]
		for j := range p.Classes {
			stubClass(&b, &p.Classes[j], declared)
		}
		stubTables(&b, p, declared)
		for _, c := range p.Consts {
			comment(&b, c.Doc)
			fmt.Fprintf(&b, "%s = %s\n", qualified(p.Name, ".", c.Name), literal(&c))
		}
		for j := range p.Funcs {
			stubFunction(&b, qualified(p.Name, ".", p.Funcs[j].Name), &p.Funcs[j])
		}
	}
	return b.String()
}

// literal is a constant's value; those of which only the type matters too.
func literal(c *api.Const) string {
	if s := c.Value.String(); c.Value.Type().String() == "number" {
		return s
	}
	return fmt.Sprintf("%q", c.Value.String())
}

// stubTables declares the package's table, and those it hangs on.
func stubTables(b *strings.Builder, p *api.Package, declared map[string]bool) {
	if p.Name == "" {
		return
	}
	parts := strings.Split(p.Name, ".")
	for i := range parts {
		name := strings.Join(parts[:i+1], ".")
		if declared["table "+name] {
			continue
		}
		declared["table "+name] = true
		if name == p.Name {
			comment(b, p.Doc)
		}
		fmt.Fprintf(b, "---@class %s\n%s = {}\n\n", tableClass(name), name)
	}
}

// tableClass is the type of a package's table; a class of objects may have the
// package's name.
func tableClass(pkg string) string { return pkg + "_package" }

func stubClass(b *strings.Builder, c *api.Class, declared map[string]bool) {
	variable := c.Name + "_object"
	if !declared["class "+c.Name] {
		declared["class "+c.Name] = true
		comment(b, c.Doc)
		fmt.Fprintf(b, "---@class %s\n", c.Name)
		for _, f := range c.Fields {
			fmt.Fprintf(b, "---@field %s %s %s\n", f.Name, oneType(f.Type), f.Doc)
		}
		fmt.Fprintf(b, "local %s = {}\n\n", variable)
	}
	for i := range c.Methods {
		stubFunction(b, variable+":"+c.Methods[i].Name, &c.Methods[i])
	}
}

func stubFunction(b *strings.Builder, name string, f *api.Func) {
	comment(b, f.Doc)
	switch f.Status {
	case api.Partial:
		comment(b, "In part: "+f.Why+".")
	case api.Unsupported:
		fmt.Fprintf(b, "---@deprecated mtad does not support it: %s\n", f.Why)
	}
	names := make([]string, len(f.Params))
	for i := range f.Params {
		p := &f.Params[i]
		names[i] = p.Name
		mark := ""
		if p.Variadic {
			names[i] = "..."
		} else if p.Optional {
			mark = "?"
		}
		fmt.Fprintf(b, "---@param %s%s %s\n", names[i], mark, paramType(p))
	}
	if f.Returns != "nothing" {
		fmt.Fprintf(b, "---@return %s # %s\n", oneType(f.Returns), f.Returns)
	}
	fmt.Fprintf(b, "function %s(%s) end\n\n", name, strings.Join(names, ", "))
}

func comment(b *strings.Builder, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" {
			b.WriteString("---" + line + "\n")
		}
	}
}

// oneType is a plain type as LuaCATS knows it, any for what is described in
// words.
func oneType(words string) string {
	switch words {
	case "string", "number", "boolean", "table":
		return words
	case "true":
		return "boolean"
	}
	return "any"
}

// paramType is a parameter's type in the words of LuaCATS.
func paramType(p *api.Param) string {
	switch p.Type {
	case api.String:
		return "string"
	case api.Number:
		return "number"
	case api.Boolean:
		return "boolean"
	case api.Table:
		return "table"
	case api.Function:
		return "function"
	case api.StringOrTable:
		return "string|table"
	case api.StringOrFunction:
		return "string|function"
	case api.StringOrNumber:
		return "string|number"
	case api.Userdata:
		if p.Class != "" {
			return p.Class
		}
		return "userdata"
	}
	return "any"
}
