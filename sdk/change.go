package sdk

import (
	"errors"
	"fmt"

	"github.com/mtad/mtad/sdk/mail"
	"github.com/mtad/mtad/sdk/smtp"
)

// ChangeKind says what a Change does. Its number crosses the process boundary.
type ChangeKind uint8

// The kinds of change. Which fields of Change a kind uses stands beside it.
const (
	ChangeNone       ChangeKind = iota
	ContextSet                  // Dict, Name, Value
	ContextDelete               // Dict, Name
	HeaderReplace               // Name, Values: all headers of that name go, and these are put at the end
	HeaderPrepend               // Name, Values: at the top
	HeaderAppend                // Name, Values: at the end
	HeaderDelete                // Name
	HeaderSection               // Data: the whole raw header section
	BodyReplace                 // Data: the whole body
	SenderSet                   // Value
	RecipientSet                // Value: this copy's recipient
	RecipientAdd                // Values: the transaction's list
	RecipientRemove             // Values
	RecipientReplace            // Values: the list becomes these
	BindingSet                  // Value: a name that exists
	BindingGroupSet             // Value
	RoutingDomainSet            // Value
	PrioritySet                 // Number: 0 or 1
	DiscardSet                  // Number (code), Value ("5.7.0 text")
	ReplySet                    // Number, Value: vctx:set_code; applied to the phase's reply
	StatusSet                   // Number, Value: msg:code, the message's status text
	DisconnectSet               // Number and Value as ReplySet; then the connection is closed
	TarpitSet                   // Number: milliseconds the reply is held back
	CapabilitySet               // Name: an EHLO keyword with its parameters is announced
	CapabilityDelete            // Name: an EHLO keyword is not announced
	InjectMessage               // Injection
	AnswerSet                   // Number, Value: what a hook answers that has answers of its own (Returns)
	BodyPieces                  // Number: the body's handle, Data: EncodePieces: spans of that body and new bytes
	changeEnd
)

// DictID names one of the two context dictionaries; the numbers are those of
// VCTX_* and ECMESS_CTX_* (reference/lua-api-notes.md 44).
type DictID uint8

// The dictionaries.
const (
	DictMess DictID = 1
	DictConn DictID = 2
)

// Change is one effect that a module asks for. The module applies it to its
// own snapshot as it goes, the core applies it for good.
type Change struct {
	Kind      ChangeKind
	Target    Target
	Copy      int // index into State.Copies where Target is TargetCopy
	Dict      DictID
	Name      string
	Value     string
	Values    []string
	Number    int64
	Data      []byte
	Injection *Injection
}

// Injection is a new message that policy creates (msg:inject, msg:forward).
type Injection struct {
	Sender     smtp.Address
	Recipients []smtp.Address
	Header     []byte
	Body       Body // inline, or by the Handle of the message it was copied from
	Context    Dict
	Bounce     bool // a DSN of the core's own; modules leave it false
	// Protocol is how the message came to whoever injects it: ProtocolREST for a
	// module that takes mail over HTTP, whose mail meets msg_gen_data_spool;
	// anything else counts as ProtocolInternal.
	Protocol Protocol
}

// ErrBadChange is wrapped by every error of Apply.
var ErrBadChange = errors.New("change does not fit the state")

// Apply carries out one change on the state. It is the same code on both sides
// of the process boundary. Kinds that are no state (reply, disconnect, tarpit,
// capability, injection) are left to the caller and succeed.
func Apply(s *State, c *Change) error {
	switch c.Kind {
	case ReplySet, DisconnectSet, TarpitSet, CapabilitySet, CapabilityDelete, InjectMessage, AnswerSet:
		return nil
	case ContextSet, ContextDelete:
		return applyContext(s, c)
	}
	m := s.target(c.Target, c.Copy)
	if m == nil {
		return fmt.Errorf("%w: kind %d has no message", ErrBadChange, c.Kind)
	}
	switch c.Kind {
	case HeaderReplace, HeaderPrepend, HeaderAppend, HeaderDelete, HeaderSection, BodyReplace, BodyPieces:
		return applyContent(m, c)
	case RecipientAdd, RecipientRemove, RecipientReplace:
		return applyRecipients(m, c)
	}
	return applyMessage(m, c)
}

func applyContext(s *State, c *Change) error {
	d, err := s.dict(c)
	if err != nil {
		return err
	}
	if c.Kind == ContextDelete {
		d.Delete(c.Name)
		return nil
	}
	d.Set(c.Name, c.Value)
	return nil
}

// dict finds the dictionary a change means: the connection's own before the
// split, the message's copy of it after.
func (s *State) dict(c *Change) (*Dict, error) {
	m := s.target(c.Target, c.Copy)
	switch {
	case c.Dict == DictConn && c.Target == TargetCopy && m != nil:
		return &m.ConnContext, nil
	case c.Dict == DictConn && c.Target != TargetCopy:
		return &s.Conn.Context, nil
	case c.Dict == DictMess && m != nil:
		return &m.Context, nil
	}
	return nil, fmt.Errorf("%w: no dictionary %d for target %d", ErrBadChange, c.Dict, c.Target)
}

func applyContent(m *Message, c *Change) error {
	switch c.Kind {
	case HeaderReplace:
		m.Header = mail.SetHeader(m.Header, c.Name, c.Values)
	case HeaderPrepend:
		m.Header = mail.PrependHeader(m.Header, c.Name, c.Values)
	case HeaderAppend:
		m.Header = mail.AppendHeader(m.Header, c.Name, c.Values)
	case HeaderDelete:
		m.Header = mail.DeleteHeader(m.Header, c.Name)
	case HeaderSection:
		m.Header = c.Data
	case BodyReplace:
		m.Body = Body{Size: int64(len(c.Data)), Inline: c.Data, Changed: true}
	case BodyPieces:
		return applyPieces(m, c)
	}
	return nil
}

func applyRecipients(m *Message, c *Change) error {
	switch c.Kind {
	case RecipientReplace:
		m.Recipients = nil
		fallthrough
	case RecipientAdd:
		for _, v := range c.Values {
			if !hasAddress(m.Recipients, v) {
				m.Recipients = append(m.Recipients, smtp.Address(v))
			}
		}
	case RecipientRemove:
		m.Recipients = withoutAddresses(m.Recipients, c.Values)
	}
	return nil
}

func hasAddress(list []smtp.Address, addr string) bool {
	for _, a := range list {
		if string(a) == addr {
			return true
		}
	}
	return false
}

func withoutAddresses(list []smtp.Address, drop []string) []smtp.Address {
	kept := make([]smtp.Address, 0, len(list))
	for _, a := range list {
		gone := false
		for _, d := range drop {
			gone = gone || d == string(a)
		}
		if !gone {
			kept = append(kept, a)
		}
	}
	return kept
}

func applyMessage(m *Message, c *Change) error {
	switch c.Kind {
	case SenderSet:
		m.Sender = smtp.Address(c.Value)
	case RecipientSet:
		m.Recipient = smtp.Address(c.Value)
	case BindingSet:
		m.Binding = c.Value
	case BindingGroupSet:
		m.BindingGroup, m.Binding = c.Value, "" // the core picks one of the group
	case RoutingDomainSet:
		m.RoutingDomain = c.Value
	case PrioritySet:
		if c.Number != 0 && c.Number != 1 {
			return fmt.Errorf("%w: priority %d is neither 0 nor 1", ErrBadChange, c.Number)
		}
		m.Priority = int(c.Number)
	case DiscardSet:
		m.Discard = smtp.ParseReplyText(int(c.Number), c.Value)
	case StatusSet:
		m.Reply = smtp.ParseReplyText(int(c.Number), c.Value)
	default:
		return fmt.Errorf("%w: unknown kind %d", ErrBadChange, c.Kind)
	}
	return nil
}
