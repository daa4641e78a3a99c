package conf

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mtad/mtad/sdk/option"
)

// domains are the domain (or host) scopes of one container. A value set for the
// exact name precedes one set for a /regex/, and of those the one declared
// first (reference/config-syntax.md §2).
type domains struct {
	exact map[string]*option.Scope // lower case
	regex []regexDomain            // in the order they were declared
}

type regexDomain struct {
	match *regexp.Regexp
	scope *option.Scope
}

func isRegex(instance string) bool {
	return len(instance) > 1 && instance[0] == '/' && instance[len(instance)-1] == '/'
}

// newDomains indexes the scopes called name inside s; s may be nil.
func newDomains(s *option.Scope, name string) (domains, option.Problems) {
	d := domains{exact: map[string]*option.Scope{}}
	if s == nil {
		return d, nil
	}
	var problems option.Problems
	for _, inner := range s.Children(name) {
		if !isRegex(inner.Instance) {
			d.exact[foldDomain(inner.Instance)] = inner
			continue
		}
		// Unanchored, as in the original; domain names have no case.
		re, err := regexp.Compile("(?i)" + inner.Instance[1:len(inner.Instance)-1])
		if err != nil {
			problems = append(problems, option.Problem{Pos: inner.Pos, Text: fmt.Sprintf(
				"%s %q: the regular expression is not understood: %s", name, inner.Instance,
				strings.TrimPrefix(err.Error(), "error parsing regexp: "))})
			continue
		}
		d.regex = append(d.regex, regexDomain{re, inner})
	}
	return d, problems
}

// foldDomain is the form domains are compared in: RFC 5321 §2.4 gives them no
// case, and a final dot is the same name.
func foldDomain(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// appendTo adds the scopes that fit the name, lowest priority first.
func (d *domains) appendTo(out []*option.Scope, folded string) []*option.Scope {
	if folded == "" {
		return out
	}
	for i := len(d.regex) - 1; i >= 0; i-- {
		if d.regex[i].match.MatchString(folded) {
			out = append(out, d.regex[i].scope)
		}
	}
	return appendScope(out, d.exact[folded])
}

// appendEach is appendTo for several names. A scope that fits more of them
// counts once, where it counts most.
func (d *domains) appendEach(out []*option.Scope, folded []string) []*option.Scope {
	first := len(out)
	for _, name := range folded {
		mine := d.appendTo(nil, name)
		kept := out[:first]
		for _, s := range out[first:] {
			if !slices.Contains(mine, s) {
				kept = append(kept, s)
			}
		}
		out = append(kept, mine...)
	}
	return out
}

func appendScope(out []*option.Scope, s *option.Scope) []*option.Scope {
	if s == nil {
		return out
	}
	return append(out, s)
}
