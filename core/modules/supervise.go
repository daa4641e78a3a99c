package modules

import (
	"context"
	"fmt"
	"time"

	"github.com/mtad/mtad/sdk"
)

// supervise watches run after run until the module is to stop.
func (p *process) supervise(r *run) {
	defer close(p.done)
	delay := p.timing.Backoff
	for {
		began := time.Now()
		reason := p.watch(r)
		if p.ctx.Err() != nil {
			p.finish(r)
			return
		}
		p.publish(nil)
		r.child.kill()
		p.say(sdk.LevelCritical, fmt.Sprintf("module died (pid %d, %s): %s; what was under way gets a temporary failure",
			r.child.cmd.Process.Pid, r.child.fate(), reason))
		if time.Since(began) > 2*p.timing.BackoffMax {
			delay = p.timing.Backoff
		}
		if r, delay = p.revive(delay); r == nil {
			p.finish(nil)
			return
		}
		p.say(sdk.LevelNotice, fmt.Sprintf("module is back (pid %d)", r.child.cmd.Process.Pid))
	}
}

// watch returns when the run is over, or the module is to stop.
func (p *process) watch(r *run) (reason string) {
	tick := time.NewTicker(p.timing.Heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-r.client.Gone():
			return r.client.Cause().Error()
		case <-p.ctx.Done():
			return "stopped"
		case <-tick.C:
			if err := p.beat(r); err != nil && !isGone(r.client) {
				return fmt.Sprintf("no heartbeat within %s: %v", p.timing.Stuck, err)
			}
		}
	}
}

func (p *process) beat(r *run) error {
	ctx, cancel := context.WithTimeout(p.ctx, p.timing.Stuck)
	defer cancel()
	return r.client.Heartbeat(ctx)
}

// revive starts a new run, again and again with longer waits. It gives nil when
// the module is to stop, and the wait for the next time.
func (p *process) revive(delay time.Duration) (*run, time.Duration) {
	for {
		wait := time.NewTimer(delay)
		select {
		case <-wait.C:
		case <-p.ctx.Done():
			wait.Stop()
			return nil, delay
		}
		delay = min(2*delay, p.timing.BackoffMax)
		r, err := p.startRun()
		if err == nil {
			if err = p.replay(r); err == nil {
				return r, delay
			}
			r.child.kill()
		}
		if p.ctx.Err() == nil {
			p.say(sdk.LevelCritical, fmt.Sprintf("module cannot be restarted: %v; next attempt in %s", err, delay))
		}
	}
}

// finish ends the module in order. Calls that still come fail.
func (p *process) finish(r *run) {
	p.mu.Lock()
	p.live, p.state = nil, Stopped
	close(p.changed)
	p.changed = make(chan struct{})
	p.mu.Unlock()
	if r == nil {
		return
	}
	if err := r.child.end(); err != nil {
		p.say(sdk.LevelError, fmt.Sprintf("module did not end in order (pid %d, %s): %v",
			r.child.cmd.Process.Pid, r.child.fate(), err))
	}
}
