package scriptlet

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk"
)

// TestThreadStats: calls one after another share a thread, a coroutine has one
// of its own, and each interpreter has a row.
func TestThreadStats(t *testing.T) {
	w := setup{scripts: map[string]string{"script": head + `
function mod:validate_ehlo() return msys.core.VALIDATE_CONT end
function mod:validate_connect() coroutine.wrap(function() end)() return msys.core.VALIDATE_CONT end` + foot}, deps: Deps{CPUs: 1}}.start(t)
	in := w.m.currentGeneration().interpreters[0]
	before, _ := in.countThreads()
	for range 3 {
		w.one(1, sdk.ValidateEHLO)
	}
	after, spare := in.countThreads()
	if after.reused-before.reused != 3 || after.created != before.created || spare != 1 {
		t.Errorf("from %+v to %+v, %d spare", before, after, spare)
	}
	w.one(1, sdk.ValidateConnect)
	if now, _ := in.countThreads(); now.created != after.created+1 || now.reused != after.reused+1 {
		t.Errorf("a coroutine: from %+v to %+v", after, now)
	}
	for _, words := range []string{cmdThreads, cmdThreadsToo} {
		got, err := w.m.Control(context.Background(), strings.Fields(words))
		now, spare := in.countThreads()
		want := fmt.Sprintf(threadStatsRow, "INTERPRETER", "CREATED", "REUSED", "SPARE") + fmt.Sprintf(threadStatsRow, "1", now.created, now.reused, spare)
		if err != nil || got != want {
			t.Errorf("%s: %v\n%s", words, err, got)
		}
	}
}
