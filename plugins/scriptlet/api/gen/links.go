package main

import (
	"regexp"
	"strings"

	"github.com/mtad/mtad/plugins/scriptlet/api"
)

// anchors are the places of all functions and methods in the pages, by full
// name: "msys.db.query", "ec_message:header".
func anchors(m *manual) map[string]string {
	at := make(map[string]string)
	for i := range m.packages {
		p := &m.packages[i]
		for j := range p.Funcs {
			place(at, p.Name, p.Name, ".", &p.Funcs[j])
		}
		for _, c := range p.Classes {
			for j := range c.Methods {
				place(at, p.Name, c.Name, ":", &c.Methods[j])
			}
		}
	}
	return at
}

func place(at map[string]string, pkg, owner, separator string, f *api.Func) {
	if f.Status == api.Unsupported {
		return // such a function has a row, and no section
	}
	name := qualified(owner, separator, f.Name)
	at[name] = pageName(pkg) + "#" + slug(name+"("+signature(f.Params)+")")
}

// slug is the anchor that a heading gets where pages are shown.
func slug(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z':
			return r
		}
		return -1
	}, strings.ToLower(heading))
}

// receivers are the names that objects have in prose and in callouts.
func receivers() map[string]string {
	return map[string]string{"msg": "ec_message", "vctx": "validate_context", "ac": "accept_construct"}
}

// spoken is a full name as people say it: msg:header.
func spoken(name string) string {
	class, method, ok := strings.Cut(name, ":")
	for short, long := range receivers() {
		if ok && class == long {
			return short + ":" + method
		}
	}
	return name
}

var mention = regexp.MustCompile(`\b(?:msys(?:\.\w+)+|\w+:\w+|thread\.\w+|json\.\w+|buffer\.\w+)`)

// linked is prose in which the names of other functions lead to their sections.
func linked(text, self string, at map[string]string) string {
	return mention.ReplaceAllStringFunc(text, func(name string) string {
		full := name
		if class, method, ok := strings.Cut(name, ":"); ok && receivers()[class] != "" {
			full = receivers()[class] + ":" + method
		}
		if to := at[full]; to != "" && full != self {
			return "[" + name + "](" + to + ")"
		}
		return name
	})
}
