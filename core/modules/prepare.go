package modules

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/rpc"
)

// Prepared is a generation that every module has prepared. Commit or Abort it.
type Prepared struct {
	// Callers are the modules in the order in which they were configured.
	Callers []validate.Caller
	// Warnings are what the modules have to say about their configuration.
	Warnings []sdk.Problem

	m *Manager
	g *generation
}

// Refusal is a module that could not be prepared.
type Refusal struct {
	Module, Instance string
	Err              error // a *sdk.PrepareError where positions are known
}

// Headline is what the original prints for it, before all else.
func (r *Refusal) Headline() string {
	return fmt.Sprintf("Module '%s' instance '%s' initialization failed while preparing to commit. Consult your vendor.",
		r.Module, r.Instance)
}

// Error is the module's own.
func (r *Refusal) Error() string { return r.Err.Error() }

// Unwrap is the module's own error.
func (r *Refusal) Unwrap() error { return r.Err }

// Refusals is what Prepare gives: every module that could not be prepared.
type Refusals []*Refusal

// Error lists them.
func (r Refusals) Error() string {
	lines := make([]string, len(r))
	for i, one := range r {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives them to errors.As.
func (r Refusals) Unwrap() []error {
	out := make([]error, len(r))
	for i, one := range r {
		out[i] = one
	}
	return out
}

// Prepare has every module build a generation beside the running ones. It
// starts those that do not run yet. The error is Refusals, and then nothing has
// changed: those that had prepared have aborted, and those that were started
// are stopped. Where Config.CheckOnly is set it goes on past a refusal, to
// report all of them.
func (m *Manager) Prepare(ctx context.Context, number uint64, configs []ModuleConfig) (*Prepared, error) {
	g := m.begin(number)
	p := &Prepared{m: m, g: g}
	var refusals Refusals
	members := make([]*member, len(configs))
	for _, i := range order(configs) {
		mem, err := m.prepareOne(ctx, number, &configs[i])
		if mem != nil {
			members[i] = mem
			m.join(g, mem)
		}
		if err != nil {
			refusals = append(refusals, &Refusal{Module: configs[i].Name, Instance: configs[i].instance(), Err: err})
			if !configs[i].Config.CheckOnly {
				break
			}
		}
	}
	if refusals != nil {
		p.Abort()
		return nil, refusals
	}
	for _, mem := range members {
		p.Warnings = append(p.Warnings, mem.sub.Warnings...)
		p.Callers = append(p.Callers, &caller{unit: mem.unit, name: mem.spec.Name, generation: number, hooks: mem.sub.Hooks})
	}
	return p, nil
}

// begin makes the generation that answers queries while it is prepared, if no
// other does: a script's init may need the datasource before it.
func (m *Manager) begin(number uint64) *generation {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.newest = &generation{number: number}
	return m.newest
}

func (m *Manager) join(g *generation, mem *member) {
	m.mu.Lock()
	g.members = append(g.members, mem)
	m.mu.Unlock()
}

// order gives the indexes of configs by rank, equal ranks as they stand.
func order(configs []ModuleConfig) []int {
	out := make([]int, len(configs))
	for i := range out {
		out[i] = i
	}
	slices.SortStableFunc(out, func(a, b int) int { return int(configs[a].Rank) - int(configs[b].Rank) })
	return out
}

// prepareOne gives a member even with an error, where the module runs.
func (m *Manager) prepareOne(ctx context.Context, number uint64, c *ModuleConfig) (*member, error) {
	h, err := m.hold(c.Spec)
	if err != nil {
		return nil, err
	}
	mem := &member{holding: h, instance: c.instance()}
	info := h.unit.info()
	if problems := checkScopes(c.own(), &info.Schema); problems != nil {
		return mem, &sdk.PrepareError{Problems: problems}
	}
	cfg := c.Config
	cfg.Generation = number
	mem.sub, err = h.unit.prepare(ctx, cfg)
	mem.prepared = err == nil
	return mem, err
}

// checkScopes compares the scopes with what the module says it takes, so that a
// module in any language refuses a misspelt option in the same words.
func checkScopes(scopes []option.Scope, schema *option.Schema) []sdk.Problem {
	var out []sdk.Problem
	for i := range scopes {
		for _, p := range option.Check(&scopes[i], schema) {
			out = append(out, sdk.Problem{File: p.Pos.File, Line: p.Pos.Line, Column: p.Pos.Column, Text: p.Text})
		}
	}
	return out
}

// Commit makes the generation the current one in every module.
func (p *Prepared) Commit() {
	for _, mem := range p.g.members {
		mem.unit.settle(rpc.StepCommit, p.g.number)
	}
	p.m.mu.Lock()
	p.m.generations[p.g.number] = p.g
	p.m.current = p.g
	p.m.mu.Unlock()
}

// Abort drops the generation, in reverse order. Modules that were started for
// it are stopped.
func (p *Prepared) Abort() {
	p.m.mu.Lock()
	if p.m.newest == p.g {
		p.m.newest = p.m.current
	}
	p.m.mu.Unlock()
	p.m.drop(p.g, rpc.StepAbort)
}
