package core

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/conf/repo"
	"github.com/mtad/mtad/core/adaptive"
	"github.com/mtad/mtad/core/audit"
	"github.com/mtad/mtad/core/auth"
	"github.com/mtad/mtad/core/binding"
	"github.com/mtad/mtad/core/bounce"
	"github.com/mtad/mtad/core/control"
	"github.com/mtad/mtad/core/counter"
	"github.com/mtad/mtad/core/delivery"
	"github.com/mtad/mtad/core/dns"
	"github.com/mtad/mtad/core/httpd"
	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/metrics"
	"github.com/mtad/mtad/core/modules"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/core/reception"
	"github.com/mtad/mtad/core/smtpd"
	"github.com/mtad/mtad/core/spool"
	"github.com/mtad/mtad/core/trace"
	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// Options are what a Core is told at its start.
type Options struct {
	Conf    conf.Options
	Version string
	Builtin []Builtin      // the modules in our own binary
	Ready   func()         // called once all listeners answer
	Follow  *repo.Follower // keeps the configuration at the newest revision; nil: nobody does
}

// Core is the whole server. Its parts are made in New and started in the order
// of parts; they stop in reverse.
type Core struct {
	opt      Options
	settings atomic.Pointer[settings]
	sources  atomic.Pointer[conf.Sources]
	reload   sync.Mutex
	gen      uint64
	commits  atomic.Uint64 // configurations that came into force
	online   []conf.Change // of config set and unset, since the last reload; under reload

	logs      *logs.Logs
	counters  *counter.Counters
	audit     *audit.Audit
	ids       *message.IDs
	dns       *dns.Client
	modules   *modules.Manager
	validator *validate.Validator
	spool     *spool.Store
	door      *reception.Door
	bounce    *bounce.Generator
	rulebook  *bounce.Rulebook

	suppression *bounce.Suppression
	suppressing caretaker

	queue    *queue.Queue
	courier  *delivery.Courier
	control  *control.Server
	smtp     *smtpd.Server
	http     *httpd.Server
	metrics  *metrics.Server
	hooks    *logHooks
	auth     *auth.Directory
	outbound *mailHooks
	policies *tlsPolicies
	adaptive *adaptive.Engine
	adapting *adapting

	tracers *trace.Table

	listeners map[string]*smtpd.Listener
	endpoints map[string]*httpd.Listener // of http_listener
	meters    *meters
	up        atomic.Bool // all listeners answer
	ways      ways
	spoolDir  string
	received  atomic.Int64
	rejected  atomic.Int64
	health    health
	stop      chan struct{}
	stopOnce  sync.Once
	beat      sync.WaitGroup

	readMetric func() func(selector string) (int64, error)
}

// New makes the parts and hands each what it needs. Nothing runs yet.
func New(o Options) *Core {
	c := &Core{opt: o, stop: make(chan struct{}), listeners: map[string]*smtpd.Listener{}, endpoints: map[string]*httpd.Listener{}}
	c.ways.look, c.ways.stop = make(chan struct{}, 1), make(chan struct{})
	c.meters = newMeters()
	c.readMetric = sync.OnceValue(c.metricReads)
	c.logs = logs.New(time.Now)
	c.rulebook, c.suppression = c.newRulebook(), c.newSuppression()
	c.logs.Classify = func(reply string) int { return int(c.rulebook.Class(reply, "")) }
	c.counters = counter.New(time.Now)
	c.tracers = &trace.Table{Now: time.Now}
	c.audit = audit.New(audit.Config{Now: time.Now, After: time.After, Problem: c.problem("inbound_audit")})
	c.ids = message.NewIDs(os.Getpid(), time.Now)
	c.validator = &validate.Validator{
		CallTimeout: 5 * time.Minute, NewID: c.newID, After: time.After,
		Problem: c.problem("validate"), Scripts: c.meters.ran, Called: c.meters.called,
	}
	c.hooks = &logHooks{validator: c.validator, problem: c.problem("validate")}
	c.outbound = &mailHooks{validator: c.validator, log: c.hooks, problem: c.problem("validate")}
	c.door = c.newDoor()
	c.door.Examine, c.door.Marks = c.examine, c.mark
	c.validator.Inject, c.validator.Settle = c.door.Inject, c.door.Settle
	c.hooks.lend, c.outbound.lend = c.door.Lend, c.door.Lend
	c.bounce = &bounce.Generator{
		Hostname: c.hostname, Now: time.Now, NewID: c.newID, Inject: c.door.Inject, Policy: c.outbound,
		OptionsFor: func(group, binding, domain string) *bounce.Options {
			return &c.lane(group, binding, domain).bounce
		},
	}
	c.courier = c.newCourier()
	c.adaptive = c.newAdaptive()
	c.queue = &queue.Queue{
		Log: records{c}, Clock: systemClock{}, Courier: blackholing{c.courier, c.adaptive, c.suppression}, Outcome: c.adaptive.Outcome, OnFail: c.bounce.Fail, Rebind: c.door.Rebind,
		Attempting: c.outbound.attempting, BeforeRetry: c.outbound.beforeRetry, Failing: c.outbound.failing, Asks: c.outbound.asks,
		OptionsFor:     func(l queue.Lane) *queue.Options { return c.adaptive.Shape(l).Queue },
		MaxConnections: func() int { return int(c.settings.Load().globals.MaxConnections) },
		Closed:         c.closed,
		Reserve:        func() int { return int(c.settings.Load().globals.Reserve) },
	}
	c.policies = c.newTLSPolicies()
	c.auth = c.directory()
	c.control = &control.Server{Table: &control.Table{Commands: c.commands()}, Guard: c.guard}
	c.smtp = smtpd.New(smtpd.Config{
		Validator: c.validator, Door: smtpd.ReceptionDoor(c.door), Log: records{c},
		ProfileFor: c.profile, Hostname: c.hostname, NewID: c.newID, Visits: c.audit,
		Problem: c.problem("smtpd"), Now: time.Now, After: time.After,
		Auth: c.auth, Account: c.account, Aliases: c.expandAlias, Blackhole: c.blackholed, Trace: c.tracers.Open,
	})
	c.http = c.httpServer()
	return c
}

func (c *Core) newDoor() *reception.Door {
	return &reception.Door{
		Log: records{c}, Validator: c.validator, Queue: func(m *message.Message) { c.queue.Insert(m) },
		Bindings: func() *binding.Table { return c.settings.Load().bindings },
		Unbound:  c.unbound,
		Usable:   func(b binding.Binding) bool { return c.closed(queue.Lane{Group: b.Group, Binding: b.Name}) == "" },
		Options:  func() *reception.Options { return &c.settings.Load().reception },
		Hostname: c.hostname, NewID: c.newID, Now: time.Now,
		IsFull: func(err error) bool { return errors.Is(err, spool.ErrFull) },
		Bounce: c.bounceRefused, PolicyTime: hookTime,
		Loop: func() *reception.LoopOptions { return c.settings.Load().loop },
	}
}

func (c *Core) newCourier() *delivery.Courier {
	return &delivery.Courier{
		NewConnID: c.newID, Hostname: c.hostname,
		RelayDomain: func(domain string) bool { return c.settings.Load().relayDomain(domain) },
		OptionsFor: func(group, binding, domain string) *delivery.Options {
			return c.adaptive.Shape(queue.Lane{Group: group, Binding: binding, Domain: domain}).Delivery
		},
		HostLimits: func(binding, host string) delivery.HostLimits {
			return c.settings.Load().hostLimits(binding, host)
		},
		Learned:    c.learned,
		AuthPolicy: authPolicy{c.outbound}, Connected: c.connected, Trace: c.tracers.Open,
	}
}

func (c *Core) newID() string { return c.ids.Next().String() }

func (c *Core) hostname() string { return c.settings.Load().globals.Hostname }

func (c *Core) lane(group, binding, domain string) *lane {
	return c.settings.Load().lane(queue.Lane{Group: group, Binding: binding, Domain: domain})
}

func (c *Core) problem(source string) func(string) {
	return func(text string) {
		c.logs.Panic(sdk.LogRecord{Level: sdk.LevelError, Source: source, Text: text})
	}
}

// profile is what smtpd asks for each session. Every combination of scopes was
// tried while the configuration was prepared, so it fails only if a TLS file
// changed under a running configuration.
func (c *Core) profile(listen string, peer netip.Addr) *smtpd.Profile {
	p, err := c.settings.Load().profile(listen, peer)
	if err != nil {
		c.problem("smtpd")(fmt.Sprintf("options of listener %q for %s: %v", listen, peer, err))
		return nil
	}
	return p
}

// bounceRefused is reception's way to tell a sender that policy refused one of
// several recipients.
func (c *Core) bounceRefused(ctx context.Context, m *message.Message, why *smtp.Reply) {
	a := &logs.Attempt{Message: m, Now: time.Now(), Domain: m.Domain(), Binding: m.Binding, Group: m.BindingGroup, Reply: why.String()}
	if err := c.bounce.Fail(ctx, a); err != nil {
		c.problem("bounce")(fmt.Sprintf("message %s: no bounce for a refused recipient: %v", m.ID, err))
	}
}

// systemClock is the real time.
type systemClock struct{}

// Now is part of queue.Clock.
func (systemClock) Now() time.Time { return time.Now() }

// AfterFunc is part of queue.Clock.
func (systemClock) AfterFunc(d time.Duration, f func()) queue.Timer { return time.AfterFunc(d, f) }

// part is something that starts and stops. Stop gets a context that ends when
// the drain does.
type part struct {
	name  string
	start func(ctx context.Context) error
	stop  func(ctx context.Context)
}

// parts is the start order; it stops in reverse, so that we stop accepting
// first and then drain (design section 2).
func (c *Core) parts() []part {
	return []part{
		{"logs", c.startLogs, func(context.Context) { c.stopLogs() }},
		{"audit", c.startAudit, func(context.Context) { c.audit.Stop() }},
		{"dns", c.startDNS, func(context.Context) { c.dns.Close() }},
		{"spool", c.startSpool, func(context.Context) { c.stopSpool() }},
		{"modules", c.startModules, func(context.Context) { c.stopModules() }},
		{"classifier", c.startRulebook, func(context.Context) { c.rulebook.Stop() }},
		{"suppression", c.startSuppression, func(context.Context) { c.stopSuppression() }},
		{"log hooks", func(context.Context) error { c.hooks.start(); return nil }, c.hooks.stop},
		{"adaptive", c.adapting.start, c.adapting.stop},
		{"tls policies", c.startTLSPolicies, c.stopTLSPolicies},
		{"queue", c.queue.Start, c.queue.Stop},
		{"bindings", c.startBindings, func(context.Context) { c.stopBindings() }},
		{"metrics", c.startMetrics, c.stopMetrics},
		{"control", c.startControl, func(context.Context) { c.control.Stop() }},
		{"smtpd", c.startSMTP, c.smtp.Drain},
		{"httpd", c.startHTTP, c.drainHTTP},
		{"follow", c.startFollow, func(context.Context) { c.stopFollow() }},
	}
}

// Run starts the server, and returns when it has stopped: after Shutdown, the
// end of ctx, or an error at the start.
func (c *Core) Run(ctx context.Context) error {
	started, err := c.start(ctx)
	if err == nil {
		c.up.Store(true)
		if c.opt.Ready != nil {
			c.opt.Ready()
		}
		select {
		case <-ctx.Done():
		case <-c.stop:
		}
		c.Shutdown() // /readyz says so
		c.logs.Yield()
		c.logs.Panic(sdk.LogRecord{Level: sdk.LevelNotice, Source: "core", Text: "shutting down"})
	}
	c.drain(started)
	return err
}

func (c *Core) start(ctx context.Context) ([]part, error) {
	c.reload.Lock() // a console may ask for a reload before all of it runs
	defer c.reload.Unlock()
	s, _, err := c.load()
	if err != nil {
		return nil, err
	}
	c.settings.Store(s)
	var started []part
	for _, p := range c.parts() {
		if err := p.start(ctx); err != nil {
			return started, fmt.Errorf("%s: %w", p.name, err)
		}
		started = append(started, p)
	}
	return started, nil
}

// drain stops what was started, last first.
func (c *Core) drain(started []part) {
	timeout := 30 * time.Second
	if s := c.settings.Load(); s != nil {
		timeout = s.globals.DrainTimeout
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	for i := len(started) - 1; i >= 0; i-- {
		started[i].stop(ctx)
	}
}

// Shutdown makes Run stop cleanly.
func (c *Core) Shutdown() { c.stopOnce.Do(func() { close(c.stop) }) }

// ReopenLogs opens the log files again, after a rotation.
func (c *Core) ReopenLogs() error { return c.logs.Reopen() }

func (c *Core) startLogs(context.Context) error {
	if err := c.logs.Open(c.settings.Load().logs); err != nil {
		return err
	}
	c.beat.Go(c.heartbeat)
	return nil
}

func (c *Core) stopLogs() {
	c.Shutdown()
	c.tracers.Close()
	c.beat.Wait()
	_ = c.logs.Close() // the end: there is no log left to say it in
}

// heartbeat writes the marks that show the logs are alive.
func (c *Core) heartbeat() {
	for {
		every := c.settings.Load().heartbeat
		if every <= 0 {
			every = time.Hour
		}
		select {
		case now := <-time.After(every):
			if c.settings.Load().heartbeat > 0 {
				c.logs.Heartbeat(now)
			}
		case <-c.stop:
			return
		}
	}
}

func (c *Core) startDNS(context.Context) (err error) {
	if c.dns, err = dns.New(c.settings.Load().dns); err != nil {
		return err
	}
	c.courier.Resolver = c.dns
	return nil
}

func (c *Core) startSpool(context.Context) error {
	config := c.settings.Load().spool
	o := config.Options()
	o.Log = c.logs.Panic
	c.spoolDir = o.Dir
	store, err := spool.Open(o)
	if err != nil {
		return err
	}
	c.useSpool(store)
	c.queue.HoldStore = holdFile{filepath.Join(o.Dir, holdFileName)}
	return nil
}

func (c *Core) useSpool(store *spool.Store) {
	c.spool = store
	c.door.Spool = spoolForDoor{store, c.meters.committed, c.logs.Held}
	c.queue.Spool = store
	records := delivery.Records(func(ref message.BodyRef) (delivery.Body, error) { return store.OpenBody(ref) })
	c.courier.Contents = records
	c.bounce.Open = func(m *message.Message) (io.ReadCloser, error) { return records.Open(m) }
}

func (c *Core) stopSpool() {
	if err := c.spool.Close(); err != nil {
		c.problem("spool")(err.Error())
	}
}

// spoolForDoor makes the spool's types those that the door knows.
type spoolForDoor struct {
	*spool.Store
	committed func(took time.Duration, err error)
	held      func() bool // a log is full that mail may not go without
}

// NewBody is part of reception.Spool.
func (s spoolForDoor) NewBody() (reception.BodyWriter, error) {
	if s.held() {
		return nil, spool.ErrFull
	}
	return s.Store.NewBody()
}

// OpenBody is part of reception.Spool.
func (s spoolForDoor) OpenBody(ref message.BodyRef) (reception.BodyReader, error) {
	return s.Store.OpenBody(ref)
}

// Commit is part of reception.Spool.
func (s spoolForDoor) Commit(ctx context.Context, entries []reception.Entry) error {
	if s.held() {
		return spool.ErrFull
	}
	b := spool.Batch{Entries: make([]spool.Entry, len(entries))}
	for i, e := range entries {
		b.Entries[i] = spool.Entry(e)
	}
	began := time.Now()
	err := s.Store.Commit(ctx, b)
	s.committed(time.Since(began), err)
	return err
}

func (c *Core) startControl(context.Context) error {
	if err := c.control.Listen(c.settings.Load().control); err != nil {
		return err
	}
	c.control.Start()
	return nil
}

// startSMTP listens on every endpoint before any of them accepts.
func (c *Core) startSMTP(context.Context) error {
	for _, name := range c.settings.Load().smtp {
		l, err := c.smtp.Listen(name, c.settings.Load().sockets[name])
		if err != nil {
			c.closeListeners()
			return err
		}
		c.listeners[name] = l
	}
	for _, l := range c.listeners {
		l.Start()
	}
	return c.writePID()
}

func (c *Core) closeListeners() {
	for _, l := range c.listeners {
		l.Close()
	}
}

func (c *Core) writePID() error {
	path := c.settings.Load().globals.PIDFile
	if path == "" {
		return nil
	}
	return os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644)
}
