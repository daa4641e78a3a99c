package message

import (
	"net/netip"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// Message is everything durable about one message for one recipient. It is
// loaded from the spool when it is worked on; the queue keeps only an Entry.
type Message struct {
	ID, BatchID, ConnID string // "00/00-01974-EBDC39A4" (reference/logs.md)
	Sender              smtp.Address
	Recipient           smtp.Address
	Binding             string // "default" where policy chose none
	BindingGroup        string
	RoutingDomain       string // "" means the recipient's domain
	Priority            uint8
	Protocol            sdk.Protocol
	Peer, Local         netip.AddrPort
	Received            time.Time
	Next                time.Time // next attempt; zero: at once
	Retries             int
	LastReply           string // of the last attempt, for bounces and mailq
	Context             sdk.Dict
	ConnContext         sdk.Dict
	Suspended           string // why it waits for policy to bind it; "" means that it is bound
	Bounce              bool   // our own DSN
	EightBit            bool   // BODY=8BITMIME was declared or 8-bit content seen
	SMTPUTF8            bool
	DSN                 DSN
	Content             Content
}

// Content says where a message's bytes are: Header, if not nil, replaces the
// header section of the body record.
type Content struct {
	Body       BodyRef
	BodyOffset int64  // where the body begins in the record, behind the empty line
	Size       int64  // of the whole message in bytes: header, empty line, body
	Header     []byte // an edited header section, or nil: the record's own
}

// BodyRef names a body record in the spool. The zero BodyRef is no body.
type BodyRef struct {
	Segment uint64 // segment number; or, with File, the number of a file of its own
	Offset  int64  // of the first content byte
	Length  int64
	File    bool
}

// Domain is the domain whose queue the message belongs in.
func (m *Message) Domain() string {
	if m.RoutingDomain != "" {
		return m.RoutingDomain
	}
	return m.Recipient.Domain()
}
