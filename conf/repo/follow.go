package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"
)

// Clock is the time.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
}

// Follower keeps a node's working copy at the newest revision: it looks each
// minute, checks, exchanges the files, has the server reload, and watches how
// mail fares under the new revision. Run it in a goroutine that belongs to the
// server. A node that cannot apply a revision keeps the old one, and says so in
// the repository and in the paniclog.
type Follower struct {
	Root  string // the working copy
	Node  string // the node's name; "" is that of cluster.boot
	Git   *Git
	Clock Clock
	// Check judges files in another directory than the server's.
	Check func(ctx context.Context, dir string) error
	// Reload has the server read its configuration again.
	Reload func(ctx context.Context) error
	// Health counts since the start of the server.
	Health func() Health
	// Say puts a line into the paniclog.
	Say func(text string)

	copy    *Copy
	boot    Boot
	state   NodeState
	memory  memory
	trial   *trial
	samples []sample
	said    string // the last complaint, so that it comes once
	brought string // the commit that the server started with, or was brought to here
}

// trial is a new revision that is being watched.
type trial struct {
	before, started Health // rates before; counts at its start
	until           time.Time
	of              Revision
	from            Revision
}

type sample struct {
	at     time.Time
	counts Health
}

const (
	baseline   = 10 * time.Minute // how far back "before" goes
	signOfLife = time.Hour        // a state that does not change is published so often
	retryAfter = 10 * time.Minute // a revision that was refused is tried again
)

// Run follows until ctx ends.
func (f *Follower) Run(ctx context.Context) {
	for {
		f.turn(ctx)
		select {
		case <-f.Clock.After(f.boot.Every):
		case <-ctx.Done():
			return
		}
	}
}

// turn looks once.
func (f *Follower) turn(ctx context.Context) {
	if err := f.begin(); err != nil {
		f.complain(err.Error())
		return
	}
	f.sample()
	if f.trial != nil {
		f.watch(ctx)
	}
	if f.boot.AutoUpdate == AutoFalse {
		return
	}
	head, err := f.copy.Head(ctx)
	if err != nil {
		f.complain(err.Error())
		return
	}
	f.state.Revision = head.Number
	newest, err := f.copy.Newest(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		f.stand(ctx, f.state.Newest, Unreachable, err.Error())
		return
	}
	f.toward(ctx, head, newest)
}

// begin reads cluster.boot, which may have changed, and what the node knew when
// it last ran.
func (f *Follower) begin() error {
	if f.boot.Every == 0 {
		f.boot = defaults()
	}
	boot, err := ReadBoot(filepath.Join(filepath.Dir(f.Root), BootName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		f.boot = boot
	}
	if f.copy != nil {
		return nil
	}
	c, err := Open(f.Root, f.Git)
	if err != nil {
		return err
	}
	if f.Node == "" {
		f.Node = f.boot.NodeName()
	}
	f.memory = recall(c.beside("state"))
	f.copy, f.state.Node = c, f.Node
	return nil
}

// byHand is what a node says of a revision that somebody has committed or pulled
// there: whether its server runs with it is not ours to know.
const byHand = "by hand; a commit does not reload the server"

// toward decides what to do about the newest revision.
func (f *Follower) toward(ctx context.Context, head Revision, newest string) {
	if f.brought == "" {
		f.brought = head.Commit
	}
	if head.Commit == newest {
		text := ""
		if head.Commit != f.brought {
			text = byHand
		}
		f.stand(ctx, newest, Current, text)
		return
	}
	now := f.Clock.Now()
	if f.memory.Newest != newest {
		f.memory.Newest, f.memory.Seen, f.memory.Refused = newest, now, time.Time{}
		f.remember()
	}
	if why, bad := f.memory.Bad[newest]; bad {
		f.stand(ctx, newest, WentBack, why)
		return
	}
	if !f.memory.Refused.IsZero() && now.Before(f.memory.Refused.Add(retryAfter)) {
		f.stand(ctx, newest, Refused, f.state.Text)
		return
	}
	if turn := f.memory.Seen.Add(f.boot.Rollout.Delay(f.Node)); now.Before(turn) {
		f.stand(ctx, newest, Waiting, "until "+turn.UTC().Format(time.RFC3339))
		return
	}
	if f.boot.AutoUpdate == AutoIfUnchanged {
		if changes, err := f.copy.Status(ctx); err != nil || len(of(changes, "MAD!C")) > 0 {
			f.stand(ctx, newest, Local, errorText(err))
			return
		}
	}
	if other := f.warned(ctx, newest); other != "" {
		f.stand(ctx, newest, Held, other)
		return
	}
	f.apply(ctx, newest)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// warned names a node that went back from a revision: with a rollout, the first
// nodes spare the others.
func (f *Follower) warned(ctx context.Context, newest string) string {
	if f.boot.Rollout.Percent == 0 {
		return ""
	}
	nodes, err := f.copy.Nodes(ctx)
	if err != nil {
		return "" // a repository that cannot be read stops nobody whose turn it is
	}
	for _, n := range nodes {
		if n.Standing == WentBack && n.Newest == newest && n.Node != f.Node {
			return "node " + n.Node + " went back: " + n.Text
		}
	}
	return ""
}

// apply takes a revision.
func (f *Follower) apply(ctx context.Context, newest string) {
	before, started := f.before(), f.Health()
	done, err := f.copy.Pull(ctx, Update{To: newest, Check: f.Check, Use: f.use})
	if ctx.Err() != nil {
		return
	}
	var conflict *ConflictError
	var open *UnresolvedError
	switch {
	case errors.As(err, &conflict), errors.As(err, &open):
		f.stand(ctx, newest, Conflicting, err.Error())
	case err != nil:
		f.memory.Refused = f.Clock.Now()
		f.remember()
		f.stand(ctx, newest, Refused, err.Error())
	default:
		if f.boot.Watch > 0 && f.boot.Reload {
			f.trial = &trial{before: before, started: started, until: f.Clock.Now().Add(f.boot.Watch), of: done.To, from: done.From}
		}
		f.state.Revision, f.brought = done.To.Number, done.To.Commit
		f.Say(fmt.Sprintf("configuration revision %s is in use, before it %s", done.To, done.From))
		f.stand(ctx, newest, Current, "")
	}
}

func (f *Follower) use(ctx context.Context) error {
	if !f.boot.Reload {
		return nil
	}
	return f.Reload(ctx)
}

// sample notes the counts, to know later how things were before.
func (f *Follower) sample() {
	now := f.Clock.Now()
	f.samples = append(f.samples, sample{now, f.Health()})
	for len(f.samples) > 1 && now.Sub(f.samples[0].at) > baseline {
		f.samples = f.samples[1:]
	}
}

func (f *Follower) before() Health { return f.Health().minus(f.samples[0].counts) }

// watch ends the trial of a revision: its time is over, somebody else has changed
// the files, or mail suffers.
func (f *Follower) watch(ctx context.Context) {
	t := f.trial
	head, err := f.copy.Head(ctx)
	if err != nil || head.Commit != t.of.Commit {
		f.trial = nil
		return
	}
	if why := Jump(t.before, f.Health().minus(t.started)); why != "" {
		f.trial = nil
		f.goBack(ctx, t, why)
		return
	}
	if !f.Clock.Now().Before(t.until) {
		f.trial = nil
	}
}

// goBack returns to the revision before, and never tries that one again. This is
// noted first: a crash must not bring it back.
func (f *Follower) goBack(ctx context.Context, t *trial, why string) {
	why = fmt.Sprintf("revision %s: %s", t.of, why)
	f.memory.forbid(t.of.Commit, why)
	f.remember()
	f.Say("going back to configuration revision " + t.from.String() + "; " + why)
	f.brought = t.from.Commit
	if _, err := f.copy.Pull(ctx, Update{To: t.from.Commit, Use: f.use}); err != nil {
		f.Say("cannot go back to configuration revision " + t.from.String() + ": " + err.Error())
		why += "; cannot go back: " + err.Error()
		f.memory.forbid(t.of.Commit, why)
	}
}

// stand publishes how the node stands, where that has changed, and now and then.
func (f *Follower) stand(ctx context.Context, newest string, what Standing, text string) {
	now := f.Clock.Now()
	next := f.state
	next.Newest, next.Standing, next.Text = newest, what, text
	changed := next.Standing != f.state.Standing || next.Text != f.state.Text || next.Newest != f.state.Newest || next.Revision != f.memory.Told
	if changed {
		next.Since = now
		f.report(next)
	}
	if f.state = next; !changed && now.Sub(f.state.Seen) < signOfLife || what == Unreachable {
		return
	}
	next.Seen = now
	if err := f.copy.Publish(ctx, next); err != nil {
		if ctx.Err() == nil {
			f.complain("cannot tell the repository how this node stands: " + err.Error())
		}
		f.state.Seen = time.Time{} // again next time
		return
	}
	f.state, f.memory.Told = next, next.Revision
}

// report writes to the paniclog what an operator has to know.
func (f *Follower) report(s NodeState) {
	switch s.Standing {
	case Current:
		f.said = ""
	case Waiting:
	default:
		f.complain(fmt.Sprintf("configuration stays at revision %d, %s: %s", s.Revision, s.Standing, s.Text))
	}
}

// complain says something once.
func (f *Follower) complain(text string) {
	if text = strings.TrimSpace(f.Git.Login.Clean(text)); text != f.said {
		f.said = text
		f.Say(text)
	}
}

func (f *Follower) remember() {
	if err := f.memory.store(f.copy.beside("state")); err != nil {
		f.complain("cannot keep the state of updates: " + err.Error())
	}
}
