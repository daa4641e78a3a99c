package rpc

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc/mem"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc/pb"
	"github.com/mtad/mtad/sdk/smtp"
)

func sender(s string) smtp.Address { return smtp.Address(s) }

func addresses(list ...smtp.Address) []smtp.Address { return list }

func logItem(size int) *pb.Item {
	return &pb.Item{Body: &pb.Item_Log{Log: &pb.Log{Text: []byte(strings.Repeat("x", size))}}}
}

// sentFrames runs the writer until the outbox is empty and reads what it sent.
func sentFrames(t *testing.T, o *outbox) []*pb.Frame {
	t.Helper()
	var frames []*pb.Frame
	o.close()
	err := o.run(func(v any) error {
		data, err := newCodec().Marshal(v)
		if err != nil {
			return err
		}
		var f pb.Frame
		if err := newCodec().Unmarshal(data, &f); err != nil {
			return err
		}
		frames = append(frames, &f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return frames
}

func TestOutboxPacks(t *testing.T) {
	o := newOutbox()
	for _, size := range []int{10, 5000, 20_000, 30_000, 30_000, 1_000_000, 7} {
		if _, err := o.put(logItem(size)); err != nil {
			t.Fatal(err)
		}
	}
	var got [][]int
	for _, f := range sentFrames(t, o) {
		var sizes []int
		for _, i := range f.Items {
			sizes = append(sizes, len(i.GetLog().Text))
		}
		got = append(got, sizes)
	}
	want := [][]int{{10, 5000, 20_000, 30_000}, {30_000}, {1_000_000}, {7}}
	if len(got) != len(want) {
		t.Fatalf("frames %v, want %v", got, want)
	}
	for i := range want {
		for j := range want[i] {
			if got[i][j] != want[i][j] {
				t.Errorf("frame %d is %v, want %v", i, got[i], want[i])
			}
		}
	}
	if _, err := o.put(logItem(1)); !errors.Is(err, errOutboxClosed) {
		t.Errorf("put after the end: %v", err)
	}
}

func TestOutboxKnowsWhatWasSent(t *testing.T) {
	o := newOutbox()
	first, _ := o.put(logItem(maxFrame))
	second, _ := o.put(logItem(maxFrame))
	broken := errors.New("broken")
	if err := o.run(func(any) error { return broken }); !errors.Is(err, broken) {
		t.Fatalf("run: %v", err)
	}
	if first >= o.sent() || second < o.sent() {
		t.Errorf("frames %d and %d, sent before %d", first, second, o.sent())
	}
}

func TestOutboxHoldsLogsBack(t *testing.T) {
	o := newOutbox()
	for range logRoom / maxFrame {
		if err := o.putPatiently(logItem(maxFrame)); err != nil {
			t.Fatal(err)
		}
	}
	waited := make(chan error)
	go func() { waited <- o.putPatiently(logItem(1)) }()
	go func() { _ = o.run(func(any) error { return nil }) }()
	if err := <-waited; err != nil {
		t.Error(err)
	}
	o.close()
	if err := o.putPatiently(logItem(1)); !errors.Is(err, errOutboxClosed) {
		t.Errorf("a log record after the end: %v", err)
	}
}

func TestAskerTellsUnsentFromLost(t *testing.T) {
	a := newAsker[*pb.Item](cancelItem)
	results := make(chan error, 2)
	ask := func() {
		_, err := a.ask(context.Background(), 0, func(h head) wireItem {
			i := logItem(maxFrame)
			i.Id = h.id
			return i
		})
		results <- err
	}
	go ask()
	<-a.out.wake // it has been put
	if frame, _ := a.out.take(); frame == nil {
		t.Fatal("nothing waits")
	}
	go ask()
	<-a.out.wake
	a.fail(errors.New("broken"))
	lost, unsent := <-results, <-results
	if errors.Is(lost, ErrUnsent) {
		lost, unsent = unsent, lost
	}
	if !errors.Is(lost, sdk.ErrModuleGone) || errors.Is(lost, ErrUnsent) || !errors.Is(unsent, ErrUnsent) {
		t.Errorf("the one that was sent: %v; the other: %v", lost, unsent)
	}
}

func TestCodecLeavesOthersAlone(t *testing.T) {
	in := &pb.Done{}
	if _, err := newCodec().Marshal(in); err != nil {
		t.Error(err)
	}
	if err := newCodec().Unmarshal(mem.BufferSlice{mem.SliceBuffer("\xff")}, &pb.Frame{}); err == nil {
		t.Error("a broken frame was read")
	}
}

func TestSignals(t *testing.T) {
	cases := []struct {
		name string
		now  int
		end  bool
	}{
		{"the core lives", 100, false},
		{"the core has died", 1, true},
	}
	for _, c := range cases {
		asked := make(chan struct{}, 4)
		ended := make(chan struct{}, 4)
		first := true
		parent := func() int {
			if first {
				first = false
				return 100
			}
			asked <- struct{}{}
			return c.now
		}
		stop := heedSignals(parent, func() { ended <- struct{}{} })
		if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		<-asked
		if c.end {
			<-ended
		}
		stop()
		if !c.end && len(ended) != 0 {
			t.Errorf("%s: the module ended", c.name)
		}
	}
}
