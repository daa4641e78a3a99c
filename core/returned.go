package core

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/mtad/mtad/core/bounce"
	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/reception"
	"github.com/mtad/mtad/core/smtpd"
	"github.com/mtad/mtad/sdk"
	classes "github.com/mtad/mtad/sdk/bounce"
	"github.com/mtad/mtad/sdk/mail"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/smtp"
)

// returned is what a configuration says of mail that comes back.
type returned struct {
	fbl        *bounce.FBL // nil: no fbl scope
	delay      bool        // a delay_dsn scope is there
	suppressed func(address string) bool
	patterns   map[string]*regexp.Regexp
	domains    sync.Map // pathway -> []string, of bounce_domains
}

// delayScope is the delay_dsn scope, which switches its options on.
type delayScope struct {
	DebugLevel string `opt:"debug_level" help:"Taken for compatibility."`
}

// comesBack takes the options of bounces, feedback loops and delays.
func (s *settings) comesBack(root *option.Scope) option.Problems {
	s.returned = &returned{delay: len(root.Children("delay_dsn")) > 0, patterns: map[string]*regexp.Regexp{}}
	bad := bounce.CheckPatterns(root, func(text string) error {
		re, err := regexp.Compile("(?i)" + text)
		s.returned.patterns[text] = re
		return err
	})
	var list bounce.SuppressOptions
	bad = append(bad, option.DecodeLayers(&list, root)...)
	s.returned.suppressed = list.Suppressed()
	for _, scope := range root.Children("fbl") {
		var o bounce.FBLOptions
		bad = append(bad, option.Decode(scope, &o)...)
		f, problems := bounce.NewFBL(o)
		bad = append(bad, problems...)
		if s.returned.fbl = f; o.AutoLog {
			setPath(&s.logs.FBLlog, o.LogPath)
		}
	}
	return bad
}

// bounceDomain reports a domain whose mail is examined as bounces.
func (s *settings) bounceDomain(pathway, domain string) bool {
	v, ok := s.returned.domains.Load(pathway)
	if !ok {
		var o smtpd.Options
		option.DecodeLayers(&o, s.tree.Layers.Pathway(pathway)...) // checked at load
		v, _ = s.returned.domains.LoadOrStore(pathway, o.BounceDomains)
	}
	list, _ := v.([]string)
	for _, glob := range list { // manual, bounce_domains: a * at the left alone
		if end, any := strings.CutPrefix(strings.ToLower(glob), "*"); any && strings.HasSuffix(domain, end) || strings.EqualFold(glob, domain) {
			return true
		}
	}
	return false
}

// replyDiscarded is in the rejectlog for a bounce or report that ends here
// (manual, bounce_logger).
var replyDiscarded = smtp.NewReply(550, "5.7.1", "[internal] discarded by policy")

// examine looks for bounces and complaints among the mail that comes in. Nothing
// is sent for any of it.
func (c *Core) examine(_ context.Context, m *sdk.Message, content func() (*mail.Part, error)) reception.Finding {
	s := c.settings.Load()
	pathway, _ := m.ConnContext.Get("pathway")
	isReport := s.returned.fbl != nil && s.returned.fbl.Takes(m.Recipient)
	o, isBounce := s.inbound(pathway, m.Recipient)
	if !isReport && !isBounce {
		return reception.Finding{}
	}
	root, err := content()
	if err != nil {
		c.problem("bounce")("message " + m.ID + " cannot be examined: " + err.Error())
		return reception.Finding{}
	}
	var f reception.Finding
	var record []func()
	if isBounce {
		record = append(record, c.outOfBand(s, m, root))
		if o.Behavior == "blackhole" {
			f.Discard = replyDiscarded
		}
	}
	if isReport {
		record = append(record, c.complaint(s.returned.fbl, m, root))
		if s.returned.fbl.Options.Disposition == "blackhole" {
			f.Discard = replyDiscarded
		}
	}
	f.Record = func() {
		for _, do := range record {
			do()
		}
	}
	return f
}

// inbound says whether mail to an address is examined as a bounce, and what
// becomes of it.
func (s *settings) inbound(pathway string, to smtp.Address) (o bounce.InboundOptions, isBounce bool) {
	domain := strings.ToLower(to.Domain())
	if !s.bounceDomain(pathway, domain) {
		return o, false
	}
	option.DecodeLayers(&o, s.tree.Layers.Outbound("", "", domain)...) // checked at load
	re := s.returned.patterns[o.Pattern]
	return o, o.Pattern == "" || re != nil && re.MatchString(string(to))
}

// outOfBand reads a bounce, and gives what logs it.
func (c *Core) outOfBand(s *settings, m *sdk.Message, root *mail.Part) func() {
	b := bounce.ReadOutOfBand(root, c.rulebook.Current(), s.returned.suppressed)
	a := &logs.Attempt{
		Message: &message.Message{
			ID: m.ID, BatchID: m.BatchID, Sender: m.Recipient, Recipient: b.Recipient, Received: m.Created,
			Content: message.Content{Size: m.Size()},
		},
		ConnID: m.ConnID, Binding: "default", Group: "default", Stage: logs.StageOutOfBand, Remote: m.RecvFrom.Addr(), Reply: b.Text, Class: int(b.Class),
	}
	ours := false              // shown by a digest; anybody can write a bounce
	if s.returned.fbl != nil { // our own field knows more
		if mark, _, ok, err := s.returned.fbl.Complaint(root); ok && err == nil {
			a.Binding, a.Group = mark.Binding, mark.Group
			ours = s.returned.fbl.Options.HeaderKey != ""
			if b.Recipient == "" {
				a.Message.Recipient = mark.Recipient
			}
		}
	}
	return func() {
		a.Now = time.Now()
		c.logs.OutOfBand(a)
		if ours {
			c.suppression.Failed(a.Message.Recipient, b.Class)
		}
	}
}

// complaint reads a report of a feedback loop, and gives what logs it.
func (c *Core) complaint(f *bounce.FBL, m *sdk.Message, root *mail.Part) func() {
	mark, kind, ok, err := f.Complaint(root)
	if err != nil {
		c.problem("fbl")("message " + m.ID + " is no complaint about our mail: " + err.Error())
	}
	if !ok || !f.Options.AutoLog {
		return func() {}
	}
	domain := m.Sender.Domain()
	if domain == "" { // reports come from the null sender, too
		for _, v := range mail.Header(m.Header, "From") {
			for _, a := range mail.ParseAddresses(v) {
				domain = a.Component(mail.ComponentDomain)
			}
		}
	}
	return func() {
		c.suppression.Complained(mark.Recipient)
		c.logs.Complaint(&logs.Complaint{
			Now: time.Now(), ID: m.ID, Recipient: mark.Recipient, Binding: mark.Binding, Group: mark.Group,
			Type: kind, Domain: domain, UserString: mark.UserString,
		})
	}
}

// mark adds the field of the feedback loop to a message that is about to be
// queued.
func (c *Core) mark(m *sdk.Message, binding, group string) {
	s := c.settings.Load()
	if s.returned.fbl == nil {
		return
	}
	domain := m.RoutingDomain
	if domain == "" {
		domain = m.Recipient.Domain()
	}
	if s.returned.fbl.Wants(m, c.lane(group, binding, domain).fbl.Insert == "enabled") {
		m.Header = append(m.Header[:len(m.Header):len(m.Header)], s.returned.fbl.Field(m, binding, group)...)
	}
}

// relayed tells a sender who asked for it that a message went to a server that
// was not told so (RFC 3461 §5.2.2).
func (c *Core) relayed(a *logs.Attempt) {
	if a.PassedDSN || a.Message.DSN.Notify&message.NotifySuccess == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), noticeTime)
	defer cancel()
	if err := c.bounce.Tell(ctx, a, classes.Relayed); err != nil {
		c.problem("bounce")("message " + a.Message.ID + ": no notice that it was relayed: " + err.Error())
	}
}

// noticeTime bounds the work on one notice.
const noticeTime = 30 * time.Second

// delayed tells the sender of a delay where that is due.
func (c *Core) delayed(a *logs.Attempt) {
	if !c.settings.Load().returned.delay {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), noticeTime)
	defer cancel()
	if err := c.bounce.Delay(ctx, a, &c.lane(a.Group, a.Binding, a.Domain).delay); err != nil {
		c.problem("delay_dsn")("message " + a.Message.ID + ": no notice of its delay: " + err.Error())
	}
}
