package core

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/core/adaptive"
	"github.com/mtad/mtad/core/httpd"
	"github.com/mtad/mtad/core/modules"
	"github.com/mtad/mtad/core/smtpd"
	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
)

// load reads and checks the configuration. Nothing that runs is touched. The
// error has every problem, a line each, as file:line:column: text.
func (c *Core) load() (*settings, []string, error) {
	s, diags, err := c.read()
	if err == nil && len(diags) > 0 {
		err = lines(diags.Sort())
	}
	if err != nil {
		return nil, nil, err
	}
	return s, append(s.warnings, s.uselessAuth()...), nil
}

// read reads and checks the configuration, and keeps apart what is wrong. There
// are settings where nothing is.
func (c *Core) read() (*settings, conf.Diagnostics, error) {
	tree, diags := conf.Load(c.opt.Conf)
	schema := Schema(moduleSchemas(tree, c.opt.Builtin))
	if len(diags) == 0 {
		amended, err := c.amended(conf.View{Tree: tree, Schema: schema})
		if err != nil {
			return nil, nil, err
		}
		tree = amended
	}
	if diags = append(diags, conf.Check(tree, schema)...); len(diags) > 0 {
		return nil, diags, nil
	}
	s, bad := newSettings(tree, schema)
	if len(bad) == 0 {
		bad = append(bad, s.tryProfiles()...)
		bad = append(bad, s.tryHTTPProfiles()...)
	}
	list, moreBad := c.moduleConfigs(s)
	s.modules = list
	return s, tree.Diagnose(append(bad, moreBad...)), nil
}

// lines makes diagnostics an error of one line for each, snippets below them.
func lines(d conf.Diagnostics) error {
	return errors.New(strings.TrimRight(d.String(), "\n"))
}

// prepared is a reload that can be committed.
type prepared struct {
	settings  *settings
	adaptive  *adaptive.Settings
	modules   *modules.Prepared
	number    uint64
	listeners map[string]*smtpd.Listener // those that are new
	endpoints map[string]*httpd.Listener // likewise
	warnings  []string
	// fromModules are warnings that the modules have put into the paniclog
	// themselves.
	fromModules []string
	rebind      []string // bindings that are gone, and whose mail policy binds again
}

// Reload moves every part to the configuration as it is on disk now. On any
// error nothing changes, and the error says everything that is wrong: the
// original's line first, then every cause with its place.
func (c *Core) Reload(ctx context.Context) (warnings []string, err error) {
	return c.reloadWith(ctx, "")
}

// reloadWith is Reload with a word in place of removed_bindings, where there is
// one.
func (c *Core) reloadWith(ctx context.Context, removed string) (warnings []string, err error) {
	c.reload.Lock()
	defer c.reload.Unlock()
	c.ways.word = removed
	online := c.online
	c.online = nil // a reload drops the changes of config set
	p, err := c.prepare(ctx)
	if err != nil {
		c.online = online
		c.problem("core")("Reconfigure failed\n\t" + strings.ReplaceAll(err.Error(), "\n", "\n\t"))
		return nil, err
	}
	c.commit(p)
	c.warn(p.warnings)
	return append(p.warnings, p.fromModules...), nil
}

// prepare does all that can fail.
func (c *Core) prepare(ctx context.Context) (*prepared, error) {
	s, warnings, err := c.load()
	if err != nil {
		return nil, err
	}
	p := &prepared{settings: s, warnings: warnings, listeners: map[string]*smtpd.Listener{}}
	if err := c.checkRemoved(p); err != nil {
		return nil, err
	}
	for _, name := range s.smtp {
		if c.listeners[name] != nil {
			continue
		}
		l, err := c.smtp.Listen(name, s.sockets[name])
		if err != nil {
			p.closeListeners()
			return nil, err
		}
		p.listeners[name] = l
	}
	if err := c.prepareHTTP(p); err != nil {
		p.closeListeners()
		return nil, err
	}
	if err := c.prepareModules(ctx, p); err != nil {
		p.closeListeners()
		return nil, err
	}
	p.warnings = append(p.warnings, c.needRestart(s)...)
	// Log files are the last step: it is the one that shows.
	if err := c.logs.Open(s.logs); err != nil {
		p.modules.Abort()
		p.closeListeners()
		return nil, err
	}
	return p, nil
}

// needRestart names what changed and stays as it is until the next start.
func (c *Core) needRestart(s *settings) []string {
	var out []string
	old := c.settings.Load()
	if old.spool != s.spool {
		out = append(out, "the options of the spool have changed; they count from the next start on")
	}
	if !slices.Equal(old.control, s.control) {
		out = append(out, "the control listeners have changed; they count from the next start on")
	}
	return out
}

func (p *prepared) closeListeners() {
	for _, l := range p.listeners {
		l.Close()
	}
	for _, l := range p.endpoints {
		_ = l.Close() // it has accepted nothing
	}
}

// prepareModules has every module prepare the next generation. While it does,
// scripts are looked for where the new configuration says.
func (c *Core) prepareModules(ctx context.Context, p *prepared) error {
	old := c.sources.Swap(p.settings.tree.Sources())
	c.gen++
	p.number = c.gen
	m, err := c.modules.Prepare(ctx, p.number, p.settings.modules)
	if err != nil {
		if old != nil {
			c.sources.Store(old)
		}
		return refusal(err)
	}
	p.modules = m
	p.adaptive = p.adaptiveRules()
	for _, w := range m.Warnings {
		p.fromModules = append(p.fromModules, w.String())
	}
	p.warnings = append(p.warnings, p.settings.unknownSchemes(m.AuthSchemes())...)
	return nil
}

// refusal words a module's refusal as the original does: its line first, then
// every cause.
func refusal(err error) error {
	var refusals modules.Refusals
	if !errors.As(err, &refusals) {
		return err
	}
	var out []string
	for _, r := range refusals {
		var p *sdk.PrepareError
		if !errors.As(r.Err, &p) || p.Headline == "" {
			out = append(out, r.Headline())
		}
		out = append(out, r.Err.Error())
	}
	return errors.New(strings.Join(out, "\n"))
}

// commit moves to the new configuration. Nothing in it can fail.
func (c *Core) commit(p *prepared) {
	p.settings.follow(c.settings.Load())
	c.settings.Store(p.settings)
	c.commits.Add(1)
	c.dns.Use(p.settings.dns)
	c.audit.Use(p.settings.audit)
	c.adaptive.Use(p.adaptive)
	p.modules.Commit()
	c.rulebook.Use(p.settings.overrides)
	c.validator.SetChain(c.chain(p))
	c.lookAtAddresses()
	c.queue.Reconfigured()
	c.rebindRemoved(p.rebind)
	wanted := map[string]bool{}
	for _, name := range p.settings.smtp {
		wanted[name] = true
	}
	for name, l := range p.listeners {
		c.listeners[name] = l
		l.Start()
	}
	for name, l := range c.listeners {
		l.Tune(p.settings.sockets[name])
		if !wanted[name] {
			l.Close()
			delete(c.listeners, name)
		}
	}
	c.commitHTTP(p)
}

// chain is a generation's modules for sessions; when the last of them has
// moved on, the modules drop the generation.
func (c *Core) chain(p *prepared) *validate.Chain {
	return validate.NewChain(p.number, p.modules.Callers, func() { c.modules.Retire(p.number) })
}

func (c *Core) warn(warnings []string) {
	for _, w := range warnings {
		c.logs.Panic(sdk.LogRecord{Level: sdk.LevelWarning, Source: "core", Text: "warning: " + w})
	}
}

// startModules prepares and commits the first generation.
func (c *Core) startModules(ctx context.Context) error {
	s := c.settings.Load()
	var err error
	c.modules, err = modules.New(modules.Options{
		Host: func(string) sdk.Host { return host{c} }, Log: c.logs.Panic,
	})
	if err != nil {
		return err
	}
	c.control.Table.Further = c.moduleCommand
	c.control.Table.FurtherNames = c.modules.Controls
	p := &prepared{settings: s}
	if err := c.prepareModules(ctx, p); err != nil {
		return errors.Join(err, c.modules.Close())
	}
	c.adaptive.Use(p.adaptive)
	p.modules.Commit()
	c.validator.SetChain(c.chain(p))
	c.warn(append(s.warnings, p.warnings...))
	return nil
}

func (c *Core) stopModules() {
	if err := c.modules.Close(); err != nil {
		c.problem("modules")(err.Error())
	}
}

// moduleCommand answers console commands that modules registered.
func (c *Core) moduleCommand(ctx context.Context, words []string) (string, bool, error) {
	reply, err := c.modules.Control(ctx, words)
	if errors.Is(err, modules.ErrNoCommand) {
		return "", false, nil
	}
	return reply, true, err
}

// Check is `mtad check`: the way of a reload without its commit. The findings
// are what would run, and is a mistake or may be one.
func Check(ctx context.Context, o Options, runInit bool, log func(sdk.LogRecord)) (findings []sdk.Problem, err error) {
	c := &Core{opt: o}
	s, warnings, err := c.load()
	if err != nil {
		return nil, err
	}
	for _, w := range warnings {
		findings = append(findings, sdk.Problem{Severity: sdk.Warning, Text: w})
	}
	findings = append(findings, s.openRelays()...)
	sources := s.tree.Sources()
	m, err := modules.New(modules.Options{
		Host: func(string) sdk.Host { return checkHost{sources, log} }, Log: log,
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	for i := range s.modules {
		cfg := &s.modules[i]
		cfg.InCore = cfg.New != nil // nothing of ours needs a process to be checked
		cfg.Config.CheckOnly, cfg.Config.RunInit = true, runInit
	}
	p, err := m.Prepare(ctx, 1, s.modules)
	if err != nil {
		return findings, refusal(err)
	}
	if runInit {
		for _, text := range s.unknownSchemes(p.AuthSchemes()) {
			findings = append(findings, sdk.Problem{Text: text})
		}
	}
	p.Abort()
	return append(findings, p.Warnings...), nil
}
