package conf

import (
	"strings"

	"github.com/mtad/mtad/sdk/option"
)

// acronyms are the words that the original writes in capitals.
const acronyms = " ca cpu dkim dns dsn ehlo esmtp fd http id io ip ldap mime mx rfc2822 smtp snmp ssl tcp tls udp uri url xmpp "

// DisplayName is an option's or scope's name as the console shows it:
// "Message_Expiration", "EHLO_Hostname" (reference/console.tsv, config).
func DisplayName(name string) string {
	parts := strings.Split(strings.ToLower(name), "_")
	for i, p := range parts {
		switch {
		case p == "":
		case strings.Contains(acronyms, " "+p+" "):
			parts[i] = strings.ToUpper(p)
		default:
			parts[i] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, "_")
}

// FormatValue is a value as the console shows it, in the original's syntax:
// numbers and booleans bare, text in quotes, a list in parentheses and a
// dictionary in brackets, an item a line. The spelling is the one that was
// used; o says which texts are no strings.
func FormatValue(o *option.Option, v option.Value) string {
	switch v.Kind {
	case option.KindList:
		return formatItems("(", ")", len(v.List), func(i int) string { return formatScalar(o, v.List[i]) })
	case option.KindDict:
		return formatItems("[", "]", len(v.Dict), func(i int) string {
			return v.Dict[i].Key + " = " + formatScalar(o, v.Dict[i].Value)
		})
	}
	return formatScalar(o, v)
}

func formatItems(open, closing string, n int, item func(int) string) string {
	var b strings.Builder
	b.WriteString(open + "\n")
	for i := range n {
		b.WriteString("  " + item(i) + "\n")
	}
	b.WriteString(closing)
	return b.String()
}

func formatScalar(o *option.Option, v option.Value) string {
	bare := v.Kind == option.KindNumber || v.Kind == option.KindBool
	switch o.Type {
	case option.Int, option.Bool, option.Seconds, option.Millis, option.Octal, option.Bytes,
		option.Port, option.Fraction:
		bare = true
	}
	if bare {
		return v.Text
	}
	return `"` + strings.ReplaceAll(v.Text, `"`, `\"`) + `"`
}
