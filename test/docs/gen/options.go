package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mtad/mtad/core"
	"github.com/mtad/mtad/plugins/alerting"
	"github.com/mtad/mtad/plugins/datasource"
	"github.com/mtad/mtad/plugins/mailauth"
	"github.com/mtad/mtad/plugins/scriptlet"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/scan"
)

const optionsPage = "docs/config/options.md"

const optionsIntro = `<!-- Written by test/docs/gen from the options' tags. -->

# Options

Every option, from the tags that also check and decode it. [README.md](README.md) says how scopes, fallback and
includes work. Names match without case.

| type | how it is written |
|---|---|
| string, enum | ` + "`\"text\"`" + `; an enum takes one of the words listed, without case |
| int, bytes, port, fraction | a number; bytes are plain bytes: ` + "`65536`, not `\"64k\"`" + ` |
| seconds, millis | a whole number |
| bool | ` + "`true`, `false`" + `; in quotes also on, off, enabled, disabled, 1, 0 |
| octal | in quotes: ` + "`\"0640\"`" + ` |
| rate | in quotes: ` + "`\"60\"`" + ` a second, ` + "`\"60/3\"`" + ` in three seconds |
| list, cidrs | ` + "`[\"a\", \"b\"]`" + `, or one value alone |
| dict | ` + "`{ name = \"value\" }`" + `, one pair a line |
`

// options is the page of all options.
func options() string {
	schema := core.Schema(moduleSchemas())
	var b strings.Builder
	b.WriteString(optionsIntro)
	b.WriteString("\n## Scopes\n\n```text\n")
	for i := range schema.Scopes {
		tree(&b, &schema.Scopes[i], "")
	}
	b.WriteString("```\n")
	rows := collect(schema)
	for _, s := range sections() {
		b.WriteString("\n## " + s.title + "\n\n" + s.text + "\n\n")
		table(&b, rows[s.title])
	}
	for i := range schema.Scopes {
		own(&b, &schema.Scopes[i], "")
	}
	return b.String()
}

// moduleSchemas are the schemas of the modules in the binary.
func moduleSchemas() []option.Schema {
	var out []option.Schema
	for _, m := range []sdk.Module{
		alerting.New(time.Now), scriptlet.New(scriptlet.Deps{}),
	} {
		out = append(out, m.Info().Schema)
		_ = m.Close() // it has prepared nothing
	}
	out = append(out, datasource.Schemas()...)
	return append(append(out, mailauth.Schemas()...), scan.Schemas()...)
}

// tree shows which scope may stand in which.
func tree(b *strings.Builder, s *option.Schema, indent string) {
	label := s.Name
	switch s.Instance {
	case option.InstanceRequired:
		label += ` "..."`
	case option.InstanceOptional:
		label += ` ["..."]`
	}
	b.WriteString(strings.TrimRight(fmt.Sprintf("%-30s %s", indent+label, s.Help), " ") + "\n")
	for i := range s.Scopes {
		tree(b, &s.Scopes[i], indent+"  ")
	}
}

// row is an option that several scopes share.
type row struct {
	option.Option
	where []string
}

// also adds scopes in which the option is the same.
func (r *row) also(scopes []string) {
	for _, name := range scopes {
		if !slices.Contains(r.where, name) {
			r.where = append(r.where, name)
		}
	}
}

// section is a part of the page for options that fall back over scopes.
type section struct{ title, text string }

func sections() []section {
	return []section{
		{"Reception", "SMTP in. Fallback: global, pathway_group, pathway, listener, its peer, listen, its peer; the last that sets it counts."},
		{"Queue and delivery", "SMTP out, one set for each binding and domain. Fallback: see [README.md](README.md#which-value-counts)."},
		{"Console", "Where consoles connect."},
		{"Server", "The global scope alone."},
	}
}

// sectionOf sorts an option by the scopes it is valid in.
func sectionOf(scopes []string) string {
	has := func(names ...string) bool {
		return slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(names, s) })
	}
	switch {
	case has("domain", "binding", "binding_group", "host"):
		return "Queue and delivery"
	case has("peer", "pathway", "esmtp_listener"):
		return "Reception"
	case has("control_listener"):
		return "Console"
	}
	return "Server"
}

// collect gives the options that fall back over scopes, each once.
// They are sorted, by section.
func collect(schema *option.Schema) map[string][]*row {
	seen := map[string]*row{}
	rows := map[string][]*row{}
	var visit func(s *option.Schema)
	visit = func(s *option.Schema) {
		for _, o := range s.Options {
			key := o.Name + "\x00" + o.Help
			switch r := seen[key]; {
			case len(o.Scopes) == 0:
			case r != nil: // the same in scopes of another kind
				r.also(o.Scopes)
			default:
				seen[key] = &row{o, slices.Clone(o.Scopes)}
				title := sectionOf(o.Scopes)
				rows[title] = append(rows[title], seen[key])
			}
		}
		for i := range s.Scopes {
			visit(&s.Scopes[i])
		}
	}
	visit(schema)
	for _, list := range rows {
		slices.SortFunc(list, func(a, b *row) int { return cmp.Compare(a.Name, b.Name) })
	}
	return rows
}

// own writes the sections of scopes with options of their own.
func own(b *strings.Builder, s *option.Schema, path string) {
	path = strings.TrimPrefix(path+"::"+s.Name, "::")
	var rows []*row
	for _, o := range s.Options {
		if len(o.Scopes) == 0 {
			rows = append(rows, &row{Option: o})
		}
	}
	if len(rows) > 0 {
		fmt.Fprintf(b, "\n## %s\n\n", path)
		if s.Help != "" {
			b.WriteString(s.Help + "\n\n")
		}
		table(b, rows)
	}
	for i := range s.Scopes {
		own(b, &s.Scopes[i], path)
	}
}

// table writes the rows; the column of scopes is there where any row has some.
func table(b *strings.Builder, rows []*row) {
	where := slices.ContainsFunc(rows, func(r *row) bool { return len(r.where) > 0 })
	head, line := "| option | type | default | what |\n", "|---|---|---|---|\n"
	if where {
		head, line = "| option | type | default | scopes | what |\n", "|---|---|---|---|---|\n"
	}
	b.WriteString(head + line)
	for _, r := range rows {
		fmt.Fprintf(b, "| `%s` | %s | %s |", r.Name, typeText(&r.Option), defaultText(&r.Option))
		if where {
			fmt.Fprintf(b, " %s |", strings.Join(r.where, " "))
		}
		fmt.Fprintf(b, " %s |\n", strings.ReplaceAll(r.Help, "|", `\|`))
	}
}

func typeText(o *option.Option) string {
	text := o.Type.String()
	if o.Unit != "" && o.Unit != text && !sameUnit(o) {
		text += ", " + o.Unit
	}
	if len(o.Enum) > 0 {
		text += ": " + strings.Join(o.Enum, " ")
	}
	return text
}

// sameUnit reports a unit that the type says already.
func sameUnit(o *option.Option) bool {
	return o.Type == option.Seconds && o.Unit == "s" || o.Type == option.Millis && o.Unit == "ms"
}

func defaultText(o *option.Option) string {
	if text := o.DefaultText(); text != "unset" {
		return "`" + strings.ReplaceAll(text, "|", `\|`) + "`"
	}
	return ""
}
