package core

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mtad/mtad/core/control"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/core/smtpd"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// commands is the console's table (reference/console.tsv), in the order that
// help lists them.
func (c *Core) commands() []control.Command {
	list := plain([]control.Command{
		{Name: "version", Help: "Show the version.", Run: func(_ context.Context, call *control.Call) error {
			_, err := fmt.Fprintf(call, "mtad version: %s\n", c.opt.Version)
			return err
		}},
		{Name: "summary reset", Help: "Set the summary's counters to zero.", Run: c.summaryReset},
		{Name: "paniclog", Help: "Show the last paniclog entries of each level.", Run: func(_ context.Context, call *control.Call) error {
			for _, line := range c.logs.Recent() {
				fmt.Fprintln(call, line)
			}
			return nil
		}},
		{Name: "disconnect", Usage: "SESSION|CONNECTION-ID|ADDRESS|CIDR", Help: "End sessions with 421.", Example: "disconnect 192.0.2.0/24", Run: c.disconnect},
		{Name: "config reload", Usage: "[rebind | suspend]", Help: "Read the configuration again; on any error the running one stays. A word says what becomes of mail whose binding is gone.", Example: "config reload rebind", Run: c.configReload},
		{Name: "reopen logs", Help: "Close and open the log files, after a rotation.", Run: func(context.Context, *control.Call) error { return c.logs.Reopen() }},
		{Name: "shutdown", Help: "Stop cleanly: refuse new sessions, let running ones finish.", Run: func(context.Context, *control.Call) error {
			c.Shutdown()
			return nil
		}},
	}...)
	list = append(list, []control.Command{
		{Name: "summary", Usage: "[--json]", Help: "Show the counters since start.", Run: answering(lookTime, c.summary)},
		{Name: "mailq", Usage: "[--domain D] [--binding B] [--limit N] [--json]", Help: "Show the queues: active (AQ) and delayed (DQ).", Example: "mailq --domain example.com", Run: answering(lookTime, c.mailq)},
		{Name: "module list", Usage: "[--json]", Help: "Show the modules.", Run: answering(lookTime, c.moduleList)},
		{Name: "session list", Usage: "[--json]", Help: "Show the live SMTP sessions.", Run: answering(lookTime, c.sessionList)},
		{Name: "log list", Usage: "[--json]", Help: "Show the logs, what they could not write, and which cannot write now.", Run: answering(lookTime, c.logList)},
		{Name: "config get", Usage: "[SCOPE [INSTANCE]]... OPTION [--json]", Help: "Show a value that is set exactly there.", Example: "config get domain example.com max_retries", Run: transacting(lookTime, c.configWords("get"))},
		{Name: "config eval", Usage: "[SCOPE [INSTANCE]]... OPTION [--json]", Help: "Show a value after fallback and defaults.", Example: "config eval domain example.com max_retries", Run: transacting(lookTime, c.configWords("eval"))},
	}...)
	list = append(list, c.mailCommands()...)
	list = append(list, c.traceCommands()...)
	list = append(list, c.transactionCommands()...)
	list = append(list, c.adaptiveCommands()...)
	list = append(list, c.policyCommands()...)
	list = append(list, plain(c.classCommands()...)...)
	list = append(list, plain(c.audit.Commands()...)...)
	return exemplified(append(list, plain(c.counters.Commands()...)...))
}

// figure is a line of summary.
type figure struct {
	label string
	value int64
}

// summaryRows is summary's answer.
type summaryRows []figure

func (s summaryRows) text(w io.Writer) {
	fmt.Fprintln(w, "Summary Statistics")
	for _, row := range s {
		fmt.Fprintf(w, "%s: %d\n", row.label, row.value)
	}
}

// MarshalJSON gives the figures by their labels: outbound_concurrency.
func (s summaryRows) MarshalJSON() ([]byte, error) {
	named := map[string]int64{}
	for _, row := range s {
		named[strings.ToLower(strings.ReplaceAll(row.label, " ", "_"))] = row.value
	}
	return json.Marshal(named)
}

// summary prints the original's labels (reference/console.tsv, summary).
func (c *Core) summary(_ context.Context, args []string) (answer, error) {
	if len(args) > 0 {
		return nil, usage("summary takes no words")
	}
	active, delayed, damaged, outbound := c.queue.Totals()
	d := c.dns.Stats()
	return summaryRows{
		{"Outbound Concurrency", int64(outbound)},
		{"Inbound Concurrency", int64(len(c.smtp.Sessions()))},
		{"Active Domains", int64(len(c.queue.Sizes()))},
		{"Active Queue Size", int64(active)},
		{"Delayed Queue Size", int64(delayed)},
		{"Total Queue Size", int64(active + delayed)},
		{"Set Aside", int64(damaged)},
		{"DNS A Queries", d.A},
		{"DNS AAAA Queries", d.AAAA},
		{"DNS MX Queries", d.MX},
		{"Pending DNS Queries", d.Pending},
		{"Successfully Delivered Messages", c.queue.Counters.Delivered.Load()},
		{"Transient Failures", c.queue.Counters.Transient.Load()},
		{"Failed Messages", c.queue.Counters.Failed.Load()},
		{"Rejected Messages", c.rejected.Load()},
		{"Received Messages", c.received.Load()},
	}, nil
}

func (c *Core) summaryReset(_ context.Context, call *control.Call) error {
	c.queue.Counters.Delivered.Store(0)
	c.queue.Counters.Transient.Store(0)
	c.queue.Counters.Failed.Store(0)
	c.rejected.Store(0)
	c.received.Store(0)
	c.queue.ResetFigures()
	_, err := fmt.Fprintln(call, "statistics cleared.")
	return err
}

// mailqFilter is mailq's arguments.
type mailqFilter struct {
	domain, binding string
	limit           int
}

func parseMailq(args []string) (mailqFilter, error) {
	f := mailqFilter{limit: 20}
	for i := 0; i < len(args); i += 2 {
		if i+1 == len(args) {
			return f, fmt.Errorf("%w: %s needs a value", control.ErrUsage, args[i])
		}
		value := args[i+1]
		switch args[i] {
		case "--domain", "-d":
			f.domain = value
		case "--binding", "-b":
			f.binding = value
		case "--limit", "-l":
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 {
				return f, fmt.Errorf("%w: %q is no number", control.ErrUsage, value)
			}
			f.limit = n
		default:
			return f, fmt.Errorf("%w: unknown argument %s", control.ErrUsage, args[i])
		}
	}
	return f, nil
}

// mailqRow is a queue of mailq.
type mailqRow struct {
	Group   string `json:"binding_group"`
	Binding string `json:"binding"`
	Domain  string `json:"domain"`
	Active  int    `json:"active"`
	Delayed int    `json:"delayed"`
}

// mailqList is mailq's answer.
type mailqList struct {
	Queues  []mailqRow `json:"queues"`
	LeftOut int        `json:"left_out"`
}

func (l *mailqList) text(w io.Writer) {
	fmt.Fprintf(w, "%-32s %-40s %8s %8s\n", "Group/Binding", "Domain", "AQ", "DQ")
	for _, s := range l.Queues {
		fmt.Fprintf(w, "%-32s %-40s %8d %8d\n", s.Group+"/"+s.Binding, s.Domain, s.Active, s.Delayed)
	}
	if l.LeftOut > 0 {
		fmt.Fprintf(w, "%d more; --limit 0 hides all, --limit %d shows them\n", l.LeftOut, l.LeftOut+len(l.Queues))
	}
}

func (c *Core) mailq(_ context.Context, args []string) (answer, error) {
	f, err := parseMailq(args)
	if err != nil {
		return nil, err
	}
	sizes := slices.DeleteFunc(c.queue.Sizes(), func(s queue.LaneSize) bool {
		return f.domain != "" && s.Domain != f.domain || f.binding != "" && s.Binding != f.binding
	})
	slices.SortFunc(sizes, func(a, b queue.LaneSize) int {
		return cmp.Or(cmp.Compare(b.Active+b.Delayed, a.Active+a.Delayed), cmp.Compare(a.Domain, b.Domain), cmp.Compare(a.Binding, b.Binding))
	})
	list := &mailqList{Queues: []mailqRow{}, LeftOut: max(0, len(sizes)-f.limit)}
	for _, s := range sizes[:min(f.limit, len(sizes))] {
		list.Queues = append(list.Queues, mailqRow{s.Group, s.Binding, s.Domain, s.Active, s.Delayed})
	}
	return list, nil
}

func hookNames(set sdk.HookSet) string {
	var names []string
	for _, h := range set.List() {
		names = append(names, h.String())
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, " ")
}

func addrText(a netip.AddrPort) string {
	if !a.IsValid() {
		return "-"
	}
	return a.String()
}

func (c *Core) disconnect(_ context.Context, call *control.Call) error {
	if len(call.Args) != 1 {
		return fmt.Errorf("%w: name a session or a network", control.ErrUsage)
	}
	match, err := smtpd.Match(call.Args[0])
	if err != nil {
		return fmt.Errorf("%w: %w", control.ErrUsage, err)
	}
	n := c.smtp.Kick(match, smtp.NewReply(421, "4.3.2", "disconnected by the administrator"))
	_, err = fmt.Fprintf(call, "%d sessions disconnected.\n", n)
	return err
}

func (c *Core) configReload(ctx context.Context, call *control.Call) error {
	if transactionOf(call.Slot) != nil {
		return errOpenTransaction
	}
	word, err := removedWord(call.Args)
	if err != nil {
		return err
	}
	warnings, err := c.reloadWith(ctx, word)
	base := ""
	if path, err := filepath.Abs(c.opt.Conf.Path); err == nil {
		base = filepath.Dir(path) + string(filepath.Separator)
	}
	for _, w := range warnings {
		fmt.Fprintf(call, "warning: %s\n", strings.ReplaceAll(w, base, ""))
	}
	if err != nil {
		return fmt.Errorf("%w\nReconfigure failed", err)
	}
	fmt.Fprintf(call, "Configuration reloaded.\n")
	return nil
}
