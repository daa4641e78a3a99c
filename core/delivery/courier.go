package delivery

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/mtad/mtad/core/dns"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/mtasts"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/core/tlsrpt"
	"github.com/mtad/mtad/core/trace"
)

// Contents gives a message's bytes as they go out: header section, empty line,
// body. An error that is fs.ErrNotExist says that they are gone for good.
type Contents interface {
	Open(m *message.Message) (io.ReadCloser, error)
}

// Courier implements queue.Courier. Its exported fields are set once, before
// its first use. It is safe for concurrent use; what its Serves share is the
// memory of hosts and domains that failed.
type Courier struct {
	Resolver   dns.Resolver
	Contents   Contents
	OptionsFor func(group, binding, domain string) *Options
	NewConnID  func() string // an id for each connection that was made
	Hostname   func() string // our own name, for EHLO and the loop guard

	// The rest may be left out.
	RelayDomain func(domain string) bool // is it in relay_domains?
	Dial        func(ctx context.Context, from netip.Addr, to netip.AddrPort) (net.Conn, error)
	Shuffle     func(n int, swap func(i, j int))
	Now         func() time.Time
	ReadFile    func(name string) ([]byte, error) // certificates
	AuthPolicy  AuthPolicy
	// Connected is told of each connection that was made, or not (err). It must
	// not wait.
	Connected func(lane queue.Lane, to netip.AddrPort, err error)
	// Policies knows what domains ask for (use_mta_sts); nil: nobody does.
	Policies *mtasts.Store
	// Report is told of each session with a host whose domain has a policy, good
	// or bad. It must not wait.
	Report func(e tlsrpt.Event)
	// Note is told what the operator should know of a delivery. It must not wait.
	Note func(text string)

	// HostLimits are the limits of a host that a binding sends to.
	HostLimits func(binding, host string) HostLimits
	// Learned is told the preferred exchangers of a lane's domain whenever they
	// were looked up. True: other options count for the lane now, and its mail
	// goes back.
	Learned func(lane queue.Lane, hosts []string) bool

	// Trace gives the dialogue of a connection that somebody looks on; nil:
	// nobody does.
	Trace func(about trace.About) *trace.Dialogue

	inUse   hostTable
	hosts   memory[hostKey, hostFailure]
	domains memory[string, lookupFailures]
	live    liveTable
	buffers sync.Pool // of *[copyBuffer]byte
}

var _ queue.Courier = (*Courier)(nil)

// Serve implements queue.Courier. When ctx ends, it stops at once and puts
// back what it has; only a message whose last byte is out already gets a
// moment for its reply.
func (c *Courier) Serve(ctx context.Context, lane queue.Lane, src queue.Source) {
	t := &trip{courier: c, lane: lane, src: src}
	defer t.end()
	b := src.Next(ctx, 0)
	for b != nil && t.deliver(ctx, b) {
		b = src.Next(ctx, t.opt.IdleTimeout)
	}
}

// trip is one Serve: a lane, and the connection it has at the moment.
type trip struct {
	courier *Courier
	lane    queue.Lane
	src     queue.Source
	opt     *Options
	login   login // of the batch
	s       *session
}

// deliver settles a batch; false says that the connection is at its end.
func (t *trip) deliver(ctx context.Context, b *queue.Batch) bool {
	t.opt = t.courier.OptionsFor(t.lane.Group, t.lane.Binding, t.lane.Domain)
	if b = t.admit(ctx, b); b == nil {
		return ctx.Err() == nil
	}
	if t.s != nil && t.s.login != t.login {
		t.end()
	}
	reused := t.s != nil
	if !reused && !t.connected(ctx, b) {
		return false
	}
	if held := t.s.limits.admit(t.courier.now(), len(b.Messages)); held != nil {
		for _, m := range b.Messages {
			t.src.Settle(m, queue.Result{Verdict: queue.NotAttempted, Held: held})
		}
		return ctx.Err() == nil
	}
	x := t.s.transact(t.courier, b)
	if reused && x.stale && ctx.Err() == nil {
		// The peer closed while we were idle; that says nothing about the
		// message, so it gets a fresh connection.
		t.end()
		if !t.connected(ctx, b) {
			return false
		}
		x = t.s.transact(t.courier, b)
	}
	for i, m := range b.Messages {
		t.src.Settle(m, x.results[i])
	}
	return ctx.Err() == nil && t.s.usable(t.opt)
}

// connected makes a connection; where none can be made it settles the batch.
func (t *trip) connected(ctx context.Context, b *queue.Batch) bool {
	failed := t.connect(ctx, b)
	if failed == nil {
		return true
	}
	for _, m := range b.Messages {
		r := failed.Result
		if failed.purge && int64(m.Retries)+1 >= t.opt.FailuresToPurge {
			r.Verdict, r.Reply = queue.PermanentFailure, replyNoDomain.WithCause(r.Reply.Cause)
		}
		t.src.Settle(m, r)
	}
	return false
}

// end says goodbye and closes the connection, if there is one.
func (t *trip) end() {
	if t.s != nil {
		t.s.close()
		t.s = nil
	}
}

func (c *Courier) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

func (c *Courier) shuffle(n int, swap func(i, j int)) {
	if c.Shuffle != nil {
		c.Shuffle(n, swap)
		return
	}
	rand.Shuffle(n, swap)
}

func (c *Courier) readFile(name string) ([]byte, error) {
	if c.ReadFile != nil {
		return c.ReadFile(name)
	}
	return os.ReadFile(name)
}

// dial connects from a source address; the zero one leaves it to the kernel.
func (c *Courier) dial(ctx context.Context, from netip.Addr, to netip.AddrPort) (net.Conn, error) {
	if c.Dial != nil {
		return c.Dial(ctx, from, to)
	}
	var d net.Dialer
	if from.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
	}
	return d.DialContext(ctx, "tcp", to.String())
}
