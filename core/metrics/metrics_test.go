package metrics

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFiguresAreServed(t *testing.T) {
	n := 41.0
	s, err := Start("127.0.0.1:0", []Metric{
		Figure{Name: "received_total", Help: "Messages received.", Total: true, Value: func() float64 { return n }},
		Figure{Name: "queued", Help: "Messages queued.", Value: func() float64 { return 7 }},
	}, func() []Check { return nil })
	if err != nil {
		t.Fatal(err)
	}
	n++
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get("http://" + s.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"mtad_received_total 42\n", "# TYPE mtad_received_total counter", "mtad_queued 7\n", "go_goroutines"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %q", want)
		}
	}
	if err := s.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestTwoOfOneNameAreAnError(t *testing.T) {
	f := Figure{Name: "x", Value: func() float64 { return 0 }}
	if _, err := Start("127.0.0.1:0", []Metric{f, f}, nil); err == nil {
		t.Fatal("no error")
	}
}
