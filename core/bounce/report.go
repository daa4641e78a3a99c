package bounce

import (
	"bytes"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strconv"
	"strings"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
	classes "github.com/mtad/mtad/sdk/bounce"
	"github.com/mtad/mtad/sdk/mail"
	"github.com/mtad/mtad/sdk/smtp"
)

// notice is one notification that is written.
type notice struct {
	*logs.Attempt
	action   classes.Action
	options  *Options
	to       smtp.Address
	original []byte
	whole    bool // the original's body goes along
}

// global says that the report is one of RFC 6533: the sender's side took a
// message with SMTPUTF8, so it reads such reports.
func (n *notice) global() bool {
	return n.Message.SMTPUTF8 && !(ascii(string(n.Message.Sender)) && ascii(string(n.Message.Recipient)) && ascii(n.Reply))
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}

func (g *Generator) notification(n *notice) (*sdk.Injection, error) {
	how := n.options.Original
	switch ret := n.Message.DSN.Ret; { // RFC 3461 §4.3
	case how == "none":
	case n.action != classes.Failed, ret == "HDRS": // RFC 3461 §6.2: for other than failures the headers alone
		how = "headers"
	case ret == "FULL":
		how = "all"
	}
	var err error
	if n.original, err = g.original(n.Message, how); err != nil {
		return nil, err
	}
	n.whole = how == "all"
	boundary := "=_" + strings.ReplaceAll(g.NewID(), "/", "_")
	body := g.body(n, boundary)
	in := &sdk.Injection{
		Sender:     "", // RFC 3464 §2: the return address is null, so that no bounce answers a bounce
		Recipients: []smtp.Address{n.to}, Bounce: true,
		Header: g.header(n, boundary, body),
		Body:   sdk.Body{Size: int64(len(body)), Inline: body, Changed: true},
	}
	if !ascii(string(body)) {
		in.Context.Set("#8bitmime", "1")
	}
	if n.Message.Sender.Null() || n.Message.Bounce {
		in.Context.Set(varDouble, "1")
	}
	return in, nil
}

// original is what of the message goes along.
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

// words are what a notification says to people, by action.
func words(a classes.Action) (subject, first, last string) {
	switch a {
	case classes.Delayed:
		return "Mail Delivery Delayed", "This message has not been delivered yet:", "It will be tried again; you need not send it again."
	case classes.Relayed:
		return "Mail Relayed", "This message was handed on to a server that sends no word of delivery:", "You will hear of it again only if that server says so."
	case classes.Delivered:
		return "Mail Delivered", "This message was delivered:", "Nothing needs to be done."
	}
	return "Mail Delivery Failure", "This message could not be delivered:", "It will not be tried again."
}

func (g *Generator) header(n *notice, boundary string, body []byte) []byte {
	from := n.options.MailerDaemon
	if from == "" {
		from = "mailer-daemon@" + g.Hostname()
	}
	subject, _, _ := words(n.action)
	var b bytes.Buffer
	field := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	field("From", "Mail Delivery System <"+oneLine(from)+">")
	field("To", n.to.Path())
	field("Subject", subject)
	field("Date", g.Now().Format(time.RFC1123Z))
	field("Message-ID", "<"+strings.ReplaceAll(g.NewID(), "/", ".")+"@"+g.Hostname()+">")
	field("Auto-Submitted", "auto-replied") // RFC 3834 §5
	field("MIME-Version", "1.0")
	field("Content-Type", "multipart/report; report-type="+n.status()+";\r\n\tboundary=\""+boundary+"\"") // RFC 6522 §3
	if !ascii(string(body)) {
		field("Content-Transfer-Encoding", "8bit")
	}
	return b.Bytes()
}

// status is the subtype of the machine-readable part (RFC 6533 §4).
func (n *notice) status() string {
	if n.global() {
		return "global-delivery-status"
	}
	return "delivery-status"
}

// returned is the media type of the part with the original (RFC 6522 §3, RFC
// 6533 §5).
func (n *notice) returned() string {
	return map[[2]bool]string{
		{true, false}: "message/rfc822", {false, false}: "text/rfc822-headers",
		{true, true}: "message/global", {false, true}: "message/global-headers",
	}[[2]bool{n.whole, n.global()}]
}

// body is the three parts of a report: for people, for machines, and the
// original.
func (g *Generator) body(n *notice, boundary string) []byte {
	var b bytes.Buffer
	part := func(kind, encoding string) {
		fmt.Fprintf(&b, "--%s\r\nContent-Type: %s\r\n", boundary, kind)
		if encoding != "" {
			fmt.Fprintf(&b, "Content-Transfer-Encoding: %s\r\n", encoding)
		}
		b.WriteString("\r\n")
	}
	part("text/plain; charset=utf-8", "quoted-printable")
	_, first, last := words(n.action)
	w := quotedprintable.NewWriter(&b)
	fmt.Fprintf(w, "%s\r\n\r\n  recipient: %s\r\n  reason:    %s\r\n\r\n%s\r\n", first, n.Message.Recipient, oneLine(n.Reply), last)
	_ = w.Close() // a buffer takes everything
	b.WriteString("\r\n")
	part("message/"+n.status(), eightBit(n.global()))
	g.fields(&b, n)
	if len(n.original) > 0 {
		part(n.returned(), eightBit(!ascii(string(n.original))))
		b.Write(n.original)
		if !bytes.HasSuffix(n.original, []byte("\r\n")) {
			b.WriteString("\r\n")
		}
	}
	fmt.Fprintf(&b, "--%s--\r\n", boundary)
	return b.Bytes()
}

func eightBit(yes bool) string {
	if yes {
		return "8bit"
	}
	return ""
}

// fields are the machine-readable part (RFC 3464 §2.2, §2.3).
func (g *Generator) fields(b *bytes.Buffer, n *notice) {
	m := n.Message
	line := func(format string, args ...any) {
		b.WriteString(n.encode(oneLine(fmt.Sprintf(format, args...))) + "\r\n")
	}
	if id := fromXText(m.DSN.EnvID); id != "" {
		line("Original-Envelope-Id: %s", id)
	}
	line("Reporting-MTA: dns; %s", g.Hostname())
	line("Arrival-Date: %s", m.Received.Format(time.RFC1123Z))
	b.WriteString("\r\n")
	if kind, address, ok := strings.Cut(m.DSN.ORcpt, ";"); ok { // RFC 3461 §5.2.1
		line("Original-Recipient: %s; %s", kind, fromXText(address))
	}
	line("Final-Recipient: %s", n.address(m.Recipient))
	line("Action: %s", n.action)
	line("Status: %s", n.enhanced())
	if n.Remote.IsValid() {
		line("Remote-MTA: dns; [%s]", n.Remote.Unmap())
	}
	if n.Reply != "" {
		line("Diagnostic-Code: smtp; %s", n.Reply)
	}
	line("Last-Attempt-Date: %s", n.Now.Format(time.RFC1123Z))
	b.WriteString("\r\n")
}

// enhanced is the status code of the report. An action has its class of codes,
// whatever the last reply was (RFC 3464 §2.3.4).
func (n *notice) enhanced() string {
	code := classes.EnhancedCode(n.Reply, n.action)
	want := map[classes.Action]byte{classes.Failed: '5', classes.Delayed: '4', classes.Relayed: '2', classes.Delivered: '2'}[n.action]
	if n.action == classes.Failed && code[0] == '4' || code[0] == want {
		return code
	}
	return string(want) + ".0.0"
}

// address is a recipient with its type (RFC 6533 §3): one with other characters
// than ASCII stands in a report for everybody as utf-8-addr-xtext.
func (n *notice) address(a smtp.Address) string {
	switch {
	case ascii(string(a)):
		return "rfc822; " + string(a)
	case n.global():
		return "utf-8; " + string(a)
	}
	var b strings.Builder
	for _, r := range string(a) {
		if r < 0x80 && r > ' ' && r != '\\' && r != '+' && r != '=' {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\x{%X}`, r)
		}
	}
	return "utf-8; " + b.String()
}

// encode keeps a line of a report that is not for RFC 6533 within ASCII.
func (n *notice) encode(line string) string {
	if n.global() {
		return strings.ToValidUTF8(line, "?")
	}
	return strings.Map(func(r rune) rune {
		if r >= 0x80 {
			return '?'
		}
		return r
	}, line)
}

// fromXText decodes xtext (RFC 3461 §4). What is no xtext stays as it is.
func fromXText(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '+' && i+2 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(v))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
