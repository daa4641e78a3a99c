package main

import (
	"fmt"
	"strings"

	"github.com/mtad/mtad/plugins/scriptlet/api"
	"github.com/mtad/mtad/plugins/scriptlet/luals"
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
	b.WriteString("`mtad luals DIR` writes stubs (LuaCATS) beside the scripts in DIR, with which lua-language-server completes and checks them. " +
		"The callouts are on the page of [hooks](../hooks/README.md), what `msys.expandMacro` replaces on that of [macros](macros.md), " +
		"and policies to begin with in [examples/policies](../../examples/policies/README.md).\n\n")
	b.WriteString("## By task\n\n" + taskTables(anchors(m)))
	b.WriteString("## By package\n\n| package | without require | |\n|---|---|---|\n")
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

// packagePage is the page of one package. at are the places of all functions.
func packagePage(p *api.Package, at map[string]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s# %s\n\n%s\n\n[All packages, and what to use for what](index.md)\n\n", generated, title(p.Name), linked(p.Doc, "", at))
	switch {
	case p.Name == "":
	case p.Preload:
		fmt.Fprintf(&b, "It is there without `require(\"%s\")`.\n\n", p.Name)
	default:
		fmt.Fprintf(&b, "`require(\"%s\")`\n\n", p.Name)
	}
	contents(&b, p, at)
	functions(&b, p.Name, ".", p.Funcs, at)
	for i := range p.Classes {
		classSection(&b, &p.Classes[i], at)
	}
	constants(&b, p)
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// contents lists what a page has, where that is much.
func contents(b *strings.Builder, p *api.Package, at map[string]string) {
	const few = 3
	var links []string
	add := func(name string) {
		if to := at[name]; to != "" {
			links = append(links, fmt.Sprintf("[%s](%s)", spoken(name), strings.TrimPrefix(to, pageName(p.Name))))
		}
	}
	for _, f := range p.Funcs {
		add(qualified(p.Name, ".", f.Name))
	}
	for _, c := range p.Classes {
		for _, f := range c.Methods {
			add(qualified(c.Name, ":", f.Name))
		}
	}
	if len(links) > few {
		b.WriteString(strings.Join(links, " · ") + "\n\n")
	}
}

// functions writes a section for each function, and a table of those that are
// not supported.
func functions(b *strings.Builder, owner, separator string, list []api.Func, at map[string]string) {
	var lacking []api.Func
	for _, f := range list {
		if f.Status == api.Unsupported {
			lacking = append(lacking, f)
			continue
		}
		functionSection(b, qualified(owner, separator, f.Name), &f, at)
	}
	if len(lacking) == 0 {
		return
	}
	b.WriteString("Not supported:\n\n| name | why |\n|---|---|\n")
	for _, f := range lacking {
		fmt.Fprintf(b, "| %s | %s |\n", qualified(owner, separator, f.Name), cell(linked(f.Why, "", at)))
	}
	b.WriteString("\n")
}

func qualified(owner, separator, name string) string {
	if owner == "" {
		return name
	}
	return owner + separator + name
}

func functionSection(b *strings.Builder, name string, f *api.Func, at map[string]string) {
	fmt.Fprintf(b, "## %s(%s)\n\n%s\n\n", name, signature(f.Params), linked(f.Doc, name, at))
	if instead := api.Deprecated(name); instead != "" {
		fmt.Fprintf(b, "Deprecated: use %s.\n\n", linked(instead, name, at))
	}
	if f.Status == api.Partial {
		fmt.Fprintf(b, "In part: %s.\n\n", linked(f.Why, name, at))
	}
	if len(f.Params) > 0 {
		b.WriteString("| parameter | type | |\n|---|---|---|\n")
		for i := range f.Params {
			fmt.Fprintf(b, "| %s | %s | %s |\n", f.Params[i].Name, cell(luals.ParamType(&f.Params[i])), optional(&f.Params[i]))
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

func classSection(b *strings.Builder, c *api.Class, at map[string]string) {
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
	functions(b, c.Name, ":", c.Methods, at)
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
