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

// Figure is one metric: a counter where Total is set, else a gauge.
type Figure struct {
	Name  string // without the mtad_ in front
	Help  string
	Total bool
	Value func() float64
}

// Server serves /metrics.
type Server struct {
	http     *http.Server
	listener net.Listener
	done     chan struct{}
}

// Start listens on addr and serves the figures.
func Start(addr string, figures []Figure) (*Server, error) {
	registry := prometheus.NewRegistry()
	if err := registry.Register(collectors.NewGoCollector()); err != nil {
		return nil, err
	}
	for _, f := range figures {
		if err := registry.Register(f.collector()); err != nil {
			return nil, fmt.Errorf("metric %s: %w", f.Name, err)
		}
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("metrics listener: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Timeout: 10 * time.Second}))
	s := &Server{listener: l, done: make(chan struct{}), http: &http.Server{
		Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 20 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(l) // ends with Stop
	}()
	return s, nil
}

func (f Figure) collector() prometheus.Collector {
	if f.Total {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "mtad", Name: f.Name, Help: f.Help}, f.Value)
	}
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "mtad", Name: f.Name, Help: f.Help}, f.Value)
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
