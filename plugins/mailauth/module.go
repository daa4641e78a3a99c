package mailauth

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mailauth"
	"github.com/mtad/mtad/sdk/option"
)

// Name is the module's name in logs and in `module list`.
const Name = "mailauth"

// module is the mailauth module.
type module struct {
	now func() time.Time

	mu     sync.Mutex
	worlds map[uint64]*world
	spf    map[uint64]spfNote // by session, for the headers that come with the content
}

// spfNote is the outcome of SPF for the transaction that is under way.
type spfNote struct {
	transaction uint64
	result      *mailauth.SPF
}

// world is one generation.
type world struct {
	*settings
	host    sdk.Host
	signers []signer
	now     func() time.Time
}

// signer is an opendkim scope with its keys.
type signer struct {
	scope *mailauth.OpenDKIM
	keys  *mailauth.Signer
}

// New makes the module.
func New(now func() time.Time) sdk.Module {
	return &module{now: now, worlds: map[uint64]*world{}, spf: map[uint64]spfNote{}}
}

// Info is part of sdk.Module. The module has several scopes; Schemas has all of
// them.
func (m *module) Info() sdk.Info {
	return sdk.Info{Name: Name, Version: "1", API: sdk.APIVersion, Schema: option.Schema{Name: Name}, Help: "SPF, DKIM, DMARC and ARC."}
}

// Prepare is part of sdk.Module.
func (m *module) Prepare(_ context.Context, host sdk.Host, c sdk.Config) (sdk.Subscription, error) {
	s, problems := decode(&c)
	if len(problems) > 0 {
		return sdk.Subscription{}, &sdk.PrepareError{Problems: problems}
	}
	w := &world{settings: s, host: host, now: m.now}
	sub := sdk.Subscription{Hooks: s.hooks()}
	for _, o := range s.sign {
		w.signers = append(w.signers, signer{o, &mailauth.Signer{
			Keys:     int(o.CacheSize),
			Positive: time.Duration(o.PositiveTTL) * time.Second, Negative: time.Duration(o.NegativeTTL) * time.Second,
		}})
		sub.Warnings = append(sub.Warnings, missingKeys(o)...)
	}
	for _, p := range sub.Warnings {
		if !c.CheckOnly {
			host.Log(sdk.LogRecord{Level: sdk.LevelWarning, Source: Name, Text: "warning: " + p.String()})
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.worlds[c.Generation] = w
	return sub, nil
}

// missingKeys warns of domains whose key cannot be read: their mail would go
// unsigned.
func missingKeys(o *mailauth.OpenDKIM) []sdk.Problem {
	var out []sdk.Problem
	for i := range o.Domains {
		d := &o.Domains[i]
		p := o.For(d.Domain)
		path, err := mailauth.ExpandKeyPath(p.KeyPath, p.Domain, p.Selector)
		if err == nil {
			var text []byte
			if text, err = mailauth.ReadKeyFile(path); err == nil {
				_, err = mailauth.ParseKey(text)
			}
		}
		if err != nil {
			out = append(out, sdk.Problem{Severity: sdk.Warning, File: d.Pos.File, Line: d.Pos.Line, Column: d.Pos.Column,
				Text: fmt.Sprintf("dkim_domain %q is not signed for: key %s: %v", d.Domain, path, err)})
		}
	}
	return out
}

// Commit is part of sdk.Module.
func (m *module) Commit(uint64) {}

// Abort is part of sdk.Module.
func (m *module) Abort(generation uint64) { m.Retire(generation) }

// Retire is part of sdk.Module.
func (m *module) Retire(generation uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.worlds, generation)
}

// SessionsEnded is part of sdk.Module.
func (m *module) SessionsEnded(ends []sdk.SessionEnd) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range ends {
		delete(m.spf, e.Session)
	}
}

// Close is part of sdk.Module.
func (m *module) Close() error { return nil }

func (m *module) world(generation uint64) *world {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.worlds[generation]
}

func (m *module) note(session uint64, n spfNote) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spf[session] = n
}

func (m *module) noted(session, transaction uint64) *mailauth.SPF {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n, ok := m.spf[session]; ok && n.transaction == transaction {
		return n.result
	}
	return nil
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
		t := &task{m: m, w: w, call: c, phase: p, msg: c.State.Target(p)}
		if t.msg != nil && !c.State.Skips(p) {
			if err := t.run(ctx); err != nil {
				return nil, err
			}
		}
		ans.Results = append(ans.Results, sdk.PhaseResult{Changes: t.changes})
		c.State.Leave(p, false)
	}
	return ans, nil
}

// task is one phase of one call.
type task struct {
	m       *module
	w       *world
	call    *sdk.Call
	phase   sdk.Phase
	msg     *sdk.Message
	changes []sdk.Change
}

func (t *task) run(ctx context.Context) error {
	switch t.phase.Hook {
	case sdk.ValidateMailFrom, sdk.ValidateRcptTo:
		t.checkSPF(ctx)
	case sdk.ValidateData:
		return t.verify(ctx)
	case sdk.CoreFinalValidation:
		return t.sign(ctx)
	}
	return nil
}

// change records a change, and applies it so that later phases of the call see
// it.
func (t *task) change(c sdk.Change) error {
	c.Target, c.Copy = t.phase.Hook.Info().Target, t.phase.Copy
	if err := sdk.Apply(t.call.State, &c); err != nil {
		return err
	}
	t.changes = append(t.changes, c)
	return nil
}

func (t *task) set(name, value string) {
	// A message is there, so there is nothing to fail.
	_ = t.change(sdk.Change{Kind: sdk.ContextSet, Dict: sdk.DictMess, Name: name, Value: value})
}

func (t *task) resolver() mailauth.Resolver { return mailauth.HostResolver{Host: t.w.host} }

func (t *task) log(format string, args ...any) {
	t.w.host.Log(sdk.LogRecord{Level: sdk.LevelError, Source: Name, Text: fmt.Sprintf(format, args...)})
}

// checkSPF checks the sender, once a transaction.
func (t *task) checkSPF(ctx context.Context) *mailauth.SPF {
	session, txn := t.call.State.Conn.Session, t.call.Transaction
	if s := t.m.noted(session, txn); s != nil {
		return s
	}
	q := mailauth.SPFQuery{Peer: t.peer(), Sender: string(t.msg.Sender)}
	q.HELO, _ = t.call.State.Conn.Context.Get("ehlo_domain")
	if t.w.spf != nil {
		q.DefaultRule = t.w.spf.DefaultRule
	}
	s := mailauth.CheckSPF(ctx, t.resolver(), q)
	t.m.note(session, spfNote{txn, s})
	if t.w.spf != nil {
		t.set(t.w.spf.Variable, string(s.Result))
	}
	return s
}

func (t *task) peer() netip.Addr { return t.call.State.Conn.Peer.Addr() }
