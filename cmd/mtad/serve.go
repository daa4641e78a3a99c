package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/conf/repo"
	"github.com/mtad/mtad/core"
	"github.com/mtad/mtad/core/modules"
	"github.com/mtad/mtad/plugins/alerting"
	"github.com/mtad/mtad/plugins/datasource"
	"github.com/mtad/mtad/plugins/mailauth"
	"github.com/mtad/mtad/plugins/scanner"
	"github.com/mtad/mtad/plugins/scriptlet"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc"
	"github.com/mtad/mtad/sdk/scan"
)

// confFlags say where the configuration is.
type confFlags struct {
	Conf string `env:"CONFFILE" placeholder:"FILE" help:"The configuration file; default: mtad.conf or ecelerity.conf in conf/NODE or conf/default."`
	Home string `default:"${home}" help:"Where conf/global, conf/NODE and conf/default are looked for, and cluster.boot."`
	Node string `env:"EC_NODE_NAME" help:"This node's name in a cluster; default: that of cluster.boot."`

	Search string `env:"EC_CONF_SEARCH_PATH" placeholder:"DIR:DIR" help:"Directories to look in instead."`
}

func (f *confFlags) options() core.Options {
	return core.Options{
		Conf:    conf.Options{Path: f.Conf, Search: f.searchPath(), Node: f.node(), Listed: []string{"module"}},
		Version: version, Builtin: builtin(),
	}
}

// searchPath is where configuration files and Lua sources are looked for behind
// the directory of the file that names them (reference/config-syntax.md §3).
func (f *confFlags) searchPath() []string {
	if f.Search != "" {
		return filepath.SplitList(f.Search)
	}
	return repo.SearchPath(f.layers(), f.node())
}

// builtin lists the modules in this binary, in the order of their preparation.
func builtin() []core.Builtin {
	list := []core.Builtin{
		{Name: "datasource", Rank: modules.RankDatasource, New: newDatasource, Scopes: datasource.Schemas()},
		{Name: "alerting", Rank: modules.RankAlerting, New: newAlerting},
		{Name: "scriptlet", Rank: modules.RankScriptlet, New: newScriptlet, Reads: []string{"opendkim", "antivirus", "spamassassin", "rspamd", "bounce_classifier_override"}},
		{Name: mailauth.Name, Rank: modules.RankAlerting, New: newMailauth, Scopes: mailauth.Schemas(), InCore: true},
		{Name: scanner.Name, Rank: modules.RankAlerting, New: scanner.New, Scopes: scan.Schemas(), InCore: true},
	}
	for i := range list {
		m := list[i].New()
		list[i].Schema = m.Info().Schema
		_ = m.Close() // it has prepared nothing, so there is nothing to fail
		list[i].Command = []string{"/proc/self/exe", "module", "run", list[i].Name}
	}
	return list
}

func newDatasource() sdk.Module { return datasource.New(datasource.Drivers(), time.Now) }
func newAlerting() sdk.Module   { return alerting.New(time.Now) }
func newMailauth() sdk.Module   { return mailauth.New(time.Now) }
func newScriptlet() sdk.Module  { return scriptlet.New(scriptlet.Deps{Version: version}) }

// serveCommand runs the server.
type serveCommand struct{ confFlags }

// heapFloor is never touched, so it is no memory; it keeps the garbage collector
// from running many times a second over a heap of a few megabytes.
const heapFloor = 16 << 20

// Run is called by kong.
func (c *serveCommand) Run(s *streams) error {
	floor := make([]byte, heapFloor)
	defer runtime.KeepAlive(floor)
	var err error
	if c.Conf, err = c.main(); err != nil {
		return err
	}
	o := c.options()
	if o.Follow, err = c.follower(); err != nil {
		return err
	}
	o.Ready = func() { fmt.Fprintln(s.err, "mtad: ready") }
	server := core.New(o)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)
	done := make(chan struct{})
	go func() {
		defer close(done)
		obey(ctx, server, signals, s)
	}()
	err = server.Run(ctx)
	cancel()
	<-done
	return err
}

// obey carries out signals until ctx ends.
func obey(ctx context.Context, server *core.Core, signals <-chan os.Signal, s *streams) {
	for {
		select {
		case sig := <-signals:
			if sig != syscall.SIGHUP {
				server.Shutdown()
				continue
			}
			if err := server.ReopenLogs(); err != nil {
				fmt.Fprintf(s.err, "mtad: %v\n", err)
			}
			if _, err := server.Reload(ctx); err != nil {
				fmt.Fprintf(s.err, "%v\nReconfigure failed\n", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// checkCommand checks a configuration.
type checkCommand struct {
	confFlags
	Init   bool `help:"Run the scripts' init too: it may do what init does."`
	Prints bool `help:"Show what scripts print while they load."`
	Quiet  bool `help:"Show faults only, no warnings and notes."`
}

// Run is called by kong.
func (c *checkCommand) Run(s *streams) error {
	var err error
	if c.Conf, err = c.main(); err != nil {
		fmt.Fprintln(s.out, err)
		return exitError(1)
	}
	findings, err := core.Check(context.Background(), c.options(), c.Init, func(r sdk.LogRecord) {
		if c.Prints && r.Level == sdk.LevelPrint {
			fmt.Fprintf(s.out, "%s: %s\n", r.Source, r.Text)
		}
	})
	faults := 0
	for _, f := range findings {
		if c.Quiet && f.Severity != sdk.Fault {
			continue
		}
		fmt.Fprintln(s.err, severityWord(f.Severity)+f.String())
		if f.Severity == sdk.Fault {
			faults++
		}
	}
	if err != nil {
		fmt.Fprintln(s.err, err)
		return exitError(1)
	}
	if faults > 0 {
		return exitError(1)
	}
	_, err = fmt.Fprintln(s.out, "Configuration valid")
	return err
}

// severityWord is in front of what does not make the check fail.
func severityWord(v sdk.Severity) string {
	switch v {
	case sdk.Warning:
		return "warning: "
	case sdk.Note:
		return "note: "
	}
	return ""
}

// moduleCommand runs a built-in module as a process of its own.
type moduleCommand struct {
	Run moduleRun `cmd:"" help:"Run one."`
}

type moduleRun struct {
	Name string `arg:"" enum:"datasource,alerting,scriptlet" help:"Which."`
}

// Run is called by kong.
func (c *moduleRun) Run() error {
	m := newScriptlet
	switch c.Name {
	case "datasource":
		m = newDatasource
	case "alerting":
		m = newAlerting
	case "scriptlet":
		m = func() sdk.Module {
			return scriptlet.New(scriptlet.Deps{
				Version:      version,
				Interpreters: func(n int) { runtime.GOMAXPROCS(n) },
				Collector:    func(percent int) { debug.SetGCPercent(percent) },
			})
		}
	}
	rpc.Serve(m())
	return nil
}
