package core

import (
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/core/adaptive"
	"github.com/mtad/mtad/core/alias"
	"github.com/mtad/mtad/core/audit"
	"github.com/mtad/mtad/core/auth"
	"github.com/mtad/mtad/core/binding"
	"github.com/mtad/mtad/core/bounce"
	"github.com/mtad/mtad/core/control"
	"github.com/mtad/mtad/core/delivery"
	"github.com/mtad/mtad/core/dns"
	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/modules"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/core/reception"
	"github.com/mtad/mtad/core/smtpd"
	"github.com/mtad/mtad/core/spool"
	"github.com/mtad/mtad/core/tlsrpt"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// settings are everything the parts take from one configuration. They do not
// change: a reload makes new ones and swaps them.
type settings struct {
	tree      *conf.Tree
	schema    *option.Schema
	globals   globals
	dns       *dns.Settings
	reception reception.Options
	policies  policyOptions
	tlsrpt    tlsrpt.Options
	loop      *reception.LoopOptions // nil: no mail_loop scope
	bindings  *binding.Table
	logs      logs.Options
	heartbeat time.Duration
	spool     spool.Config
	audit     *audit.Settings
	modules   []modules.ModuleConfig
	warnings  []string

	relayDomains []string // the global ones
	auth         *auth.Schemes
	aliases      *alias.Schemes
	roles        []role
	adaptive     *adaptiveSettings // nil: no adaptive scope
	conntrol     smtpd.Conntrol
	sockets      map[string]smtpd.Socket // by listen scope of esmtp_listener
	smtp         []string                // listen scopes of esmtp_listener, in file order
	control      []control.Listen
	http         []httpListen // in file order

	outbound outboundCache
	sessions sessionCache
	requests sessionCache // of http_listener: layersKey -> *httpd.Profile
	rates    rateCache
	paths    map[*option.Scope]string
	rollsUp  bool // a host scope has rollup_mx
	mx       *mxMemory

	overrides   *bounce.OverrideOptions // nil: no bounce_classifier_override scope
	returned    *returned
	suppression *bounce.SuppressionOptions // nil: no suppression_list scope
}

// newSettings decodes a checked tree. Problems are the options that only their
// owner can judge.
func newSettings(tree *conf.Tree, schema *option.Schema) (*settings, option.Problems) {
	s := &settings{tree: tree, schema: schema, mx: &mxMemory{}}
	root := tree.Root
	var bad option.Problems
	bad = append(bad, option.DecodeLayers(&s.globals, root)...)
	bad = append(bad, option.DecodeLayers(&s.reception, root)...)
	bad = append(bad, option.DecodeLayers(&s.policies, root)...)
	bad = append(bad, option.DecodeLayers(&s.tlsrpt, root)...)
	var resolver dns.Options
	bad = append(bad, option.DecodeLayers(&resolver, root)...)
	if len(bad) == 0 {
		var err error
		if s.dns, err = dns.Prepare(resolver); err != nil {
			bad = append(bad, option.Problem{Pos: posOf(root, "nameservers"), Text: err.Error()})
		}
	}
	if s.globals.Hostname == "" {
		s.globals.Hostname = systemName()
	}
	var reception smtpd.Options
	bad = append(bad, option.DecodeLayers(&reception, root)...)
	s.relayDomains = reception.RelayDomains
	store, problems := spool.ReadConfig(root)
	bad = append(bad, problems...)
	s.spool = store
	for _, w := range store.Warnings() {
		s.warnings = append(s.warnings, w.Text)
	}
	counted, problems := audit.Prepare(root.Children("inbound_audit"))
	bad = append(bad, problems...)
	s.audit = counted
	s.bindings = bindingTable(tree.Layers)
	s.paths, s.rollsUp = scopePaths(root)
	bad = append(bad, checkRoutes(root)...)
	bad = append(bad, s.loggers(root)...)
	bad = append(bad, s.authentication(root)...)
	bad = append(bad, s.readAliases(root)...)
	bad = append(bad, s.mailLoop(root)...)
	bad = append(bad, s.classifier(root)...)
	bad = append(bad, s.comesBack(root)...)
	bad = append(bad, s.suppressionList(root)...)
	bad = append(bad, s.adaptiveOptions(root)...)
	bad = append(bad, s.listeners(root)...)
	bad = append(bad, s.connectionControl(root)...)
	return s, bad
}

func posOf(scope *option.Scope, name string) option.Pos {
	if a, ok := scope.Attr(name); ok {
		return a.Pos
	}
	return scope.Pos
}

func systemName() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return name
}

func bindingTable(l *conf.Layers) *binding.Table {
	group := map[string]string{}
	for _, g := range l.Groups() {
		for _, b := range g.Bindings {
			group[b] = g.Name
		}
	}
	var list []binding.Binding
	for _, name := range l.Bindings() {
		list = append(list, binding.Binding{Name: name, Group: group[name]})
	}
	return binding.NewTable(list)
}

// loggers takes the ec_logger and bounce_logger scopes. Several loggers of a
// kind are one: the last path given for a stream counts.
func (s *settings) loggers(root *option.Scope) option.Problems {
	var bad option.Problems
	s.logs.Level = sdk.LevelNotice
	for _, scope := range root.Children("ec_logger") {
		var o loggerOptions
		if bad = append(bad, option.Decode(scope, &o)...); !o.Enabled {
			continue
		}
		setPath(&s.logs.Mainlog, o.Mainlog)
		setPath(&s.logs.Rejectlog, o.Rejectlog)
		if o.Errors {
			setPath(&s.logs.Paniclog, o.Paniclog)
		}
		setPath(&s.logs.Acctlog, o.Acctlog)
		setPath(&s.logs.JSONlog, o.JSONlog)
		s.logs.Mode, s.heartbeat = os.FileMode(o.Mode), o.Heartbeat
		s.logs.NoReceptions, s.logs.NoDeliveries = !o.Receptions, !o.Deliveries
		s.logs.NoTransientFailures, s.logs.NoPermanentFailures = !o.Transient, !o.Permanent
		s.logs.NoRejections, s.logs.NoErrors = !o.Rejections, !o.Errors
		s.outboxOf(scope, &o)
	}
	s.outbox()
	for _, scope := range root.Children("bounce_logger") {
		var o bounceLoggerOptions
		if bad = append(bad, option.Decode(scope, &o)...); o.Enabled {
			setPath(&s.logs.Bouncelog, o.Bouncelog)
			s.logs.NoInbandBounces, s.logs.NoOutOfBandBounces, s.logs.NoTransientBounces = !o.Inband, !o.OutOfBand, !o.Transient
		}
	}
	return append(append(bad, s.httpLogger(root)...), checkDestinations(root)...)
}

func setPath(to *string, path string) {
	if path != "" {
		*to = strings.TrimPrefix(path, "file://") // reference/logs.md, "Destinations"
	}
}

// listeners collects the endpoints.
func (s *settings) listeners(root *option.Scope) option.Problems {
	var bad option.Problems
	for _, l := range root.Children("esmtp_listener") {
		for _, listen := range l.Children("listen") {
			var o listenerOptions
			if bad = append(bad, option.DecodeLayers(&o, root, l, listen)...); o.Enable {
				s.smtp = append(s.smtp, listen.Instance)
				bad = append(bad, s.socket(root, l, listen)...)
			}
		}
	}
	bad = append(bad, s.httpListeners(root)...)
	for _, l := range root.Children("control_listener") {
		for _, listen := range l.Children("listen") {
			var o listenerOptions
			var c controlOptions
			bad = append(bad, option.DecodeLayers(&o, root, l, listen)...)
			bad = append(bad, option.DecodeLayers(&c, root, l, listen)...)
			if !o.Enable {
				continue
			}
			bad = append(bad, s.checkGuard(listen)...)
			s.control = append(s.control, control.Listen{Addr: listen.Instance, Mode: os.FileMode(c.Mode), Idle: c.Timeout})
		}
	}
	return bad
}

// lane are the options of one lane, for each of their owners.
type lane struct {
	queue    queue.Options
	delivery delivery.Options
	bounce   bounce.Options
	delay    bounce.DelayOptions
	fbl      bounce.FBLInsertion
	adaptive adaptive.Options
	rate     option.Throttle // outbound_throttle_messages
	sweeps   []adaptive.Sweep
	layers   []*option.Scope
	rollup   string // the name that the domain is rolled up under, "": none
	known    bool   // whether it is, as far as anybody asks
}

// outboundCache keeps what was resolved for a lane: there are as many as lanes,
// and delivery asks for each batch. It is dropped whole when it grows too large.
type outboundCache struct {
	mu    sync.Mutex
	lanes map[queue.Lane]*lane
}

// maxCached bounds the caches of resolved options.
const maxCached = 50_000

// lane resolves the options of a lane (reference/config-syntax.md §2).
func (s *settings) lane(key queue.Lane) *lane {
	c := &s.outbound
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.lanes[key]; l != nil {
		return l
	}
	l := s.resolve(key)
	if c.lanes == nil || len(c.lanes) >= maxCached {
		c.lanes = map[queue.Lane]*lane{}
	}
	c.lanes[key] = l
	return l
}

// sessionCache keeps a profile for each combination of scopes that peers met.
type sessionCache struct{ profiles sync.Map } // layersKey -> *smtpd.Profile

// layersKey is a combination of scopes. More than these are never in force for
// a session (conf.Layers.Session).
type layersKey [8]*option.Scope

// profile resolves the options of a peer at a listener.
func (s *settings) profile(listen string, peer netip.Addr) (*smtpd.Profile, error) {
	layers := s.tree.Layers.Session(conf.SessionKey{Listener: "esmtp_listener", Listen: listen, Peer: peer})
	var key layersKey
	copy(key[:], layers)
	if p, ok := s.sessions.profiles.Load(key); ok {
		return p.(*smtpd.Profile), nil
	}
	var o smtpd.Options
	option.DecodeLayers(&o, layers...)
	p, err := smtpd.NewProfileWith(o, s.conntrol)
	if err != nil {
		return nil, err
	}
	p.Listed = smtpd.Listed{Extensions: narrow(conf.Origin(layers, "smtp_extensions")), Proxy: narrow(conf.Origin(layers, "proxy_protocol"))}
	p.Messages = s.limiter(conf.Origin(layers, "inbound_throttle_messages"), "inbound_throttle_messages", o.MessageRate)
	p.Reception = new(reception.Options)
	option.DecodeLayers(p.Reception, layers...)
	if origin := conf.Origin(layers, "listener_sessions"); origin != nil {
		p.SessionScope = origin.Name + " " + origin.Instance
	}
	p.PathwayGroup = s.tree.Layers.PathwayGroup(p.Pathway)
	s.sessions.profiles.Store(key, p)
	return p, nil
}
