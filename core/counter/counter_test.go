package counter

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mtad/mtad/core/control"
	"github.com/mtad/mtad/sdk"
)

func TestCounters(t *testing.T) {
	c := New(func() time.Time { return time.Unix(1000, 0) })
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for range 100 {
				if _, err := c.Do(sdk.CounterOp{Kind: sdk.CounterAdd, Path: "a/b", Delta: 2}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	read := sdk.CounterOp{Kind: sdk.CounterRead, Path: "a/b"}
	if v, _ := c.Do(read); v != 2000 {
		t.Errorf("value %d", v)
	}
	if v, err := c.Do(sdk.CounterOp{Kind: sdk.CounterRead, Path: "nowhere"}); v != 0 || err != nil || len(c.List()) != 1 {
		t.Errorf("a read made a counter: %d %v", v, err)
	}
	if _, err := c.Do(sdk.CounterOp{Kind: sdk.CounterReset, Path: "a/b"}); err != nil {
		t.Fatal(err)
	}
	if v, _ := c.Do(read); v != 0 {
		t.Errorf("value %d after reset", v)
	}
	if _, err := c.Do(sdk.CounterOp{Kind: sdk.CounterAdd}); err == nil {
		t.Error("a counter without a path was made")
	}
}

func TestCommands(t *testing.T) {
	c := New(func() time.Time { return time.Unix(0, 0) })
	table := &control.Table{Commands: c.Commands()}
	var out bytes.Buffer
	run := func(words ...string) error {
		return table.Run(context.Background(), words, &control.Call{Writer: &out})
	}
	for _, words := range [][]string{{"counter", "add", "x", "41"}, {"counter", "increment", "x"}, {"counter", "list"}} {
		if err := run(words...); err != nil {
			t.Fatal(err)
		}
	}
	want := "42 " + time.Unix(0, 0).Format("2006-01-02@15:04:05") + "  strict    x\n1 counters listed.\n"
	if got := out.String(); !strings.Contains(got, want) {
		t.Errorf("list:\n%s", got)
	}
	for _, words := range [][]string{{"counter", "add", "x"}, {"counter", "add", "x", "y"}, {"counter", "reset"}} {
		if err := run(words...); err == nil {
			t.Errorf("%v succeeded", words)
		}
	}
}
