package dns

import (
	"context"
	"errors"
	"net/netip"
	"time"

	mdns "github.com/miekg/dns"
)

// resolve answers a question, following CNAMEs whose target the response left
// out.
func (c *Client) resolve(ctx context.Context, q question) outcome {
	c.counts.pending.Add(1)
	defer c.counts.pending.Add(-1)
	s := c.settings.Load()
	name, least := q.name, time.Duration(1<<63-1)
	for range maxChain {
		m, word := c.ask(ctx, s, question{name: name, qtype: q.qtype, server: q.server})
		if m == nil {
			return failed(word)
		}
		out := read(m, name, q.qtype)
		least = min(least, out.ttl)
		if out.next == "" {
			out.ttl = least
			return s.clamp(out)
		}
		name = out.next
	}
	return failed(ServFail)
}

// clamp applies min_dns_ttl and max_dns_ttl. What must not be kept at all
// stays so, and a failure keeps its own time.
func (s *Settings) clamp(o outcome) outcome {
	if o.answer.Error == "" {
		o.ttl = max(o.ttl, s.MinTTL)
	}
	o.ttl = min(o.ttl, s.MaxTTL)
	return o
}

// ask puts one question to the servers in turn. The message is nil where none
// gave a usable response; the word says why.
func (c *Client) ask(ctx context.Context, s *Settings, q question) (*mdns.Msg, string) {
	servers := s.servers
	if q.server.IsValid() {
		servers = []netip.AddrPort{q.server}
	}
	word := Timeout
	for range s.attempts {
		silent := false
		for _, server := range servers {
			m, err := c.exchange(ctx, s, server, q)
			switch {
			case ctx.Err() != nil:
				return nil, Timeout
			case err != nil:
				silent = true
			case m.Rcode == mdns.RcodeSuccess, m.Rcode == mdns.RcodeNameError:
				return m, ""
			default:
				c.counts.bad.Add(1)
				word = rcodeWord(m.Rcode)
			}
		}
		if !silent { // all have spoken; asking again changes nothing
			break
		}
	}
	return nil, word
}

func rcodeWord(code int) string {
	switch code {
	case mdns.RcodeRefused:
		return Refused
	case mdns.RcodeFormatError:
		return FormErr
	case mdns.RcodeNotImplemented:
		return NotImp
	}
	return ServFail
}

var errTruncated = errors.New("dns: truncated answer")

// udpSize is the payload size offered with EDNS0: what passes unfragmented
// nearly everywhere.
const udpSize = 1232

// exchange asks one server: UDP, without EDNS0 where the server does not know
// it (RFC 6891 §7), then TCP where the answer was truncated (RFC 7766 §5).
func (c *Client) exchange(ctx context.Context, s *Settings, server netip.AddrPort, q question) (*mdns.Msg, error) {
	query := newQuery(q)
	query.SetEdns0(udpSize, false)
	m, err := c.overUDP(ctx, s, server, query)
	if err == nil && (m.Rcode == mdns.RcodeFormatError || m.Rcode == mdns.RcodeNotImplemented) {
		query = newQuery(q)
		m, err = c.overUDP(ctx, s, server, query)
	}
	if err != nil || !m.Truncated {
		return m, err
	}
	if s.FallbackToTCP {
		return c.overTCP(ctx, s, server, query)
	}
	if len(m.Answer) == 0 {
		return nil, errTruncated
	}
	return m, nil
}

func newQuery(q question) *mdns.Msg {
	m := new(mdns.Msg)
	m.SetQuestion(q.name, q.qtype)
	m.RecursionDesired = true
	return m
}

func (c *Client) overUDP(ctx context.Context, s *Settings, server netip.AddrPort, query *mdns.Msg) (*mdns.Msg, error) {
	c.counts.sent(query.Question[0].Qtype)
	m, err := c.pool.exchange(ctx, s, server, query)
	if err == nil {
		c.counts.responses.Add(1)
	}
	return m, err
}

// overTCP asks over a connection of its own. Their number is bounded by that
// of the questions under way.
func (c *Client) overTCP(ctx context.Context, s *Settings, server netip.AddrPort, query *mdns.Msg) (*mdns.Msg, error) {
	c.counts.sent(query.Question[0].Qtype)
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	conn, err := c.Dial(ctx, "tcp", server.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	// Real time: a deadline of the kernel's.
	if err := conn.SetDeadline(time.Now().Add(s.timeout)); err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	query.Id = mdns.Id()
	wire := &mdns.Conn{Conn: conn}
	if err := wire.WriteMsg(query); err != nil {
		return nil, err
	}
	m, err := wire.ReadMsg()
	if err != nil {
		return nil, err
	}
	if m.Id != query.Id || !matches(query.Question[0], m) {
		c.counts.bad.Add(1)
		return nil, errMismatch
	}
	c.counts.responses.Add(1)
	return m, nil
}
