package queue

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
)

// Spool is what the queue needs of core/spool.
type Spool interface {
	Meta(id string) ([]byte, message.BodyRef, error)
	Change(id string, meta []byte) error
	Done(id string) error
	Each(f func(id string, meta []byte) error) error
}

// Logger takes the records of delivery.
type Logger interface {
	Delivery(a *logs.Attempt)
	TransientFailure(a *logs.Attempt)
	PermanentFailure(a *logs.Attempt)
	Panic(r sdk.LogRecord)
}

// Clock is time, as tests need it.
type Clock interface {
	Now() time.Time
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is a running AfterFunc.
type Timer interface{ Stop() bool }

// Queue is all mail that waits. Its fields are set before Start.
type Queue struct {
	Spool   Spool
	Log     Logger
	Clock   Clock
	Courier Courier
	// OnFail tells the sender of a permanent failure. The message leaves the
	// queue only when it returned nil: the bounce is durable then.
	OnFail func(ctx context.Context, a *logs.Attempt) error
	// Rebind asks policy again for the binding of a suspended message. It gives
	// the message as it goes on: the same with other metadata, or a new one that
	// is durable and takes its place, or nil where it has been dealt with. An
	// error leaves it suspended.
	Rebind func(ctx context.Context, m *message.Message) (*message.Message, error)

	// These ask modules, and may be left out.

	// Attempting is told of each message that is about to be attempted. It must
	// not wait.
	Attempting func(m *message.Message)
	// BeforeRetry may change a message that is about to wait for its next
	// attempt (core_pre_mailq_message_requeue). It has a deadline of its own.
	BeforeRetry func(ctx context.Context, m *message.Message)
	// Failing may change a failure's reply and its message's context before it is
	// logged (core_log_*_failure_v1). It has a deadline of its own.
	Failing func(ctx context.Context, v Verdict, a *logs.Attempt)
	// Asks reports that modules are asked where a message gets this verdict:
	// it is settled beside its lane then, so that the lane goes on.
	Asks func(v Verdict) bool

	// Outcome is told of every outcome before it is settled, and gives it as it
	// is to count. It must not wait.
	Outcome func(lane Lane, r Result) Result

	// OptionsFor resolves a lane's options in the current configuration.
	OptionsFor func(lane Lane) *Options
	// Closed says why nothing may leave through a lane's binding, "" where it
	// may; nil: it always may. After a change, Refresh.
	Closed func(key Lane) string
	// HoldStore keeps suspensions over a restart; nil: they are forgotten.
	HoldStore HoldStore
	// MaxConnections bounds the connections of all lanes together
	// (server_max_outbound_connections).
	MaxConnections func() int
	// Reserve is how many connections more there may be for lanes that have
	// none (server_reserve_outbound_connections); nil: none.
	Reserve func() int

	mu       sync.Mutex
	lanes    map[Lane]*lane
	entries  map[string]*entry
	workers  int
	started  time.Time
	ramp     ramp
	expiry   Timer // of watchExpiry
	damaged  int
	resting  list.List           // of *rest, the one that waits for longest first
	shares   map[ShareKey]*share // connection limits that lanes share
	beside   chan struct{}       // bounds the messages that are settled beside their lane
	accept   context.Context
	stop     context.CancelFunc
	hard     context.Context
	kill     context.CancelFunc
	running  sync.WaitGroup
	Counters Counters
	figures  figures
	holds    holdTable
	ages     ages
}

// Counters are the queue's figures since start, for the console's summary.
type Counters struct {
	Delivered, Transient, Failed atomic.Int64
}

// entry is what memory keeps of a queued message: a few words, so that a
// million fit (design section 8).
type entry struct {
	id       string
	batch    uint64 // equal for messages that may share a transaction
	due      int64  // Unix milliseconds; 0: at once
	received int64  // Unix seconds
	retries  uint16
	high     bool
	taken    bool // marked to be taken off its lane (claim)
	lane     *lane
}

// Start loads what the spool holds and begins to deliver.
func (q *Queue) Start(ctx context.Context) error {
	q.mu.Lock()
	q.lanes, q.entries = map[Lane]*lane{}, map[string]*entry{}
	q.ages = ages{}
	q.beside = make(chan struct{}, maxBeside)
	q.started = q.Clock.Now()
	q.ramp.start(q.started)
	q.figures.reset(q.started)
	q.hard, q.kill = context.WithCancel(ctx)
	q.accept, q.stop = context.WithCancel(q.hard)
	q.mu.Unlock()
	q.loadHolds()
	err := q.Spool.Each(func(id string, meta []byte) error {
		m, err := message.Decode(meta)
		if err != nil {
			q.setAside(id, err)
			return nil
		}
		q.Insert(m)
		return nil
	})
	q.watchExpiry()
	return err
}

// setAside keeps a message whose metadata cannot be read out of the way; it
// stays in the spool for `mtad spool`.
func (q *Queue) setAside(id string, err error) {
	q.mu.Lock()
	q.damaged++
	q.mu.Unlock()
	q.Log.Panic(sdk.LogRecord{Level: sdk.LevelCritical, Source: "queue",
		Text: fmt.Sprintf("message %s is set aside, its metadata cannot be read: %v", id, err)})
}

// Insert puts a durable message into its lane.
func (q *Queue) Insert(m *message.Message) {
	e := &entry{id: m.ID, batch: batchKey(m), received: m.Received.Unix(), retries: uint16(m.Retries), high: m.Priority > 0}
	if !m.Next.IsZero() {
		e.due = m.Next.UnixMilli()
	}
	key := laneOf(m)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.accept == nil || q.accept.Err() != nil || q.entries[e.id] != nil {
		return
	}
	l := q.lanes[key]
	if l == nil {
		l = &lane{q: q, key: key}
		q.lanes[key] = l
	}
	e.lane = l
	q.entries[e.id] = e
	q.ages.add(e.received)
	l.put(e)
	l.wake()
}

// Stop lets the workers finish their batch until ctx ends, then cuts them off.
// What was not delivered is in the spool as it was.
func (q *Queue) Stop(ctx context.Context) {
	q.mu.Lock()
	if q.stop == nil {
		q.mu.Unlock()
		return
	}
	q.stop()
	if q.expiry != nil {
		q.expiry.Stop()
	}
	for _, l := range q.lanes {
		l.halt()
	}
	q.mu.Unlock()
	done := make(chan struct{})
	go func() { q.running.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		q.kill()
		<-done
	}
	q.kill()
}

// Reconfigured takes the lanes' options anew after a reload.
func (q *Queue) Reconfigured() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.lanes {
		l.forgive()
		l.paced = time.Time{}
		if l.suspended() {
			l.hurry()
		}
	}
	q.renew()
}

// LaneSize is a line of mailq.
type LaneSize struct {
	Lane
	Active, Delayed int
}

// Sizes lists the lanes that hold mail.
func (q *Queue) Sizes() []LaneSize {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.Clock.Now()
	out := make([]LaneSize, 0, len(q.lanes))
	for key, l := range q.lanes {
		l.ripen(now)
		if n := l.active() + l.taken + len(l.delayed); n > 0 {
			out = append(out, LaneSize{key, l.active() + l.taken, len(l.delayed)})
		}
	}
	return out
}

// Totals is the number of messages due, waiting for a retry, and set aside, and
// of connections.
func (q *Queue) Totals() (active, delayed, damaged, connections int) {
	for _, s := range q.Sizes() {
		active += s.Active
		delayed += s.Delayed
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return active, delayed, q.damaged, q.workers
}
