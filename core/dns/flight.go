package dns

import (
	"context"
	"net/netip"
	"sync"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/mtad/mtad/sdk"
)

// flight is one question under way; all that ask the same wait for it. While it
// waits for a server it holds no goroutine: a thousand questions to a slow one
// cost little more than their queries. Only one goroutine at a time works on
// it.
type flight struct {
	question question
	settings *Settings
	after    []func(*sdk.DNSAnswer) // guarded by Client.mu

	name    string // asked for now: the question's, or a CNAME's target
	hops    int
	least   time.Duration // of the lives of what was read so far
	attempt int
	at      int    // index of the server whose turn it is
	silent  bool   // a server of this attempt did not answer
	bare    bool   // without EDNS0
	word    string // what the last server that answered said
	secure  bool   // DNSSEC proves all that was read
	over    bool
	out     outcome
}

// servers are who is asked, in turn.
func (f *flight) servers() []netip.AddrPort {
	if f.question.server.IsValid() {
		return []netip.AddrPort{f.question.server}
	}
	return f.settings.servers
}

// ask begins with a name.
func (f *flight) ask(name string) {
	f.name, f.attempt, f.at, f.silent, f.bare, f.word = name, 0, 0, false, false, Timeout
}

// trusted says that the server whose turn it is may vouch for DNSSEC: the way to
// any other than one on this machine could be tampered with (RFC 7672 §2.1.1).
func (f *flight) trusted() bool {
	return f.settings.TrustAD && f.servers()[f.at].Addr().IsLoopback()
}

func (f *flight) end(out outcome) { f.over, f.out = true, out }

// turn goes to the next server. It asks all again only where one was silent:
// where all have spoken, that changes nothing.
func (f *flight) turn() {
	f.bare = false
	if f.at++; f.at < len(f.servers()) {
		return
	}
	f.attempt++
	if !f.silent || f.attempt >= f.settings.attempts {
		f.end(failed(f.word))
		return
	}
	f.at, f.silent = 0, false
}

// read takes a usable response, and follows a CNAME whose target it left out.
func (f *flight) read(m *mdns.Msg) {
	out := read(m, f.name, f.question.qtype)
	f.secure = f.secure && m.AuthenticatedData && f.trusted()
	if out.answer != nil {
		out.answer.Secure = f.secure
	}
	f.least = min(f.least, out.ttl)
	if out.next == "" {
		out.ttl = f.least
		f.end(f.settings.clamp(out))
		return
	}
	if f.hops++; f.hops >= maxChain {
		f.end(failed(ServFail))
		return
	}
	f.ask(out.next)
}

// wait gives the answer, or Timeout when the caller's own time is up first;
// the flight goes on for the others and for the cache.
func wait(ctx context.Context, answer <-chan *sdk.DNSAnswer, limit time.Duration) *sdk.DNSAnswer {
	var late <-chan time.Time
	if limit > 0 {
		t := time.NewTimer(limit)
		defer t.Stop()
		late = t.C
	}
	select {
	case a := <-answer:
		return a
	case <-ctx.Done():
	case <-late:
	}
	return &sdk.DNSAnswer{Error: Timeout}
}

// within makes done be called once, with Timeout when limit is up first.
func within(limit time.Duration, done func(*sdk.DNSAnswer)) func(*sdk.DNSAnswer) {
	if limit <= 0 {
		return done
	}
	var once sync.Once
	finish := func(a *sdk.DNSAnswer) { once.Do(func() { done(a) }) }
	t := time.AfterFunc(limit, func() { finish(&sdk.DNSAnswer{Error: Timeout}) })
	return func(a *sdk.DNSAnswer) {
		t.Stop()
		finish(a)
	}
}

// join has done called with the answer of a question's flight, which it starts
// where there is none. It reports false after Close.
func (c *Client) join(q question, done func(*sdk.DNSAnswer)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	if f, ok := c.flights[q]; ok {
		f.after = append(f.after, done)
		return true
	}
	f := &flight{question: q, settings: c.settings.Load(), after: []func(*sdk.DNSAnswer){done}, least: 1<<63 - 1, secure: true}
	f.ask(q.name)
	c.flights[q] = f
	c.wg.Add(1) // until it lands
	c.queue = append(c.queue, f)
	c.callLauncher()
	return true
}

// maxLaunchers is how many goroutines send first queries: few, since a thousand
// that begin at once would leave a thousand grown stacks behind.
const maxLaunchers = 4

// callLauncher sees to it that somebody starts what is in the queue. The caller
// holds mu.
func (c *Client) callLauncher() {
	if c.launchers < maxLaunchers && c.mayLaunch() {
		c.launchers++
		go c.launch()
	}
}

func (c *Client) mayLaunch() bool { return len(c.queue) > 0 && c.airborne < c.most }

// launch starts flights until nothing waits, or too many are under way.
func (c *Client) launch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.mayLaunch() {
		f := c.queue[0]
		c.queue = c.queue[1:]
		c.airborne++
		c.mu.Unlock()
		c.fly(f)
		c.mu.Lock()
	}
	c.launchers--
}

// fly works on a flight until it waits for a server, whose answer heard gets,
// or is over. A flight ends by itself: every query has a timeout and their
// number is bounded.
func (c *Client) fly(f *flight) {
	for !f.over {
		err := c.send(f)
		if err == nil {
			return
		}
		c.take(f, nil, err)
	}
	c.land(f)
}

// heard goes on with a flight after what a server said, or did not. It must not
// hold up the caller, who reads from a socket.
func (c *Client) heard(f *flight, m *mdns.Msg, err error) {
	if err == nil && m.Truncated {
		go c.goOn(f, m, err)
		return
	}
	c.goOn(f, m, err)
}

func (c *Client) goOn(f *flight, m *mdns.Msg, err error) {
	if err == nil && m.Truncated {
		m, err = c.whole(f, m)
	}
	c.take(f, m, err)
	c.fly(f)
}

// take brings a flight forward by a response.
func (c *Client) take(f *flight, m *mdns.Msg, err error) {
	switch {
	case c.life.Err() != nil:
		f.end(failed(Timeout))
	case err != nil:
		f.silent = true
		f.turn()
	case m.Rcode == mdns.RcodeSuccess, m.Rcode == mdns.RcodeNameError:
		f.read(m)
	case !f.bare && (m.Rcode == mdns.RcodeFormatError || m.Rcode == mdns.RcodeNotImplemented):
		f.bare = true // the server may not know EDNS0 (RFC 6891 §7)
	default:
		c.counts.bad.Add(1)
		f.word = rcodeWord(m.Rcode)
		f.turn()
	}
}

// land keeps the answer of a flight that is over and gives it to all that wait.
func (c *Client) land(f *flight) {
	defer c.wg.Done()
	if f.out.ttl > 0 && c.life.Err() == nil {
		c.cache.put(f.question, entry{answer: f.out.answer, expires: c.Now().Add(f.out.ttl)})
	}
	c.mu.Lock()
	delete(c.flights, f.question)
	c.airborne--
	c.callLauncher()
	c.mu.Unlock()
	for _, done := range f.after {
		done(f.out.answer)
	}
}
