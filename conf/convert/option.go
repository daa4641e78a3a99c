package convert

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mtad/mtad/sdk/option"
)

// normal is a value in the form that an option's type asks for: the original
// has no types, `60`, `"60"` and a list of one are equal to it.
func normal(o *option.Option, v option.Value) option.Value {
	switch o.Type {
	case option.List, option.CIDRs:
		if v.Kind == option.KindString {
			return option.Value{Kind: option.KindList, List: []option.Value{v}, Pos: v.Pos}
		}
		return v
	case option.Dict:
		return v
	}
	if v.Kind == option.KindList && len(v.List) == 1 {
		v = v.List[0]
	}
	if v.Kind != option.KindString {
		return v
	}
	switch o.Type {
	case option.Bool:
		v.Kind, v.Text = option.KindBool, boolText(v.Text)
	case option.Int, option.Seconds, option.Millis, option.Bytes, option.Port, option.Fraction:
		v.Kind, v.Text = option.KindNumber, strings.TrimSpace(v.Text)
	case option.String:
		if speaks(o.Name) {
			v.Text = escaped(v.Text)
		}
	}
	return v
}

// boolText is a boolean's spelling in HCL (reference/config-syntax.md §1,
// ec_atobool).
func boolText(text string) string {
	switch strings.ToLower(text) {
	case "on", "true", "enabled", "1":
		return "true"
	case "off", "false", "disabled", "0":
		return "false"
	}
	return text
}

// speaks reports an option that is sent to a peer: there a backslash begins an
// escape, elsewhere it belongs to a regular expression (§1).
func speaks(name string) bool {
	return slices.ContainsFunc([]string{"banner", "reply", "message", "ratware"}, func(word string) bool {
		return strings.HasSuffix(name, word)
	})
}

func escaped(text string) string {
	return strings.NewReplacer(`\r`, "\r", `\n`, "\n", `\t`, "\t", `\\`, `\`).Replace(text)
}

var (
	plainNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)
	plainKey    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)
)

// hclScalar is one plain value in HCL.
func hclScalar(v option.Value) string {
	switch v.Kind {
	case option.KindBool:
		return v.Text
	case option.KindNumber:
		if text := strings.TrimPrefix(v.Text, "+"); plainNumber.MatchString(text) {
			return text
		}
		if n, err := strconv.ParseInt(v.Text, 10, 64); err == nil {
			return strconv.FormatInt(n, 10)
		}
	}
	return hclString(v.Text)
}

// hclKey is a key of a dictionary. HCL takes words for what they are.
func hclKey(key string) string {
	if plainKey.MatchString(key) && key != "true" && key != "false" && key != "null" && key != "for" {
		return key
	}
	return hclString(key)
}

// put writes an option whose value was found good. A list or dictionary of
// several lines stays one, with the comments where they were.
func (g *page) option(it *item, name string, v option.Value) {
	g.comments(it)
	head := name + " = "
	switch {
	case v.Kind == option.KindList && it.value.lines:
		g.block(it, head+"[", "]", v)
	case v.Kind == option.KindDict && (it.value.lines || len(it.value.comments) > 0):
		g.block(it, head+"{", "}", v)
	case v.Kind == option.KindList:
		for _, c := range it.value.comments {
			g.put(nil, c.pos, commentText(c.text))
		}
		g.put(it, it.pos(), head+"["+joined(v)+"]"+behind(it.behind))
	case v.Kind == option.KindDict:
		g.put(it, it.pos(), head+"{ "+joined(v)+" }"+behind(it.behind))
	default:
		g.put(it, it.pos(), head+hclScalar(v)+behind(it.behind))
	}
}

func behind(text string) string {
	if text == "" {
		return ""
	}
	return " " + commentText(text)
}

func joined(v option.Value) string {
	var out []string
	for _, e := range entriesOf(v) {
		out = append(out, e.text)
	}
	return strings.Join(out, ", ")
}

// block writes a list or dictionary an item a line.
func (g *page) block(it *item, head, end string, v option.Value) {
	g.put(it, it.pos(), head)
	rest := it.value.comments
	upTo := func(line int) {
		for len(rest) > 0 && rest[0].pos.Line <= line {
			g.put(it, rest[0].pos, commentText(rest[0].text))
			rest = rest[1:]
		}
	}
	entries := entriesOf(v)
	for len(entries) > 0 {
		at := entries[0].pos
		upTo(at.Line - 1)
		var texts []string // those of one line stay together
		for len(entries) > 0 && entries[0].pos.Line == at.Line {
			texts, entries = append(texts, entries[0].text), entries[1:]
		}
		text := strings.Join(texts, ", ")
		if v.Kind == option.KindList {
			text += ","
		}
		if len(rest) > 0 && rest[0].pos.Line == at.Line && rest[0].pos.Column > at.Column && rest[0].text[0] == '#' {
			text += " " + commentText(rest[0].text)
			rest = rest[1:]
		}
		g.put(it, at, text)
	}
	if len(rest) > 0 {
		upTo(rest[len(rest)-1].pos.Line)
	}
	g.put(it, it.pos(), end+behind(it.behind))
}

type entry struct {
	pos  option.Pos
	text string
}

// entriesOf are the items of a list or dictionary, in HCL.
func entriesOf(v option.Value) []entry {
	var out []entry
	for _, one := range v.List {
		out = append(out, entry{one.Pos, hclScalar(one)})
	}
	for _, e := range v.Dict {
		out = append(out, entry{e.Value.Pos, hclKey(e.Key) + " = " + hclScalar(e.Value)})
	}
	return out
}
