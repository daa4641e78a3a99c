package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/mtad/mtad/sdk"
)

// Resolver answers questions. Client is the real one, Mock the one for tests.
type Resolver interface {
	// Lookup answers one question. What the DNS says, failures included, is in
	// the answer: Error is "" or one of the words below. The error is for a
	// question that cannot be asked: a *TypeError, or ErrClosed. The records
	// of an answer are shared with other callers; nobody writes into them.
	//
	// MX records come by preference, equals by name; delivery shuffles the
	// equals itself (RFC 5321 §5.1). A PTR question may name an IP address.
	Lookup(ctx context.Context, q sdk.DNSQuery) (*sdk.DNSAnswer, error)
}

// The words of DNSAnswer.Error. NoData is a name that exists without records
// of the type; FormErr is also a name that cannot be written in a query.
const (
	NXDomain = "NXDOMAIN"
	NoData   = "NODATA"
	ServFail = "SERVFAIL"
	Timeout  = "TIMEOUT"
	Refused  = "REFUSED"
	FormErr  = "FORMERR"
	NotImp   = "NOTIMP"
)

// TypeError is a record type that cannot be looked up.
type TypeError struct{ Type string }

// Error names the type.
func (e *TypeError) Error() string { return fmt.Sprintf("unsupported DNS record type %q", e.Type) }

// ErrClosed is a lookup after Close.
var ErrClosed = errors.New("dns: the resolver is closed")

// Client is the resolver. Dial and Now may be replaced before the first
// lookup.
type Client struct {
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	Now  func() time.Time

	settings atomic.Pointer[Settings]
	cache    *cache
	pool     *pool
	counts   counts
	most     int // questions under way at once

	life context.Context // ends at Close
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu        sync.Mutex
	closed    bool
	flights   map[question]*flight
	airborne  int       // of the flights; the others
	queue     []*flight // wait here
	launchers int
}

// New makes a resolver. Close ends it.
func New(s *Settings) (*Client, error) {
	store, err := newCache(s.CacheSize)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	c := &Client{
		Dial: d.DialContext, Now: time.Now,
		cache:   store,
		most:    int(max(1, s.MaxPending)),
		flights: map[question]*flight{},
	}
	c.life, c.stop = context.WithCancel(context.Background())
	c.pool = newPool(c)
	c.settings.Store(s)
	return c, nil
}

// Use makes s the settings of every later query. Answers in the cache stay.
func (c *Client) Use(s *Settings) { c.settings.Store(s) }

// Close ends every lookup under way and frees the sockets.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	queue := c.queue
	c.queue = nil
	c.airborne += len(queue)
	c.mu.Unlock()
	c.stop()
	for _, f := range queue {
		c.fly(f)
	}
	c.pool.close()
	c.wg.Wait()
}

// Lookup implements Resolver.
func (c *Client) Lookup(ctx context.Context, q sdk.DNSQuery) (*sdk.DNSAnswer, error) {
	key, a, err := c.known(q)
	if a != nil || err != nil {
		return a, err
	}
	answer := make(chan *sdk.DNSAnswer, 1)
	if !c.join(key, func(a *sdk.DNSAnswer) { answer <- a }) {
		return nil, ErrClosed
	}
	return wait(ctx, answer, q.Timeout), nil
}

// StartDNS is Lookup for who must not wait (sdk.DNSStarter): done is called
// once, at once or later.
func (c *Client) StartDNS(q sdk.DNSQuery, done func(*sdk.DNSAnswer, error)) {
	key, a, err := c.known(q)
	switch {
	case a != nil || err != nil:
		done(a, err)
	case !c.join(key, within(q.Timeout, func(a *sdk.DNSAnswer) { done(a, nil) })):
		done(nil, ErrClosed)
	}
}

// known gives what needs no question.
func (c *Client) known(q sdk.DNSQuery) (question, *sdk.DNSAnswer, error) {
	key, word, err := parseQuestion(q)
	if err != nil {
		return key, nil, err
	}
	if word != "" {
		return key, &sdk.DNSAnswer{Error: word}, nil
	}
	if a := special(key); a != nil {
		return key, a, nil
	}
	c.counts.lookups.Add(1)
	if e, ok := c.cache.get(key, c.Now()); ok {
		c.counts.hits.Add(1)
		return key, e.answer, nil
	}
	return key, nil, nil
}

// Cached is what the cache holds for a question, and for how much longer.
func (c *Client) Cached(q sdk.DNSQuery) (*sdk.DNSAnswer, time.Duration, bool) {
	key, word, err := parseQuestion(q)
	if err != nil || word != "" {
		return nil, 0, false
	}
	now := c.Now()
	e, ok := c.cache.get(key, now)
	if !ok {
		return nil, 0, false
	}
	return e.answer, e.expires.Sub(now), true
}

// Flush forgets every cached answer.
func (c *Client) Flush() { c.cache.flush() }

// special answers the names that are never asked of a server: localhost
// resolves to the loopback address (RFC 6761 §6.3).
func special(q question) *sdk.DNSAnswer {
	if q.name != "localhost." {
		return nil
	}
	switch q.qtype {
	case mdns.TypeA:
		return &sdk.DNSAnswer{Records: []sdk.DNSRecord{{Value: "127.0.0.1"}}}
	case mdns.TypeAAAA:
		return &sdk.DNSAnswer{Records: []sdk.DNSRecord{{Value: "::1"}}}
	}
	return &sdk.DNSAnswer{Error: NoData}
}
