package sdktest

import (
	"net/netip"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// Builder makes a State step by step, in the order of an SMTP dialogue. Each
// step changes the builder and returns it.
type Builder struct{ state sdk.State }

// Local is the address that sample sessions come in at.
const Local = "127.0.0.1:25"

// Created is when sample messages came in.
func Created() time.Time { return time.Unix(1251200446, 0) }

// Session begins a session with a peer, "192.0.2.1:4711". Its id is 1.
func Session(peer string) *Builder {
	b := &Builder{}
	b.state.Conn = sdk.Conn{
		Session:  1,
		ID:       "00/00-01974-EBDC39A4",
		Protocol: sdk.ProtocolESMTP,
		Peer:     netip.MustParseAddrPort(peer),
		Local:    netip.MustParseAddrPort(Local),
	}
	return b
}

// ID sets the session's id.
func (b *Builder) ID(session uint64) *Builder {
	b.state.Conn.Session = session
	return b
}

// ConnContext sets an entry of the connection context.
func (b *Builder) ConnContext(key, value string) *Builder {
	b.state.Conn.Context.Set(key, value)
	return b
}

// Mail begins a transaction; "" is the null sender.
func (b *Builder) Mail(sender smtp.Address) *Builder {
	b.state.Message = &sdk.Message{
		ID:       "00/00-01974-FBDC39A4",
		BatchID:  "00/00-01974-FBDC39A4",
		ConnID:   b.state.Conn.ID,
		Sender:   sender,
		Protocol: b.state.Conn.Protocol,
		RecvFrom: b.state.Conn.Peer,
		RecvVia:  b.state.Conn.Local,
		Created:  Created(),
	}
	return b
}

// Rcpt makes rcpt the candidate of a RCPT command, and an accepted recipient
// from the next step on.
func (b *Builder) Rcpt(rcpt smtp.Address) *Builder {
	m := b.state.Message
	if m.Recipient != "" {
		m.Recipients = append(m.Recipients, m.Recipient)
	}
	m.Recipient = rcpt
	return b
}

// Context sets an entry of the message context.
func (b *Builder) Context(key, value string) *Builder {
	b.state.Message.Context.Set(key, value)
	return b
}

// Data gives the message its content. The header lines come without their CRLF.
func (b *Builder) Data(header []string, body string) *Builder {
	m := b.state.Message
	if m.Recipient != "" {
		m.Recipients, m.Recipient = append(m.Recipients, m.Recipient), ""
	}
	m.Header = nil
	for _, line := range header {
		m.Header = append(append(m.Header, line...), '\r', '\n')
	}
	m.Body = sdk.Body{Size: int64(len(body)), Inline: []byte(body)}
	return b
}

// Split makes a copy for each recipient, with ids "copy-0" and so on.
func (b *Builder) Split() *Builder {
	ids := make([]string, len(b.state.Message.Recipients))
	for i := range ids {
		ids[i] = "copy-" + string(rune('0'+i%10))
	}
	b.state.Split(ids)
	return b
}

// State gives the state as it is now.
func (b *Builder) State() *sdk.State { return b.state.Clone() }
