package core

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	shipped "github.com/mtad/mtad/conf/default"
	"github.com/mtad/mtad/core/adaptive"
	"github.com/mtad/mtad/core/bounce"
	"github.com/mtad/mtad/core/delivery"
	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/sdk"
	rules "github.com/mtad/mtad/sdk/adaptive"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/smtp"
)

// adaptiveSettings are what a configuration says of adaptive delivery.
type adaptiveSettings struct {
	module adaptive.Module
	store  adaptive.Store
	rules  rules.Rules // before scripts add theirs
}

// adaptiveOptions takes the scopes of adaptive delivery. It is on where the scope
// adaptive is there (manual, adaptive – Configuration).
func (s *settings) adaptiveOptions(root *option.Scope) option.Problems {
	bad := checkAdaptive(root)
	scopes := root.Children("adaptive")
	if len(scopes) == 0 {
		return bad
	}
	a := &adaptiveSettings{}
	bad = append(bad, option.DecodeLayers(&a.module, scopes...)...)
	bad = append(bad, option.DecodeLayers(&a.store, root.Children("adaptive_backstore_leveldb")...)...)
	if a.module.Rules {
		var err error
		if a.rules, err = rules.Parse(shipped.AdaptiveRules()); err != nil {
			bad = append(bad, option.Problem{Pos: scopes[0].Pos, Text: "the rules that come with mtad: " + err.Error()})
		}
	}
	if a.module.Logging && a.module.LogBase != "" {
		s.logs.Adaptive = filepath.Join(a.module.LogBase, "adaptive.log")
	}
	s.adaptive = a
	return bad
}

// checkAdaptive looks at what the schema cannot say, in every scope.
func checkAdaptive(scope *option.Scope) option.Problems {
	bad := adaptive.CheckOptions(scope)
	for i := range scope.Scopes {
		if inner := &scope.Scopes[i]; inner.Name == "adaptive_sweep_rule" {
			bad = append(bad, adaptive.CheckSweep(inner)...)
		} else {
			bad = append(bad, checkAdaptive(inner)...)
		}
	}
	return bad
}

// addSweepRules puts the scope of a sweep rule where it may stand.
func addSweepRules(s *option.Schema) {
	for i := range s.Scopes {
		addSweepRules(&s.Scopes[i])
	}
	switch s.Name {
	case "global", "domain", "binding", "binding_group":
		s.Scopes = append(s.Scopes, withInstance(option.SchemaOf("adaptive_sweep_rule", adaptive.Sweep{})))
	}
}

// sweepRules are those of a lane: of two with one name the more specific one
// counts, also where its scope is disabled (reference/config-syntax.md §2).
func sweepRules(layers []*option.Scope) []adaptive.Sweep {
	enabled := true
	var order []string
	found := map[string]*adaptive.Sweep{}
	for _, layer := range layers {
		var o adaptive.Options
		if _, set := layer.Attr("adaptive_sweep_rule_enabled"); set {
			option.DecodeLayers(&o, layer)
			enabled = o.SweepEnabled
		}
		for _, scope := range layer.Children("adaptive_sweep_rule") {
			rule := &adaptive.Sweep{}
			option.Decode(scope, rule)
			rule.Name = scope.Instance
			if _, known := found[rule.Name]; !known {
				order = append(order, rule.Name)
			}
			found[rule.Name] = nil
			if enabled && len(rule.Codes) > 0 {
				found[rule.Name] = rule
			}
		}
	}
	var list []adaptive.Sweep
	for _, name := range order {
		if rule := found[name]; rule != nil {
			list = append(list, *rule)
		}
	}
	if !enabled {
		return list
	}
	return adaptive.Defaults(list)
}

// adaptiveRules are the settings of a prepared configuration with the rules that
// its scripts registered, nil where adaptive delivery is off. Scripts were told
// of mistakes when they registered.
func (p *prepared) adaptiveRules() *adaptive.Settings {
	a := p.settings.adaptive
	registered := p.modules.AdaptiveRules()
	if a == nil {
		if len(registered) > 0 {
			p.warnings = append(p.warnings, "a script registered rules for adaptive delivery, and there is no adaptive scope: they do nothing")
		}
		return nil
	}
	all := a.rules
	for _, text := range registered {
		var r sdk.AdaptiveRules
		err := json.Unmarshal(text, &r)
		var mode rules.Mode
		var more rules.Rules
		if err == nil {
			mode, err = rules.ParseMode(r.Mode)
		}
		if err == nil {
			more, err = rules.Parse(r.Rules)
		}
		if err != nil {
			p.warnings = append(p.warnings, "rules for adaptive delivery were left out: "+err.Error())
			continue
		}
		all = all.With(more, mode)
	}
	return adaptive.NewSettings(a.module, a.store, all)
}

// adapting is the core's side of adaptive delivery.
type adapting struct {
	c      *Core
	mails  sync.WaitGroup
	ctx    context.Context
	cancel context.CancelFunc
}

// newAdaptive makes the engine, off.
func (c *Core) newAdaptive() *adaptive.Engine {
	c.adapting = &adapting{c: c}
	c.adapting.ctx, c.adapting.cancel = context.WithCancel(context.Background())
	return adaptive.New(adaptive.Config{
		Clock: systemClock{}, Classify: func(reply string) int { return int(c.rulebook.Class(reply, "")) },
		Base: func(l queue.Lane) adaptive.Base {
			o := c.lane(l.Group, l.Binding, l.Domain)
			return adaptive.Base{Queue: &o.queue, Delivery: &o.delivery, Rate: o.rate, Options: &o.adaptive, Sweeps: o.sweeps}
		},
		Changed: func(l queue.Lane) { c.queue.Reshape(l) },
		Tell:    c.adapting.tell, Alert: c.adapting.mail, Problem: c.problem("adaptive"),
	})
}

func (a *adapting) start(context.Context) error {
	a.c.adaptive.Start()
	return nil
}

func (a *adapting) stop(ctx context.Context) {
	a.c.adaptive.Stop()
	defer context.AfterFunc(ctx, a.cancel)()
	a.mails.Wait()
	a.cancel()
}

// tell writes an event to the paniclog and to the adaptive log.
func (a *adapting) tell(e adaptive.Event) {
	at := e.Lane.Binding + " " + e.Lane.Domain
	a.c.logs.Panic(sdk.LogRecord{Level: sdk.LevelNotice, Source: "adaptive", Text: at + ": " + e.Text})
	a.c.logs.Adaptation(&logs.Adaptation{Now: time.Now(), Binding: e.Lane.Binding, Domain: e.Lane.Domain, Level: "NOTICE", Text: e.Text})
}

// maxAlertLine keeps a line of a mail within RFC 5322 §2.1.1.
const maxAlertLine = 990

// alertTime bounds the work on one mail.
const alertTime = time.Minute

// mail tells who is to be told. Nobody waits for it.
func (a *adapting) mail(e adaptive.Event, o *adaptive.Options) {
	in := a.compose(e, o)
	a.mails.Go(func() {
		ctx, cancel := context.WithTimeout(a.ctx, alertTime)
		defer cancel()
		if _, err := a.c.door.Inject(ctx, in); err != nil {
			a.c.problem("adaptive")("the mail about " + e.Lane.Domain + " could not be queued: " + err.Error())
		}
	})
}

func (a *adapting) compose(e adaptive.Event, o *adaptive.Options) *sdk.Injection {
	host := a.c.hostname()
	from := o.AlertFrom
	if from == "" {
		from = "postmaster@" + host
	}
	var to []smtp.Address
	var shown []string
	for _, item := range o.AlertTo {
		for _, address := range strings.FieldsFunc(item, func(r rune) bool { return r == ' ' || r == ',' }) {
			to, shown = append(to, smtp.Address(address)), append(shown, "<"+address+">")
		}
	}
	text := e.Text[:min(len(e.Text), maxAlertLine)]
	body := []byte(fmt.Sprintf("Adaptive delivery on %s changed the way of mail.\r\n\r\nBinding: %s\r\nDomain: %s\r\n%s\r\n", host, e.Lane.Binding, e.Lane.Domain, text))
	return &sdk.Injection{
		Sender: smtp.Address(from), Recipients: to,
		Header: []byte("From: <" + from + ">\r\nTo: " + strings.Join(shown, ", ") + "\r\nSubject: adaptive delivery: " + e.Kind + " for " + e.Lane.Domain +
			"\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"),
		Body: sdk.Body{Size: int64(len(body)), Inline: body, Changed: true},
	}
}

// replyAdaptiveBlackhole is what the log has for discarded mail.
var replyAdaptiveBlackhole = smtp.NewReply(250, "2.0.0", "[internal] blackholed by adaptive delivery")

// blackholing discards mail where adaptive delivery says so, and delivers the
// rest.
type blackholing struct {
	*delivery.Courier
	engine *adaptive.Engine
	list   *bounce.Suppression
}

// Serve is part of queue.Courier.
func (b blackholing) Serve(ctx context.Context, lane queue.Lane, src queue.Source) {
	for b.engine.Blackholed(lane) != nil {
		batch := src.Next(ctx, 0)
		if batch == nil {
			return
		}
		for _, m := range batch.Messages {
			src.Settle(m, queue.Result{Verdict: queue.Delivered, Reply: replyAdaptiveBlackhole})
		}
	}
	b.Courier.Serve(ctx, lane, unsuppressed{src, b.list})
}
