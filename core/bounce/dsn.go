package bounce

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strings"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mail"
	"github.com/mtad/mtad/sdk/smtp"
)

// Options are the bounce options of a lane (reference/config-options.tsv).
type Options struct {
	Generate     bool   `opt:"generate_bounces" default:"true" scopes:"binding,binding_group,domain,global" help:"Tell the sender of mail that failed after it was accepted."`
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

// Fail tells the sender of a message's permanent failure. Nobody is told of a
// bounce's failure, or of a message from the null sender (RFC 5321 §6.1). It
// returns nil when nothing is owed to the sender any more.
func (g *Generator) Fail(ctx context.Context, a *logs.Attempt) error {
	m := a.Message
	o := g.OptionsFor(a.Group, a.Binding, a.Domain)
	if m.Sender.Null() || m.Bounce || !g.wanted(ctx, m, o) {
		return nil
	}
	in, err := g.notification(a, o)
	if err != nil {
		return fmt.Errorf("bounce for %s: %w", m.ID, err)
	}
	if g.Policy != nil {
		g.Policy.Generated(ctx, m, in)
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

func (g *Generator) notification(a *logs.Attempt, o *Options) (*sdk.Injection, error) {
	original, err := g.original(a.Message, o.Original)
	if err != nil {
		return nil, err
	}
	boundary := "=_" + strings.ReplaceAll(g.NewID(), "/", "_")
	body := g.body(a, boundary, original, o.Original)
	return &sdk.Injection{
		Sender:     "", // RFC 3464 §2: the return address is null, so that no bounce answers a bounce
		Recipients: []smtp.Address{a.Message.Sender}, Bounce: true,
		Header: g.header(a.Message, o, boundary),
		Body:   sdk.Body{Size: int64(len(body)), Inline: body, Changed: true},
	}, nil
}

// original is what of the failed message goes along.
func (g *Generator) original(m *message.Message, how string) ([]byte, error) {
	if how == "none" || m.Content.Body == (message.BodyRef{}) {
		return nil, nil
	}
	r, err := g.Open(m)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, maxOriginal))
	if err != nil {
		return nil, err
	}
	if how == "headers" {
		raw, _ = mail.SplitMessage(raw)
	}
	return raw, nil
}

func (g *Generator) header(m *message.Message, o *Options, boundary string) []byte {
	from := o.MailerDaemon
	if from == "" {
		from = "mailer-daemon@" + g.Hostname()
	}
	var b bytes.Buffer
	field := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	field("From", "Mail Delivery System <"+from+">")
	field("To", m.Sender.Path())
	field("Subject", "Mail Delivery Failure")
	field("Date", g.Now().Format(time.RFC1123Z))
	field("Message-ID", "<"+strings.ReplaceAll(g.NewID(), "/", ".")+"@"+g.Hostname()+">")
	field("Auto-Submitted", "auto-replied") // RFC 3834 §5
	field("MIME-Version", "1.0")
	field("Content-Type", "multipart/report; report-type=delivery-status;\r\n\tboundary=\""+boundary+"\"") // RFC 6522 §3
	return b.Bytes()
}

// body is the three parts of a report: for people, for machines, and the
// original.
func (g *Generator) body(a *logs.Attempt, boundary string, original []byte, how string) []byte {
	var b bytes.Buffer
	part := func(kind string) { fmt.Fprintf(&b, "--%s\r\n%s\r\n\r\n", boundary, kind) }
	part("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable")
	w := quotedprintable.NewWriter(&b)
	fmt.Fprintf(w, "This message could not be delivered:\r\n\r\n  recipient: %s\r\n  reason:    %s\r\n\r\nIt will not be tried again.\r\n",
		a.Message.Recipient, oneLine(a.Reply))
	_ = w.Close()
	b.WriteString("\r\n")
	part("Content-Type: message/delivery-status")
	g.status(&b, a)
	if len(original) > 0 {
		kind := "Content-Type: text/rfc822-headers"
		if how == "all" {
			kind = "Content-Type: message/rfc822"
		}
		part(kind)
		b.Write(original)
		if !bytes.HasSuffix(original, []byte("\r\n")) {
			b.WriteString("\r\n")
		}
	}
	fmt.Fprintf(&b, "--%s--\r\n", boundary)
	return b.Bytes()
}

// status is the machine-readable part (RFC 3464 §2.2, §2.3).
func (g *Generator) status(b *bytes.Buffer, a *logs.Attempt) {
	m := a.Message
	fmt.Fprintf(b, "Reporting-MTA: dns; %s\r\n", g.Hostname())
	fmt.Fprintf(b, "Arrival-Date: %s\r\n\r\n", m.Received.Format(time.RFC1123Z))
	fmt.Fprintf(b, "Final-Recipient: rfc822; %s\r\n", m.Recipient)
	fmt.Fprintf(b, "Action: failed\r\nStatus: %s\r\n", status(a.Reply))
	if a.Remote.IsValid() {
		fmt.Fprintf(b, "Remote-MTA: dns; [%s]\r\n", a.Remote.Unmap())
	}
	fmt.Fprintf(b, "Diagnostic-Code: smtp; %s\r\nLast-Attempt-Date: %s\r\n\r\n", oneLine(a.Reply), a.Now.Format(time.RFC1123Z))
}

// status is the enhanced code of a reply, or the one its class stands for
// (RFC 3463 §2).
func status(reply string) string {
	fields := strings.Fields(reply)
	if len(fields) > 1 && smtp.IsEnhanced(fields[1]) {
		return fields[1]
	}
	if strings.HasPrefix(reply, "4") {
		return "4.0.0"
	}
	return "5.0.0"
}

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
