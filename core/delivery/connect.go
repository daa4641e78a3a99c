package delivery

import (
	"cmp"
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/core/trace"
)

// sourcePause is how long a lane waits where no connection can be made from its
// source address: it is not there, or its ports are used up.
const sourcePause = 10 * time.Second

// connect finds a host for the lane that will talk to us. The targets are
// tried in order until one does (RFC 5321 §5.1).
func (t *trip) connect(ctx context.Context, b *queue.Batch) *setback {
	if ctx.Err() != nil {
		return &setback{Result: queue.Result{Verdict: queue.NotAttempted}}
	}
	all, failed := t.courier.targets(ctx, t.lane, t.opt)
	if ctx.Err() != nil {
		return &setback{Result: queue.Result{Verdict: queue.NotAttempted}}
	}
	if failed != nil {
		return failed
	}
	ready := t.courier.available(t.lane.Binding, all)
	if len(ready) == 0 {
		s := refused(replyAllAvoided)
		s.Unreached = true
		return s
	}
	var sum tally
	var held *queue.Held
	for _, to := range ready {
		limits, leave, full := t.courier.enter(t.lane.Binding, to.host)
		if full != nil {
			held = cmp.Or(held, full)
			continue
		}
		s, r := t.reach(ctx, to, b)
		if r != nil {
			leave()
		} else {
			s.limits, s.closed = limits, after(s.closed, leave)
			t.courier.hosts.forget(hostKey{t.lane.Binding, to.addr})
			t.s = s
			return nil
		}
		if r.Verdict == queue.NotAttempted {
			return &setback{Result: *r}
		}
		sum.add(r)
	}
	if held != nil { // there is a host that only has no place
		return &setback{Result: queue.Result{Verdict: queue.NotAttempted, Held: held}}
	}
	return &setback{Result: sum.result()}
}

// reach opens a connection to one target, as its domain wants it.
func (t *trip) reach(ctx context.Context, to target, b *queue.Batch) (*session, *queue.Result) {
	if r := t.guarded(ctx, &to); r != nil {
		return nil, r
	}
	if ctx.Err() != nil {
		return nil, &queue.Result{Verdict: queue.NotAttempted}
	}
	return t.open(ctx, to, b, t.opt)
}

// open connects to one target and greets it. Where TLS fails that is only
// opportunistic, a second connection tries without (tls_ifavailable_fallback).
func (t *trip) open(ctx context.Context, to target, b *queue.Batch, o *Options) (*session, *queue.Result) {
	s, r := t.dial(ctx, to, o)
	if r != nil {
		return nil, r
	}
	failed, tlsFailed := s.greet(t.courier, t.courier.helloName(o, b))
	t.outcome(s)
	if failed == nil {
		failed = s.authenticate(t.login, t.opt.TLS == "no")
	}
	if failed == nil {
		return s, nil
	}
	s.close()
	if tlsFailed && s.tlsMode() == "ifavailable" && o.TLSFallback {
		inClear := *o
		inClear.TLS, to.guard = "no", nil
		return t.open(ctx, to, b, &inClear)
	}
	if s.trouble {
		t.courier.avoid(t.lane.Binding, to, o, s.slow)
	}
	return nil, failed
}

// greet reads the banner and says EHLO.
func (s *session) greet(c *Courier, name string) (failed *queue.Result, tlsFailed bool) {
	r, failed := s.reply(stepBanner)
	if failed != nil {
		return failed, false
	}
	if r.Code/100 != 2 {
		return s.refusal(r, stepBanner), false
	}
	if failed := s.hello(name); failed != nil {
		return failed, false
	}
	failed, tlsFailed = s.secure(c, name)
	s.sent = 0
	return failed, tlsFailed
}

// dial makes the TCP connection.
func (t *trip) dial(ctx context.Context, to target, o *Options) (*session, *queue.Result) {
	limited, cancel := context.WithTimeout(ctx, o.ConnectTimeout)
	defer cancel()
	conn, err := t.courier.dial(limited, to.from, to.addr)
	if t.courier.Connected != nil && (err == nil || ctx.Err() == nil) {
		t.courier.Connected(t.lane, to.addr, err)
	}
	if err == nil {
		s := newSession(ctx, conn, to, o)
		s.id = t.courier.NewConnID()
		t.courier.live.add(s, Connection{ID: s.id, Lane: t.lane, Host: to.host, Addr: to.addr, Since: t.courier.now()})
		if t.courier.Trace != nil {
			s.tap = t.courier.Trace(trace.About{Outbound: true, ConnID: s.id, Binding: t.lane.Binding, Domain: t.lane.Domain, Peer: to.addr})
		}
		s.closed = func() { t.courier.live.remove(s) }
		return s, nil
	}
	if ctx.Err() != nil {
		return nil, &queue.Result{Verdict: queue.NotAttempted}
	}
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		return nil, &queue.Result{Verdict: queue.NotAttempted, Held: &queue.Held{For: sourcePause, Share: queue.Share{
			ShareKey: queue.ShareKey{Option: "bind_address", Scope: "this machine"}}}} // ours: the host is not to blame
	}
	t.courier.avoid(t.lane.Binding, to, o, isTimeout(err))
	r := unconnected(replyNoHosts.WithCause(err))
	r.Unreached = true
	return nil, r
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) ||
		errors.As(err, &ne) && ne.Timeout()
}

// avoid remembers that an address failed.
func (c *Courier) avoid(binding string, to target, o *Options, slow bool) {
	now := c.now()
	f := hostFailure{until: now.Add(o.HostFailureRetry), slow: slow}
	c.hosts.update(hostKey{binding, to.addr}, now, func(hostFailure) hostFailure { return f })
}

// available leaves out the addresses that kept us waiting lately, and puts
// those that refused lately behind the others.
func (c *Courier) available(binding string, all []target) []target {
	now := c.now()
	var good, doubtful []target
	for _, t := range all {
		f, failed := c.hosts.get(hostKey{binding, t.addr}, now)
		switch {
		case !failed:
			good = append(good, t)
		case !f.slow:
			doubtful = append(doubtful, t)
		}
	}
	return append(good, doubtful...)
}

// tally sums up the failures of all targets. One that may pass tells more than
// one that will not, and one of a peer more than a connection that was not
// made: the mail fails for good only where every host says so.
type tally struct {
	best *queue.Result
}

func (t *tally) add(r *queue.Result) {
	if t.best == nil || weight(r) >= weight(t.best) {
		t.best = r
	}
}

func weight(r *queue.Result) int {
	switch {
	case r.Verdict == queue.PermanentFailure:
		return 0
	case r.Unreached:
		return 1
	}
	return 2
}

func (t *tally) result() queue.Result { return *t.best }
