package core

import (
	"context"
	"errors"
	"testing"

	"github.com/mtad/mtad/conf"
)

// TestTheFirstCommitWins: whoever began before another's commit has to begin
// anew; a transaction without a connection is refused.
func TestTheFirstCommitWins(t *testing.T) {
	c := New(Options{})
	var first, second any
	ctx := context.Background()
	for _, slot := range []*any{&first, &second} {
		if _, err := c.configBegin(ctx, slot, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.configBegin(ctx, &first, nil); !errors.Is(err, errOpenTransaction) {
		t.Errorf("a second begin: %v", err)
	}
	if _, err := c.configBegin(ctx, nil, nil); !errors.Is(err, errNoConnection) {
		t.Errorf("no connection: %v", err)
	}
	if _, err := c.configCommit(ctx, &first, nil); err != nil { // nothing to do
		t.Error(err)
	}
	c.commits.Add(1)
	second.(*transaction).changes = []conf.Change{{Words: []string{"max_retries"}}}
	if _, err := c.configCommit(ctx, &second, nil); !errors.Is(err, errConflict) {
		t.Errorf("a late commit: %v", err)
	}
	if _, err := c.configRollback(ctx, &second, nil); err != nil || second != nil {
		t.Errorf("a rollback: %v, %v", second, err)
	}
	for name, run := range map[string]func(context.Context, *any, []string) (answer, error){
		"commit": c.configCommit, "rollback": c.configRollback, "replay": c.configReplay,
	} {
		if _, err := run(ctx, &second, nil); !errors.Is(err, errNoTransaction) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
