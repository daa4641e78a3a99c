package scanner

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/scan"
	"github.com/mtad/mtad/sdk/smtp"
)

// Name is the module's name in logs and in `module list`.
const Name = "scanner"

// module is the scanner module.
type module struct {
	gate scan.Gate

	mu      sync.Mutex
	worlds  map[uint64]*world
	current uint64 // the generation that was committed last
}

// world is one generation.
type world struct {
	host      sdk.Host
	antivirus []scan.Antivirus
	engines   []*scan.ClamAV // those that are enabled
}

// New makes the module.
func New() sdk.Module { return &module{worlds: map[uint64]*world{}} }

// Info is part of sdk.Module. The module has several scopes; scan.Schemas has all
// of them.
func (m *module) Info() sdk.Info {
	return sdk.Info{Name: Name, Version: "1", API: sdk.APIVersion, Schema: option.Schema{Name: Name}, Help: "Antivirus and antispam daemons.", Powers: sdk.CanControl}
}

// Prepare is part of sdk.Module.
func (m *module) Prepare(_ context.Context, host sdk.Host, c sdk.Config) (sdk.Subscription, error) {
	s, problems := scan.Read(c.Scopes)
	if len(problems) > 0 {
		e := &sdk.PrepareError{}
		for _, p := range problems {
			e.Problems = append(e.Problems, sdk.Problem{File: p.Pos.File, Line: p.Pos.Line, Column: p.Pos.Column, Text: p.Text})
		}
		return sdk.Subscription{}, e
	}
	w := &world{host: host, antivirus: s.Antivirus}
	for i := range s.Antivirus {
		for j := range s.Antivirus[i].ClamAV {
			if o := &s.Antivirus[i].ClamAV[j]; o.Enabled && s.Antivirus[i].Enabled {
				w.engines = append(w.engines, o)
			}
		}
	}
	sub := sdk.Subscription{Controls: controls(s.Antivirus)}
	if len(w.engines) > 0 {
		sub.Hooks.Add(sdk.ValidateData)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.worlds[c.Generation] = w
	return sub, nil
}

// Commit is part of sdk.Module.
func (m *module) Commit(generation uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.current = generation
}

// Abort is part of sdk.Module.
func (m *module) Abort(generation uint64) { m.Retire(generation) }

// Retire is part of sdk.Module.
func (m *module) Retire(generation uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.worlds, generation)
}

// SessionsEnded is part of sdk.Module.
func (m *module) SessionsEnded([]sdk.SessionEnd) {}

// Close is part of sdk.Module.
func (m *module) Close() error { return nil }

func (m *module) world(generation uint64) *world {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.worlds[generation]
}

// Call is part of sdk.Module.
func (m *module) Call(ctx context.Context, c *sdk.Call) (*sdk.Answer, error) {
	ans := &sdk.Answer{}
	w := m.world(c.Generation)
	if w == nil {
		return nil, fmt.Errorf("no generation %d", c.Generation)
	}
	for _, p := range c.Phases {
		c.State.Enter(p, c.SplitIDs)
		t := &task{m: m, w: w, state: c.State, phase: p, msg: c.State.Target(p)}
		var reply *smtp.Reply
		if t.msg != nil && !c.State.Skips(p) && p.Hook == sdk.ValidateData {
			reply = t.scanAll(ctx)
		}
		ans.Results = append(ans.Results, sdk.PhaseResult{Reply: reply, Changes: t.changes})
		c.State.Leave(p, reply.Refuses())
		if reply.Refuses() {
			break
		}
	}
	return ans, nil
}

// task is one phase of one call.
type task struct {
	m       *module
	w       *world
	state   *sdk.State
	phase   sdk.Phase
	msg     *sdk.Message
	changes []sdk.Change
}

// scanAll shows the message to the engines, and gives the first reply that
// refuses it.
func (t *task) scanAll(ctx context.Context) *smtp.Reply {
	for _, o := range t.w.engines {
		if _, skip := t.msg.Context.Get(o.Skip); skip {
			continue
		}
		v, err := t.scan(ctx, o)
		if err != nil {
			t.w.host.Log(sdk.LogRecord{Level: sdk.LevelError, Source: Name, Text: fmt.Sprintf("%s cannot scan message %s: %v", scan.EngineClamAV, t.msg.ID, err)})
		}
		status, info := scan.Told(v, err)
		if status == "" {
			continue
		}
		t.set(o.Status(), status)
		t.set(o.Status()+"_info", info)
		if reply := refusal(o, v, err); reply != nil {
			return reply
		}
	}
	return nil
}

func (t *task) scan(ctx context.Context, o *scan.ClamAV) (scan.Verdict, error) {
	leave, err := t.m.gate.Enter(ctx, o.At(), o.Concurrency)
	if err != nil {
		return scan.Verdict{}, err
	}
	defer leave()
	began := time.Now()
	content, _ := scan.Content(ctx, t.w.host, t.msg, 0)
	v, err := scan.Clamd(ctx, o.At(), content)
	if err == nil {
		scan.Count(ctx, t.w.host, scan.Messages, v, time.Since(began))
	}
	return v, err
}

// refusal is the reply to what an engine says of a message; nil where it may
// pass.
func refusal(o *scan.ClamAV, v scan.Verdict, err error) *smtp.Reply {
	switch {
	case o.Action != "reject":
	case err != nil:
		enhanced := "4.3.0"
		if o.ErrorCode >= 500 {
			enhanced = "5.3.0"
		}
		return smtp.NewReply(int(o.ErrorCode), enhanced, "the message cannot be scanned for viruses now").WithCause(err)
	case v.Status == scan.Infected:
		return smtp.NewReply(550, "5.7.1", "the message is infected: "+v.Virus)
	case v.Status == scan.Unscannable:
		return smtp.NewReply(550, "5.7.1", "the message cannot be scanned for viruses")
	}
	return nil
}

func (t *task) set(name, value string) {
	c := sdk.Change{Kind: sdk.ContextSet, Dict: sdk.DictMess, Name: name, Value: value, Target: t.phase.Hook.Info().Target, Copy: t.phase.Copy}
	if sdk.Apply(t.state, &c) == nil { // a message is there, so there is nothing to fail
		t.changes = append(t.changes, c)
	}
}
