package metrics

import (
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// maxSeries bounds the label values of one metric: what comes after them is
// counted under "other", so that neither peers nor scripts can make us hold
// series without end.
const maxSeries = 1000

// other stands for label values that found no room.
const other = "other"

// guard lets the first so many combinations of label values through.
type guard struct {
	mu   sync.Mutex
	seen map[string]struct{}
	most int
}

// admit gives the label values as they are counted, and whether they are their
// own.
func (g *guard) admit(labels []string) (values []string, own bool) {
	clean := make([]string, len(labels))
	for i, l := range labels {
		clean[i] = strings.ToValidUTF8(l, "?")
	}
	key := strings.Join(clean, "\x00")
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, known := g.seen[key]; known {
		return clean, true
	}
	if len(g.seen) >= g.most {
		for i := range clean {
			clean[i] = other
		}
		return clean, false
	}
	if g.seen == nil {
		g.seen = map[string]struct{}{}
	}
	g.seen[key] = struct{}{}
	return clean, true
}

// series finds what counts for label values without a lock, once it is there.
type series[T any] struct {
	guard
	known sync.Map // label values, joined -> T
}

func (s *series[T]) get(labels []string, with func(...string) T) T {
	key := strings.Join(labels, "\x00")
	if v, ok := s.known.Load(key); ok {
		return v.(T)
	}
	values, own := s.admit(labels)
	v := with(values...)
	if own { // else the map would have no bound
		s.known.Store(key, v)
	}
	return v
}

// Counts is a counter with labels, which its user adds to.
type Counts struct {
	name   string
	series series[prometheus.Counter]
	vec    *prometheus.CounterVec
}

// NewCounts makes a counter; name is without the mtad_ in front.
func NewCounts(name, help string, labels ...string) *Counts {
	return &Counts{name: name, series: series[prometheus.Counter]{guard: guard{most: maxSeries}},
		vec: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)}
}

// Add counts one event. It takes a value for each label.
func (c *Counts) Add(labels ...string) { c.series.get(labels, c.vec.WithLabelValues).Inc() }

// Times is a histogram of durations, with labels or without.
type Times struct {
	name   string
	series series[prometheus.Observer]
	vec    *prometheus.HistogramVec
}

// NewTimes makes a histogram whose buckets end at these seconds; name is without
// the mtad_ in front.
func NewTimes(name, help string, buckets []float64, labels ...string) *Times {
	// Each combination is as many series as there are buckets.
	return &Times{name: name, series: series[prometheus.Observer]{guard: guard{most: maxSeries / len(buckets)}},
		vec: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)}
}

// Observe counts a duration. It takes a value for each label.
func (t *Times) Observe(d time.Duration, labels ...string) {
	t.series.get(labels, t.vec.WithLabelValues).Observe(d.Seconds())
}

// Levels is a gauge, or with Total a counter, with labels, whose values are read
// from their owner when they are asked for.
type Levels struct {
	Name   string // without the mtad_ in front
	Help   string
	Total  bool
	Labels []string
	// Read calls set once for each combination of label values.
	Read func(set func(value float64, labels ...string))
}

// levelsCollector reads Levels for Prometheus.
type levelsCollector struct {
	Levels
	desc *prometheus.Desc
}

// Describe is part of prometheus.Collector.
func (l *levelsCollector) Describe(out chan<- *prometheus.Desc) { out <- l.desc }

// Collect is part of prometheus.Collector. Beyond maxSeries values are summed up
// as "other".
func (l *levelsCollector) Collect(out chan<- prometheus.Metric) {
	kind := prometheus.GaugeValue
	if l.Total {
		kind = prometheus.CounterValue
	}
	g := guard{most: maxSeries}
	sums, order := map[string]float64{}, [][]string{}
	l.Read(func(value float64, labels ...string) {
		labels, _ = g.admit(labels)
		key := strings.Join(labels, "\x00")
		if _, there := sums[key]; !there {
			order = append(order, labels)
		}
		sums[key] += value
	})
	for _, labels := range order {
		out <- prometheus.MustNewConstMetric(l.desc, kind, sums[strings.Join(labels, "\x00")], labels...)
	}
}

// collected is part of Metric.
func (c *Counts) collected() (string, prometheus.Collector) { return c.name, c.vec }

// collected is part of Metric.
func (t *Times) collected() (string, prometheus.Collector) { return t.name, t.vec }

// collected is part of Metric.
func (l Levels) collected() (string, prometheus.Collector) {
	return l.Name, &levelsCollector{l, prometheus.NewDesc(namespace+"_"+l.Name, l.Help, l.Labels, nil)}
}
