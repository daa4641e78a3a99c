package rpc

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc/pb"
	"github.com/mtad/mtad/sdk/smtp"
)

// fill gives every field a value of its own, so that a field that does not
// cross, or crosses into another, is seen. depth bounds recursive types.
func fill(v reflect.Value, n *int, depth int) {
	*n++
	switch v.Interface().(type) {
	case netip.AddrPort:
		v.Set(reflect.ValueOf(netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(*n)}), uint16(*n))))
		return
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.AddrFrom4([4]byte{192, 0, 2, byte(*n)})))
		return
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(int64(*n), 5)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64, reflect.Int32:
		v.SetInt(int64(*n))
	case reflect.Uint8:
		v.SetUint(uint64(*n%100 + 1))
	case reflect.Uint64, reflect.Uint32:
		v.SetUint(uint64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n))
	case reflect.Pointer:
		if depth > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), n, depth-1)
		}
	case reflect.Slice:
		if depth > 0 {
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
			fill(v.Index(0), n, depth-1)
			fill(v.Index(1), n, depth-1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n, depth)
		}
	case reflect.Map:
		if depth > 0 {
			v.Set(reflect.MakeMap(v.Type()))
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(key, n, depth-1)
			fill(value, n, depth-1)
			v.SetMapIndex(key, value)
		}
	case reflect.Interface:
		v.Set(reflect.ValueOf(errors.New("cause")))
	default:
		panic("no value for a " + v.Type().String())
	}
}

func filled[T any]() *T {
	out := new(T)
	n := 0
	fill(reflect.ValueOf(out).Elem(), &n, 6)
	return out
}

var byText = cmp.Options{
	cmpopts.IgnoreFields(sdk.Body{}, "Pieces", "Base"), // a body is settled before it crosses
	cmpopts.IgnoreFields(sdk.DNSAnswer{}, "Secure"),    // the core alone asks
	cmpopts.EquateComparable(netip.AddrPort{}, netip.Addr{}),
	cmp.FilterPath(func(p cmp.Path) bool { return p.Last().Type() == reflect.TypeFor[error]() },
		cmp.Comparer(func(a, b error) bool { return a == nil && b == nil || a != nil && b != nil && a.Error() == b.Error() })),
}

// roundTrip encodes with to, puts the bytes on the wire and back, and decodes
// with from.
func roundTrip[T, P any](t *testing.T, to func(*T) *P, from func(*decoder, *P) T) {
	t.Helper()
	in := filled[T]()
	b, err := any(to(in)).(interface{ MarshalVT() ([]byte, error) }).MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	wired := new(P)
	if err := any(wired).(interface{ UnmarshalVTUnsafe([]byte) error }).UnmarshalVTUnsafe(b); err != nil {
		t.Fatal(err)
	}
	out := from(&decoder{own: true}, wired)
	clear(b) // what was decoded must not alias the frame
	if d := cmp.Diff(*in, out, byText); d != "" {
		t.Errorf("%T changed on its way:\n%s", *in, d)
	}
}

func TestEveryFieldCrosses(t *testing.T) {
	roundTrip(t, callToPB, func(d *decoder, p *pb.Call) sdk.Call { return *d.call(p) })
	roundTrip(t, answerToPB, func(d *decoder, p *pb.Answer) sdk.Answer { return *d.answer(p) })
	roundTrip(t, configToPB, (*decoder).config)
	roundTrip(t, queryToPB, func(d *decoder, p *pb.Query) sdk.Query { return *d.query(p) })
	roundTrip(t, rowsToPB, func(d *decoder, p *pb.Rows) sdk.Rows { return *d.rows(p) })
	roundTrip(t, injectionToPB, func(d *decoder, p *pb.Injection) sdk.Injection { return *d.injection(p) })
	roundTrip(t, sourceToPB, func(d *decoder, p *pb.Source) sdk.Source { return *d.source(p) })
	roundTrip(t, dnsAnswerToPB, func(d *decoder, p *pb.DNSAnswer) sdk.DNSAnswer { return *d.dnsAnswer(p) })
	roundTrip(t, counterToPB, (*decoder).counter)
	roundTrip(t, schemaToPB, (*decoder).schema)
	roundTrip(t, func(r *sdk.LogRecord) *pb.Log { return logToPB(*r) }, (*decoder).log)
}

func TestInfoCrosses(t *testing.T) {
	in := filled[sdk.Info]()
	in.Powers = sdk.CanQuery | sdk.CanControl
	p, err := infoToPB(*in)
	if err != nil {
		t.Fatal(err)
	}
	out, err := (&decoder{}).info(p)
	if d := cmp.Diff(*in, out); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
}

func TestSchemaDepth(t *testing.T) {
	// A schema inside a schema, without end: each level is a tag and a length.
	var b []byte
	for range 1000 {
		s := &pb.Schema{Scopes: []*pb.Schema{{}}}
		if err := s.Scopes[0].UnmarshalVTUnsafe(b); err != nil {
			t.Fatal(err)
		}
		b, _ = s.MarshalVT()
	}
	if _, err := (&decoder{}).info(&pb.Info{Name: "deep", Schema: b}); err == nil {
		t.Error("an endless schema was accepted")
	}
}

func TestSubscriptionCrosses(t *testing.T) {
	in := sdk.Subscription{Controls: []string{"hello"}, Warnings: *filled[[]sdk.Problem]()}
	in.Hooks.Add(sdk.ValidateData)
	in.Hooks.Add(sdk.ValidateDealloc)
	p := subscriptionToPB(&in)
	p.Hooks = append(p.Hooks, 63, 1000, -1) // of a later version
	if d := cmp.Diff(in, (&decoder{}).subscription(p)); d != "" {
		t.Error(d)
	}
}

func TestDNSQueryCrosses(t *testing.T) {
	in := sdk.DNSQuery{Name: "example.com", Type: "MX", Server: "127.0.0.1:53", Timeout: 1500 * time.Millisecond}
	if out := (&decoder{}).dnsQuery(dnsQueryToPB(&in)); out != in {
		t.Errorf("%+v became %+v", in, out)
	}
}

// The numbers of both sides are the same, and so are the names of the hooks.
func TestNumbers(t *testing.T) {
	for _, info := range sdk.Hooks {
		want := "HOOK_" + strings.ToUpper(info.Name)
		if got := pb.Hook(info.Hook).String(); got != want {
			t.Errorf("hook %d is %s on the wire, want %s", info.Hook, got, want)
		}
	}
	if len(pb.Hook_name) != sdk.HookCount {
		t.Errorf("%d hooks on the wire, %d in the table", len(pb.Hook_name), sdk.HookCount)
	}
	numbers := []struct {
		wire fmt.Stringer
		want string
		ours int
	}{
		{pb.ChangeKind(sdk.BodyPieces), "CHANGE_BODY_PIECES", len(pb.ChangeKind_name) - 1},
		{pb.ChangeKind(sdk.BodyReplace), "CHANGE_BODY_REPLACE", int(sdk.BodyReplace)},
		{pb.ChangeKind(sdk.StatusSet), "CHANGE_STATUS_SET", int(sdk.StatusSet)},
		{pb.Verdict(sdk.Again), "VERDICT_AGAIN", len(pb.Verdict_name) - 1},
		{pb.Target(sdk.TargetCopy), "TARGET_COPY", len(pb.Target_name) - 1},
		{pb.Level(sdk.LevelPrint), "LEVEL_PRINT", len(pb.Level_name) - 1},
		{pb.DatumKind(sdk.DatumBool), "DATUM_BOOL", len(pb.DatumKind_name) - 1},
		{pb.CounterKind(sdk.CounterOpen), "COUNTER_OPEN", len(pb.CounterKind_name) - 1},
		{pb.Protocol(sdk.ProtocolXfer), "PROTOCOL_XFER", len(pb.Protocol_name) - 1},
		{pb.Dictionary(sdk.DictConn), "DICTIONARY_CONN", len(pb.Dictionary_name) - 1},
	}
	for _, n := range numbers {
		if n.wire.String() != n.want || reflect.ValueOf(n.wire).Int() != int64(n.ours) {
			t.Errorf("%v (%d) on the wire, want %s (%d)", n.wire, reflect.ValueOf(n.wire).Int(), n.want, n.ours)
		}
	}
}

func TestFailureCrosses(t *testing.T) {
	prepare := &sdk.PrepareError{Headline: "head", Problems: *filled[[]sdk.Problem]()}
	query := filled[sdk.QueryError]()
	source := filled[sdk.SourceError]()
	for _, in := range []error{prepare, query, source} {
		out := (&decoder{}).failure(failureToPB(fmt.Errorf("wrapped: %w", in)))
		if d := cmp.Diff(in, out); d != "" {
			t.Error(d)
		}
	}
	for _, in := range []error{sdk.ErrNotSupported, sdk.ErrNoIO, sdk.ErrModuleGone, context.Canceled, context.DeadlineExceeded} {
		out := (&decoder{}).failure(failureToPB(fmt.Errorf("while testing: %w", in)))
		if !errors.Is(out, in) || out.Error() != "while testing: "+in.Error() {
			t.Errorf("%v became %v", in, out)
		}
	}
	if out := (&decoder{}).failure(failureToPB(errors.New("bad \xff byte"))); out.Error() != "bad \uFFFD byte" {
		t.Errorf("an error's text: %q", out)
	}
}

func TestInlineBody(t *testing.T) {
	big := make([]byte, sdk.MaxInlineBody+1)
	cases := []struct {
		name string
		body sdk.Body
		want int
	}{
		{"small", sdk.Body{Inline: big[:10], Size: 10, Handle: 1}, 10},
		{"large, to be read", sdk.Body{Inline: big, Size: int64(len(big)), Handle: 1}, 0},
		{"large, nowhere else", sdk.Body{Inline: big, Size: int64(len(big))}, len(big)},
	}
	for _, c := range cases {
		if got := len(inline(&c.body)); got != c.want {
			t.Errorf("%s: %d bytes cross, want %d", c.name, got, c.want)
		}
	}
}

func TestDecoderText(t *testing.T) {
	d := &decoder{}
	frame := []byte(strings.Repeat("0123456789", 100))
	var got []string
	for i := range 40 {
		got = append(got, d.text(frame[i:i*20]))
	}
	want := make([]string, len(got))
	for i := range got {
		want[i] = string(append([]byte(nil), frame[i:max(i, i*20)]...))
	}
	clear(frame)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if odd := d.dict([][]byte{[]byte("k")}); len(odd) != 1 || odd[0] != (sdk.Pair{Key: "k"}) {
		t.Errorf("a key without value: %v", odd)
	}
}

// TestEncoderForgets encodes calls of different shapes with one encoder: nothing
// of one call may be in the next.
func TestEncoderForgets(t *testing.T) {
	large, small := filled[sdk.Call](), sdk.Call{Phases: []sdk.Phase{{Hook: sdk.ValidateConnect}}, State: &sdk.State{}}
	bare := sdk.Call{}
	e := new(encoder)
	for _, c := range []*sdk.Call{large, &small, large, &bare, &small} {
		want, _ := callToPB(c).MarshalVT()
		got, err := e.fill(c).MarshalVT()
		e.clear()
		if err != nil || string(got) != string(want) {
			t.Errorf("%d phases: %v, %x, want %x", len(c.Phases), err, got, want)
		}
	}
}

// FuzzFrame reads arbitrary bytes as a frame, as the core must be able to, and
// then a second time what it made of them.
func FuzzFrame(f *testing.F) {
	call := &pb.Item{Id: 1, Body: &pb.Item_Call{Call: callToPB(filled[sdk.Call]())}}
	answer := &pb.Item{Id: 1, Body: &pb.Item_Answer{Answer: answerToPB(filled[sdk.Answer]())}}
	b, _ := (&pb.Frame{Items: []*pb.Item{call, answer}}).MarshalVT()
	f.Add(b)
	f.Add([]byte("\x0a\x04\x1a\x02\x18\x05"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var frame pb.Frame
		if frame.UnmarshalVTUnsafe(b) != nil {
			return
		}
		for _, item := range frame.Items {
			fuzzItem(t, item)
		}
	})
}

func fuzzItem(t *testing.T, item *pb.Item) {
	d := &decoder{own: true}
	switch body := item.Body.(type) {
	case *pb.Item_Call:
		if body.Call == nil {
			return
		}
		once := d.call(callToPB(d.call(body.Call))) // text fields are UTF-8 now
		if diff := cmp.Diff(once, d.call(callToPB(once)), byText); diff != "" {
			t.Error(diff)
		}
	case *pb.Item_Answer:
		if body.Answer == nil {
			return
		}
		once := d.answer(answerToPB(d.answer(body.Answer)))
		if diff := cmp.Diff(once, d.answer(answerToPB(once)), byText); diff != "" {
			t.Error(diff)
		}
	case *pb.Item_Failure:
		if body.Failure != nil && d.failure(body.Failure) == nil {
			t.Error("a failure is no error")
		}
	}
}

func BenchmarkConvert(b *testing.B) {
	call := benchCall()
	answer := benchAnswer()
	b.Run("encode call", func(b *testing.B) {
		b.ReportAllocs()
		buf := make([]byte, 64<<10)
		e := new(encoder)
		for b.Loop() {
			e.clear()
			i := e.question(head{id: 1}, call)
			n := i.SizeVT()
			if _, err := i.MarshalToSizedBufferVT(buf[:n]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode call", func(b *testing.B) {
		b.ReportAllocs()
		wire, _ := callToPB(call).MarshalVT()
		for b.Loop() {
			var p pb.Call
			if err := p.UnmarshalVTUnsafe(wire); err != nil {
				b.Fatal(err)
			}
			(&decoder{}).call(&p)
			p.State.ReturnToVTPool()
		}
	})
	b.Run("decode answer", func(b *testing.B) {
		b.ReportAllocs()
		wire, _ := answerToPB(answer).MarshalVT()
		for b.Loop() {
			var p pb.Answer
			if err := p.UnmarshalVTUnsafe(wire); err != nil {
				b.Fatal(err)
			}
			(&decoder{own: true}).answer(&p)
		}
	})
}

// benchCall is a validate_rcptto call of about 560 bytes with 10 context
// entries.
func benchCall() *sdk.Call {
	s := &sdk.State{Conn: sdk.Conn{
		Session: 4711, ID: "00/00-01974-EBDC39A4", Protocol: sdk.ProtocolESMTP,
		Peer: netip.MustParseAddrPort("192.0.2.17:40123"), Local: netip.MustParseAddrPort("198.51.100.4:25"),
	}}
	s.Message = &sdk.Message{ID: "00/01-01974-EBDC39A4", Sender: "sender@example.org", Recipient: "somebody@example.com"}
	for i := range 10 {
		s.Message.Context.Set(fmt.Sprintf("context_key_%d", i), fmt.Sprintf("a value of some length %d", i))
	}
	return &sdk.Call{
		Generation: 3, Transaction: 1, State: s,
		Phases: []sdk.Phase{{Hook: sdk.ValidateRcptTo, Line: "RCPT TO:<somebody@example.com>"}},
	}
}

func benchAnswer() *sdk.Answer {
	return &sdk.Answer{Results: []sdk.PhaseResult{{
		Verdict: sdk.Done,
		Reply:   smtp.NewReply(451, "4.7.1", "greylisted, please try again later"),
		Changes: []sdk.Change{{Kind: sdk.ContextSet, Target: sdk.TargetTxn, Dict: sdk.DictMess, Name: "greylist", Value: "new triplet"}},
	}}}
}
