package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// TestConfigTransactions: changes of a transaction are its console's own until
// config commit, the first commit wins, and config diff shows what they are.
func TestConfigTransactions(t *testing.T) {
	t.Parallel()
	s := mtatest.Start(t, mtatest.Config{})
	console := func(exit int, orders ...string) string {
		t.Helper()
		out, errs, got := mtatest.RunAs(t, mtatest.Binary(t), strings.Join(orders, "\n")+"\n", "console", filepath.Join(s.Dir, "control"))
		if got != exit {
			t.Errorf("%q: %d %s%s", orders, got, out, errs)
		}
		return out
	}
	contains := func(out string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
	}
	out := console(0, "config begin", "config set max_retries = 7", "config get max_retries", "config replay", "config diff", "config rollback", "quit", "nonsense")
	contains(out, "Transaction opened.", `Max_Retries = "7"`, "config set max_retries = 7", "max_retries\n+ Max_Retries = \"7\"", "Transaction dropped.")
	if out := console(1, "config get max_retries"); !strings.Contains(out, "is not set") {
		t.Errorf("after a rollback: %s", out)
	}
	out = console(1, "config begin", "config set retry_interval = many", "config set max_retries = 8", "config set domain example.com max_retries = 9", "config reload", "config begin", "config commit", "exit")
	contains(out, "nothing has changed", "a transaction is open", "Committed, 2 changes.")
	contains(console(0, "config get max_retries", "config diff --json"), `Max_Retries = "8"`, `"where": "domain example.com max_retries"`, `"after": "Max_Retries = \"9\""`)
	contains(console(1, "config commit"), "no transaction is open")
	contains(console(0, "config reload", "config diff --json"), "Configuration reloaded.", "[]")
	if out, exit := s.Console("config", "begin"); exit != 0 {
		t.Errorf("begin: %s", out)
	}
	contains(console(0, "config get hostname"), "mx.test")
}
