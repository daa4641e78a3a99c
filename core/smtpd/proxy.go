package smtpd

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/mtad/mtad/core/logs"
)

// Bounds of PROXY headers (HAProxy, "The PROXY protocol", §2).
const (
	proxyV1Max  = 107
	proxyV2Head = 16
	proxyV2Max  = 4096 // with its TLVs, as much as the buffer holds
)

var proxyV2Magic = []byte("\r\n\r\n\x00\r\nQUIT\n")

var (
	errProxyShort  = errors.New("more of the PROXY header is to come")
	errProxyBad    = errors.New("no valid PROXY header")
	errProxyNobody = errors.New("PROXY header from a peer that is not listed")
)

// ends are the two ends of a connection.
type ends struct{ peer, local netip.AddrPort }

// proxied reads the PROXY header that the peer must begin with, and takes the
// client's place in the options. A peer that may not send one, or sends none, is
// hung up on without a banner (manual, proxy_protocol).
func (s *session) proxied() error {
	if !s.p.Proxy {
		return nil
	}
	err := errProxyNobody
	var said ends
	if s.p.Listed.Proxy || s.p.fronts.proxy.Contains(s.real.peer.Addr()) {
		said, err = s.readProxy()
	}
	if err != nil {
		s.silent = true
		s.logRejection(logs.PhaseSetup, replyBadProxy.WithCause(err))
		return err
	}
	if !said.peer.IsValid() { // LOCAL, UNKNOWN, UNIX: the real one stands
		return nil
	}
	s.real = said
	return s.rehome(said)
}

// readProxy reads the header off the wire; what follows it stays there.
func (s *session) readProxy() (ends, error) {
	w := &s.wire
	if t := s.p.ProxyTimeout; t > 0 {
		w.setIdle(t)
		defer w.setIdle(s.p.IdleTime)
	}
	begun := time.Now()
	for {
		said, n, err := parseProxy(w.buffered())
		if err == nil {
			w.r += n
			return said, nil
		}
		if !errors.Is(err, errProxyShort) {
			return ends{}, err
		}
		if t := s.p.ProxyTimeout; t > 0 && time.Since(begun) > t {
			return ends{}, errIdle
		}
		if err := w.fill(); err != nil {
			return ends{}, err
		}
	}
}

// parseProxy reads a header of either version and gives its length. The ends
// are zero where it names none that we know.
func parseProxy(b []byte) (said ends, n int, err error) {
	switch {
	case len(b) == 0:
		return said, 0, errProxyShort
	case b[0] == proxyV2Magic[0]:
		return parseProxyV2(b)
	}
	return parseProxyV1(b)
}

// parseProxyV1 reads "PROXY TCP4 source destination port port" (§2.1).
func parseProxyV1(b []byte) (said ends, n int, err error) {
	const word = "PROXY "
	end := bytes.IndexByte(b, '\n')
	switch {
	case string(b[:min(len(b), len(word))]) != word[:min(len(b), len(word))], end >= proxyV1Max:
		return said, 0, errProxyBad
	case end < 0 && len(b) < proxyV1Max:
		return said, 0, errProxyShort
	case end < len(word) || b[end-1] != '\r':
		return said, 0, errProxyBad
	}
	fields := strings.Split(string(b[len(word):end-1]), " ")
	if fields[0] == "UNKNOWN" {
		return said, end + 1, nil
	}
	if len(fields) != 5 || fields[0] != "TCP4" && fields[0] != "TCP6" {
		return said, 0, errProxyBad
	}
	var ok [2]bool
	said.peer, ok[0] = endpoint(fields[1], fields[3], fields[0] == "TCP6")
	said.local, ok[1] = endpoint(fields[2], fields[4], fields[0] == "TCP6")
	if !ok[0] || !ok[1] {
		return ends{}, 0, fmt.Errorf("%w: bad address", errProxyBad)
	}
	return said, end + 1, nil
}

func endpoint(addr, port string, v6 bool) (netip.AddrPort, bool) {
	a, err := netip.ParseAddr(addr)
	p, err2 := strconv.ParseUint(port, 10, 16)
	ok := err == nil && err2 == nil && a.Is6() == v6 && a.Zone() == "" && strconv.FormatUint(p, 10) == port
	return netip.AddrPortFrom(a.Unmap(), uint16(p)), ok
}

// parseProxyV2 reads the binary header (§2.2); its TLVs are passed over.
func parseProxyV2(b []byte) (said ends, n int, err error) {
	known := min(len(b), len(proxyV2Magic))
	if !bytes.Equal(b[:known], proxyV2Magic[:known]) {
		return said, 0, errProxyBad
	}
	if len(b) < proxyV2Head {
		return said, 0, errProxyShort
	}
	size := int(binary.BigEndian.Uint16(b[14:]))
	n = proxyV2Head + size
	switch {
	case b[12] != 0x20 && b[12] != 0x21, n > proxyV2Max:
		return said, 0, errProxyBad
	case len(b) < n:
		return said, 0, errProxyShort
	case b[12] == 0x20: // LOCAL
		return said, n, nil
	}
	at := b[proxyV2Head:n]
	switch width := addressWidth(b[13]); {
	case width == 0: // UNSPEC, UNIX, UDP
		return said, n, nil
	case len(at) < 2*width+4:
		return said, 0, errProxyBad
	default:
		from, _ := netip.AddrFromSlice(at[:width])
		to, _ := netip.AddrFromSlice(at[width : 2*width])
		said.peer = netip.AddrPortFrom(from.Unmap(), binary.BigEndian.Uint16(at[2*width:]))
		said.local = netip.AddrPortFrom(to.Unmap(), binary.BigEndian.Uint16(at[2*width+2:]))
	}
	return said, n, nil
}

// addressWidth is the length of an address of TCP over IPv4 or IPv6.
func addressWidth(family byte) int {
	switch family {
	case 0x11:
		return 4
	case 0x21:
		return 16
	}
	return 0
}

// rehome moves the session to another peer: limits, options and presets are
// that peer's from here on. The reply that refuses it ends the session.
func (s *session) rehome(e ends) error {
	s.srv.live.remove(s)
	p := s.srv.ProfileFor(s.entry.info.Listen, e.peer.Addr())
	if p == nil {
		s.silent = true
		return errProxyBad
	}
	s.p = p
	conn := &s.vs.State.Conn
	conn.Peer, conn.Local = e.peer, e.local
	conn.Context = s.presets(e.peer.Addr())
	s.entry.set(s.entry.info.Listen, *conn)
	s.wire.setIdle(p.IdleTime)
	s.wire.pace.least = p.MinRate
	if r := s.srv.live.add(s); r != nil {
		s.closing = true
		return s.refuse(logs.PhaseConcurrencyLimit, r)
	}
	return nil
}

// unread gives what has arrived before TLS back to it.
type unread struct {
	net.Conn
	rest []byte
}

// Read is part of net.Conn.
func (u *unread) Read(p []byte) (int, error) {
	if len(u.rest) == 0 {
		return u.Conn.Read(p)
	}
	n := copy(p, u.rest)
	u.rest = u.rest[n:]
	return n, nil
}

// CloseWrite is for linger.
func (u *unread) CloseWrite() error {
	if !halfClose(u.Conn) {
		return errors.ErrUnsupported
	}
	return nil
}
