package metrics

import (
	"strings"
	"testing"
	"time"
)

func TestSumReadsChosenSeries(t *testing.T) {
	counts, times := NewCounts("events_total", "Events.", "kind", "code"), NewTimes("took_seconds", "Time.", []float64{1})
	for _, labels := range [][]string{{"a", "450"}, {"a", "451"}, {"b", "451"}, {"b", "550"}} {
		counts.Add(labels...)
	}
	times.Observe(time.Second)
	times.Observe(time.Minute)
	r, err := NewReader([]Metric{counts, times, Figure{Name: "level", Help: "A level.", Value: func() float64 { return 2.6 }}})
	if err != nil {
		t.Fatal(err)
	}
	for selector, want := range map[string]int64{
		"events_total": 4, "mtad_events_total": 4, `events_total{code="4*"}`: 3, `events_total{code="4*",kind="b"}`: 1,
		`events_total{kind="c"}`: 0, `events_total{nothing="*"}`: 0, "took_seconds": 2, "level": 3,
	} {
		if got, err := r.Sum(selector); got != want || err != nil {
			t.Errorf("%s: %d, %v, want %d", selector, got, err, want)
		}
	}
	for selector, want := range map[string]string{
		"nothing": "no metric", "events_total{": "is not name", `events_total{kind="a"`: "is not name", `events_total{kind="a"} `: "",
		`events_total{kind=a}`: "is not name", strings.Repeat("x", maxSelector+1): "longer",
	} {
		if _, err := r.Sum(selector); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", selector, err, want)
		}
	}
	if _, err := NewReader([]Metric{Figure{Name: "\xff", Value: func() float64 { return 0 }}}); err == nil {
		t.Error("a name that is none was taken")
	}
}

func FuzzParseSelector(f *testing.F) {
	f.Add(`a{b="*c",d="e\x00"}`)
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := ParseSelector(text); err == nil {
			s.chooses(map[string]string{"b": text})
		} else if s != nil {
			t.Error("an error and a selector")
		}
	})
}
