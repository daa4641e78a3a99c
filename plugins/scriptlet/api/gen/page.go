package main

import (
	"fmt"
	"strings"

	"github.com/mtad/mtad/plugins/scriptlet/api"
)

const generated = "<!-- Written by plugins/scriptlet/api/gen from the tables of the API. -->\n\n"

// indexPage lists the packages.
func indexPage(m *manual) string {
	var b strings.Builder
	b.WriteString(generated + "# The Lua API\n\n")
	count := make(map[string]int)
	for _, r := range m.rows {
		if r.Tier != "" {
			count[r.Status]++
		}
	}
	fmt.Fprintf(&b, "Of the names that the original documents mtad supports %d, and %d in part; `mtad api` lists each with its reason. "+
		"A function that is missing raises an error which says so, and so does `require` of a package that is missing.\n\n",
		count["supported"], count["partial"])
	b.WriteString("[Stubs for editors](mtad.lua) (LuaCATS), [macros](macros.md) of `msys.expandMacro`.\n\n")
	b.WriteString("| package | without require | |\n|---|---|---|\n")
	for _, p := range m.packages {
		there := ""
		if p.Preload {
			there = "yes"
		}
		fmt.Fprintf(&b, "| [%s](%s) | %s | %s |\n", title(p.Name), pageName(p.Name), there, cell(p.Doc))
	}
	b.WriteString("\n## Packages that mtad lacks\n\n| package | why |\n|---|---|\n")
	for _, missing := range m.missing {
		fmt.Fprintf(&b, "| %s | %s |\n", missing.Name, cell(missing.Why))
	}
	return b.String()
}

func macrosPage(m *manual) string {
	var b strings.Builder
	b.WriteString(generated + "# Macros\n\nWhat [msys.expandMacro](msys.md) replaces. A macro without a value is empty.\n\n")
	b.WriteString("| macro | | status |\n|---|---|---|\n")
	for _, macro := range m.macros {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", cell(macro.Name), cell(macro.Doc), cell(standing(macro.Status, macro.Why)))
	}
	return b.String()
}

func title(pkg string) string {
	if pkg == "" {
		return "globals"
	}
	return pkg
}

// cell is text that fits a table's cell.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ").Replace(s)
}

func standing(s api.Status, why string) string {
	if s == api.Supported {
		return s.String()
	}
	return s.String() + ": " + why
}

// packagePage is the page of one package.
func packagePage(p *api.Package) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s# %s\n\n%s\n\n", generated, title(p.Name), p.Doc)
	switch {
	case p.Name == "":
	case p.Preload:
		fmt.Fprintf(&b, "It is there without `require(\"%s\")`.\n\n", p.Name)
	default:
		fmt.Fprintf(&b, "`require(\"%s\")`\n\n", p.Name)
	}
	functions(&b, p.Name, ".", p.Funcs)
	for i := range p.Classes {
		classSection(&b, &p.Classes[i])
	}
	constants(&b, p)
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// functions writes a section for each function, and a table of those that are
// not supported.
func functions(b *strings.Builder, owner, separator string, list []api.Func) {
	var lacking []api.Func
	for _, f := range list {
		if f.Status == api.Unsupported {
			lacking = append(lacking, f)
			continue
		}
		functionSection(b, owner, separator, &f)
	}
	if len(lacking) == 0 {
		return
	}
	b.WriteString("Not supported:\n\n| name | why |\n|---|---|\n")
	for _, f := range lacking {
		fmt.Fprintf(b, "| %s | %s |\n", qualified(owner, separator, f.Name), cell(f.Why))
	}
	b.WriteString("\n")
}

func qualified(owner, separator, name string) string {
	if owner == "" {
		return name
	}
	return owner + separator + name
}

func functionSection(b *strings.Builder, owner, separator string, f *api.Func) {
	fmt.Fprintf(b, "## %s(%s)\n\n%s\n\n", qualified(owner, separator, f.Name), signature(f.Params), f.Doc)
	if f.Status == api.Partial {
		fmt.Fprintf(b, "In part: %s.\n\n", f.Why)
	}
	if len(f.Params) > 0 {
		b.WriteString("| parameter | type | |\n|---|---|---|\n")
		for i := range f.Params {
			fmt.Fprintf(b, "| %s | %s | %s |\n", f.Params[i].Name, cell(paramType(&f.Params[i])), optional(&f.Params[i]))
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(b, "Returns: %s. Phases: %s. Since: %s.\n\n", f.Returns, f.Phases, f.Since)
	if f.Example != "" {
		fmt.Fprintf(b, "```lua\n%s\n```\n\n", f.Example)
	}
}

func optional(p *api.Param) string {
	switch {
	case p.Variadic:
		return "any number"
	case p.Optional:
		return "optional"
	}
	return ""
}

// signature is the parameters as the manual of the original writes them.
func signature(params []api.Param) string {
	parts := make([]string, len(params))
	for i, p := range params {
		switch {
		case p.Variadic:
			parts[i] = "..."
		case p.Optional:
			parts[i] = "[" + p.Name + "]"
		default:
			parts[i] = p.Name
		}
	}
	return strings.Join(parts, ", ")
}

func classSection(b *strings.Builder, c *api.Class) {
	fmt.Fprintf(b, "## Object %s\n\n%s\n\n", c.Name, c.Doc)
	if len(c.Fields) > 0 {
		b.WriteString("| field | type | | phases |\n|---|---|---|---|\n")
		for _, f := range c.Fields {
			doc := f.Doc
			if f.Set != nil {
				doc += " It can be set."
			}
			fmt.Fprintf(b, "| %s | %s | %s | %s |\n", f.Name, cell(f.Type), cell(doc), cell(f.Phases))
		}
		b.WriteString("\n")
	}
	functions(b, c.Name, ":", c.Methods)
}

func constants(b *strings.Builder, p *api.Package) {
	if len(p.Consts) == 0 {
		return
	}
	b.WriteString("## Constants\n\n| constant | |\n|---|---|\n")
	for _, c := range p.Consts {
		fmt.Fprintf(b, "| %s | %s |\n", qualified(p.Name, ".", c.Name), cell(c.Doc))
	}
	b.WriteString("\n")
}
