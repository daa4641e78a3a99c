package queue

import (
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/throttle"
	"github.com/mtad/mtad/sdk/option"
)

// TestEverythingExpires: whatever a message waits for, it ends when its time is
// over, and its sender is told.
func TestEverythingExpires(t *testing.T) {
	for what, hold := range map[string]func(b *bench, m *message.Message){
		"held":          func(b *bench, _ *message.Message) { _ = b.Suspend(Hold{}, 0) },
		"suspended":     func(b *bench, _ *message.Message) { b.opt.Suspend = true },
		"closed":        func(b *bench, _ *message.Message) { b.Closed = func(Lane) string { return "no address" } },
		"starved":       func(b *bench, _ *message.Message) { b.MaxConnections = func() int { return 0 } },
		"shares a full": func(b *bench, _ *message.Message) { b.opt.Shares = []Share{{ShareKey: ShareKey{"o", "s"}}} },
		"no connection": func(b *bench, _ *message.Message) { b.opt.MaxConnections = 0 },
		"connect rate": func(b *bench, _ *message.Message) {
			b.opt.Connections = throttle.New(option.Throttle{Count: 1, Seconds: 1e6})
			b.opt.Connections.Take(b.c.Now(), 1)
		},
		"message rate": func(b *bench, _ *message.Message) {
			b.opt.Messages = throttle.New(option.Throttle{Count: 1, Seconds: 1e6})
			b.opt.Messages.Take(b.c.Now(), 1)
		},
		"delayed too far": func(b *bench, m *message.Message) { m.Next = b.c.Now().Add(1000 * time.Hour) },
		"unbound": func(b *bench, m *message.Message) {
			m.Suspended = "policy failed"
			b.opt.MaxConnections = 0
		},
	} {
		t.Run(what, func(t *testing.T) {
			b := newBench(t)
			m := b.message("m")
			hold(b, m)
			b.s.meta["m"] = message.Encode(m)
			b.Insert(m)
			b.c.advance(24*time.Hour + lastChance - time.Minute)
			if got := b.l.all(); got != "" {
				t.Fatalf("too early: %s", got)
			}
			b.c.advance(3 * time.Minute)
			if got := b.l.all(); got != "P m 0 "+replyExpired.String() {
				t.Errorf("log %q", got)
			}
			if n := len(b.entries); n != 0 {
				t.Errorf("%d left", n)
			}
		})
	}
}

// TestLastAttemptComesFirst: a retry that is due when the lifetime ends is
// attempted, and so is old mail after a restart.
func TestLastAttemptComesFirst(t *testing.T) {
	b := newBench(t)
	b.Insert(b.message("m", func(m *message.Message) {
		m.Received = b.c.Now().Add(-48 * time.Hour)
		m.Retries = 3
	}))
	b.c.advance(2 * time.Minute)
	b.deliver(Result{Verdict: TransientFailure}, "m")
	b.quiet()
	if got := b.l.all(); !strings.Contains(got, "P m") {
		t.Errorf("log %q", got)
	}
}
