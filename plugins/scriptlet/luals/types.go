package luals

import (
	"regexp"
	"slices"
	"strings"

	"github.com/mtad/mtad/plugins/scriptlet/api"
)

// ParamType is a parameter's type in the words of LuaCATS.
func ParamType(p *api.Param) string {
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

// result is one value that a function returns: its type, and the word that the
// declaration has for it.
type result struct{ kind, word string }

// results reads the words in which a declaration says what a function returns:
// values joined by commas, and alternatives joined by |, "or" or ";".
func results(words string, known map[string]bool) []result {
	if words == "nothing" {
		return nil
	}
	var kinds, names [][]string
	alternatives := alternativesOf(words)
	for _, alternative := range alternatives {
		for i, word := range strings.Split(alternative, ", ") {
			if i == len(kinds) {
				kinds, names = append(kinds, nil), append(names, nil)
			}
			if kind := wordType(word, known); !slices.Contains(kinds[i], kind) {
				kinds[i] = append(kinds[i], kind)
			}
			names[i] = append(names[i], word)
		}
	}
	list := make([]result, len(kinds))
	for i := range kinds {
		if len(names[i]) < len(alternatives) && !slices.Contains(kinds[i], "nil") {
			kinds[i] = append(kinds[i], "nil") // some alternatives end before it
		}
		list[i] = result{union(kinds[i]), strings.Join(names[i], " | ")}
	}
	return list
}

// alternativesOf cuts a description into its alternatives. A value that holds
// only "when" or "where" something is so is an alternative of its own.
func alternativesOf(words string) []string {
	if head, rest, ok := strings.Cut(words, " {"); ok {
		words = head // the keys of a table
		_, rest, _ = strings.Cut(rest, "}")
		words += rest
	}
	var list []string
	for part := range strings.SplitSeq(strings.NewReplacer("; ", " | ", ", or ", " | ", " or ", " | ").Replace(words), " | ") {
		var plain []string
		for value := range strings.SplitSeq(part, ", ") {
			if strings.Contains(value, " when ") || strings.Contains(value, " where ") {
				list = append(list, value)
			} else {
				plain = append(plain, value)
			}
		}
		if len(plain) > 0 {
			list = append(list, strings.Join(plain, ", "))
		}
	}
	return list
}

// wordType is the type that one word of a description stands for; any for what
// is told in prose.
func wordType(word string, known map[string]bool) string {
	word, _, _ = strings.Cut(word, " when ")
	word, _, _ = strings.Cut(word, " where ")
	if known[word] {
		return word
	}
	switch word {
	case "string", "number", "boolean", "table", "function", "nil", "any":
		return word
	case "true", "false", "true and the results":
		return "boolean"
	case "0", "1", "-1", "code", "offset", "rc":
		return "number"
	case "message", "text", "key":
		return "string"
	case "array":
		return "any[]"
	case "row":
		return "table<string|number, any>"
	case "iterator":
		return "fun(): any"
	case "nothing":
		return "nil"
	case "json value":
		return "json"
	}
	if constant.MatchString(word) {
		return "number"
	}
	return classOf(word, known)
}

// constant is the name of a constant: the results that have one are numbers.
var constant = regexp.MustCompile(`^[A-Z][A-Z0-9_]+$`)

// classOf is the one class that a word is the last part of the name of: doc is
// xml_doc.
func classOf(word string, known map[string]bool) string {
	found := "any"
	for class := range known {
		if strings.HasSuffix(class, "_"+word) {
			if found != "any" {
				return "any"
			}
			found = class
		}
	}
	return found
}

// union joins types. any takes in all others.
func union(kinds []string) string {
	if slices.Contains(kinds, "any") {
		return "any"
	}
	for i, kind := range kinds {
		if len(kinds) > 1 && strings.HasPrefix(kind, "fun(") {
			kinds[i] = "(" + kind + ")"
		}
	}
	return strings.Join(kinds, "|")
}
