package bounce

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
	classes "github.com/mtad/mtad/sdk/bounce"
	"github.com/mtad/mtad/sdk/smtp"
)

// Options are the bounce options of a lane (reference/config-options.tsv).
type Options struct {
	Generate     bool   `opt:"generate_bounces" default:"true" scopes:"binding,binding_group,domain,global" help:"Tell the sender of mail that failed after it was accepted."`
	FailuresTo   string `opt:"mdn_failures_notify" scopes:"binding,binding_group,domain,global" help:"Mailbox that is told of failed mail from the null sender, which is nobody's otherwise; unset: nobody."`
	MailerDaemon string `opt:"mailerdaemon" scopes:"binding,binding_group,domain,global" help:"From address of bounces; default mailer-daemon@<hostname>."`
	Original     string `opt:"bounces_inline_original" enum:"none,headers,all" default:"headers" scopes:"binding,binding_group,domain,global" help:"How much of the original a bounce carries."`
}

// Generator writes notifications. Its fields are set once.
type Generator struct {
	Hostname   func() string
	Now        func() time.Time
	NewID      func() string
	OptionsFor func(group, binding, domain string) *Options
	// Open reads a message's content, header section first.
	Open   func(m *message.Message) (io.ReadCloser, error)
	Inject func(ctx context.Context, in *sdk.Injection) ([]string, error)

	// Policy has the last word on bounces; nil: nobody is asked.
	Policy Policy
}

// Policy is asked about bounces. Where it fails it changes nothing: a bounce is
// owed to the sender.
type Policy interface {
	// Generate says whether a message gets a bounce (core_generate_bounces);
	// enabled is what the configuration says.
	Generate(ctx context.Context, m *message.Message, enabled bool) bool
	// Generated may edit the bounce of a message
	// (core_post_generate_rfc3464_message).
	Generated(ctx context.Context, m *message.Message, bounce *sdk.Injection)
}

// maxOriginal bounds what a notification carries of the original, in bytes.
const maxOriginal = 256 << 10

// varDouble marks, in its context, a notification that mdn_failures_notify got:
// its own failure is told to nobody.
const varDouble = "mdn_failures_notify"

// Fail tells the sender of a message's permanent failure. Of a bounce's failure,
// or of mail from the null sender, only mdn_failures_notify is told, once (RFC
// 5321 §6.1). It returns nil when nothing is owed to the sender any more.
func (g *Generator) Fail(ctx context.Context, a *logs.Attempt) error {
	m := a.Message
	o := g.OptionsFor(a.Group, a.Binding, a.Domain)
	to := m.Sender
	if to.Null() || m.Bounce {
		to = smtp.Address(o.FailuresTo)
		if _, again := m.Context.Get(varDouble); again || to.Null() {
			return nil
		}
	}
	if n := m.DSN.Notify; n != 0 && n&message.NotifyFailure == 0 || !g.wanted(ctx, m, o) { // RFC 3461 §4.1
		return nil
	}
	return g.tell(ctx, &notice{Attempt: a, action: classes.Failed, options: o, to: to})
}

// Tell tells the sender of a message's delay, or of what became of it, where
// nothing forbids it: it is for notifications that the configuration or the
// sender asks for (RFC 3461 §4.1).
func (g *Generator) Tell(ctx context.Context, a *logs.Attempt, action classes.Action) error {
	m := a.Message
	asked := message.NotifySuccess
	if action == classes.Delayed {
		asked = message.NotifyDelay
	}
	if m.Sender.Null() || m.Bounce || m.DSN.Notify != 0 && m.DSN.Notify&asked == 0 {
		return nil
	}
	return g.tell(ctx, &notice{Attempt: a, action: action, options: g.OptionsFor(a.Group, a.Binding, a.Domain), to: m.Sender})
}

func (g *Generator) tell(ctx context.Context, n *notice) error {
	in, err := g.notification(n)
	if err != nil {
		return fmt.Errorf("bounce for %s: %w", n.Message.ID, err)
	}
	if g.Policy != nil && n.action == classes.Failed {
		g.Policy.Generated(ctx, n.Message, in)
	}
	_, err = g.Inject(ctx, in)
	return err
}

// wanted reports whether a message gets a bounce.
func (g *Generator) wanted(ctx context.Context, m *message.Message, o *Options) bool {
	if g.Policy == nil {
		return o.Generate
	}
	return g.Policy.Generate(ctx, m, o.Generate)
}
