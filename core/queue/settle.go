package queue

import (
	"fmt"
	"strconv"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// The queue's own verdicts, worded as in reference/logs.md.
var (
	replyExpired      = smtp.NewReply(554, "5.4.7", "[internal] exceeded max time without delivery")
	replyMaxRetries   = smtp.NewReply(554, "5.4.7", "[internal] exceeded max retries without delivery")
	replyBlackhole    = smtp.NewReply(550, "5.7.1", "[internal] mail for this destination is not delivered")
	replyNotAttempted = smtp.NewReply(554, "5.4.5", "[internal] Delivery not attempted (message expired)")
)

// Settle says what became of a message (Source).
func (w *worker) Settle(m *message.Message, r Result) {
	e := w.open[m.ID]
	if e == nil {
		return
	}
	if w.q.Outcome != nil {
		r = w.q.Outcome(w.lane.key, r)
	}
	a := w.attempt(m, r)
	if r.Verdict != NotAttempted && r.ConnID != "" {
		w.reached()
	}
	switch r.Verdict {
	case Delivered:
		w.q.Counters.Delivered.Add(1)
		w.q.figures.add(w.lane.key, EventDelivered)
		w.q.Log.Delivery(a)
		w.finish(e)
	case PermanentFailure:
		w.settle(PermanentFailure, e, func(w *worker) { w.fail(e, a) })
	case TransientFailure:
		w.putOff(e, a, r.Unreached)
	case NotAttempted:
		w.hold(r.Held)
		w.release(e, (*lane).putBack)
	}
}

func (w *worker) attempt(m *message.Message, r Result) *logs.Attempt {
	a := &logs.Attempt{
		Message: m, Now: w.q.Clock.Now(), ConnID: r.ConnID, Domain: w.lane.key.Domain,
		Binding: w.lane.key.Binding, Group: w.lane.key.Group,
		Bytes: r.Bytes, Stage: r.Stage, Retries: m.Retries, Remote: r.Remote, TLS: r.TLS, PassedDSN: r.PassedDSN,
	}
	if r.Reply != nil {
		a.Reply = r.Reply.String()
	}
	return a
}

// blackholed fails a message of a lane whose mail is not to be delivered.
func (w *worker) blackholed(m *message.Message, e *entry) bool {
	how := w.lane.opts().Blackhole
	if how == "" || how == "false" || w.lane.suspended() {
		return false
	}
	r := Result{Verdict: PermanentFailure, Reply: replyBlackhole}
	if how != "internal" {
		w.Settle(m, r)
		return true
	}
	w.failed(w.attempt(m, r))
	w.finish(e)
	return true
}

// failed counts and logs a message that failed for good.
func (w *worker) failed(a *logs.Attempt) {
	w.q.Counters.Failed.Add(1)
	w.q.figures.add(w.lane.key, EventFailed)
	w.q.Log.PermanentFailure(a)
}

// finish removes a message for good.
func (w *worker) finish(e *entry) {
	if err := w.q.Spool.Done(e.id); err != nil {
		w.trouble(e, "cannot be removed from the spool and may be delivered again", err)
	}
	w.drop(e)
}

// fail ends a message: the sender is told first, durably.
func (w *worker) fail(e *entry, a *logs.Attempt) {
	w.failing(PermanentFailure, a)
	if err := w.q.OnFail(w.q.hard, a); err != nil {
		w.trouble(e, "failed, but its bounce could not be queued; it is kept", err)
		w.delay(e, a.Message, w.q.Clock.Now().Add(time.Minute))
		return
	}
	w.failed(a)
	w.finish(e)
}

// putOff gives a message its next time, or up.
func (w *worker) putOff(e *entry, a *logs.Attempt, unreached bool) {
	o := w.lane.opts()
	last := w.givesUp(e, o)
	if unreached && last == nil {
		w.block(w.q.Clock.Now().Add(min(backoff(o, a.Message.Retries), o.HostFailureRetry)))
	}
	w.settle(TransientFailure, e, func(w *worker) {
		w.failing(TransientFailure, a)
		w.q.Log.TransientFailure(a)
		w.q.Counters.Transient.Add(1)
		w.q.figures.add(w.lane.key, EventTransient)
		if last == nil {
			w.retry(e, a, o)
			return
		}
		a.Reply = last.String()
		w.settle(PermanentFailure, e, func(w *worker) { w.fail(e, a) })
	})
}

// failing has modules see a failure before it is logged.
func (w *worker) failing(v Verdict, a *logs.Attempt) {
	if w.q.Failing != nil {
		w.q.Failing(w.q.hard, v, a)
	}
}

// retry gives a message its next time.
func (w *worker) retry(e *entry, a *logs.Attempt, o *Options) {
	m := a.Message
	delay := backoff(o, m.Retries)
	m.LastReply = a.Reply
	if w.q.BeforeRetry != nil {
		w.q.BeforeRetry(w.q.hard, m)
	}
	m.Retries++
	now := w.q.Clock.Now()
	expiry := m.Received.Add(o.Expiration)
	next := now.Add(delay)
	if next.After(expiry) && expiry.After(now) {
		next = expiry
	}
	w.delay(e, m, next)
}

// givesUp is the reply to end with where no retry is due.
func (w *worker) givesUp(e *entry, o *Options) *smtp.Reply {
	if limit, err := strconv.Atoi(o.MaxRetries); err == nil && int(e.retries) >= limit {
		return replyMaxRetries
	}
	if o.NeverRetry {
		return replyMaxRetries
	}
	if w.q.age(e) >= o.Expiration {
		return replyExpired
	}
	return nil
}

// backoff is retry_interval * 2^n, capped by max_retry_interval.
func backoff(o *Options, retries int) time.Duration {
	d := o.RetryInterval
	for range retries {
		if d >= o.MaxRetryInterval/2 {
			return min(max(d, o.MaxRetryInterval), max(o.MaxRetryInterval, o.RetryInterval))
		}
		d *= 2
	}
	return d
}

// delay writes the new state to the spool and files the entry by its time.
func (w *worker) delay(e *entry, m *message.Message, next time.Time) {
	m.Next = next
	if err := w.q.Spool.Change(m.ID, message.Encode(m)); err != nil {
		w.trouble(e, "keeps its old state in the spool", err)
	}
	if laneOf(m) != w.lane.key { // policy sends it another way
		w.drop(e)
		w.q.Insert(m)
		return
	}
	e.due, e.retries, e.high = next.UnixMilli(), uint16(m.Retries), m.Priority > 0
	w.release(e, (*lane).put)
}

// block keeps the lane from connecting until t: its next hop is not there.
func (w *worker) block(t time.Time) {
	w.q.mu.Lock()
	defer w.q.mu.Unlock()
	w.lane.unreached(t)
}

// hold has the lane wait for a limit of its host.
func (w *worker) hold(h *Held) {
	if h == nil {
		return
	}
	w.q.mu.Lock()
	defer w.q.mu.Unlock()
	w.lane.held, w.lane.heldBy = w.q.Clock.Now().Add(h.For), h.Share
}

// release gives an entry back to the lane.
func (w *worker) release(e *entry, put func(*lane, *entry)) {
	w.q.mu.Lock()
	defer w.q.mu.Unlock()
	delete(w.open, e.id)
	w.lane.taken--
	put(w.lane, e)
}

func (q *Queue) troubled(what string, err error) {
	q.Log.Panic(sdk.LogRecord{Level: sdk.LevelCritical, Source: "queue", Text: what + ": " + err.Error()})
}

func (w *worker) trouble(e *entry, what string, err error) {
	w.q.Log.Panic(sdk.LogRecord{Level: sdk.LevelCritical, Source: "queue", Text: fmt.Sprintf("message %s %s: %v", e.id, what, err)})
}
