package alerting

import (
	"context"
	"mime"
	"strings"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// mail is the target of the option to: our own queue.
type mail struct {
	host sdk.Host
	from string
	to   []string
}

// The bounds of handing a message to our own queue.
const (
	mailTimeout = 30 * time.Second
	mailRetries = 5
)

// markOfAlerts is a context variable of alert mail: what becomes of that is no
// event of any rule.
const markOfAlerts = "mtad_alert"

// String is part of target.
func (m *mail) String() string { return "mail to " + strings.Join(m.to, ", ") }

// send is part of target. The header is by RFC 5322, the field Auto-Submitted by
// RFC 3834 §5.
func (m *mail) send(ctx context.Context, n *notice) error {
	list := make([]smtp.Address, len(m.to))
	for i, a := range m.to {
		list[i] = smtp.Address(a)
	}
	subject := n.Rule
	if n.Key != "" {
		subject += " (" + n.Key + ")"
	}
	body := []byte(n.mailText())
	_, err := m.host.Inject(ctx, &sdk.Injection{
		Sender: smtp.Address(m.from), Recipients: list, Context: sdk.Dict{{Key: markOfAlerts, Value: "1"}},
		Header: []byte("From: <" + m.from + ">\r\nTo: " + strings.Join(m.to, ",\r\n ") +
			"\r\nSubject: " + mime.QEncoding.Encode("utf-8", n.Host+": "+n.Kind+": "+oneLine(subject)) +
			"\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"),
		Body: sdk.Body{Size: int64(len(body)), Inline: body, Changed: true},
	})
	return err
}
