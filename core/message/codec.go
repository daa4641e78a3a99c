package message

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// codecVersion is the first byte of the durable form. It changes only where an
// older reader would go wrong; a new field does not change it, because unknown
// fields are skipped.
const codecVersion = 1

// The fields of the durable form, in protobuf's wire format. A number never
// gets another meaning.
const (
	fieldID protowire.Number = iota + 1
	fieldBatchID
	fieldConnID
	fieldSender
	fieldRecipient
	fieldBinding
	fieldBindingGroup
	fieldRoutingDomain
	fieldPriority
	fieldProtocol
	fieldPeer
	fieldLocal
	fieldReceived
	fieldNext
	fieldRetries
	fieldLastReply
	fieldContext
	fieldConnContext
	fieldFlags
	fieldBody
	fieldBodyOffset
	fieldSize
	fieldHeader
	fieldSuspended
	fieldEnvID
	fieldRet
	fieldORcpt
	fieldNotify
)

// The bits of fieldFlags.
const (
	flagBounce = 1 << iota
	flagEightBit
	flagSMTPUTF8
)

// Errors of Decode.
var (
	ErrCodec        = errors.New("damaged message metadata")
	ErrCodecVersion = errors.New("message metadata of a newer version")
)

// Encode is the durable form of m, as the spool keeps it. Fields that are zero
// take no room.
func Encode(m *Message) []byte {
	e := encoder{b: make([]byte, 1, 384+len(m.Content.Header))}
	e.b[0] = codecVersion
	e.text(fieldID, m.ID)
	e.text(fieldBatchID, m.BatchID)
	e.text(fieldConnID, m.ConnID)
	e.text(fieldSender, string(m.Sender))
	e.text(fieldRecipient, string(m.Recipient))
	e.text(fieldBinding, m.Binding)
	e.text(fieldBindingGroup, m.BindingGroup)
	e.text(fieldRoutingDomain, m.RoutingDomain)
	e.number(fieldPriority, int64(m.Priority))
	e.number(fieldProtocol, int64(m.Protocol))
	e.addr(fieldPeer, m.Peer)
	e.addr(fieldLocal, m.Local)
	e.time(fieldReceived, m.Received)
	e.time(fieldNext, m.Next)
	e.number(fieldRetries, int64(m.Retries))
	e.text(fieldLastReply, m.LastReply)
	e.dict(fieldContext, m.Context)
	e.dict(fieldConnContext, m.ConnContext)
	e.number(fieldFlags, m.flags())
	e.body(m.Content.Body)
	e.number(fieldBodyOffset, m.Content.BodyOffset)
	e.number(fieldSize, m.Content.Size)
	e.text(fieldSuspended, m.Suspended)
	e.text(fieldEnvID, m.DSN.EnvID)
	e.text(fieldRet, m.DSN.Ret)
	e.text(fieldORcpt, m.DSN.ORcpt)
	e.number(fieldNotify, int64(m.DSN.Notify))
	if m.Content.Header != nil {
		e.bytes(fieldHeader, m.Content.Header)
	}
	return e.b
}

func (m *Message) flags() (bits int64) {
	if m.Bounce {
		bits |= flagBounce
	}
	if m.EightBit {
		bits |= flagEightBit
	}
	if m.SMTPUTF8 {
		bits |= flagSMTPUTF8
	}
	return bits
}

// encoder appends fields in protobuf's wire format.
type encoder struct{ b []byte }

func (e *encoder) bytes(n protowire.Number, v []byte) {
	e.b = protowire.AppendTag(e.b, n, protowire.BytesType)
	e.b = protowire.AppendBytes(e.b, v)
}

func (e *encoder) text(n protowire.Number, s string) {
	if s != "" {
		e.b = protowire.AppendTag(e.b, n, protowire.BytesType)
		e.b = protowire.AppendString(e.b, s)
	}
}

func (e *encoder) number(n protowire.Number, v int64) {
	if v != 0 {
		e.b = protowire.AppendTag(e.b, n, protowire.VarintType)
		e.b = protowire.AppendVarint(e.b, protowire.EncodeZigZag(v))
	}
}

// time keeps nanoseconds; the zero time is no field.
func (e *encoder) time(n protowire.Number, t time.Time) {
	if !t.IsZero() {
		e.b = protowire.AppendTag(e.b, n, protowire.VarintType)
		e.b = protowire.AppendVarint(e.b, protowire.EncodeZigZag(t.UnixNano()))
	}
}

func (e *encoder) addr(n protowire.Number, a netip.AddrPort) {
	if b, err := a.MarshalBinary(); err == nil && a != (netip.AddrPort{}) {
		e.bytes(n, b)
	}
}

// dict writes each pair as a field of its own, so that the order stays.
func (e *encoder) dict(n protowire.Number, d sdk.Dict) {
	for i := range d {
		key, value := d[i].Key, d[i].Value
		e.b = protowire.AppendTag(e.b, n, protowire.BytesType)
		e.b = protowire.AppendVarint(e.b, uint64(protowire.SizeBytes(len(key))+len(value)))
		e.b = protowire.AppendString(e.b, key)
		e.b = append(e.b, value...)
	}
}

func (e *encoder) body(ref BodyRef) {
	if ref == (BodyRef{}) {
		return
	}
	var tmp [4 * binary.MaxVarintLen64]byte
	b := binary.AppendUvarint(tmp[:0], ref.Segment)
	b = binary.AppendUvarint(b, uint64(ref.Offset))
	b = binary.AppendUvarint(b, uint64(ref.Length))
	if ref.File {
		b = append(b, 1)
	}
	e.bytes(fieldBody, b)
}

// Decode reads the durable form. What it returns shares no memory with b. It
// fails with ErrCodec or ErrCodecVersion.
func Decode(b []byte) (*Message, error) {
	if len(b) == 0 {
		return nil, fmt.Errorf("%w: empty", ErrCodec)
	}
	if b[0] != codecVersion {
		return nil, fmt.Errorf("%w: %d", ErrCodecVersion, b[0])
	}
	m := &Message{}
	for rest := b[1:]; len(rest) > 0; {
		num, typ, n := protowire.ConsumeTag(rest)
		if n < 0 {
			return nil, damaged(len(b)-len(rest), protowire.ParseError(n))
		}
		size, err := m.field(num, typ, rest[n:])
		if err != nil {
			return nil, damaged(len(b)-len(rest), err)
		}
		rest = rest[n+size:]
	}
	return m, nil
}

func damaged(at int, err error) error {
	return fmt.Errorf("%w at byte %d: %w", ErrCodec, at, err)
}

// field reads one field's value and says how long it was.
func (m *Message) field(num protowire.Number, typ protowire.Type, b []byte) (int, error) {
	switch {
	case typ == protowire.VarintType:
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return 0, protowire.ParseError(n)
		}
		m.setNumber(num, protowire.DecodeZigZag(v))
		return n, nil
	case typ == protowire.BytesType:
		v, n := protowire.ConsumeBytes(b)
		if n < 0 {
			return 0, protowire.ParseError(n)
		}
		return n, m.setBytes(num, v)
	}
	n := protowire.ConsumeFieldValue(num, typ, b)
	if n < 0 {
		return 0, protowire.ParseError(n)
	}
	return n, nil
}

func (m *Message) setNumber(num protowire.Number, v int64) {
	switch num {
	case fieldPriority:
		m.Priority = uint8(v)
	case fieldProtocol:
		m.Protocol = sdk.Protocol(v)
	case fieldReceived:
		m.Received = time.Unix(0, v).UTC()
	case fieldNext:
		m.Next = time.Unix(0, v).UTC()
	case fieldRetries:
		m.Retries = int(v)
	case fieldFlags:
		m.Bounce = v&flagBounce != 0
		m.EightBit = v&flagEightBit != 0
		m.SMTPUTF8 = v&flagSMTPUTF8 != 0
	case fieldBodyOffset:
		m.Content.BodyOffset = v
	case fieldSize:
		m.Content.Size = v
	case fieldNotify:
		m.DSN.Notify = Notify(v)
	}
}

func (m *Message) setBytes(num protowire.Number, v []byte) (err error) {
	switch num {
	case fieldID:
		m.ID = string(v)
	case fieldBatchID:
		m.BatchID = string(v)
	case fieldConnID:
		m.ConnID = string(v)
	case fieldSender:
		m.Sender = smtp.Address(v)
	case fieldRecipient:
		m.Recipient = smtp.Address(v)
	case fieldBinding:
		m.Binding = string(v)
	case fieldBindingGroup:
		m.BindingGroup = string(v)
	case fieldRoutingDomain:
		m.RoutingDomain = string(v)
	case fieldPeer:
		err = m.Peer.UnmarshalBinary(v)
	case fieldLocal:
		err = m.Local.UnmarshalBinary(v)
	case fieldLastReply:
		m.LastReply = string(v)
	case fieldContext:
		err = appendPair(&m.Context, v)
	case fieldConnContext:
		err = appendPair(&m.ConnContext, v)
	case fieldBody:
		m.Content.Body, err = readBodyRef(v)
	case fieldEnvID:
		m.DSN.EnvID = string(v)
	case fieldRet:
		m.DSN.Ret = string(v)
	case fieldORcpt:
		m.DSN.ORcpt = string(v)
	case fieldSuspended:
		m.Suspended = string(v)
	case fieldHeader:
		m.Content.Header = append([]byte{}, v...)
	}
	return err
}

func appendPair(d *sdk.Dict, v []byte) error {
	key, n := protowire.ConsumeBytes(v)
	if n < 0 {
		return protowire.ParseError(n)
	}
	*d = append(*d, sdk.Pair{Key: string(key), Value: string(v[n:])})
	return nil
}

var errBodyRef = errors.New("body reference")

func readBodyRef(v []byte) (ref BodyRef, err error) {
	var nums [3]uint64
	for i := range nums {
		n := 0
		if nums[i], n = binary.Uvarint(v); n <= 0 {
			return BodyRef{}, errBodyRef
		}
		v = v[n:]
	}
	if int64(nums[1]) < 0 || int64(nums[2]) < 0 {
		return BodyRef{}, errBodyRef
	}
	return BodyRef{Segment: nums[0], Offset: int64(nums[1]), Length: int64(nums[2]), File: len(v) > 0 && v[0] == 1}, nil
}
