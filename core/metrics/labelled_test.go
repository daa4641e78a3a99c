package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// get gives what a server says at a path.
func get(t *testing.T, s *Server, path string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get("http://" + s.Addr().String() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

func serve(t *testing.T, list []Metric, ready func() []Check) *Server {
	t.Helper()
	s, err := Start("127.0.0.1:0", list, ready)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// However many label values there are, a metric has no more series than its
// bound and one for the others.
func TestLabelsAreBounded(t *testing.T) {
	counts := NewCounts("events_total", "Events.", "kind")
	times := NewTimes("took_seconds", "Time.", []float64{1, 2}, "kind", "hook")
	levels := Levels{Name: "level", Help: "Levels.", Labels: []string{"kind"}, Read: func(set func(float64, ...string)) {
		for i := range 3 * maxSeries {
			set(1, fmt.Sprint(i))
		}
	}}
	for i := range 3 * maxSeries {
		counts.Add(fmt.Sprint(i))
		times.Observe(time.Second, fmt.Sprint(i), "\xff")
	}
	counts.Add("1")
	s := serve(t, []Metric{counts, times, levels}, nil)
	_, text := get(t, s, "/metrics")
	for part, want := range map[string]int{
		"mtad_events_total{": maxSeries + 1, "mtad_took_seconds_count{": maxSeries/2 + 1, "mtad_level{": maxSeries + 1,
		"mtad_events_total{kind=\"other\"} 2000\n": 1, "mtad_events_total{kind=\"1\"} 2\n": 1, "mtad_level{kind=\"other\"} 2000\n": 1,
		"mtad_took_seconds_bucket{hook=\"?\",kind=\"0\",le=\"1\"} 1\n": 1, "# TYPE mtad_level gauge": 1,
	} {
		if got := strings.Count(text, part); got != want {
			t.Errorf("%d of %s, want %d", got, part, want)
		}
	}
	if Name(levels) != "mtad_level" || Name(counts) != "mtad_events_total" || Name(times) != "mtad_took_seconds" {
		t.Error("names")
	}
}

func TestHealth(t *testing.T) {
	var draining atomic.Bool
	s := serve(t, nil, func() []Check {
		if draining.Load() {
			return []Check{{Name: "spool"}, {"listeners", errors.New("draining")}}
		}
		return []Check{{Name: "spool"}, {Name: "listeners"}}
	})
	if status, text := get(t, s, "/readyz"); status != 200 || text != "spool: ok\nlisteners: ok\n" {
		t.Errorf("%d %q", status, text)
	}
	draining.Store(true)
	if status, text := get(t, s, "/readyz"); status != 503 || text != "spool: ok\nlisteners: draining\n" {
		t.Errorf("%d %q", status, text)
	}
	if status, text := get(t, s, "/healthz"); status != 200 || text != "ok\n" {
		t.Errorf("%d %q", status, text)
	}
}
