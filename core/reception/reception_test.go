package reception

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mtad/mtad/core/binding"
	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// spool keeps records in memory and says what was committed.
type spool struct {
	mu      sync.Mutex
	records map[uint64][]byte
	entries []Entry
	err     error
	full    error // what NewBody and Write answer
	aborted int
	dropped []uint64
}

type record struct {
	s *spool
	b bytes.Buffer
}

func (s *spool) NewBody() (BodyWriter, error) {
	if s.full != nil {
		return nil, s.full
	}
	return &record{s: s}, nil
}

func (r *record) Write(p []byte) (int, error) { return r.b.Write(p) }
func (r *record) Abort()                      { r.s.aborted++ }
func (r *record) Close() (message.BodyRef, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	n := uint64(len(r.s.records) + 1)
	r.s.records[n] = r.b.Bytes()
	return message.BodyRef{Segment: n, Length: int64(r.b.Len())}, nil
}

func (s *spool) Commit(_ context.Context, e []Entry) error {
	if s.err == nil {
		s.entries = append(s.entries, e...)
	}
	return s.err
}

func (s *spool) Drop(ref message.BodyRef) { s.dropped = append(s.dropped, ref.Segment) }

type reader struct{ *bytes.Reader }

func (reader) Close() error { return nil }

func (s *spool) OpenBody(ref message.BodyRef) (BodyReader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return reader{bytes.NewReader(s.records[ref.Segment])}, nil
}

// raw is a committed message as it would be delivered.
func (s *spool) raw(t *testing.T, i int) (string, *message.Message) {
	t.Helper()
	m, err := message.Decode(s.entries[i].Meta)
	if err != nil {
		t.Fatal(err)
	}
	rec := s.records[s.entries[i].Body.Segment]
	if m.Content.Header == nil {
		return string(rec), m
	}
	return string(m.Content.Header) + "\r\n" + string(rec[m.Content.BodyOffset:]), m
}

// logger keeps what it is told.
type logger struct {
	received []string
	rejected []string
	panics   []string
}

func (l *logger) Reception(m *message.Message) { l.received = append(l.received, string(m.Recipient)) }
func (l *logger) Rejection(r *logs.Rejection)  { l.rejected = append(l.rejected, r.Reply.String()) }
func (l *logger) Panic(r sdk.LogRecord)        { l.panics = append(l.panics, r.Text) }

// policy is a module: a function for each hook, answered with changes.
type policy map[sdk.Hook]func(c *sdk.Call, p sdk.Phase) sdk.PhaseResult

func (policy) Name() string                       { return "policy" }
func (policy) SessionEnded(uint64, validate.Seat) {}
func (p policy) Hooks() (s sdk.HookSet) {
	for h := range p {
		s.Add(h)
	}
	return s
}

func (p policy) Call(_ context.Context, c *sdk.Call, seat *validate.Seat) (*sdk.Answer, error) {
	seat.Incarnation = 1
	c.State = c.State.Clone()
	ans := &sdk.Answer{}
	for _, ph := range c.Phases {
		c.State.Enter(ph, c.SplitIDs)
		r := sdk.PhaseResult{}
		if !c.State.Skips(ph) {
			r = p[ph.Hook](c, ph)
		}
		for i := range r.Changes {
			if err := sdk.Apply(c.State, &r.Changes[i]); err != nil {
				return nil, err
			}
		}
		ans.Results = append(ans.Results, r)
		if r.EndsRun() {
			break
		}
	}
	return ans, nil
}

type bench struct {
	*Door
	t      *testing.T
	spool  *spool
	log    *logger
	queued []*message.Message
	opts   Options
	told   []string
}

func newBench(t *testing.T, p policy) *bench {
	b := &bench{t: t, spool: &spool{records: map[uint64][]byte{}}, log: &logger{},
		opts: Options{Date: "ifneeded", MessageID: "ifneeded", MissingHeader: "reject", MaxHeader: 1000}}
	id := 0
	newID := func() string { id++; return fmt.Sprintf("00/00-00001-%08X", id) }
	table := binding.NewTable([]binding.Binding{{Name: "b1", Group: "g"}})
	b.Door = &Door{Spool: b.spool, Log: b.log, NewID: newID, Now: func() time.Time { return time.Unix(1251200446, 0).UTC() },
		Bindings: func() *binding.Table { return table }, Options: func() *Options { return &b.opts },
		Queue: func(m *message.Message) { b.queued = append(b.queued, m) }, Hostname: func() string { return "mx.test" },
		Bounce: func(_ context.Context, m *message.Message, why *smtp.Reply) {
			b.told = append(b.told, string(m.Recipient)+" "+why.String())
		},
		IsFull: func(err error) bool { return errors.Is(err, errFull) },
	}
	v := &validate.Validator{CallTimeout: time.Minute, NewID: newID, Problem: func(s string) { b.log.panics = append(b.log.panics, s) }, After: time.After, Inject: b.Door.Inject}
	v.SetChain(validate.NewChain(1, []validate.Caller{p}, nil))
	b.Door.Validator = v
	return b
}

var errFull = errors.New("spool is full")

const simple = "Date: x\r\nMessage-ID: <y>\r\nSubject: t\r\n\r\nhello\r\n"

// send takes a message through the door for the recipients a, b, ... @x.test.
func (b *bench) send(raw string, env Envelope, rcpts ...smtp.Address) Result {
	b.t.Helper()
	s := b.Validator.NewSession(sdk.Conn{ID: "conn", Protocol: sdk.ProtocolESMTP, Peer: netip.MustParseAddrPort("192.0.2.1:99")})
	defer s.Close()
	s.Begin(&sdk.Message{Sender: "s@y.test", Recipients: rcpts})
	dr := b.NewDraft(env)
	for len(raw) > 0 { // in awkward pieces
		n := min(len(raw), 7)
		if _, err := dr.Write([]byte(raw[:n])); err != nil {
			break
		}
		raw = raw[n:]
	}
	return b.Accept(context.Background(), s, dr)
}

func (b *bench) wantReply(r Result, prefix string) {
	b.t.Helper()
	if r.Reply == nil || !strings.HasPrefix(r.Reply.String(), prefix) {
		b.t.Errorf("reply %v, want %s", r.Reply, prefix)
	}
}

func TestAccepted(t *testing.T) {
	b := newBench(t, policy{})
	r := b.send(simple, Envelope{Received: "from a by b"}, "a@x.test", "b@x.test")
	b.wantReply(r, "250 2.0.0 OK 00/00-00001-")
	if len(b.spool.entries) != 2 || len(b.spool.records) != 1 || len(b.queued) != 2 || !slices.Equal(b.log.received, []string{"a@x.test", "b@x.test"}) {
		t.Fatalf("%d entries, %d records, %d queued, logged %v", len(b.spool.entries), len(b.spool.records), len(b.queued), b.log.received)
	}
	raw, m := b.spool.raw(t, 1)
	if raw != "Received: from a by b\r\n"+simple || m.Content.Size != int64(len(raw)) || m.Binding != "default" || m.BindingGroup != "default" || m.Recipient != "b@x.test" || m.Protocol != sdk.ProtocolESMTP {
		t.Errorf("%q %+v", raw, m)
	}
	if m.BatchID != b.queued[0].BatchID || m.ID == b.queued[0].ID {
		t.Error("siblings share the batch id and nothing else")
	}
}

func TestMissingFieldsAreAdded(t *testing.T) {
	b := newBench(t, policy{})
	b.wantReply(b.send("Subject: t\r\n\r\nx\r\n", Envelope{}, "a@x.test"), "250")
	raw, m := b.spool.raw(t, 0)
	if !strings.Contains(raw, "\r\nDate: Tue, 25 Aug 2009 11:40:46 +0000\r\nMessage-ID: <00.00-00001-00000001@mx.test>\r\n\r\nx\r\n") {
		t.Errorf("%q", raw)
	}
	if v, _ := m.Context.Get("rfc2822_date_missing"); v != "true" {
		t.Errorf("context %v", m.Context)
	}
}

func TestHeaderRules(t *testing.T) {
	b := newBench(t, policy{})
	b.wantReply(b.send("\r\nbody only\r\n", Envelope{}, "a@x.test"), "550 5.6.0")
	b.opts.MissingHeader = "allow"
	b.wantReply(b.send("\r\nbody only\r\n", Envelope{}, "a@x.test"), "250")
	b.wantReply(b.send("X: "+strings.Repeat("y", 2000)+"\r\n\r\n", Envelope{}, "a@x.test"), "552 5.3.4")
	b.wantReply(b.send("Subject: no empty line", Envelope{}, "a@x.test"), "250")
}

// Content without an empty line behind its header is kept as it came.
func TestMissingEmptyLine(t *testing.T) {
	for raw, want := range map[string]string{
		"Subject: x\r\njust text\r\nmore: text\r\n":  "Subject: x\r\n|just text\r\nmore: text\r\n",
		"Subject: x\r\n folded\r\n":                  "Subject: x\r\n folded\r\n|",
		"Subject: x\r\nFrom : y\r\n\r\nbody":         "Subject: x\r\nFrom : y\r\n|body",
		"From a@b Mon\r\nSubject: x\r\n\r\nbody\r\n": "From a@b Mon\r\nSubject: x\r\n|body\r\n",
		"Subject: x\r\nlast line":                    "Subject: x\r\n|last line",
		"Subject: x":                                 "Subject: x\r\n|",
	} {
		b := newBench(t, policy{})
		b.opts.Date, b.opts.MessageID = "ignore", "ignore"
		b.wantReply(b.send(raw, Envelope{}, "a@x.test"), "250")
		got, _ := b.spool.raw(t, 0)
		if got != strings.Replace(want, "|", "\r\n", 1) {
			t.Errorf("%q is kept as %q", raw, got)
		}
	}
	b := newBench(t, policy{})
	b.wantReply(b.send("no header at all\r\nnone: here\r\n", Envelope{}, "a@x.test"), "550 5.6.0")
}

func FuzzDraft(f *testing.F) {
	f.Add("Subject: x\r\n\r\nbody\r\n", 3)
	f.Add("text\r\n", 1)
	f.Fuzz(func(t *testing.T, raw string, step int) {
		d := &Door{Options: func() *Options { return &Options{MaxHeader: 1 << 20} }, Spool: &spool{records: map[uint64][]byte{}}}
		dr := d.NewDraft(Envelope{})
		for rest := raw; len(rest) > 0; {
			n := min(len(rest), max(step, 1))
			if _, err := dr.Write([]byte(rest[:n])); err != nil {
				return
			}
			rest = rest[n:]
		}
		if dr.finish() != nil || dr.ref.Length > 0 {
			return
		}
		// Nothing is lost: what came is the header section and the body, with
		// at most the empty line between them, and an end of line added.
		joined := string(dr.header) + string(dr.body)
		for _, was := range []string{raw, strings.Replace(raw, "\r\n\r\n", "\r\n", 1), strings.TrimPrefix(raw, "\r\n"), raw + "\r\n"} {
			if joined == was {
				return
			}
		}
		t.Errorf("%q became %q and %q", raw, dr.header, dr.body)
	})
}

func TestLargeBodyStreams(t *testing.T) {
	big := simple + strings.Repeat("0123456789abcde\n", 4096)
	b := newBench(t, policy{sdk.ValidateDataSpool: func(c *sdk.Call, _ sdk.Phase) sdk.PhaseResult {
		body := c.State.Message.Body
		if body.Whole() || body.Handle == 0 {
			t.Error("a large body came inline")
		}
		return sdk.PhaseResult{Changes: []sdk.Change{{Kind: sdk.HeaderAppend, Target: sdk.TargetTxn, Name: "X-New", Values: []string{"1"}}}}
	}})
	b.wantReply(b.send(big, Envelope{Received: "trace"}, "a@x.test"), "250")
	raw, m := b.spool.raw(t, 0)
	want := "Received: trace\r\n" + strings.Replace(big, "\r\n\r\n", "\r\nX-New: 1\r\n\r\n", 1)
	if raw != want || m.Content.Size != int64(len(want)) || len(b.spool.records) != 1 {
		t.Errorf("%d bytes, size %d, %d records", len(raw), m.Content.Size, len(b.spool.records))
	}
}

func TestARefusedLargeBodyIsDropped(t *testing.T) {
	big := simple + strings.Repeat("x", sdk.MaxInlineBody)
	b := newBench(t, policy{sdk.ValidateData: func(*sdk.Call, sdk.Phase) sdk.PhaseResult { return reply(550, "", "no") }})
	b.wantReply(b.send(big, Envelope{}, "a@x.test"), "550")
	if !slices.Equal(b.spool.dropped, []uint64{1}) {
		t.Errorf("dropped %v", b.spool.dropped)
	}
	b = newBench(t, policy{})
	b.wantReply(b.send(big, Envelope{}, "a@x.test"), "250")
	if len(b.spool.dropped) != 0 {
		t.Errorf("dropped %v although it was committed", b.spool.dropped)
	}
}

func TestReadBody(t *testing.T) {
	big := simple + strings.Repeat("z", sdk.MaxInlineBody)
	var b *bench
	b = newBench(t, policy{sdk.ValidateData: func(c *sdk.Call, _ sdk.Phase) sdk.PhaseResult {
		got, err := b.ReadBody(c.State.Message.Body.Handle, 5, 4)
		if err != nil || string(got) != "\r\nzz" {
			t.Errorf("%q %v", got, err)
		}
		if _, err := b.ReadBody(c.State.Message.Body.Handle, c.State.Message.Body.Size+1, 1); err == nil {
			t.Error("read behind the end")
		}
		if _, err := b.ReadBody(999, 0, 1); err == nil {
			t.Error("read a body of nobody's")
		}
		return sdk.PhaseResult{}
	}})
	b.wantReply(b.send(big, Envelope{}, "a@x.test"), "250")
}

func TestEditsOfOneCopyAreItsOwn(t *testing.T) {
	b := newBench(t, policy{
		sdk.ValidateDataSpoolEachRcpt: func(_ *sdk.Call, p sdk.Phase) sdk.PhaseResult {
			target := sdk.Change{Target: sdk.TargetCopy, Copy: p.Copy}
			switch p.Copy {
			case 0:
				target.Kind, target.Name, target.Values = sdk.HeaderReplace, "Subject", []string{"new"}
			case 1:
				target.Kind, target.Data = sdk.BodyReplace, []byte("other body\r\n")
			case 2:
				return sdk.PhaseResult{}
			}
			return sdk.PhaseResult{Changes: []sdk.Change{target}}
		},
		sdk.ValidateSetBinding: func(_ *sdk.Call, p sdk.Phase) sdk.PhaseResult {
			if p.Copy == 1 {
				return sdk.PhaseResult{Changes: []sdk.Change{{Kind: sdk.BindingGroupSet, Target: sdk.TargetCopy, Copy: 1, Value: "g"}}}
			}
			return sdk.PhaseResult{Changes: []sdk.Change{{Kind: sdk.PrioritySet, Target: sdk.TargetCopy, Copy: p.Copy, Number: 1}}}
		},
	})
	b.wantReply(b.send(simple, Envelope{}, "a@x.test", "b@x.test", "c@x.test"), "250")
	want := []string{
		"Date: x\r\nMessage-ID: <y>\r\nSubject: new\r\n\r\nhello\r\n",
		"Date: x\r\nMessage-ID: <y>\r\nSubject: t\r\n\r\nother body\r\n",
		simple,
	}
	for i, w := range want {
		raw, m := b.spool.raw(t, i)
		if raw != w || m.Content.Size != int64(len(w)) {
			t.Errorf("copy %d: %q, size %d", i, raw, m.Content.Size)
		}
	}
	if b.queued[1].Binding != "b1" || b.queued[1].BindingGroup != "g" || b.queued[0].Priority != 1 || b.queued[1].Priority != 0 {
		t.Errorf("bindings and priorities: %+v %+v", b.queued[0], b.queued[1])
	}
	if len(b.spool.records) != 2 {
		t.Errorf("%d records, want one for each body", len(b.spool.records))
	}
}

func reply(code int, enhanced, text string) sdk.PhaseResult {
	return sdk.PhaseResult{Reply: smtp.NewReply(code, enhanced, text)}
}

func TestRefusals(t *testing.T) {
	refuse := func(which ...int) policy {
		return policy{sdk.ValidateDataSpoolEachRcpt: func(_ *sdk.Call, p sdk.Phase) sdk.PhaseResult {
			if slices.Contains(which, p.Copy) {
				return reply(550, "5.7.1", fmt.Sprintf("no %d", p.Copy))
			}
			return sdk.PhaseResult{}
		}}
	}
	b := newBench(t, policy{sdk.ValidateData: func(*sdk.Call, sdk.Phase) sdk.PhaseResult { return reply(554, "", "content") }})
	b.wantReply(b.send(simple, Envelope{}, "a@x.test"), "554 content")
	if len(b.spool.entries) != 0 || !slices.Equal(b.log.rejected, []string{"554 content"}) {
		t.Errorf("rejected %q", b.log.rejected)
	}
	b = newBench(t, refuse(0, 1))
	b.wantReply(b.send(simple, Envelope{MayRelay: true}, "a@x.test", "b@x.test"), "550 5.7.1 no 1")
	if len(b.spool.entries) != 0 || len(b.told) != 0 || len(b.log.rejected) != 2 {
		t.Errorf("told %q, rejected %q", b.told, b.log.rejected)
	}
	b = newBench(t, refuse(1))
	b.wantReply(b.send(simple, Envelope{}, "a@x.test", "b@x.test", "c@x.test"), "250")
	if !slices.Equal(b.log.received, []string{"a@x.test", "c@x.test"}) || len(b.told) != 0 {
		t.Errorf("received %v, told %v: a stranger gets no backscatter", b.log.received, b.told)
	}
	b = newBench(t, refuse(1))
	b.wantReply(b.send(simple, Envelope{MayRelay: true}, "a@x.test", "b@x.test"), "250")
	if !slices.Equal(b.told, []string{"b@x.test 550 5.7.1 no 1"}) {
		t.Errorf("told %v", b.told)
	}
}

func TestAPositiveReplyOutlivesLaterPhases(t *testing.T) {
	nothing := func(*sdk.Call, sdk.Phase) sdk.PhaseResult { return sdk.PhaseResult{} }
	b := newBench(t, policy{
		sdk.ValidateData:              func(*sdk.Call, sdk.Phase) sdk.PhaseResult { return reply(250, "2.6.0", "as policy words it") },
		sdk.ValidateDataSpoolEachRcpt: nothing, sdk.ValidateSetBinding: nothing,
	})
	b.wantReply(b.send(simple, Envelope{}, "a@x.test"), "250 2.6.0 as policy words it")
}

func TestDiscards(t *testing.T) {
	discard := func(target sdk.Target) func(*sdk.Call, sdk.Phase) sdk.PhaseResult {
		return func(_ *sdk.Call, p sdk.Phase) sdk.PhaseResult {
			if target == sdk.TargetCopy && p.Copy != 0 {
				return sdk.PhaseResult{}
			}
			return sdk.PhaseResult{Changes: []sdk.Change{{Kind: sdk.DiscardSet, Target: target, Copy: p.Copy, Number: 550, Value: "5.7.0 gone"}}}
		}
	}
	bound := 0
	count := func(*sdk.Call, sdk.Phase) sdk.PhaseResult { bound++; return sdk.PhaseResult{} }
	b := newBench(t, policy{sdk.ValidateData: discard(sdk.TargetTxn), sdk.ValidateSetBinding: count})
	b.wantReply(b.send(simple, Envelope{}, "a@x.test"), "250")
	if len(b.spool.entries) != 0 || bound != 0 || !slices.Equal(b.log.rejected, []string{"550 5.7.0 gone"}) {
		t.Errorf("bound %d, rejected %q", bound, b.log.rejected)
	}
	b = newBench(t, policy{sdk.ValidateDataSpoolEachRcpt: discard(sdk.TargetCopy), sdk.ValidateSetBinding: count})
	b.wantReply(b.send(simple, Envelope{MayRelay: true}, "a@x.test", "b@x.test"), "250")
	if !slices.Equal(b.log.received, []string{"b@x.test"}) || bound != 1 || len(b.told) != 0 {
		t.Errorf("received %v, bound %d, told %v", b.log.received, bound, b.told)
	}
}

func TestRecipientsChange(t *testing.T) {
	change := func(kind sdk.ChangeKind, values ...string) func(*sdk.Call, sdk.Phase) sdk.PhaseResult {
		done := false
		return func(_ *sdk.Call, p sdk.Phase) sdk.PhaseResult {
			if done {
				return sdk.PhaseResult{}
			}
			done = true
			return sdk.PhaseResult{Changes: []sdk.Change{{Kind: kind, Target: sdk.TargetTxn, Values: values}}}
		}
	}
	for name, tc := range map[string]struct {
		hook sdk.Hook
		kind sdk.ChangeKind
		with string
		want []string
	}{
		"removed in data":      {sdk.ValidateData, sdk.RecipientRemove, "b@x.test", []string{"a@x.test"}},
		"replaced in data":     {sdk.ValidateData, sdk.RecipientReplace, "n@x.test", []string{"n@x.test"}},
		"added in data_spool":  {sdk.ValidateDataSpool, sdk.RecipientAdd, "n@x.test", []string{"a@x.test", "b@x.test", "n@x.test"}},
		"added in each_rcpt":   {sdk.ValidateDataSpoolEachRcpt, sdk.RecipientAdd, "n@x.test", []string{"a@x.test", "b@x.test", "n@x.test"}},
		"removed in each_rcpt": {sdk.ValidateDataSpoolEachRcpt, sdk.RecipientRemove, "b@x.test", []string{"a@x.test"}},
		"all removed":          {sdk.ValidateData, sdk.RecipientReplace, "", nil},
	} {
		var values []string
		if tc.with != "" {
			values = []string{tc.with}
		}
		bound := 0
		b := newBench(t, policy{tc.hook: change(tc.kind, values...), sdk.ValidateSetBinding: func(*sdk.Call, sdk.Phase) sdk.PhaseResult { bound++; return sdk.PhaseResult{} }})
		b.wantReply(b.send(simple, Envelope{}, "a@x.test", "b@x.test"), "250")
		if !slices.Equal(b.log.received, tc.want) || bound != len(tc.want) {
			t.Errorf("%s: received %v, bound %d", name, b.log.received, bound)
		}
	}
}

func TestNotDurableIsNot250(t *testing.T) {
	b := newBench(t, policy{})
	b.spool.err = errors.New("fsync: input/output error")
	b.wantReply(b.send(simple, Envelope{}, "a@x.test"), "451 4.3.0")
	b.spool.err = errFull
	b.wantReply(b.send(simple, Envelope{}, "a@x.test"), "452 4.3.1")
	b.spool.err, b.spool.full = nil, errFull
	b.wantReply(b.send(simple+strings.Repeat("x", sdk.MaxInlineBody), Envelope{}, "a@x.test"), "452 4.3.1")
	if len(b.spool.dropped) != 2 {
		t.Errorf("dropped %v: a failed commit leaves no records", b.spool.dropped)
	}
	if len(b.queued) != 0 || len(b.log.received) != 0 || len(b.log.panics) != 3 || !strings.Contains(b.log.panics[0], "input/output") {
		t.Errorf("%d queued, %v received, panics %q", len(b.queued), b.log.received, b.log.panics)
	}
}

func TestInject(t *testing.T) {
	b := newBench(t, policy{
		sdk.ValidateData: func(*sdk.Call, sdk.Phase) sdk.PhaseResult {
			t.Error("an injection met a content hook")
			return sdk.PhaseResult{}
		},
		sdk.ValidateSetBinding: func(_ *sdk.Call, p sdk.Phase) sdk.PhaseResult {
			return sdk.PhaseResult{Changes: []sdk.Change{{Kind: sdk.BindingSet, Target: sdk.TargetCopy, Value: "b1"}}}
		},
	})
	in := &sdk.Injection{Sender: "s@y.test", Recipients: []smtp.Address{"a@x.test", "b@x.test"}, Header: []byte("Subject: i\r\n"), Body: sdk.Body{Inline: []byte("hi\r\n"), Size: 4}}
	ids, err := b.Inject(context.Background(), in)
	if err != nil || len(ids) != 2 || len(b.queued) != 2 {
		t.Fatalf("%v %v", ids, err)
	}
	raw, m := b.spool.raw(t, 1)
	if raw != "Subject: i\r\n\r\nhi\r\n" || m.Protocol != sdk.ProtocolInternal || m.Binding != "b1" || m.ConnID != nullID {
		t.Errorf("%q %+v", raw, m)
	}
	b.spool.err = errFull
	if _, err := b.Inject(context.Background(), in); err == nil || len(b.queued) != 2 {
		t.Errorf("%v, %d queued", err, len(b.queued))
	}
}
