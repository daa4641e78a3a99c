package message

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mtad/mtad/sdk"
)

func full() *Message {
	return &Message{
		ID: "00/00-01974-EBDC39A4", BatchID: "10/00-01974-EBDC39A4", ConnID: "20/00-01974-EBDC39A4",
		Sender: `"a@b"@example.com`, Recipient: "ü@example.org", Binding: "b1", BindingGroup: "g1",
		RoutingDomain: "relay.example", Priority: 1, Protocol: sdk.ProtocolESMTP,
		Peer: netip.MustParseAddrPort("192.0.2.1:2500"), Local: netip.MustParseAddrPort("[fe80::1%eth0]:25"),
		Received: time.Unix(1254219116, 123456789).UTC(), Next: time.Unix(1254219999, 0).UTC(),
		Retries: 7, LastReply: "451 4.3.0 try again", Suspended: "policy failed",
		Context:     sdk.Dict{{Key: "b", Value: "1"}, {Key: "a", Value: ""}, {Key: "", Value: "x\x00y"}},
		ConnContext: sdk.Dict{{Key: "ehlo_string", Value: "EHLO x\r\n"}},
		Bounce:      true, EightBit: true, SMTPUTF8: true,
		Content: Content{Body: BodyRef{Segment: 1 << 40, Offset: 32, Length: 5 << 20, File: true},
			BodyOffset: 700, Size: 5<<20 + 12, Header: []byte("Subject: x\r\n")},
	}
}

var equal = cmp.Options{cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })}

func TestCodecRoundTrip(t *testing.T) {
	emptyHeader := full()
	emptyHeader.Content.Header = []byte{}
	for _, m := range []*Message{{}, full(), emptyHeader, {Bounce: true}, {EightBit: true}, {SMTPUTF8: true},
		{Received: time.Unix(0, 0).UTC()}, {Retries: -1}} {
		got, err := Decode(Encode(m))
		if err != nil {
			t.Fatalf("Decode: %v", err)
		}
		if diff := cmp.Diff(m, got, equal); diff != "" {
			t.Errorf("changed on the way (-sent +read):\n%s", diff)
		}
	}
}

func TestCodecIsCompact(t *testing.T) {
	if n := len(Encode(&Message{})); n != 1 {
		t.Errorf("an empty message takes %d bytes, want 1", n)
	}
	if n := len(Encode(full())); n > 350 {
		t.Errorf("a full message takes %d bytes, want at most 350", n)
	}
}

func TestDecodeSkipsUnknownFields(t *testing.T) {
	b := Encode(full())
	b = protowire.AppendTag(b, 900, protowire.BytesType)
	b = protowire.AppendString(b, "of a later version")
	b = protowire.AppendTag(b, 901, protowire.VarintType)
	b = protowire.AppendVarint(b, 1<<60)
	b = protowire.AppendTag(b, 902, protowire.Fixed64Type)
	b = protowire.AppendFixed64(b, 3)
	got, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(full(), got, equal, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("unknown fields changed the message:\n%s", diff)
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := Encode(full())
	badRef := protowire.AppendTag([]byte{codecVersion}, fieldBody, protowire.BytesType)
	for name, c := range map[string]struct {
		in   []byte
		want error
	}{
		"empty":        {nil, ErrCodec},
		"version":      {append([]byte{codecVersion + 1}, good[1:]...), ErrCodecVersion},
		"cut":          {good[:len(good)-1], ErrCodec},
		"tag":          {[]byte{codecVersion, 0xff}, ErrCodec},
		"body ref":     {protowire.AppendBytes(badRef, []byte{0xff}), ErrCodec},
		"negative ref": {protowire.AppendBytes(badRef, []byte("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01")), ErrCodec},
	} {
		if m, err := Decode(c.in); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, %v, want %v", name, m, err, c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(Encode(full()))
	f.Add(Encode(&Message{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Decode(b)
		if err != nil {
			return
		}
		again, err := Decode(Encode(m))
		if err != nil {
			t.Fatalf("does not read what it wrote: %v", err)
		}
		if diff := cmp.Diff(m, again, equal); diff != "" {
			t.Errorf("not stable:\n%s", diff)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	m := full()
	b.ReportAllocs()
	for b.Loop() {
		Encode(m)
	}
}

func BenchmarkDecode(b *testing.B) {
	in := Encode(full())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(in); err != nil {
			b.Fatal(err)
		}
	}
}
