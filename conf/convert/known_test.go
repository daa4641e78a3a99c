package convert

import (
	"testing"

	"github.com/mtad/mtad/sdk/option"
)

// TestNothingThereIsMissed: what known.txt says that mtad lacks is nowhere in
// its schema.
func TestNothingThereIsMissed(t *testing.T) {
	there := map[string]bool{}
	var visit func(s *option.Schema)
	visit = func(s *option.Schema) {
		there[s.Name] = true
		for _, o := range s.Options {
			there[o.Name] = true
		}
		for i := range s.Scopes {
			visit(&s.Scopes[i])
		}
	}
	visit(fullSchema())
	for name, k := range knownNames() {
		if k.class != dead && k.class != instead && there[name] {
			t.Errorf("%s is said to be lacking: %s", name, k.why)
		}
	}
}
