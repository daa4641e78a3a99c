package scriptlet

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

// prepare builds everything of a generation that can fail.
func (g *generation) prepare(ctx context.Context) error {
	if !g.options.Enabled {
		g.options.Scripts = nil
	}
	if err := g.compile(ctx); err != nil {
		return err
	}
	first, err := g.load(ctx, 0)
	if err != nil {
		return err
	}
	if err := g.settle(); err != nil {
		return err
	}
	g.lint(first)
	if !g.config.CheckOnly || g.config.RunInit {
		if err := g.initialize(ctx, first); err != nil {
			return err
		}
	}
	for i := 1; i < g.parallel(); i++ {
		if _, err := g.load(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// compile reads and compiles the scripts that the configuration names, and
// reports everything wrong with any of them.
func (g *generation) compile(ctx context.Context) error {
	var headline string
	var problems []sdk.Problem
	for i := range g.options.Scripts {
		o := &g.options.Scripts[i]
		s := &script{name: o.Name, pos: o.Pos, unit: g.sources.unit(ctx, o.Source)}
		g.scripts = append(g.scripts, s)
		if s.unit.err != nil {
			if headline == "" {
				headline = missingHeadline(o.Source, s.unit.err)
			}
			problems = append(problems, s.problem(s.unit.err.Error()))
		}
		problems = append(problems, s.unit.problems...)
	}
	if len(problems) == 0 {
		return nil
	}
	if headline == "" {
		headline = g.failureHeadline()
	}
	return &sdk.PrepareError{Headline: headline, Problems: problems}
}

// failureHeadline is the original's line for a configuration that cannot be
// (reference/lua-api-notes.md 11).
func (g *generation) failureHeadline() string {
	return fmt.Sprintf("Module 'scriptlet' instance '%s' initialization failed while preparing to commit. Consult your vendor.", g.instance())
}

// missingHeadline is the original's line for a script that is not there.
func missingHeadline(name string, err error) string {
	var missing *sdk.SourceError
	if !errors.As(err, &missing) || len(missing.Tried) == 0 {
		return fmt.Sprintf("Unable to open '%s': %s", name, err)
	}
	t := missing.Tried[0]
	return fmt.Sprintf("Unable to open '%s', errno=%d %s", t.Path, t.Errno, t.Text)
}

// load makes interpreter number index and runs every script in it.
func (g *generation) load(ctx context.Context, index int) (*interpreter, error) {
	in := newInterpreter(g, index)
	g.interpreters = append(g.interpreters, in)
	for _, s := range g.scripts {
		r := in.begin(ctx, in.limits.loading())
		r.script = s
		_, err := in.execute(r, in.base.NewFunctionFromProto(s.unit.proto))
		if err == nil {
			continue
		}
		if g.config.CheckOnly && strings.Contains(err.text, sdk.ErrNoIO.Error()) {
			p := located(err.text, s)
			p.Severity = sdk.Warning
			g.warn(p)
			continue
		}
		return nil, g.failed(s.name, "load", s, err)
	}
	return in, nil
}

// failed is the error of a script that could not be loaded or initialised. The
// traceback goes to the paniclog.
func (g *generation) failed(name, step string, s *script, err *luaError) error {
	g.reportError(step, name, err)
	return &sdk.PrepareError{Headline: g.failureHeadline(), Problems: []sdk.Problem{located(err.text, s)}}
}

// positioned matches the position that Lua puts before an error.
var positioned = regexp.MustCompile(`(?s)^([^:\n]+):(\d+): (.*)$`)

// located gives an error of a script the position it speaks of, else the
// script's scope.
func located(text string, s *script) sdk.Problem {
	if m := positioned.FindStringSubmatch(text); m != nil {
		if line, err := strconv.Atoi(m[2]); err == nil {
			return sdk.Problem{File: m[1], Line: line, Text: m[3]}
		}
	}
	return s.problem(text)
}

// settle judges the scripts once the first interpreter has loaded them: what a
// check refuses, and what is worth a warning.
func (g *generation) settle() error {
	var problems []sdk.Problem
	for _, s := range g.scripts {
		if !s.registered && !s.serves && !strings.HasPrefix(s.unit.source.Path, embedded) {
			p := s.problem(fmt.Sprintf("script %q never calls msys.registerModule, so nothing of it runs", s.name))
			p.Severity = sdk.Warning // the original loads it, and stays silent
			g.log(sdk.LevelWarning, sourceName, p.String())
			g.warn(p)
		}
	}
	if g.config.CheckOnly {
		for _, reg := range g.interpreters[0].registrations {
			if reg.callouts == 0 && reg.init == nil && reg.deinit == nil && reg.setup == nil {
				problems = append(problems, reg.script.problem(
					fmt.Sprintf("no usable methods found for module %s in registerModule call", reg.name)))
			}
		}
	}
	if len(problems) > 0 {
		return &sdk.PrepareError{Problems: problems}
	}
	return nil
}

// initialize runs init of every script, then rsrc_setup of every script, in
// the first interpreter. What they start is staged.
func (g *generation) initialize(ctx context.Context, in *interpreter) error {
	for _, reg := range in.registrations {
		if err := g.mustBeTrue(ctx, in, reg, reg.init, funcInit); err != nil {
			return err
		}
		g.initialized = append(g.initialized, reg)
	}
	for _, reg := range in.registrations {
		if err := g.mustBeTrue(ctx, in, reg, reg.setup, funcSetup); err != nil {
			return err
		}
	}
	return nil
}

// mustBeTrue runs a function of a module that fails the configuration unless
// it returns true (reference/lua-api-notes.md 11).
func (g *generation) mustBeTrue(ctx context.Context, in *interpreter, reg *registration, fn *lua.LFunction, name string) error {
	if fn == nil {
		return nil
	}
	got, err := in.execute(in.begin(ctx, in.limits.loading()), fn, reg.table)
	if err != nil {
		return g.failed(reg.name, name, reg.script, err)
	}
	if got == lua.LTrue {
		return nil
	}
	p := reg.script.problem(fmt.Sprintf("%s of module %s returned %s; it must return true", name, reg.name, shown(got)))
	if fn.Proto != nil {
		p.File, p.Line, p.Column = fn.Proto.SourceName, fn.Proto.LineDefined, 0
	}
	return &sdk.PrepareError{Headline: g.failureHeadline(), Problems: []sdk.Problem{p}}
}

// deinit runs deinit of every script whose init went well, the last first.
func (g *generation) deinit() {
	if len(g.interpreters) == 0 {
		return
	}
	in := g.interpreters[0]
	for i := len(g.initialized) - 1; i >= 0; i-- {
		reg := g.initialized[i]
		if reg.deinit == nil {
			continue
		}
		got, err := in.execute(in.begin(context.Background(), in.limits.loading()), reg.deinit, reg.table)
		switch {
		case err != nil:
			g.reportError(funcDeinit, reg.name, err)
		case got != lua.LTrue:
			g.log(sdk.LevelError, sourceName, fmt.Sprintf(
				"%s: deinit returned %s instead of true; its timers and console commands are removed all the same", reg.name, shown(got)))
		}
	}
	g.initialized = nil
}
