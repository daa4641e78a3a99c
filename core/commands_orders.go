package core

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/mtad/mtad/core/queue"
)

// previewed is how many messages --dry-run lists (reference/console.tsv).
const previewed = 25

// order is what an order about many messages did, or would do.
type order struct {
	DryRun  bool        `json:"dry_run,omitempty"`
	Subject string      `json:"subject"`
	Count   int         `json:"count"`
	Kept    int         `json:"kept"`
	Busy    int         `json:"delivering"`
	Listed  []listedRow `json:"listed,omitempty"`

	line, would string // with Subject and Count; what it would do
}

// listedRow is a message of a preview.
type listedRow struct {
	ID        string `json:"id"`
	Domain    string `json:"domain"`
	Sender    string `json:"sender"`
	Recipient string `json:"recipient"`
}

func (o *order) text(w io.Writer) {
	if o.DryRun {
		for _, m := range o.Listed {
			fmt.Fprintf(w, "  %s  domain=%s from=<%s> to=<%s>\n", m.ID, m.Domain, m.Sender, m.Recipient)
		}
		fmt.Fprintf(w, "[dry-run] %s: %d messages would be %s.", o.Subject, o.Count, o.would)
		if left := o.Count - len(o.Listed); left > 0 {
			fmt.Fprintf(w, " (Showing first %d; %d more not listed.)", len(o.Listed), left)
		}
		fmt.Fprintln(w)
	} else {
		fmt.Fprintln(w, o.line)
	}
	if o.Kept > 0 {
		fmt.Fprintf(w, "%d messages were left as they are; the paniclog says why.\n", o.Kept)
	}
	if o.Busy > 0 {
		fmt.Fprintf(w, "%d messages are being delivered at this moment and were not touched.\n", o.Busy)
	}
}

// preview is the answer of --dry-run.
func (c *Core) preview(ctx context.Context, s *queue.Selection, o *order) (answer, error) {
	o.DryRun = true
	items, total, busy, err := c.queue.Preview(ctx, s, previewed)
	if err != nil {
		return nil, err
	}
	o.Count, o.Busy = total, busy
	for _, m := range items {
		o.Listed = append(o.Listed, listedRow{m.ID, m.Domain(), string(m.Sender), string(m.Recipient)})
	}
	return o, nil
}

// swept fills in what an order did. line has a %d for the count.
func (o *order) swept(line string, n queue.Swept, err error) (answer, error) {
	o.Count, o.Kept, o.Busy = n.Done, n.Kept, n.Busy
	o.line = fmt.Sprintf(line, n.Done)
	return o, err
}

// purge fails what a selection means. line has a %d.
func (c *Core) purge(ctx context.Context, f filter, s *queue.Selection, note []string, how queue.Disclosure, subject, line string) (answer, error) {
	reply, err := failReply(note)
	if err != nil {
		return nil, err
	}
	o := &order{Subject: subject, would: "failed"}
	if f.dryRun {
		return c.preview(ctx, s, o)
	}
	n, err := c.queue.Fail(ctx, s, reply, how)
	return o.swept(line, n, err)
}

// percent makes a text safe in a format.
func percent(s string) string { return strings.ReplaceAll(s, "%", "%%") }

func (c *Core) failDomain(how queue.Disclosure) func(context.Context, []string) (answer, error) {
	return func(ctx context.Context, args []string) (answer, error) {
		f, rest, err := parseFilter(args)
		if err != nil {
			return nil, err
		}
		if len(rest) == 0 {
			return nil, usage("name a domain")
		}
		domain := rest[0]
		if unlessAll(domain) == "" {
			return nil, usage("name a domain; fail all fails mail of every domain")
		}
		return c.purge(ctx, f, c.selection(f, "all", domain), rest[1:], how, domain, percent(domain)+" purged, %d messages failed.")
	}
}

func (c *Core) failAll(how queue.Disclosure) func(context.Context, []string) (answer, error) {
	return func(ctx context.Context, args []string) (answer, error) {
		f, rest, err := parseFilter(args)
		if err != nil {
			return nil, err
		}
		if f.any() {
			return nil, usage("say which mail: --meta, --header, --sender or --recipient")
		}
		return c.purge(ctx, f, c.selection(f, "all", "all"), rest, how, "all domains", "All domains purged. %d messages failed.")
	}
}

func (c *Core) bindingFail(how queue.Disclosure) func(context.Context, []string) (answer, error) {
	return func(ctx context.Context, args []string) (answer, error) {
		f, rest, err := parseFilter(args)
		if err != nil {
			return nil, err
		}
		if len(rest) < 2 {
			return nil, usage("name a binding and a domain")
		}
		binding, domain := rest[0], rest[1]
		if err := c.knownBinding(binding); err != nil {
			return nil, err
		}
		subject, line := domain, percent(domain)+" purged, %d messages failed."
		if unlessAll(domain) == "" {
			subject, line = "all domains", "All domains purged.  %d messages failed."
		}
		return c.purge(ctx, f, c.selection(f, binding, domain), rest[2:], how, subject, line)
	}
}

// knownBinding refuses a name that neither the configuration nor the queue has.
func (c *Core) knownBinding(name string) error {
	if _, ok := c.settings.Load().bindings.Find(name); ok {
		return nil
	}
	if len(c.queue.Lanes(&queue.Selection{Binding: name})) > 0 {
		return nil
	}
	return usage("there is no binding %q", name)
}

func (c *Core) flushDomain(ctx context.Context, args []string) (answer, error) {
	if len(args) != 1 {
		return nil, usage("name a domain, or all")
	}
	return c.flush(ctx, "all", args[0])
}

func (c *Core) bindingFlush(ctx context.Context, args []string) (answer, error) {
	if len(args) != 2 {
		return nil, usage("name a binding, and a domain or all")
	}
	if err := c.knownBinding(args[0]); err != nil {
		return nil, err
	}
	return c.flush(ctx, args[0], args[1])
}

func (c *Core) flush(ctx context.Context, binding, domain string) (answer, error) {
	n, err := c.queue.Flush(ctx, c.selection(filter{}, binding, domain))
	line := fmt.Sprintf("%s flushed.  %d messages requeued.", domain, n)
	if unlessAll(domain) == "" {
		line = fmt.Sprintf("All domains flushed.  %d messages requeued.", n)
	}
	return &order{Subject: domain, Count: n, line: line}, err
}

// delayArgs are delay's words.
func delayArgs(args []string) (seconds int, domain, binding string, f filter, err error) {
	domain, binding = "all", "all"
	if len(args) == 0 {
		return 0, "", "", f, usage("how many seconds?")
	}
	if seconds, err = strconv.Atoi(args[0]); err != nil || seconds < 1 || seconds > 30*24*3600 {
		return 0, "", "", f, usage("%q is no number of seconds from 1 to 30 days", args[0])
	}
	var clauses []string
	for i := 1; i < len(args); i++ {
		switch {
		case args[i] == "--domain" && i+1 < len(args):
			i++
			domain = args[i]
		case args[i] == "--binding" && i+1 < len(args):
			i++
			binding = args[i]
		default:
			clauses = append(clauses, args[i])
		}
	}
	f, rest, err := parseFilter(clauses)
	if err == nil && (len(rest) > 0 || f.dryRun) {
		err = usage("delay does not take these words")
	}
	if err == nil && f.any() && domain == "all" && binding == "all" {
		err = usage("say which mail: --domain, --binding, --meta or --header")
	}
	return seconds, domain, binding, f, err
}

func (c *Core) delay(ctx context.Context, args []string) (answer, error) {
	seconds, domain, binding, f, err := delayArgs(args)
	if err != nil {
		return nil, err
	}
	if binding != "all" {
		if err := c.knownBinding(binding); err != nil {
			return nil, err
		}
	}
	n, err := c.queue.Delay(ctx, c.selection(f, binding, domain), time.Duration(seconds)*time.Second)
	o := &order{Subject: domain}
	a, err := o.swept("Delayed %d messages.", n, err)
	if n.Done == 0 && domain != "all" {
		o.line = "No messages for " + domain + " found."
	}
	return a, err
}

func (c *Core) reroute(ctx context.Context, args []string) (answer, error) {
	f, rest, err := parseFilter(args)
	if err != nil {
		return nil, err
	}
	if len(rest) != 2 {
		return nil, usage("name two domains")
	}
	from, to := rest[0], strings.ToLower(rest[1])
	if strings.EqualFold(from, to) || unlessAll(to) == "" || strings.ContainsAny(to, " \t@<>\"/") || to == "" {
		return nil, usage("mail cannot be moved from %q to %q", from, to)
	}
	o := &order{Subject: from + " -> " + to, would: "moved"}
	s := c.selection(f, "all", from)
	if f.dryRun {
		return c.preview(ctx, s, o)
	}
	n, err := c.queue.Reroute(ctx, s, to)
	return o.swept("Moved %d messages from '"+percent(from)+"' to '"+percent(to)+"'", n, err)
}

func (c *Core) rebind(ctx context.Context, args []string) (answer, error) {
	if len(args) < 1 || len(args) > 2 {
		return nil, usage("name a binding or all, and perhaps a domain")
	}
	domain := "all"
	if len(args) == 2 {
		domain = args[1]
	}
	if unlessAll(args[0]) != "" {
		if err := c.knownBinding(args[0]); err != nil {
			return nil, err
		}
	}
	n, err := c.queue.RebindMail(ctx, c.selection(filter{}, args[0], domain))
	return (&order{Subject: strings.Join(args, " ")}).swept("Rebound %d messages.", n, err)
}
