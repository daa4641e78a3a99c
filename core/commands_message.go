package core

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/queue"
)

// maxShown bounds the content that message details prints, in bytes.
const maxShown = 1 << 20

// details is a message's metadata, content, or both.
type details struct {
	ID          string            `json:"id"`
	State       string            `json:"state"`
	Binding     string            `json:"binding"`
	Group       string            `json:"binding_group"`
	Domain      string            `json:"domain"`
	Created     time.Time         `json:"created"`
	NextAttempt time.Time         `json:"next_attempt"`
	Retries     int               `json:"retries"`
	Via         string            `json:"received_via"`
	Sender      string            `json:"sender"`
	Recipient   string            `json:"recipient"`
	Code        string            `json:"code,omitempty"`
	Size        int64             `json:"size"`
	Suspended   string            `json:"suspended,omitempty"`
	Context     map[string]string `json:"context,omitempty"`
	Content     string            `json:"content,omitempty"`
	Truncated   int64             `json:"content_left_out,omitempty"`

	only string // "body": without the metadata
}

const consoleTime = "2006-01-02 15:04:05"

func (d *details) text(w io.Writer) {
	if d.only != "body" {
		fmt.Fprintf(w, "Message: %s\nMessage Type: full message\n", d.ID)
		for _, row := range [][2]string{
			{"Created", d.Created.Format(consoleTime)}, {"Next Attempt", d.NextAttempt.Format(consoleTime)},
			{"Retries", strconv.Itoa(d.Retries)}, {"Received Via", d.Via}, {"Sender", d.Sender}, {"Recipient", d.Recipient},
			{"Code", d.Code}, {"Size", strconv.FormatInt(d.Size, 10)},
			{"State", d.State}, {"Binding", d.Group + "/" + d.Binding}, {"Domain", d.Domain}, {"Suspended", d.Suspended},
		} {
			if row[1] != "" {
				fmt.Fprintf(w, "%22s: %s\n", row[0], row[1])
			}
		}
	}
	if d.only == "" {
		return
	}
	fmt.Fprint(w, d.Content)
	if !strings.HasSuffix(d.Content, "\n") {
		fmt.Fprintln(w)
	}
	if d.Truncated > 0 {
		fmt.Fprintf(w, "(%d more bytes are not shown; mtad spool cat shows all.)\n", d.Truncated)
	}
}

// messageID takes a command's one word, a message id.
func messageID(args []string) (string, error) {
	if len(args) != 1 {
		return "", usage("name a message")
	}
	if _, err := message.ParseID(args[0]); err != nil {
		return "", usage("%v", err)
	}
	return args[0], nil
}

func (c *Core) messageDetails(_ context.Context, args []string) (answer, error) {
	only := ""
	if len(args) > 1 && (strings.EqualFold(args[0], "full") || strings.EqualFold(args[0], "body")) {
		only, args = strings.ToLower(args[0]), args[1:]
	}
	id, err := messageID(args)
	if err != nil {
		return nil, err
	}
	m, at, err := c.queue.Find(id)
	if err != nil {
		return nil, err
	}
	d := c.detailsOf(m, at)
	d.only = only
	if only != "" {
		d.Content, d.Truncated, err = c.contentOf(m)
	}
	return d, err
}

func (c *Core) detailsOf(m *message.Message, at queue.Place) *details {
	d := &details{
		ID: m.ID, State: at.State.String(), Binding: m.Binding, Group: m.BindingGroup, Domain: m.Domain(),
		Created: m.Received, NextAttempt: m.Next, Retries: m.Retries, Via: m.Protocol.String(),
		Sender: string(m.Sender), Recipient: string(m.Recipient), Code: m.LastReply, Size: m.Content.Size, Suspended: m.Suspended,
		Context: map[string]string{},
	}
	if at.State != queue.StateDelayed || d.NextAttempt.IsZero() {
		d.NextAttempt = time.Now()
	}
	if at.State == queue.StateDelayed {
		d.NextAttempt = at.Due
	}
	if m.Peer.IsValid() {
		d.Via += fmt.Sprintf(" %s (%s)", m.Peer.Addr().Unmap(), family(m.Peer.Addr().Unmap().Is4()))
	}
	for _, p := range m.Context {
		d.Context[p.Key] = p.Value
	}
	return d
}

func family(v4 bool) string {
	if v4 {
		return "IPv4"
	}
	return "IPv6"
}

// contentOf is a message's content as it goes out, up to maxShown.
func (c *Core) contentOf(m *message.Message) (text string, left int64, err error) {
	rd, err := c.courier.Contents.Open(m)
	if err != nil {
		return "", 0, err
	}
	defer rd.Close()
	b, err := io.ReadAll(io.LimitReader(rd, maxShown))
	if err != nil {
		return "", 0, err
	}
	if int64(len(b)) == maxShown {
		left, err = io.Copy(io.Discard, rd)
	}
	return string(b), left, err
}

func (c *Core) messageRetry(_ context.Context, args []string) (answer, error) {
	id, err := messageID(args)
	if err != nil {
		return nil, err
	}
	moved, err := c.queue.Retry(id)
	if err != nil {
		return nil, err
	}
	if !moved {
		return said{"Message is due already"}, nil
	}
	return said{"Message requeued for delivery"}, nil
}

func (c *Core) messageFail(how queue.Disclosure) func(context.Context, []string) (answer, error) {
	return func(_ context.Context, args []string) (answer, error) {
		id, err := messageID(args)
		if err == nil {
			err = c.queue.FailMessage(id, replyManual, how)
		}
		if err != nil {
			return nil, err
		}
		return said{"Message failed"}, nil
	}
}

// queueRow is a message of showqueue.
type queueRow struct {
	ID        string    `json:"id"`
	State     string    `json:"state"`
	Binding   string    `json:"binding"`
	Created   time.Time `json:"created"`
	Due       time.Time `json:"next_attempt"`
	Retries   int       `json:"retries"`
	Sender    string    `json:"sender"`
	Recipient string    `json:"recipient"`
}

// queueList is showqueue's answer.
type queueList struct {
	Domain   string     `json:"domain"`
	Total    int        `json:"total"`
	Offset   int        `json:"offset"`
	Messages []queueRow `json:"messages"`
}

func (l *queueList) text(w io.Writer) {
	for _, m := range l.Messages {
		fmt.Fprintf(w, "[%s/%s] %s Created: %d\n  From: <%s> To: <%s>\n", m.State, m.Binding, m.ID, m.Created.Unix(), m.Sender, m.Recipient)
	}
	if left := l.Total - l.Offset - len(l.Messages); left > 0 {
		fmt.Fprintf(w, "(%d of %d messages are not shown; next: showqueue ... %s %d,%d)\n", left, l.Total, l.Domain, len(l.Messages), l.Offset+len(l.Messages))
	}
}

var errPage = errors.New(`the last word is "limit,offset", together at most 10000`)

// showqueue lists a domain's messages; without a binding those of the default
// one, as in the original.
func (c *Core) showqueue(_ context.Context, args []string) (answer, error) {
	name := "default"
	if len(args) > 2 && strings.EqualFold(args[0], "binding") {
		name, args = args[1], args[2:]
	}
	if len(args) < 1 || len(args) > 2 {
		return nil, usage("name a domain")
	}
	limit, offset := 100, 0
	if len(args) == 2 {
		var err error
		if limit, offset, err = parsePage(args[1]); err != nil {
			return nil, usage("%v", err)
		}
	}
	items, total := c.queue.Page(&queue.Selection{Binding: unlessAll(name), Domain: args[0]}, offset, limit)
	list := &queueList{Domain: args[0], Total: total, Offset: offset, Messages: []queueRow{}}
	for _, m := range items {
		list.Messages = append(list.Messages, queueRow{m.ID, m.State.String(), m.Lane.Binding, m.Received, m.Next, m.Retries, string(m.Sender), string(m.Recipient)})
	}
	return list, nil
}

func parsePage(text string) (limit, offset int, err error) {
	first, second, _ := strings.Cut(text, ",")
	if limit, err = strconv.Atoi(first); err == nil && second != "" {
		offset, err = strconv.Atoi(second)
	}
	if err != nil || limit < 0 || offset < 0 || limit+offset > 10_000 {
		return 0, 0, errPage
	}
	return limit, offset, nil
}
