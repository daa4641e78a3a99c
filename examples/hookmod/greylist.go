package main

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/smtp"
)

// options are the greylist scope of the configuration. mtad checks the scope
// with the schema that is made of this struct before the module sees it.
type options struct {
	Delay  time.Duration  `opt:"delay" type:"seconds" default:"60" unit:"seconds" help:"How long an unknown sender is turned down."`
	Expire time.Duration  `opt:"expire" type:"seconds" default:"2592000" unit:"seconds" help:"How long a sender that passed is remembered after its last mail."`
	Max    int64          `opt:"max_entries" default:"100000" unit:"entries" help:"Senders that are remembered; the oldest are forgotten first."`
	Exempt []netip.Prefix `opt:"exempt" help:"Networks that always pass."`
	Text   string         `opt:"text" default:"greylisted, please try again later" help:"What the reply says."`
}

// module keeps what it learned over generations: a reload changes options, not
// memory.
type module struct {
	store *store

	mu     sync.RWMutex
	worlds map[uint64]*options // by generation
}

var (
	_ sdk.Module     = (*module)(nil)
	_ sdk.Controller = (*module)(nil)
)

func newModule(now func() time.Time) *module {
	return &module{store: newStore(now), worlds: make(map[uint64]*options)}
}

// Info describes the module. Name is its scope in the configuration.
func (m *module) Info() sdk.Info {
	return sdk.Info{
		Name:    "greylist",
		Version: "1.0",
		API:     sdk.APIVersion,
		Schema:  option.SchemaOf("greylist", options{}),
		Help:    "Turns down the first attempt of an unknown sender.",
		Powers:  sdk.CanControl,
	}
}

// Prepare reads the options of a generation. Everything that is wrong is
// reported together, with its place in the configuration.
func (m *module) Prepare(_ context.Context, host sdk.Host, c sdk.Config) (sdk.Subscription, error) {
	o := &options{}
	var problems []sdk.Problem
	for i := range c.Scopes {
		for _, p := range option.Decode(&c.Scopes[i], o) {
			problems = append(problems, sdk.Problem{File: p.Pos.File, Line: p.Pos.Line, Column: p.Pos.Column, Text: p.Text})
		}
	}
	if problems != nil {
		return sdk.Subscription{}, &sdk.PrepareError{Problems: problems}
	}
	m.mu.Lock()
	m.worlds[c.Generation] = o
	m.mu.Unlock()
	host.Log(sdk.LogRecord{Level: sdk.LevelInfo, Source: "greylist", Text: fmt.Sprintf("unknown senders wait %s", o.Delay)})
	sub := sdk.Subscription{Controls: []string{"greylist"}}
	sub.Hooks.Add(sdk.ValidateRcptTo)
	return sub, nil
}

// Commit begins to use a generation: nothing is to be done, since every call
// says which one it is for.
func (m *module) Commit(uint64) {}

// Abort forgets a generation.
func (m *module) Abort(generation uint64) { m.Retire(generation) }

// Retire forgets a generation after its last transaction.
func (m *module) Retire(generation uint64) {
	m.mu.Lock()
	delete(m.worlds, generation)
	m.mu.Unlock()
}

// SessionsEnded has nothing to forget: we keep nothing for a session.
func (m *module) SessionsEnded([]sdk.SessionEnd) {}

// Close has nothing to undo.
func (m *module) Close() error { return nil }

// Call decides about recipients. A pipelining client's recipients come as
// several phases of one call; the first that is turned down ends it.
func (m *module) Call(_ context.Context, c *sdk.Call) (*sdk.Answer, error) {
	m.mu.RLock()
	o := m.worlds[c.Generation]
	m.mu.RUnlock()
	if o == nil {
		return nil, fmt.Errorf("generation %d was not prepared", c.Generation)
	}
	answer := &sdk.Answer{}
	for _, p := range c.Phases {
		c.State.Enter(p, c.SplitIDs)
		r := m.decide(o, c.State)
		answer.Results = append(answer.Results, r)
		if r.EndsRun() {
			break
		}
		c.State.Leave(p, false)
	}
	return answer, nil
}

// decide is the policy.
func (m *module) decide(o *options, s *sdk.State) sdk.PhaseResult {
	peer := s.Conn.Peer.Addr().Unmap()
	for _, network := range o.Exempt {
		if network.Contains(peer) {
			return sdk.PhaseResult{}
		}
	}
	// RFC 6647 §3.1: the triplet, with the peer's network, since large senders
	// try again from another address.
	t := triplet{network: networkOf(peer), sender: s.Message.Sender, recipient: s.Message.Recipient}
	verdict := m.store.seen(t, o)
	result := sdk.PhaseResult{Changes: []sdk.Change{{
		Kind: sdk.ContextSet, Target: sdk.TargetTxn, Dict: sdk.DictMess, Name: "greylist", Value: verdict.String(),
	}}}
	if verdict == waiting {
		// RFC 6647 §3.3 has 451 4.7.1.
		result.Verdict = sdk.Done
		result.Reply = smtp.NewReply(451, "4.7.1", o.Text)
	}
	return result
}

func networkOf(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // no peer: mail that was injected
	}
	return p
}

// Control answers `greylist` on the console.
func (m *module) Control(context.Context, []string) (string, error) {
	waiting, passed := m.store.count()
	return fmt.Sprintf("%d waiting, %d passed", waiting, passed), nil
}
