package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mtad/mtad/sdk"
)

// Config is what an Audit needs; all of it is set.
type Config struct {
	Now func() time.Time
	// After waits between two rounds of maintenance; time.After but for tests.
	After func(time.Duration) <-chan time.Time
	// Problem tells the operator (paniclog).
	Problem func(text string)
}

// Audit counts inbound SMTP, and keeps series and gauges. It is safe for
// concurrent use, and counts from New on; Start only begins its maintenance.
type Audit struct {
	Config
	settings atomic.Pointer[Settings]
	traffic  *traffic
	series   allSeries
	gauges   gauges

	saving  sync.Mutex
	running sync.WaitGroup
	cancel  context.CancelFunc
}

var _ sdk.Auditor = (*Audit)(nil)

// New makes an Audit without monitors.
func New(c Config) *Audit {
	a := &Audit{Config: c, traffic: newTraffic()}
	a.settings.Store(&Settings{maintenance: time.Minute})
	return a
}

// Use moves to other settings. Monitors that stay keep their counts.
func (a *Audit) Use(s *Settings) {
	a.settings.Store(s)
	a.traffic.use(s)
}

// Start begins maintenance: what is over is dropped, and persistent series are
// saved, so that a crash costs one interval of them.
func (a *Audit) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel = cancel
	a.running.Go(func() {
		for {
			select {
			case <-a.After(a.settings.Load().maintenance):
				a.maintain()
			case <-ctx.Done():
				return
			}
		}
	})
}

// Stop ends maintenance and saves the persistent series.
func (a *Audit) Stop() {
	a.cancel()
	a.running.Wait()
	a.save()
}

func (a *Audit) maintain() {
	now := a.Now().Unix()
	a.traffic.sweep(now)
	for _, s := range a.series.list() {
		s.sweep(now)
	}
	a.save()
}

// save keeps what is persistent.
func (a *Audit) save() {
	dir := a.settings.Load().dir
	if dir == "" {
		return
	}
	a.saving.Lock()
	defer a.saving.Unlock()
	for _, s := range a.series.list() {
		if !s.spec.Persist {
			continue
		}
		a.bring(s)
		err := os.MkdirAll(dir, 0o750)
		if err == nil {
			err = s.save(dir)
		}
		if err != nil {
			a.Problem(fmt.Sprintf("series %s is not kept: %v", s.spec.Name, err))
		}
	}
}

// bring adds what was kept of a persistent series before this start, once.
func (a *Audit) bring(s *series) {
	dir := a.settings.Load().dir
	if !s.spec.Persist || dir == "" {
		return
	}
	s.load.Do(func() {
		if err := s.restore(filepath.Join(dir, s.spec.Name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			a.Problem(fmt.Sprintf("series %s begins empty: %v", s.spec.Name, err))
		}
	})
}

// Connected counts a connection, whether or not it is let in.
func (a *Audit) Connected(peer netip.Addr) {
	a.traffic.count(sdk.TrafficConnections, peer, a.Now().Unix())
}

// Opened counts a session in.
func (a *Audit) Opened(peer netip.Addr) { a.traffic.session(peer, 1) }

// Closed counts a session out that was counted in.
func (a *Audit) Closed(peer netip.Addr) { a.traffic.session(peer, -1) }

// Received counts a message for one recipient; one that no peer sent has no
// address, and is not counted.
func (a *Audit) Received(peer netip.Addr) {
	a.traffic.count(sdk.TrafficReceptions, peer, a.Now().Unix())
}

// Rejected counts a refused command or message.
func (a *Audit) Rejected(peer netip.Addr) {
	a.traffic.count(sdk.TrafficRejections, peer, a.Now().Unix())
}

// Traffic is part of sdk.Auditor.
func (a *Audit) Traffic(_ context.Context, q *sdk.TrafficQuery) (int64, error) {
	return a.traffic.ask(q, a.Now().Unix())
}

// Series is part of sdk.Auditor.
func (a *Audit) Series(_ context.Context, op *sdk.SeriesOp) (int64, error) {
	now := a.Now().Unix()
	s, err := a.series.open(op.Series, now)
	if err != nil {
		return 0, err
	}
	a.bring(s)
	switch op.Kind {
	case sdk.SeriesDefine:
		return 0, nil
	case sdk.SeriesAdd, sdk.SeriesCount, sdk.SeriesRemove:
		return s.do(op, now)
	}
	return 0, sdk.ErrNotSupported
}

// Gauge is part of sdk.Auditor.
func (a *Audit) Gauge(_ context.Context, op *sdk.GaugeOp) (int64, error) {
	return a.gauges.do(op, a.Now())
}
