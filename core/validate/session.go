package validate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// Session is one connection's validation context. One goroutine uses it at a
// time.
type Session struct {
	State *sdk.State

	v       *Validator
	chain   *Chain
	seats   []Seat // one for each module of the chain
	txn     uint64
	lastMod string
	settled []func() // give up the bodies that settle stored
}

// Outcome is what a run of phases came to.
type Outcome struct {
	Ran          int           // how many of the phases are done, refused ones included
	Replies      []*smtp.Reply // one for each phase done; nil: no reply was set
	Close        bool          // close the connection after the reply
	Failed       bool          // a policy or module failed in the last phase
	ListChanged  bool          // the recipient list changed in the last phase
	Tarpit       time.Duration // hold the reply back
	Capabilities []sdk.Change  // CapabilitySet and CapabilityDelete, in order
	Answers      []Answer      // of hooks that have answers of their own, in order
	Grouped      bool          // the last phase chose a group: a binding of it is due
}

// Reply is the last phase's reply, nil if none was set.
func (o *Outcome) Reply() *smtp.Reply {
	if len(o.Replies) == 0 {
		return nil
	}
	return o.Replies[len(o.Replies)-1]
}

// Begin starts a transaction: it moves to the current generation and gives the
// session an empty message context.
func (s *Session) Begin(m *sdk.Message) {
	s.Move()
	s.txn++
	s.State.Message, s.State.Copies = m, nil
}

// Reset ends the transaction (RSET, EHLO, or after DATA).
func (s *Session) Reset() {
	s.State.Message, s.State.Copies = nil, nil
	s.dropSettled()
}

// Move goes to the current generation if that is another: the old world's
// validate_dealloc runs, self starts empty, the dictionaries stay.
func (s *Session) Move() {
	if s.v.Current() == s.chain {
		return
	}
	s.leave()
	s.chain = s.v.acquire()
	s.seats = make([]Seat, len(s.chain.modules))
}

// Close ends the session.
func (s *Session) Close() {
	s.dropSettled()
	if s.chain != nil {
		s.leave()
		s.chain = nil
	}
}

func (s *Session) leave() {
	for i, seat := range s.seats {
		if seat.Incarnation != 0 {
			s.chain.modules[i].SessionEnded(s.State.Conn.Session, seat)
		}
	}
	s.chain.Release()
}

// Generation is the generation the session is pinned to.
func (s *Session) Generation() uint64 { return s.chain.Generation }

// LastModule is the name of the module that was asked last (rejectlog M=).
func (s *Session) LastModule() string { return s.lastMod }

// Wants reports whether any module of the session's generation asked for h.
func (s *Session) Wants(h sdk.Hook) bool { return s.chain.Wants(h) }

// Run runs consecutive phases. It stops behind the first phase with a refusing
// reply, a failure, a disconnect, a changed recipient list or a binding group that
// was chosen; Outcome.Ran says
// how far it came, and the caller decides what comes next.
func (s *Session) Run(ctx context.Context, phases ...sdk.Phase) *Outcome {
	o := &Outcome{Replies: make([]*smtp.Reply, 0, len(phases))}
	for o.Ran < len(phases) && !o.stopped() {
		rest := phases[o.Ran:]
		if !s.chain.Wants(rest[0].Hook) || s.State.Skips(rest[0]) && s.State.Copies != nil {
			s.skip(rest[0], nil, o)
			continue
		}
		if mod, run := s.run(rest); len(run) > 1 {
			s.callRun(ctx, mod, rest, run, o)
			continue
		}
		s.callPhase(ctx, rest[0], o)
	}
	return o
}

// skip passes a phase that nobody wants.
func (s *Session) skip(p sdk.Phase, ids []string, o *Outcome) {
	s.enter(p, ids)
	s.State.Leave(p, false)
	o.Ran++
	o.Replies = append(o.Replies, nil)
}

func (o *Outcome) stopped() bool {
	return o.Failed || o.Close || o.ListChanged || o.Grouped || o.Reply().Refuses()
}

// run finds the phases at the front of rest that one module alone wants; those
// that nobody wants do not interrupt it. It gives their indexes.
func (s *Session) run(rest []sdk.Phase) (module int, indexes []int) {
	module = s.chain.sole(rest[0].Hook)
	if module < 0 || s.bypasses(module, rest[0]) {
		return -1, nil
	}
	for i, p := range rest {
		if !s.chain.Wants(p.Hook) {
			continue
		}
		if s.chain.sole(p.Hook) != module {
			break
		}
		indexes = append(indexes, i)
	}
	return module, indexes
}

// callRun asks one module for several phases in one call. rest[run[0]] is
// rest[0].
func (s *Session) callRun(ctx context.Context, module int, rest []sdk.Phase, run []int, o *Outcome) {
	phases := make([]sdk.Phase, len(run))
	for i, at := range run {
		phases[i] = rest[at]
	}
	ids := s.splitIDs(phases)
	ans, err := s.call(ctx, module, phases, nil, ids)
	if err != nil || len(ans.Results) == 0 || len(ans.Results) > len(run) {
		s.fail(phases[0], err, o)
		return
	}
	at := 0
	for i := range ans.Results {
		for ; at < run[i]; at++ { // the phases nobody wanted before this one
			s.skip(rest[at], ids, o)
		}
		if s.takeOne(ctx, phases[i], &ans.Results[i], ids, o); o.stopped() {
			return
		}
		at++
	}
}

// takeOne takes the result of one phase of a run. AGAIN has the module asked
// for that phase alone, after a while.
func (s *Session) takeOne(ctx context.Context, p sdk.Phase, r *sdk.PhaseResult, ids []string, o *Outcome) {
	s.enter(p, ids)
	if r.Verdict == sdk.Again && p.Hook.Info().Again {
		s.apply(r.Changes)
		s.callPhase(ctx, p, o)
		return
	}
	o.Ran++
	o.Replies = append(o.Replies, nil)
	s.take(ctx, p, r, o)
	s.State.Leave(p, o.Reply().Refuses())
}

// callPhase asks every module that wants one phase, in order.
func (s *Session) callPhase(ctx context.Context, p sdk.Phase, o *Outcome) {
	s.enter(p, nil)
	o.Ran++
	o.Replies = append(o.Replies, nil)
	defer func() { s.State.Leave(p, o.Reply().Refuses()) }()
	for _, mod := range s.chain.wanted[p.Hook] {
		if s.bypasses(mod, p) {
			continue
		}
		r, err := s.ask(ctx, mod, p, o.Reply())
		if err != nil {
			o.Ran--
			o.Replies = o.Replies[:len(o.Replies)-1]
			s.fail(p, err, o)
			return
		}
		s.take(ctx, p, r, o)
		if r.Verdict == sdk.Done || o.Failed || o.Close {
			return
		}
	}
}

// againLimit bounds how long one module may answer AGAIN to one phase.
const againLimit = 60 * time.Second

// ask asks one module for one phase, again and again while it says so.
func (s *Session) ask(ctx context.Context, module int, p sdk.Phase, reply *smtp.Reply) (*sdk.PhaseResult, error) {
	var waited time.Duration
	for delay := 10 * time.Millisecond; ; delay = min(2*delay, time.Second) {
		ans, err := s.call(ctx, module, []sdk.Phase{p}, reply, nil)
		if err != nil {
			return nil, err
		}
		if len(ans.Results) == 0 {
			return nil, errors.New("the module answered without a result")
		}
		r := &ans.Results[0]
		if r.Verdict != sdk.Again || !p.Hook.Info().Again {
			return r, nil
		}
		if waited += delay; waited > againLimit {
			return nil, fmt.Errorf("%s still answers AGAIN after %s", p.Hook, againLimit)
		}
		s.apply(r.Changes)
		select {
		case <-s.v.After(delay):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (s *Session) call(ctx context.Context, module int, phases []sdk.Phase, reply *smtp.Reply, ids []string) (*sdk.Answer, error) {
	m := s.chain.modules[module]
	s.lastMod = m.Name()
	if err := s.settle(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.v.CallTimeout)
	defer cancel()
	began := time.Now()
	ans, err := m.Call(ctx, &sdk.Call{
		Generation: s.chain.Generation, Transaction: s.txn,
		Phases: phases, State: s.State, Reply: reply, SplitIDs: ids,
	}, &s.seats[module])
	s.v.observe(m.Name(), time.Since(began), phases, ans, err)
	return ans, err
}

// splitIDs makes the ids for a split that the phases will need.
func (s *Session) splitIDs(phases []sdk.Phase) []string {
	if s.State.Copies != nil || s.State.Message == nil {
		return nil
	}
	for _, p := range phases {
		if p.Hook.Info().Target == sdk.TargetCopy {
			ids := make([]string, len(s.State.Message.Recipients))
			for i := range ids {
				ids[i] = s.v.NewID()
			}
			return ids
		}
	}
	return nil
}

// enter prepares the state for p (sdk.State.Enter), with ids for a split where
// one is due and none were made.
func (s *Session) enter(p sdk.Phase, ids []string) {
	if ids == nil {
		ids = s.splitIDs([]sdk.Phase{p})
	}
	s.State.Enter(p, ids)
}

// Split makes the copies if no phase did.
func (s *Session) Split() { s.enter(sdk.Phase{Hook: sdk.ValidateDataSpoolEachRcpt}, nil) }
