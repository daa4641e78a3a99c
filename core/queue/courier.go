package queue

import (
	"context"
	"net/netip"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// Lane names one queue: what leaves through one binding for one domain.
type Lane struct{ Group, Binding, Domain string }

// Courier delivers. core/delivery is the one there is; core.go sets it.
type Courier interface {
	// Serve works on one lane over one connection: it takes batches from src
	// and settles every message it took, until src has no more or ctx ends. It
	// owns the connection and closes it before it returns. The queue calls it
	// on a goroutine of its own, at most max_outbound_connections at a time
	// for a lane.
	Serve(ctx context.Context, lane Lane, src Source)
}

// Source is the queue's side of one Serve.
type Source interface {
	// Next gives the next batch that is due and allowed by the throttles. It
	// waits up to idle for one to come; nil means: close the connection.
	Next(ctx context.Context, idle time.Duration) *Batch
	// Settle says what became of a message of the last batch. Each is settled
	// exactly once; the queue logs it, and removes, retries or fails it.
	Settle(m *message.Message, r Result)
}

// Batch is one transaction: messages of one sender with the same content, so
// that one DATA serves all of them. There is at least one.
type Batch struct{ Messages []*message.Message }

// Verdict is what became of a message.
type Verdict uint8

// The verdicts.
const (
	Delivered Verdict = iota
	TransientFailure
	PermanentFailure
	NotAttempted // put back as it was: the lane stops, nothing is logged
)

// Result is the outcome for one message of a batch.
type Result struct {
	Verdict   Verdict
	Reply     *smtp.Reply // the remote's, or ours with "[internal]"
	Stage     logs.Stage
	Remote    netip.Addr
	ConnID    string
	Bytes     int64
	TLS       *sdk.OutboundTLS // nil: no connection was made
	Unreached bool             // no connection could be made: the lane backs off
	Held      *Held            // of NotAttempted: a limit of the host has the lane wait
	PassedDSN bool             // delivered to a peer that was told what the sender asked of notifications (RFC 3461 §5.2)
}

// Held is a limit of the host that mail goes to, which the lane cannot know
// before it has looked the host up.
type Held struct {
	For   time.Duration
	Share Share
}
