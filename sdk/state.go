package sdk

import (
	"net/netip"
	"time"

	"github.com/mtad/mtad/sdk/smtp"
)

// Protocol is how a message came in; the names are those of the mainlog
// (reference/logs.md, field 11) and the numbers those of msys.core.P_*.
type Protocol uint8

// The protocols. A sample script relies on 2 being ESMTP.
const (
	ProtocolUnknown  Protocol = 0
	ProtocolInternal Protocol = 1
	ProtocolESMTP    Protocol = 2
	ProtocolREST     Protocol = 3
	ProtocolXfer     Protocol = 4
)

// String is the protocol's name in the mainlog.
func (p Protocol) String() string {
	switch p {
	case ProtocolInternal:
		return "internal"
	case ProtocolESMTP:
		return "esmtp"
	case ProtocolREST:
		return "rest"
	case ProtocolXfer:
		return "xfer"
	}
	return "unknown"
}

// State is all that policy sees of a session: the snapshot that goes into a
// call, and what the core itself keeps for a session. It is plain data: nothing
// in it is shared between two processes, and Apply is the one way it changes.
type State struct {
	Conn    Conn
	Message *Message   // the transaction; nil before MAIL FROM; the queue in hooks of connections to a next hop
	Copies  []*Message // after Split: one message for each recipient
}

// Conn is the connection as policy sees it. Where no client is connected (a
// message injected by a script, our own DSN) Session is 0.
type Conn struct {
	Session  uint64 // unique in the life of a core process; 0: no session
	ID       string // connection id, "00/00-01974-EBDC39A4"
	Protocol Protocol
	Peer     netip.AddrPort
	Local    netip.AddrPort
	Context  Dict // connection context (VCTX_CONN)
}

// Message is one message as policy sees it: the transaction before the split,
// one recipient's copy after it.
type Message struct {
	ID, BatchID, ConnID string
	Sender              smtp.Address
	Recipient           smtp.Address   // validate_rcptto: the candidate; a copy: its recipient
	Original            smtp.Address   // a copy: the address in RCPT or add_recipient, before any rewrite
	Recipients          []smtp.Address // the transaction's accepted recipients; nil in a copy
	Context             Dict           // message context (VCTX_MESS)
	ConnContext         Dict           // a copy's own copy of the connection context
	Header              []byte         // raw header section, without the empty line that ends it
	Body                Body           // what follows that empty line
	Binding             string         // "" until bound
	BindingGroup        string
	RoutingDomain       string // "" means the recipient's domain
	Priority            int    // 0 or 1
	Discard             *smtp.Reply
	Reply               *smtp.Reply // this copy's own verdict (each_rcpt), or the status text of msg:code
	Protocol            Protocol
	RecvFrom, RecvVia   netip.AddrPort
	Created             time.Time
	Retries             int
	Bounce              bool // a DSN of our own
}

// Body is a message's body: inline up to MaxInlineBody, above that read in
// pieces with Host.ReadBody by its Handle.
type Body struct {
	Size    int64
	Inline  []byte // the whole body if len(Inline) == Size
	Handle  uint64 // for Host.ReadBody; 0 where the body is inline
	Changed bool   // Inline replaces what the core has

	// Edited: the pieces it consists of now, in a call; the core stores it as a
	// body of its own before it asks anybody else.
	Pieces []BodyPiece
	Base   int64 // with Pieces: the size of the body behind Handle
}

// MaxInlineBody is the largest body, in bytes, that crosses with a call.
const MaxInlineBody = 16 << 10

// Whole reports that Inline is all of the body.
func (b *Body) Whole() bool { return int64(len(b.Inline)) == b.Size }

// Size is the message's size in bytes: header, empty line and body.
func (m *Message) Size() int64 { return int64(len(m.Header)) + 2 + m.Body.Size }

// Clone copies m so that Apply on one leaves the other as it is. Byte slices
// are shared: they are replaced, never written into.
func (m *Message) Clone() *Message {
	if m == nil {
		return nil
	}
	c := *m
	c.Recipients = append([]smtp.Address(nil), m.Recipients...)
	c.Context = m.Context.Clone()
	c.ConnContext = m.ConnContext.Clone()
	return &c
}

// Clone copies the whole state.
func (s *State) Clone() *State {
	c := &State{Conn: s.Conn, Message: s.Message.Clone()}
	c.Conn.Context = s.Conn.Context.Clone()
	if s.Copies != nil {
		c.Copies = make([]*Message, len(s.Copies))
		for i, m := range s.Copies {
			c.Copies[i] = m.Clone()
		}
	}
	return c
}

// Split makes one copy of the transaction for each of its recipients, with the
// ids given (one each, assigned by the core before the call so that both sides
// agree). The connection context is copied onto the message here, as at
// reception in the original (reference/lua-api-notes.md 4).
func (s *State) Split(ids []string) {
	s.Copies = make([]*Message, 0, len(s.Message.Recipients))
	for i, rcpt := range s.Message.Recipients {
		c := s.Message.Clone()
		c.Recipient, c.Original, c.Recipients = rcpt, rcpt, nil
		c.ConnContext = s.Conn.Context.Clone()
		setRecipientContext(&c.Context, rcpt)
		if i < len(ids) {
			c.ID = ids[i]
		}
		s.Copies = append(s.Copies, c)
	}
}

// setRecipientContext gives a copy the rcptto_* variables of its own recipient,
// not those of the last RCPT command.
func setRecipientContext(d *Dict, rcpt smtp.Address) {
	local, domain := rcpt.Split()
	d.Set("rcptto_string", "RCPT TO:"+rcpt.Path())
	d.Set("rcptto_localpart", local)
	d.Set("rcptto_domain", domain)
}

// target is the message that a target names, or nil if there is none.
func (s *State) target(t Target, index int) *Message {
	switch {
	case t == TargetTxn:
		return s.Message
	case t == TargetCopy && index >= 0 && index < len(s.Copies):
		return s.Copies[index]
	}
	return nil
}

// Enter prepares the state for a phase. The module does it before it runs the
// phase and the core before it applies the phase's result, so that both agree:
// it splits before the first phase of a copy, and gives validate_mailfrom and
// validate_rcptto their addresses and predefined context variables.
func (s *State) Enter(p Phase, splitIDs []string) {
	switch {
	case s.Message == nil:
	case p.Hook.Info().Target == TargetCopy && s.Copies == nil:
		s.Split(splitIDs)
	case p.Hook == ValidateMailFrom:
		s.Message.Sender = p.Address
		local, domain := p.Address.Split()
		s.Message.Context.Set("mailfrom_string", p.Line)
		s.Message.Context.Set("mailfrom_localpart", local)
		s.Message.Context.Set("mailfrom_domain", domain)
	case p.Hook == ValidateRcptTo:
		s.Message.Recipient = p.Address
		local, domain := p.Address.Split()
		s.Message.Context.Set("rcptto_string", p.Line)
		s.Message.Context.Set("rcptto_localpart", local)
		s.Message.Context.Set("rcptto_domain", domain)
	}
}

// Skips reports a phase that has nothing left to decide: a copy that was
// discarded or refused, or that belongs to a discarded transaction, or the hook
// behind set_binding for a copy that nobody bound. A module
// answers it with an empty result; the scripts of the phase in which the
// discard happened go on (reference/lua-api-notes.md 39).
func (s *State) Skips(p Phase) bool {
	if p.Hook.Info().Target != TargetCopy {
		return false
	}
	if s.Message != nil && s.Message.Discard != nil {
		return true
	}
	m := s.target(TargetCopy, p.Copy)
	if p.Hook == CorePostValidateSetBinding && m != nil && m.Binding == "" {
		return true // nothing was bound
	}
	return m == nil || m.Discard != nil
}

// Leave finishes a phase: a candidate that was not refused joins the
// recipients. Done on both sides, like Enter.
func (s *State) Leave(p Phase, refused bool) {
	if p.Hook != ValidateRcptTo || s.Message == nil || refused {
		return
	}
	if !hasAddress(s.Message.Recipients, string(p.Address)) {
		s.Message.Recipients = append(s.Message.Recipients, p.Address)
	}
}

// Target returns the message a phase works on: the transaction, a copy, or nil
// for a phase of the connection.
func (s *State) Target(p Phase) *Message { return s.target(p.Hook.Info().Target, p.Copy) }

// HasCopy reports whether a copy was made for rcpt.
func (s *State) HasCopy(rcpt smtp.Address) bool {
	for _, c := range s.Copies {
		if c.Original == rcpt {
			return true
		}
	}
	return false
}

// AddCopy adds a copy for a recipient that joined after the split.
func (s *State) AddCopy(rcpt smtp.Address, id string) {
	one := State{Conn: s.Conn, Message: s.Message.Clone()}
	one.Message.Recipients = []smtp.Address{rcpt}
	one.Split([]string{id})
	s.Copies = append(s.Copies, one.Copies[0])
}
