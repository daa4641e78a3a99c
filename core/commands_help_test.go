package core

import (
	"context"
	"strings"
	"testing"

	"github.com/mtad/mtad/core/control"
)

// TestEveryCommandExplainsItself: what it does, an example that is a use of it,
// and --json, which the console's help shows.
func TestEveryCommandExplainsItself(t *testing.T) {
	c := New(Options{})
	names := map[string]bool{}
	for _, cmd := range c.commands() {
		if names[cmd.Name] {
			t.Errorf("%s is there twice", cmd.Name)
		}
		names[cmd.Name] = true
		if !strings.HasSuffix(cmd.Help, ".") || len(cmd.Help) < 10 {
			t.Errorf("%s: help %q", cmd.Name, cmd.Help)
		}
		if cmd.Example != cmd.Name && !strings.HasPrefix(cmd.Example, cmd.Name+" ") {
			t.Errorf("%s: example %q", cmd.Name, cmd.Example)
		}
		if needs := strings.ToUpper(cmd.Usage[:1]) == cmd.Usage[:1] && cmd.Usage[0] != '['; needs && cmd.Example == cmd.Name {
			t.Errorf("%s: the example leaves out %s", cmd.Name, cmd.Usage)
		}
		if !strings.Contains(cmd.Usage, "[--json]") {
			t.Errorf("%s: usage %q has no [--json]", cmd.Name, cmd.Usage)
		}
		var out strings.Builder
		if err := c.control.Table.Run(context.Background(), append([]string{"help"}, strings.Fields(cmd.Name)...), &control.Call{Writer: &out}); err != nil {
			t.Errorf("help %s: %v", cmd.Name, err)
		}
		if !strings.Contains(out.String(), "e.g. "+cmd.Example) {
			t.Errorf("help %s:\n%s", cmd.Name, out.String())
		}
	}
}
