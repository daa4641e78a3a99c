package smtpd

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// sayXCLIENT is what XCLIENT is announced with.
const sayXCLIENT = "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"

// forwarded is what XCLIENT says of a client. A nil field was not said; an empty
// one is not available.
type forwarded struct {
	name, proto, helo, login *string
	addr, dest               *netip.Addr
	port, destPort           *uint16
}

// xclient is the command of that name (Postfix, XCLIENT_README): the peer, a
// proxy or a filter, says for whom it speaks. The session begins anew for that
// client, with all of policy.
func (s *session) xclient(arg string) error {
	switch {
	case !s.offered("XCLIENT", s.p.offers("XCLIENT", false)):
		return s.refuse(s.phase(), replyNotDone)
	case s.wire.inTxn:
		return s.refuse(s.phase(), replyXCLIENTInMail)
	case !s.trusted(s.p.fronts.xclient) && !s.policyOffers("XCLIENT"):
		return s.refuse(s.phase(), replyXCLIENTDenied)
	}
	// As behind STARTTLS, what came before the reply was said by another client.
	if len(s.wire.buffered()) > 0 {
		s.closing = true
		return s.refuse(s.phase(), replyXCLIENTPiped)
	}
	c, ok := parseXCLIENT(arg)
	if !ok {
		return s.refuse(s.phase(), replyXCLIENTSyntax)
	}
	return s.restart(&c)
}

// policyOffers reports an extension that policy added for this very session.
func (s *session) policyOffers(keyword string) bool {
	return s.offered(keyword, false)
}

// restart begins the session anew as the client's.
func (s *session) restart(c *forwarded) error {
	conn := &s.vs.State.Conn
	e := ends{conn.Peer, conn.Local}
	e.peer = changed(e.peer, c.addr, c.port)
	e.local = changed(e.local, c.dest, c.destPort)
	tls := tlsVariables(conn.Context)
	s.endTransaction()
	s.vs.Move()
	s.logOut()
	s.helo, s.esmtp, s.caps, s.ownCaps = "", false, nil, 0
	if err := s.rehome(e); err != nil || s.closing {
		return err
	}
	conn.Context = append(conn.Context, tls...)
	setOrDelete(&conn.Context, "xclient_name", c.name)
	if c.login != nil && *c.login != "" {
		conn.Context.Set(varAuthName, "XCLIENT")
		conn.Context.Set(varAuthStatus, sdk.AuthOK.String())
		s.logIn(*c.login)
	}
	chosen, refused := s.admit()
	if refused || s.closing {
		return nil
	}
	if c.helo != nil && *c.helo != "" {
		if refusal := s.assume(*c.helo, c.proto == nil || *c.proto == "ESMTP"); refusal != nil {
			return s.refuse(logs.PhaseAwaitingEHLO, refusal)
		}
	}
	s.banner(chosen)
	return nil
}

// assume takes the client's own HELO or EHLO, which policy is asked about. One
// that the peer sends after it takes its place.
func (s *session) assume(name string, esmtp bool) *smtp.Reply {
	verb := "HELO "
	if esmtp {
		verb = "EHLO "
	}
	if chosen := s.introduce(verb, name); chosen.Refuses() {
		return chosen
	}
	s.helo, s.esmtp = name, esmtp
	return nil
}

func changed(was netip.AddrPort, addr *netip.Addr, port *uint16) netip.AddrPort {
	a, p := was.Addr(), was.Port()
	if addr != nil {
		a, p = *addr, 0
	}
	if port != nil {
		p = *port
	}
	return netip.AddrPortFrom(a, p)
}

func setOrDelete(d *sdk.Dict, key string, value *string) {
	switch {
	case value == nil:
	case *value == "":
		d.Delete(key)
	default:
		d.Set(key, *value)
	}
}

// tlsVariables are the variables of the connection itself, which stays.
func tlsVariables(d sdk.Dict) (out sdk.Dict) {
	for _, p := range d {
		if strings.HasPrefix(p.Key, "tls") {
			out = append(out, p)
		}
	}
	return out
}

// parseXCLIENT reads attributes in xtext (RFC 3461 §4).
func parseXCLIENT(arg string) (c forwarded, ok bool) {
	any := false
	for field := range strings.FieldsSeq(arg) {
		name, text, has := strings.Cut(field, "=")
		value, good := decodeXtext(text)
		if !has || !good || hasControl([]byte(value)) {
			return c, false
		}
		if value == "[UNAVAILABLE]" || value == "[TEMPUNAVAIL]" {
			value = ""
		}
		if any = c.set(strings.ToUpper(name), value); !any {
			return c, false
		}
	}
	return c, any
}

// set takes one attribute. An address that is not available leaves the one
// there is.
func (c *forwarded) set(name, value string) bool {
	switch name {
	case "NAME":
		c.name = &value
	case "HELO":
		c.helo = &value
		return value == "" || isHeloName(value)
	case "LOGIN":
		c.login = &value
	case "PROTO":
		value = strings.ToUpper(value)
		c.proto = &value
		return value == "SMTP" || value == "ESMTP" || value == ""
	case "ADDR":
		return setAddr(&c.addr, value)
	case "DESTADDR":
		return setAddr(&c.dest, value)
	case "PORT":
		return setPort(&c.port, value)
	case "DESTPORT":
		return setPort(&c.destPort, value)
	default:
		return false
	}
	return true
}

func setAddr(to **netip.Addr, value string) bool {
	if value == "" {
		return true
	}
	text, v6 := cutPrefixFold(value, "IPV6:")
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" || v6 != a.Is6() {
		return false
	}
	a = a.Unmap()
	*to = &a
	return true
}

func setPort(to **uint16, value string) bool {
	if value == "" {
		return true
	}
	n, err := strconv.ParseUint(value, 10, 16)
	port := uint16(n)
	*to = &port
	return err == nil
}
