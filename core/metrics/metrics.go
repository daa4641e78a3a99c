package metrics

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// namespace is in front of every name.
const namespace = "mtad"

// Metric is something that is served: a Figure, Levels, *Counts or *Times.
type Metric interface {
	collected() (name string, c prometheus.Collector)
}

// Name is a metric's name as it is served.
func Name(m Metric) string {
	name, _ := m.collected()
	return namespace + "_" + name
}

// Figure is one metric: a counter where Total is set, else a gauge.
type Figure struct {
	Name  string // without the mtad_ in front
	Help  string
	Total bool
	Value func() float64
}

// Server serves /metrics, /healthz and /readyz.
type Server struct {
	http     *http.Server
	listener net.Listener
	done     chan struct{}
}

// Start listens on addr and serves the metrics, and whether the server is ready
// to take mail; ready may be called at any time.
func Start(addr string, list []Metric, ready func() []Check) (*Server, error) {
	registry := prometheus.NewRegistry()
	if err := registry.Register(collectors.NewGoCollector()); err != nil {
		return nil, err
	}
	for _, m := range list {
		name, c := m.collected()
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("metric %s: %w", name, err)
		}
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("metrics listener: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Timeout: 10 * time.Second}))
	mux.HandleFunc("GET /healthz", alive)
	mux.HandleFunc("GET /readyz", readiness(ready))
	s := &Server{listener: l, done: make(chan struct{}), http: &http.Server{
		Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 20 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(l) // ends with Stop
	}()
	return s, nil
}

// collected is part of Metric.
func (f Figure) collected() (string, prometheus.Collector) {
	if f.Total {
		return f.Name, prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: namespace, Name: f.Name, Help: f.Help}, f.Value)
	}
	return f.Name, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: f.Name, Help: f.Help}, f.Value)
}

// Addr is the address listened at.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Stop ends service.
func (s *Server) Stop(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	<-s.done
	return err
}
