package sdktest

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/smtp"
)

func TestBuilder(t *testing.T) {
	b := Session("192.0.2.1:4711").ID(7).ConnContext("ehlo", "x").
		Mail("a@example.org").Rcpt("b@example.com").Rcpt("c@example.com").Context("k", "v")
	early := b.State()
	if early.Message.Recipient != "c@example.com" || len(early.Message.Recipients) != 1 {
		t.Errorf("at the second RCPT: %+v", early.Message)
	}
	late := b.Data([]string{"Subject: hi", "From: a"}, "body\r\n").Split().State()
	m := late.Message
	if string(m.Header) != "Subject: hi\r\nFrom: a\r\n" || string(m.Body.Inline) != "body\r\n" || !m.Body.Whole() {
		t.Errorf("content: %q %+v", m.Header, m.Body)
	}
	if want := []smtp.Address{"b@example.com", "c@example.com"}; !cmp.Equal(m.Recipients, want) {
		t.Errorf("recipients %v, want %v", m.Recipients, want)
	}
	if len(late.Copies) != 2 || late.Copies[1].ID != "copy-1" || late.Copies[1].Recipient != "c@example.com" {
		t.Errorf("copies: %+v", late.Copies)
	}
	if v, _ := late.Copies[0].ConnContext.Get("ehlo"); v != "x" || late.Conn.Session != 7 {
		t.Errorf("connection: %+v", late.Conn)
	}
	if len(early.Copies) != 0 || early.Message.Header != nil {
		t.Error("a state changed after it was given")
	}
}

func TestHost(t *testing.T) {
	ctx := context.Background()
	h := &Host{
		Sources: map[string]string{"a.b": "return 1"},
		DNS:     map[string]sdk.DNSAnswer{"A x": {Records: []sdk.DNSRecord{{Value: "192.0.2.9"}}}},
		Bodies:  map[uint64][]byte{3: []byte("0123456789")},
		Config:  map[string]string{"get x": "1"},
	}
	if src, err := h.Source(ctx, "a.b"); err != nil || string(src.Text) != "return 1" {
		t.Errorf("source: %+v %v", src, err)
	}
	var missing *sdk.SourceError
	if _, err := h.Source(ctx, "nope"); !errors.As(err, &missing) || missing.Tried[0].Errno != 2 {
		t.Errorf("a missing source: %v", err)
	}
	if a, _ := h.LookupDNS(ctx, sdk.DNSQuery{Type: "A", Name: "x"}); a.Records[0].Value != "192.0.2.9" {
		t.Errorf("dns: %+v", a)
	}
	if a, _ := h.LookupDNS(ctx, sdk.DNSQuery{Type: "A", Name: "y"}); a.Error != "NXDOMAIN" {
		t.Errorf("unknown name: %+v", a)
	}
	if _, err := h.Query(ctx, &sdk.Query{}); !errors.Is(err, sdk.ErrNotSupported) {
		t.Errorf("query: %v", err)
	}
	if b, err := h.ReadBody(ctx, 3, 8, 5); err != nil || string(b) != "89" {
		t.Errorf("body: %q %v", b, err)
	}
	if b, err := h.ReadBody(ctx, 3, 80, 5); err != nil || len(b) != 0 {
		t.Errorf("behind the body: %q %v", b, err)
	}
	if ids, _ := h.Inject(ctx, &sdk.Injection{Recipients: []smtp.Address{"a@b"}}); len(ids) != 1 || len(h.Injected()) != 1 {
		t.Errorf("inject: %v", ids)
	}
	if _, err := h.ConfigValue(ctx, []string{"get", "y"}); err == nil {
		t.Error("an unknown configuration value was found")
	}
}

func TestCounter(t *testing.T) {
	h := &Host{}
	steps := []struct {
		op   sdk.CounterOp
		want int64
	}{
		{sdk.CounterOp{Kind: sdk.CounterOpen, Path: "p"}, 0},
		{sdk.CounterOp{Kind: sdk.CounterAdd, Path: "p", Delta: 5}, 5},
		{sdk.CounterOp{Kind: sdk.CounterRead, Path: "p"}, 5},
		{sdk.CounterOp{Kind: sdk.CounterReset, Path: "p"}, 0},
		{sdk.CounterOp{Kind: sdk.CounterAdd, Path: "p", Delta: 2}, 2},
		{sdk.CounterOp{Kind: sdk.CounterUnlink, Path: "p"}, 0},
	}
	for i, s := range steps {
		if got, err := h.Counter(context.Background(), s.op); err != nil || got != s.want {
			t.Errorf("step %d: %d %v, want %d", i, got, err, s.want)
		}
	}
}

func TestWaitLog(t *testing.T) {
	h := &Host{}
	go h.Log(sdk.LogRecord{Text: "a first line"})
	go h.Log(sdk.LogRecord{Text: "the second line"})
	if r, err := h.WaitLog(context.Background(), "second"); err != nil || r.Text != "the second line" {
		t.Errorf("%+v %v", r, err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := h.WaitLog(ended, "third"); !errors.Is(err, context.Canceled) {
		t.Errorf("a record that never came: %v", err)
	}
}

func TestScope(t *testing.T) {
	s := Scope("greylist", "x", "delay", 60, "on", true, "ratio", 0.5, "list", []string{"a"})
	delay, _ := s.Attr("delay")
	list, _ := s.Attr("list")
	if delay.Value.Kind != option.KindNumber || delay.Value.Text != "60" || delay.Pos.Line != 2 {
		t.Errorf("delay: %+v", delay)
	}
	if list.Value.Kind != option.KindList || list.Value.List[0].Text != "a" {
		t.Errorf("list: %+v", list)
	}
}
