package modules

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc"
)

// hold takes the token of life.
func (p *process) hold(ctx context.Context) error {
	select {
	case p.life <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *process) letGo() { <-p.life }

// holdRun takes the token while there is a live run; a run that is being
// brought up needs the token itself.
func (p *process) holdRun(ctx context.Context) (*run, error) {
	for {
		r, err := p.find(ctx, 0)
		if err != nil {
			return nil, err
		}
		if err := p.hold(ctx); err != nil {
			return nil, err
		}
		if !isGone(r.client) {
			return r, nil
		}
		p.letGo()
	}
}

func (p *process) prepare(ctx context.Context, cfg sdk.Config) (sdk.Subscription, error) {
	r, err := p.holdRun(ctx)
	if err != nil {
		return sdk.Subscription{}, err
	}
	defer p.letGo()
	w := &world{cfg: cfg, host: newRecorder(p.host)}
	sub, err := r.client.Prepare(ctx, w.host, cfg)
	if err != nil && ctx.Err() != nil {
		// Nobody waited for the end of it: the module may have finished.
		p.send(r, rpc.StepAbort, cfg.Generation)
	}
	if err != nil {
		return sdk.Subscription{}, err
	}
	p.worlds = append(p.worlds, w)
	return sub, nil
}

// settle notes the step first, so that a run that is just being started is
// brought to it, then tells the run that lives.
func (p *process) settle(step rpc.Step, generation uint64) {
	if p.hold(p.ctx) != nil {
		return // it is stopping, and closes every generation
	}
	defer p.letGo()
	if step == rpc.StepCommit {
		for _, w := range p.worlds {
			w.committed = w.committed || w.cfg.Generation == generation
		}
	} else {
		p.worlds = slices.DeleteFunc(p.worlds, func(w *world) bool { return w.cfg.Generation == generation })
	}
	p.mu.Lock()
	r := p.live
	p.mu.Unlock()
	if r != nil {
		p.send(r, step, generation)
	}
}

// send gives up on a run that does not take a step: its successor will.
func (p *process) send(r *run, step rpc.Step, generation uint64) {
	ctx, cancel := context.WithTimeout(context.Background(), p.timing.Settle)
	defer cancel()
	if err := r.client.Settle(ctx, step, generation); err != nil && !isGone(r.client) {
		p.say(sdk.LevelError, fmt.Sprintf("generation %d: %v; the module is restarted", generation, err))
		r.client.Drop()
	}
}

// replay brings a new run to where the one before it was, and publishes it.
func (p *process) replay(r *run) error {
	ctx, cancel := context.WithTimeout(p.ctx, p.timing.Prepare)
	defer cancel()
	if err := p.hold(ctx); err != nil {
		return err
	}
	defer p.letGo()
	for _, w := range p.worlds {
		if _, err := r.client.Prepare(ctx, w.host, w.cfg); err != nil {
			return fmt.Errorf("prepare generation %d: %w", w.cfg.Generation, err)
		}
		if !w.committed {
			continue
		}
		if err := r.client.Settle(ctx, rpc.StepCommit, w.cfg.Generation); err != nil {
			return fmt.Errorf("commit generation %d: %w", w.cfg.Generation, err)
		}
	}
	p.mu.Lock()
	p.restarts++
	p.mu.Unlock()
	p.publish(r)
	return nil
}

// recorder is the Host of one generation. It keeps the scripts that the
// generation was built from, so that a restarted module builds the same again,
// whatever has become of the files.
type recorder struct {
	sdk.Host
	mu      sync.Mutex
	sources map[string]*sdk.Source
}

// startingRecorder is that of a Host that starts DNS questions.
type startingRecorder struct {
	*recorder
	sdk.DNSStarter
}

func newRecorder(host sdk.Host) sdk.Host {
	r := &recorder{Host: host, sources: make(map[string]*sdk.Source)}
	if s, ok := host.(sdk.DNSStarter); ok {
		return startingRecorder{r, s}
	}
	return r
}

// Source finds a script once.
func (r *recorder) Source(ctx context.Context, name string) (*sdk.Source, error) {
	r.mu.Lock()
	src := r.sources[name]
	r.mu.Unlock()
	if src != nil {
		return src, nil
	}
	src, err := r.Host.Source(ctx, name)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.sources[name] = src
	r.mu.Unlock()
	return src, nil
}
