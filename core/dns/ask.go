package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	mdns "github.com/miekg/dns"
)

// clamp applies min_dns_ttl and max_dns_ttl. What must not be kept at all
// stays so, and a failure keeps its own time.
func (s *Settings) clamp(o outcome) outcome {
	if o.answer.Error == "" {
		o.ttl = max(o.ttl, s.MinTTL)
	}
	o.ttl = min(o.ttl, s.MaxTTL)
	return o
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

// query is what goes to a server.
type query struct {
	name  string
	qtype uint16
	bare  bool // without EDNS0
	// secure: is it proved by DNSSEC?
	secure bool
}

func (f *flight) query() query {
	return query{f.name, f.question.qtype, f.bare, f.trusted() && !f.bare}
}

const (
	headerSize = 12
	// querySize is the most that a query takes (RFC 1035 §4.1): header, a name of
	// 255 bytes, type and class, and the OPT record.
	querySize = headerSize + 255 + 4 + 11

	recursionDesired = 0x0100
	// authenticData asks a server to say whether DNSSEC proves its answer (RFC
	// 6840 §5.7).
	authenticData = 0x0020
)

// pack writes the query into buf, which has querySize bytes.
func (q query) pack(id uint16, buf []byte) ([]byte, error) {
	clear(buf[:headerSize])
	be := binary.BigEndian
	be.PutUint16(buf, id)
	flags := uint16(recursionDesired)
	if q.secure {
		flags |= authenticData
	}
	be.PutUint16(buf[2:], flags)
	be.PutUint16(buf[4:], 1) // questions
	off, err := mdns.PackDomainName(q.name, buf, headerSize, nil, false)
	if err != nil {
		return nil, err
	}
	buf = be.AppendUint16(be.AppendUint16(buf[:off], q.qtype), mdns.ClassINET)
	if q.bare {
		return buf, nil
	}
	be.PutUint16(buf[10:], 1) // additional records
	// The root's name, the type, the payload size as class, no flags, no options
	// (RFC 6891 §6.1.2).
	buf = be.AppendUint16(be.AppendUint16(append(buf, 0), mdns.TypeOPT), udpSize)
	return append(buf, 0, 0, 0, 0, 0, 0), nil
}

// send puts a flight's question to the server whose turn it is. Where it gives
// no error, heard is called, once.
func (c *Client) send(f *flight) error {
	if c.life.Err() != nil {
		return context.Canceled
	}
	c.counts.sent(f.question.qtype)
	return c.pool.send(f.settings, f.servers()[f.at], f.query(), func(m *mdns.Msg, err error) {
		if err == nil {
			c.counts.responses.Add(1)
		}
		c.heard(f, m, err)
	})
}

// whole asks over TCP for a response that was truncated (RFC 7766 §5).
func (c *Client) whole(f *flight, m *mdns.Msg) (*mdns.Msg, error) {
	if f.settings.FallbackToTCP {
		return c.overTCP(f)
	}
	if len(m.Answer) == 0 {
		return nil, errTruncated
	}
	return m, nil
}

// overTCP asks over a connection of its own. Their number is bounded by that
// of the questions under way.
func (c *Client) overTCP(f *flight) (*mdns.Msg, error) {
	query := f.query()
	id := mdns.Id()
	buf, err := query.pack(id, make([]byte, querySize))
	if err != nil {
		return nil, err
	}
	c.counts.sent(f.question.qtype)
	ctx, cancel := context.WithTimeout(c.life, f.settings.timeout)
	defer cancel()
	conn, err := c.Dial(ctx, "tcp", f.servers()[f.at].String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	// Real time: a deadline of the kernel's.
	if err := conn.SetDeadline(time.Now().Add(f.settings.timeout)); err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	wire := &mdns.Conn{Conn: conn}
	if _, err := wire.Write(buf); err != nil {
		return nil, err
	}
	m, err := wire.ReadMsg()
	if err != nil {
		return nil, err
	}
	if m.Id != id || !matches(query, m) {
		c.counts.bad.Add(1)
		return nil, errMismatch
	}
	c.counts.responses.Add(1)
	return m, nil
}
