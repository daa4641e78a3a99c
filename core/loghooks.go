package core

import (
	"context"
	"hash/fnv"
	"strconv"
	"sync"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/reception"
	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
	classes "github.com/mtad/mtad/sdk/bounce"
	"github.com/mtad/mtad/sdk/smtp"
)

// Bounds of the log hooks. Where modules cannot keep up, whoever logs waits for
// logPatience; after it the paniclog has the event instead, so that a callout
// which makes events of its own cannot bring the server to a stop.
const (
	logWorkers  = 4
	logBacklog  = 1000
	logPatience = 10 * time.Second
)

// logHooks tells modules of receptions, deliveries and rejections after they
// were logged (core_log_*). Nobody waits for the outcome. Failures are told
// before they are logged (mailHooks.failing).
type logHooks struct {
	validator *validate.Validator
	lend      func(*message.Message) (*reception.Loan, error) // a message's content
	problem   func(string)
	running   sync.WaitGroup
	cancel    context.CancelFunc

	mu     sync.RWMutex                     // held for reading while an event is handed over
	events []chan func(ctx context.Context) // one for each worker; nil before start and after stop
}

func (h *logHooks) start() {
	ctx, cancel := context.WithCancel(context.Background())
	h.cancel = cancel
	list := make([]chan func(context.Context), logWorkers)
	for i := range list {
		events := make(chan func(context.Context), logBacklog/logWorkers)
		list[i] = events
		h.running.Go(func() {
			for event := range events {
				event(ctx)
			}
		})
	}
	h.mu.Lock()
	h.events = list
	h.mu.Unlock()
}

// offer hands an event over. Events of one id go to one worker, so that they
// keep their order. Before start and after stop there is nobody to take it: a
// timer's message in the last moment of a shutdown is logged, and that is all.
// An event that is not taken is dropped.
func (h *logHooks) offer(id string, event func(context.Context), drop func()) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.events == nil {
		drop()
		return
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(id))
	events := h.events[hash.Sum32()%uint32(len(h.events))]
	select {
	case events <- event:
		return
	default:
	}
	late := time.NewTimer(logPatience)
	defer late.Stop()
	select {
	case events <- event:
	case <-late.C:
		drop()
		h.problem("log hooks are too slow; one was not called")
	}
}

// stop runs what is left, until ctx ends.
func (h *logHooks) stop(ctx context.Context) {
	stop := context.AfterFunc(ctx, h.cancel)
	defer stop()
	h.mu.Lock()
	for _, events := range h.events {
		close(events)
	}
	h.events = nil
	h.mu.Unlock()
	h.running.Wait()
	h.cancel()
}

// wanted reports whether any module asked for the hook.
func (h *logHooks) wanted(hook sdk.Hook) bool {
	c := h.validator.Current()
	return c != nil && c.Wants(hook)
}

// message tells of an event of a message. Its content is opened at once: what is
// logged may leave the spool right after.
func (h *logHooks) message(hook sdk.Hook, m *message.Message, note string) {
	h.tell(m, sdk.Phase{Hook: hook, Line: note})
}

// attempt tells of what a delivery attempt came to.
func (h *logHooks) attempt(hook sdk.Hook, a *logs.Attempt) {
	if !h.wanted(hook) {
		return
	}
	h.tell(a.Message, attemptPhase(hook, a))
}

// attemptPhase is a log hook about a delivery attempt.
func attemptPhase(hook sdk.Hook, a *logs.Attempt) sdk.Phase {
	told := &sdk.Attempt{ConnID: a.ConnID, Remote: a.Remote, Stage: sdk.DeliveryStage(a.Stage)}
	if a.TLS != nil {
		told.TLS = *a.TLS
	}
	return sdk.Phase{Hook: hook, Line: a.Reply, Attempt: told}
}

// tell hands a phase of a log hook over.
func (h *logHooks) tell(m *message.Message, p sdk.Phase) {
	if !h.wanted(p.Hook) {
		return
	}
	view := reception.View(m)
	if r, ok := smtp.ParseReply(p.Line); ok {
		view.Reply = r // what was logged, not what an earlier attempt came to
	}
	loan, err := h.lend(m)
	if err != nil {
		h.problem("the content of " + m.ID + " cannot be read: " + err.Error())
		loan = &reception.Loan{}
	}
	view.Header, view.Body = loan.Header, loan.Body
	h.offer(m.ID, func(ctx context.Context) {
		defer loan.Close()
		s := h.validator.Detached(view)
		defer s.Close()
		s.Run(ctx, p)
	}, loan.Close)
}

// rejection tells of a refused command or message. The record's dictionaries
// are its session's own, so they are copied.
func (h *logHooks) rejection(r *logs.Rejection) {
	if !h.wanted(sdk.CoreLogRejection) {
		return
	}
	m := &sdk.Message{Context: r.Mess.Clone(), ConnContext: r.Conn.Clone(), ConnID: r.ConnID, RecvFrom: r.Remote, RecvVia: r.Local}
	p := sdk.Phase{Hook: sdk.CoreLogRejection, Line: r.Reply.String(), Number: int64(r.Phase)}
	h.offer(m.ConnID, func(ctx context.Context) {
		s := h.validator.Detached(m)
		defer s.Close()
		s.Run(ctx, p)
	}, func() {})
}

// records writes the logs, counts, and tells the modules.
type records struct{ c *Core }

// Reception is part of reception.Logger.
func (l records) Reception(m *message.Message) {
	l.c.received.Add(1)
	l.c.meters.received.Add(m.Protocol.String())
	l.c.health.accepted.Add(1)
	l.c.queue.Received(m)
	l.c.audit.Received(m.Peer.Addr())
	l.c.logs.Reception(m)
	l.c.hooks.message(sdk.CoreLogReception, m, "")
}

// Rejection is part of reception.Logger and smtpd.Log.
func (l records) Rejection(r *logs.Rejection) {
	l.c.rejected.Add(1)
	l.c.meters.rejected.Add(strconv.Itoa(r.Reply.Code), r.Phase.String())
	l.c.health.refused(r.Reply)
	l.c.audit.Rejected(r.Remote.Addr())
	l.c.logs.Rejection(r)
	l.c.hooks.rejection(r)
}

// Panic is part of reception.Logger and queue.Logger.
func (l records) Panic(r sdk.LogRecord) { l.c.logs.Panic(r) }

// Delivery is part of queue.Logger.
func (l records) Delivery(a *logs.Attempt) {
	l.c.meters.attempt(outcomeDelivered, a)
	l.c.logs.Delivery(a)
	l.c.relayed(a)
	l.c.hooks.attempt(sdk.CoreLogDelivery, a)
}

// TransientFailure is part of queue.Logger. mailHooks.failing has told the
// modules.
func (l records) TransientFailure(a *logs.Attempt) {
	l.c.classify(a)
	l.c.meters.attempt(outcomeTransient, a)
	l.c.logs.TransientFailure(a)
	l.c.delayed(a)
}

// PermanentFailure is part of queue.Logger. mailHooks.failing has told the
// modules.
func (l records) PermanentFailure(a *logs.Attempt) {
	l.c.classify(a)
	l.c.meters.attempt(outcomeFailed, a)
	l.c.logs.PermanentFailure(a)
	l.c.suppression.Failed(a.Message.Recipient, classes.Class(a.Class))
}
