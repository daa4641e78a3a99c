package queue

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk/smtp"
)

// swift delivers everything at once.
type swift struct{}

func (swift) Serve(ctx context.Context, _ Lane, src Source) {
	for b := src.Next(ctx, 0); b != nil; b = src.Next(ctx, 0) {
		for _, m := range b.Messages {
			src.Settle(m, Result{Verdict: Delivered, ConnID: "c"})
		}
	}
}

type realClock struct{}

func (realClock) Now() time.Time                            { return time.Now() }
func (realClock) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

// quietLog drops what is logged.
type quietLog struct{ logger }

func (*quietLog) Delivery(*logs.Attempt) {}

// BenchmarkDrain takes messages through the queue: inserted, given to
// connections and settled, for 100 domains. The spool is in memory.
func BenchmarkDrain(b *testing.B) {
	s := &spool{meta: map[string][]byte{}}
	list := make([]*message.Message, b.N)
	for i := range list {
		list[i] = &message.Message{ID: fmt.Sprintf("%020d", i), BatchID: fmt.Sprint(i), Sender: "s@x.test", Recipient: smtp.Address(fmt.Sprintf("r@d%d.test", i%100)),
			Binding: "default", BindingGroup: "default", Received: time.Now()}
		s.meta[list[i].ID] = message.Encode(list[i])
	}
	o := Options{RetryInterval: time.Hour, MaxRetryInterval: time.Hour, Expiration: 24 * time.Hour, MaxRetries: "auto", MaxConnections: 32, MaxBatch: 100}
	q := &Queue{Spool: &spool{meta: map[string][]byte{}}, Log: &quietLog{}, Clock: realClock{}, Courier: swift{},
		OptionsFor: func(Lane) *Options { return &o }, MaxConnections: func() int { return 1000 }}
	if err := q.Start(context.Background()); err != nil {
		b.Fatal(err)
	}
	q.Spool = s
	b.ResetTimer()
	for _, m := range list {
		q.Insert(m)
	}
	for q.Counters.Delivered.Load() < int64(b.N) {
		runtime.Gosched()
	}
	b.StopTimer()
	q.Stop(context.Background())
}
