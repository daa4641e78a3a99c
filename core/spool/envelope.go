package spool

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"time"
	"unicode/utf8"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// envelope is a message's metadata as Export writes it: for people to read and
// edit, and for a version that cannot read this one's spool. The content is in
// the .eml file beside it.
type envelope struct {
	ID            string         `json:"id"`
	BatchID       string         `json:"batch_id,omitempty"`
	ConnID        string         `json:"conn_id,omitempty"`
	Sender        text           `json:"sender"`
	Recipient     text           `json:"recipient"`
	Binding       string         `json:"binding,omitempty"`
	BindingGroup  string         `json:"binding_group,omitempty"`
	RoutingDomain string         `json:"routing_domain,omitempty"`
	Priority      uint8          `json:"priority,omitempty"`
	Protocol      uint8          `json:"protocol,omitempty"`
	Peer          netip.AddrPort `json:"peer,omitzero"`
	Local         netip.AddrPort `json:"local,omitzero"`
	Received      time.Time      `json:"received,omitzero"`
	Next          time.Time      `json:"next,omitzero"`
	Retries       int            `json:"retries,omitempty"`
	LastReply     text           `json:"last_reply,omitempty"`
	Context       []pair         `json:"context,omitempty"`
	ConnContext   []pair         `json:"conn_context,omitempty"`
	Bounce        bool           `json:"bounce,omitempty"`
	EightBit      bool           `json:"eight_bit,omitempty"`
	SMTPUTF8      bool           `json:"smtputf8,omitempty"`
	DSN           message.DSN    `json:"dsn,omitzero"`
}

// pair is a key and its value.
type pair [2]text

// text is a string that may hold bytes which are no UTF-8: JSON has it as a
// string, or as {"base64": "..."}.
type text string

type rawText struct {
	Base64 []byte `json:"base64"`
}

// MarshalJSON is json.Marshaler.
func (t text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(t)) {
		return json.Marshal(string(t))
	}
	return json.Marshal(rawText{[]byte(t)})
}

// UnmarshalJSON is json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*t = text(s)
		return nil
	}
	var raw rawText
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	*t = text(raw.Base64)
	return nil
}

func envelopeOf(m *message.Message) envelope {
	return envelope{
		ID: m.ID, BatchID: m.BatchID, ConnID: m.ConnID, Sender: text(m.Sender), Recipient: text(m.Recipient),
		Binding: m.Binding, BindingGroup: m.BindingGroup, RoutingDomain: m.RoutingDomain,
		Priority: m.Priority, Protocol: uint8(m.Protocol), Peer: m.Peer, Local: m.Local,
		Received: m.Received, Next: m.Next, Retries: m.Retries, LastReply: text(m.LastReply),
		Context: pairsOf(m.Context), ConnContext: pairsOf(m.ConnContext),
		Bounce: m.Bounce, EightBit: m.EightBit, SMTPUTF8: m.SMTPUTF8, DSN: m.DSN,
	}
}

func (e *envelope) message() (*message.Message, error) {
	if e.ID == "" || len(e.ID) > 255 {
		return nil, fmt.Errorf("%w: message id %q", ErrInvalid, e.ID)
	}
	return &message.Message{
		ID: e.ID, BatchID: e.BatchID, ConnID: e.ConnID, Sender: smtp.Address(e.Sender), Recipient: smtp.Address(e.Recipient),
		Binding: e.Binding, BindingGroup: e.BindingGroup, RoutingDomain: e.RoutingDomain,
		Priority: e.Priority, Protocol: sdk.Protocol(e.Protocol), Peer: e.Peer, Local: e.Local,
		Received: e.Received, Next: e.Next, Retries: e.Retries, LastReply: string(e.LastReply),
		Context: dictOf(e.Context), ConnContext: dictOf(e.ConnContext),
		Bounce: e.Bounce, EightBit: e.EightBit, SMTPUTF8: e.SMTPUTF8, DSN: e.DSN,
	}, nil
}

func pairsOf(d sdk.Dict) (list []pair) {
	for _, p := range d {
		list = append(list, pair{text(p.Key), text(p.Value)})
	}
	return list
}

func dictOf(list []pair) (d sdk.Dict) {
	for _, p := range list {
		d = append(d, sdk.Pair{Key: string(p[0]), Value: string(p[1])})
	}
	return d
}
