package metrics

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// Reader reads metrics for those who are not Prometheus: an alerting rule. It is
// safe for concurrent use.
type Reader struct {
	metrics map[string]*prometheus.Registry
}

// NewReader reads these.
func NewReader(list []Metric) (*Reader, error) {
	r := &Reader{metrics: map[string]*prometheus.Registry{}}
	for _, m := range list {
		name, c := m.collected()
		r.metrics[name] = prometheus.NewRegistry() // one each: reading one reads no other
		if err := r.metrics[name].Register(c); err != nil {
			return nil, fmt.Errorf("metric %s: %w", name, err)
		}
	}
	return r, nil
}

// Sum adds up the series that a selector chooses, rounded: name, or
// name{label="pattern",label="pattern"}, where * stands for any text. The name
// may have mtad_ in front. Of a histogram it is the number of observations.
func (r *Reader) Sum(selector string) (int64, error) {
	s, err := ParseSelector(selector)
	if err != nil {
		return 0, err
	}
	registry := r.metrics[s.name]
	if registry == nil {
		return 0, fmt.Errorf("there is no metric %q", s.name)
	}
	families, err := registry.Gather()
	if err != nil {
		return 0, err
	}
	var sum float64
	for _, f := range families {
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if s.chooses(labels) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return int64(math.Round(sum)), nil
}

// Selector chooses series of a metric.
type Selector struct {
	name   string
	labels map[string]*regexp.Regexp
}

// maxSelector bounds a selector, in bytes.
const maxSelector = 1024

// ParseSelector reads what Sum takes.
func ParseSelector(text string) (*Selector, error) {
	if len(text) > maxSelector {
		return nil, fmt.Errorf("a metric's selector is longer than %d bytes", maxSelector)
	}
	name, rest, labelled := strings.Cut(strings.TrimSpace(text), "{")
	s := &Selector{name: strings.TrimPrefix(name, namespace+"_"), labels: map[string]*regexp.Regexp{}}
	for labelled {
		label, value, ok := strings.Cut(rest, "=")
		quoted, err := strconv.QuotedPrefix(value)
		if !ok || err != nil {
			return nil, fmt.Errorf("%q is not name{label=\"pattern\"}", text)
		}
		pattern, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		s.labels[strings.TrimSpace(label)] = glob(pattern)
		switch rest = value[len(quoted):]; {
		case rest == "}":
			return s, nil
		case strings.HasPrefix(rest, ","):
			rest = rest[1:]
		default:
			return nil, fmt.Errorf("%q is not name{label=\"pattern\"}", text)
		}
	}
	return s, nil
}

// chooses reports whether each pattern fits its label.
func (s *Selector) chooses(labels map[string]string) bool {
	for name, pattern := range s.labels {
		value, there := labels[name]
		if !there || !pattern.MatchString(value) {
			return false
		}
	}
	return true
}

func glob(pattern string) *regexp.Regexp {
	return regexp.MustCompile("(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$")
}
