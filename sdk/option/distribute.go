package option

import (
	"reflect"
	"slices"
	"strings"
)

// Distribute adds every option of the tagged struct to each schema in the tree
// whose scope its scopes tag lists. "global" is the root, and so is no tag at
// all; "listen" is every scope of that name at any depth; "scriptlet::script"
// only the one inside the other. An option that a schema already has is left
// as it is. The result names what was listed and is not in the tree
// ("retry_interval: domian"); it is empty where the tags are right.
func Distribute(root *Schema, tagged any) []string {
	p := planOf(reflect.TypeOf(tagged))
	var missing []string
	for i := range p.fields {
		o := p.fields[i].opt
		scopes := o.Scopes
		if len(scopes) == 0 {
			scopes = []string{"global"}
		}
		for _, scope := range scopes {
			if !addOption(root, o, scope) {
				missing = append(missing, o.Name+": "+scope)
			}
		}
	}
	return missing
}

func addOption(root *Schema, o Option, scope string) bool {
	if scope == "global" {
		root.include(o)
		return true
	}
	found := false
	visit(root, "", func(path string, s *Schema) {
		if path == scope || strings.HasSuffix(path, "::"+scope) {
			s.include(o)
			found = true
		}
	})
	return found
}

// visit calls f for every schema inside s with its path below the root.
func visit(s *Schema, path string, f func(string, *Schema)) {
	for i := range s.Scopes {
		inner := path + "::" + s.Scopes[i].Name
		f(inner, &s.Scopes[i])
		visit(&s.Scopes[i], inner, f)
	}
}

func (s *Schema) include(o Option) {
	known := slices.ContainsFunc(s.Options, func(have Option) bool { return have.Name == o.Name })
	if !known {
		s.Options = append(s.Options, o)
	}
}
