package simnet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	mdns "github.com/miekg/dns"
)

// Zone is what the DNS says of one name. The zero Zone exists without records.
type Zone struct {
	MX  []MX
	A   []netip.Addr
	TTL time.Duration // 0: five minutes
	// Fails is the share of the hours in which servers answer SERVFAIL, and
	// Mute that in which they do not answer.
	Fails, Mute float64
	// FailsUntil has every question before that time answered by SERVFAIL.
	FailsUntil time.Time
}

// MX is an exchanger; "." is the null MX (RFC 7505).
type MX struct {
	Preference uint16
	Host       string
}

// dnsDelay is how long an answer takes.
const dnsDelay = 20 * time.Millisecond

// DialDNS connects to the name server: a network for dns.Client.Dial. Only
// datagrams are answered.
func (n *Net) DialDNS(_ context.Context, network, address string) (net.Conn, error) {
	server, err := netip.ParseAddrPort(address)
	if err != nil || !strings.HasPrefix(network, "udp") {
		return nil, fmt.Errorf("simnet: no %s to %s", network, address)
	}
	near, far := pair(netip.AddrPortFrom(netip.IPv4Unspecified(), 0), server)
	near.datagram, far.datagram = true, true
	n.running.Go(func() { n.nameServer(far) })
	return near, nil
}

func (n *Net) nameServer(c *conn) {
	buf := make([]byte, 4096)
	for {
		k, err := c.Read(buf)
		if err != nil {
			return
		}
		q := new(mdns.Msg)
		if q.Unpack(buf[:k]) != nil || len(q.Question) != 1 {
			continue
		}
		wire := n.answer(q)
		if wire != nil {
			time.AfterFunc(dnsDelay, func() { _, _ = c.Write(wire) })
		}
	}
}

// answer is the response to a question, nil where none comes.
func (n *Net) answer(q *mdns.Msg) []byte {
	m := new(mdns.Msg).SetReply(q)
	name := strings.ToLower(strings.TrimSuffix(q.Question[0].Name, "."))
	now := time.Now()
	n.mu.Lock()
	z := n.zones[name]
	n.queries[name]++
	n.mu.Unlock()
	switch {
	case z == nil:
		m.Rcode = mdns.RcodeNameError
	case n.happens(z.Mute, "mute", name, n.hour(now)):
		return nil
	case now.Before(z.FailsUntil), n.happens(z.Fails, "fails", name, n.hour(now)):
		m.Rcode = mdns.RcodeServerFailure
	default:
		m.Answer = z.records(q.Question[0])
	}
	wire, err := m.Pack()
	if err != nil {
		return nil
	}
	return wire
}

func (z *Zone) records(q mdns.Question) (list []mdns.RR) {
	ttl := uint32(300)
	if z.TTL > 0 {
		ttl = uint32(z.TTL / time.Second)
	}
	head := mdns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: mdns.ClassINET, Ttl: ttl}
	switch q.Qtype {
	case mdns.TypeMX:
		for _, mx := range z.MX {
			list = append(list, &mdns.MX{Hdr: head, Preference: mx.Preference, Mx: mdns.Fqdn(mx.Host)})
		}
	case mdns.TypeA:
		for _, a := range z.A {
			list = append(list, &mdns.A{Hdr: head, A: net.IP(a.AsSlice())})
		}
	}
	return list
}
