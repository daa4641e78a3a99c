package core

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
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

// logHooks tells modules of receptions, deliveries, failures and rejections
// after they were logged (core_log_*). Nobody waits for the outcome.
type logHooks struct {
	validator *validate.Validator
	open      func(*message.Message) (io.ReadCloser, error) // a message's content
	problem   func(string)
	running   sync.WaitGroup
	cancel    context.CancelFunc

	mu     sync.RWMutex                   // held for reading while an event is handed over
	events chan func(ctx context.Context) // nil before start and after stop
}

func (h *logHooks) start() {
	events := make(chan func(context.Context), logBacklog)
	ctx, cancel := context.WithCancel(context.Background())
	h.cancel = cancel
	for range logWorkers {
		h.running.Go(func() {
			for event := range events {
				event(ctx)
			}
		})
	}
	h.mu.Lock()
	h.events = events
	h.mu.Unlock()
}

// offer hands an event over. Before start and after stop there is nobody to
// take it: a timer's message in the last moment of a shutdown is logged, and
// that is all.
func (h *logHooks) offer(event func(context.Context)) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.events == nil {
		return
	}
	select {
	case h.events <- event:
		return
	default:
	}
	late := time.NewTimer(logPatience)
	defer late.Stop()
	select {
	case h.events <- event:
	case <-late.C:
		h.problem("log hooks are too slow; one was not called")
	}
}

// stop runs what is left, until ctx ends.
func (h *logHooks) stop(ctx context.Context) {
	stop := context.AfterFunc(ctx, h.cancel)
	defer stop()
	h.mu.Lock()
	close(h.events)
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

// message tells of an event of a message.
func (h *logHooks) message(hook sdk.Hook, m *message.Message, note string) {
	if h.wanted(hook) {
		copied := policyView(m)
		copied.Header = h.header(m)
		h.offer(func(ctx context.Context) {
			s := h.validator.Detached(copied)
			defer s.Close()
			s.Run(ctx, sdk.Phase{Hook: hook, Line: note})
		})
	}
}

// header is a message's header section, read at once: what is logged may leave
// the spool right after.
func (h *logHooks) header(m *message.Message) []byte {
	const emptyLine = "\r\n"
	c := &m.Content
	if c.Header != nil || c.BodyOffset <= int64(len(emptyLine)) {
		return c.Header
	}
	r, err := h.open(m)
	if err == nil {
		defer r.Close()
		head := make([]byte, c.BodyOffset-int64(len(emptyLine)))
		if _, err = io.ReadFull(r, head); err == nil {
			return head
		}
	}
	h.problem("the header of " + m.ID + " cannot be read: " + err.Error())
	return nil
}

// rejection tells of a refused command or message. The record's dictionaries
// are its session's own, so they are copied.
func (h *logHooks) rejection(r *logs.Rejection) {
	if !h.wanted(sdk.CoreLogRejection) {
		return
	}
	m := &sdk.Message{Context: r.Mess.Clone(), ConnContext: r.Conn.Clone(), ConnID: r.ConnID, RecvFrom: r.Remote, RecvVia: r.Local}
	note := r.Reply.String()
	h.offer(func(ctx context.Context) {
		s := h.validator.Detached(m)
		defer s.Close()
		s.State.Conn.ID, s.State.Conn.Context = m.ConnID, m.ConnContext
		s.State.Conn.Peer, s.State.Conn.Local = m.RecvFrom, m.RecvVia
		s.Run(ctx, sdk.Phase{Hook: sdk.CoreLogRejection, Line: note})
	})
}

// policyView is a queued message as policy sees it: its envelope and contexts.
func policyView(m *message.Message) *sdk.Message {
	status, _ := smtp.ParseReply(m.LastReply) // nil before the first attempt
	return &sdk.Message{
		ID: m.ID, BatchID: m.BatchID, ConnID: m.ConnID, Sender: m.Sender, Recipient: m.Recipient, Original: m.Recipient,
		Context: m.Context.Clone(), ConnContext: m.ConnContext.Clone(),
		Binding: m.Binding, BindingGroup: m.BindingGroup, RoutingDomain: m.RoutingDomain, Priority: int(m.Priority),
		Protocol: m.Protocol, RecvFrom: m.Peer, RecvVia: m.Local, Created: m.Received, Retries: m.Retries, Bounce: m.Bounce,
		Reply: status,
	}
}

// records writes the logs, counts, and tells the modules.
type records struct{ c *Core }

// Reception is part of reception.Logger.
func (l records) Reception(m *message.Message) {
	l.c.received.Add(1)
	l.c.audit.Received(m.Peer.Addr())
	l.c.logs.Reception(m)
	l.c.hooks.message(sdk.CoreLogReception, m, "")
}

// Rejection is part of reception.Logger and smtpd.Log.
func (l records) Rejection(r *logs.Rejection) {
	l.c.rejected.Add(1)
	l.c.audit.Rejected(r.Remote.Addr())
	l.c.logs.Rejection(r)
	l.c.hooks.rejection(r)
}

// Panic is part of reception.Logger and queue.Logger.
func (l records) Panic(r sdk.LogRecord) { l.c.logs.Panic(r) }

// Delivery is part of queue.Logger.
func (l records) Delivery(a *logs.Attempt) {
	l.c.logs.Delivery(a)
	l.c.hooks.message(sdk.CoreLogDelivery, a.Message, a.Reply)
}

// TransientFailure is part of queue.Logger.
func (l records) TransientFailure(a *logs.Attempt) {
	l.c.logs.TransientFailure(a)
	l.c.hooks.message(sdk.CoreLogTransientFailure, a.Message, a.Reply)
}

// PermanentFailure is part of queue.Logger.
func (l records) PermanentFailure(a *logs.Attempt) {
	l.c.logs.PermanentFailure(a)
	l.c.hooks.message(sdk.CoreLogPermanentFailure, a.Message, a.Reply)
}
