package option

import (
	"strconv"
	"strings"
)

// DefaultValue is the default as a value, as if it had been written in the
// configuration; false where there is none. Default holds a scalar as it
// stands; a list as items separated by blanks or commas, an item that holds
// one of these in quotes, brackets around it or not: `[10.0.0.0/8, ::1]`,
// `'AUTH LOGIN' STARTTLS`; a dictionary likewise as name=value items.
func (o *Option) DefaultValue() (Value, bool) {
	if o.Default == "" {
		return Value{}, false
	}
	switch o.Type {
	case List, CIDRs:
		v := Value{Kind: KindList}
		for _, item := range splitItems(o.Default) {
			v.List = append(v.List, Value{Kind: KindString, Text: item})
		}
		return v, true
	case Dict:
		v := Value{Kind: KindDict}
		for _, item := range splitItems(o.Default) {
			key, text, _ := strings.Cut(item, "=")
			v.Dict = append(v.Dict, Entry{key, Value{Kind: KindString, Text: text}})
		}
		return v, true
	}
	return Value{Kind: KindString, Text: o.Default}, true
}

// DefaultText is the default as an operator would write it, or "unset".
func (o *Option) DefaultText() string {
	v, ok := o.DefaultValue()
	if !ok {
		return "unset"
	}
	switch v.Kind {
	case KindList:
		items := make([]string, len(v.List))
		for i := range v.List {
			items[i] = strconv.Quote(v.List[i].Text)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case KindDict:
		items := make([]string, len(v.Dict))
		for i, e := range v.Dict {
			items[i] = e.Key + " = " + strconv.Quote(e.Value.Text)
		}
		return "{ " + strings.Join(items, ", ") + " }"
	}
	switch o.Type {
	case String, Enum, Octal, Rate:
		return strconv.Quote(v.Text)
	}
	return v.Text
}

// splitItems cuts a default list at blanks and commas outside quotes.
func splitItems(text string) []string {
	text = strings.TrimSpace(text)
	if len(text) > 1 && (text[0] == '[' && text[len(text)-1] == ']' || text[0] == '(' && text[len(text)-1] == ')') {
		text = text[1 : len(text)-1]
	}
	var out []string
	var item strings.Builder
	var quote byte
	started := false
	flush := func() {
		if started {
			out = append(out, item.String())
		}
		item.Reset()
		started = false
	}
	for i := range len(text) {
		switch c := text[i]; {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, started = c, true
		case quote == 0 && strings.IndexByte(", \t\n", c) >= 0:
			flush()
		default:
			item.WriteByte(c)
			started = true
		}
	}
	flush()
	return out
}
