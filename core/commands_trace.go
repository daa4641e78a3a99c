package core

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"time"

	"github.com/mtad/mtad/core/control"
	"github.com/mtad/mtad/core/trace"
)

// How long a live trace lasts.
const (
	usualTrace   = time.Minute
	longestTrace = 10 * time.Minute
)

// traceCommands show SMTP dialogues (reference/console.tsv, trace smtp). In the
// original there are outbound ones in files only.
func (c *Core) traceCommands() []control.Command {
	return []control.Command{
		{Name: "trace smtp add", Usage: "BINDING|* DOMAIN|* FILE [--json]", Help: "Write outbound SMTP dialogues, of connections from now on, to a file; no passwords, no content, up to 10 MiB.",
			Example: "trace smtp add * example.com /tmp/example.trace", Run: answering(lookTime, c.traceFile(outboundFilter))},
		{Name: "trace smtp inbound", Usage: "ADDRESS|CIDR|* FILE [--json]", Help: "The same of inbound dialogues.", Example: "trace smtp inbound 192.0.2.0/24 /tmp/in.trace", Run: answering(lookTime, c.traceFile(inboundFilter))},
		{Name: "trace smtp list", Usage: "[--json]", Help: "Show the tracers.", Example: "trace smtp list", Run: answering(lookTime, c.traceList)},
		{Name: "trace smtp remove", Usage: "ID [--json]", Help: "End a tracer.", Example: "trace smtp remove 1", Run: answering(lookTime, c.traceRemove)},
		{Name: "trace smtp live", Usage: "outbound BINDING|* DOMAIN|* | inbound ADDRESS|CIDR|* [--for SECONDS] [--json]", Help: "Show dialogues here as they go on, for a minute or so many seconds.",
			Example: "trace smtp live outbound * example.com --for 120", Run: c.traceLive},
	}
}

// traceFilter makes a filter of the first words.
type traceFilter func(args []string) (f trace.Filter, rest []string, err error)

func outboundFilter(args []string) (trace.Filter, []string, error) {
	if len(args) < 2 {
		return trace.Filter{}, nil, usage("name a binding and a domain, or * for any")
	}
	return trace.Filter{Outbound: true, Binding: unlessStar(args[0]), Domain: unlessStar(args[1])}, args[2:], nil
}

func inboundFilter(args []string) (trace.Filter, []string, error) {
	if len(args) < 1 {
		return trace.Filter{}, nil, usage("name an address or a network, or * for any")
	}
	f, text := trace.Filter{}, unlessStar(args[0])
	if text == "" {
		return f, args[1:], nil
	}
	if a, err := netip.ParseAddr(text); err == nil {
		f.Network = netip.PrefixFrom(a, a.BitLen())
		return f, args[1:], nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return f, nil, usage("%q is no address and no network", text)
	}
	f.Network = p.Masked()
	return f, args[1:], nil
}

func unlessStar(word string) string {
	if word == "*" {
		return ""
	}
	return word
}

func (c *Core) traceFile(of traceFilter) func(context.Context, []string) (answer, error) {
	return func(_ context.Context, args []string) (answer, error) {
		f, rest, err := of(args)
		if err != nil {
			return nil, err
		}
		if len(rest) != 1 {
			return nil, usage("name a file")
		}
		t, err := c.tracers.ToFile(f, rest[0])
		if err != nil {
			return nil, err
		}
		return said{fmt.Sprintf("Registered smtp tracer #%d", t.ID)}, nil
	}
}

// tracerRow is a tracer of trace smtp list.
type tracerRow struct {
	ID        int    `json:"id"`
	Direction string `json:"direction"`
	Binding   string `json:"binding,omitempty"`
	Domain    string `json:"domain,omitempty"`
	Network   string `json:"network,omitempty"`
	File      string `json:"file,omitempty"`
	Left      int64  `json:"bytes_left"`
	Lost      int64  `json:"lines_left_out"`
}

type tracerList []tracerRow

func (l tracerList) text(w io.Writer) {
	for _, t := range l {
		fmt.Fprintf(w, "[%6d]  direction: %s\n", t.ID, t.Direction)
		for _, row := range [][2]string{
			{"binding", t.Binding}, {"domain", t.Domain}, {"network", t.Network}, {"file", t.File},
			{"bytes left", strconv.FormatInt(t.Left, 10)}, {"lines left out", strconv.FormatInt(t.Lost, 10)},
		} {
			if row[1] != "" {
				fmt.Fprintf(w, "          %s: %s\n", row[0], row[1])
			}
		}
	}
}

func (c *Core) traceList(context.Context, []string) (answer, error) {
	list := tracerList{}
	for _, t := range c.tracers.List() {
		row := tracerRow{ID: t.ID, Direction: "inbound", File: t.File}
		if row.Left, row.Lost = t.State(); t.File == "" {
			row.File = "(console)"
		}
		switch {
		case t.Filter.Outbound:
			row.Direction, row.Binding, row.Domain = "outbound", orStar(t.Filter.Binding), orStar(t.Filter.Domain)
		case t.Filter.Network.IsValid():
			row.Network = t.Filter.Network.String()
		default:
			row.Network = "*"
		}
		list = append(list, row)
	}
	return list, nil
}

func orStar(name string) string {
	if name == "" {
		return "*"
	}
	return name
}

func (c *Core) traceRemove(_ context.Context, args []string) (answer, error) {
	if len(args) != 1 {
		return nil, usage("name a tracer by its number")
	}
	id, err := strconv.Atoi(args[0])
	if err != nil || !c.tracers.Remove(id) {
		return nil, fmt.Errorf("there is no smtp tracer #%s", args[0])
	}
	return said{fmt.Sprintf("Removed smtp tracer #%d", id)}, nil
}

// liveArgs are trace smtp live's.
func liveArgs(args []string) (f trace.Filter, limit time.Duration, err error) {
	limit = usualTrace
	if i := len(args) - 2; i >= 0 && args[i] == "--for" {
		n, err := strconv.Atoi(args[i+1])
		if err != nil || n < 1 || time.Duration(n)*time.Second > longestTrace {
			return f, 0, usage("--for takes 1 to %d seconds", int(longestTrace.Seconds()))
		}
		limit, args = time.Duration(n)*time.Second, args[:i]
	}
	of := map[string]traceFilter{"outbound": outboundFilter, "inbound": inboundFilter}
	if len(args) == 0 || of[args[0]] == nil {
		return f, 0, usage("say outbound or inbound")
	}
	f, rest, err := of[args[0]](args[1:])
	if err == nil && len(rest) > 0 {
		err = usage("%q is too much", rest[0])
	}
	return f, limit, err
}

// traceLive writes the lines as they come, until trace smtp remove or the end of
// the time. A console that has gone is noticed at
// the next line, and at the end of the time.
func (c *Core) traceLive(ctx context.Context, call *control.Call) error {
	args, asJSON := cutFlag(call.Args, "--json")
	f, limit, err := liveArgs(args)
	if err != nil {
		return err
	}
	t, lines, err := c.tracers.Live(f)
	if err != nil {
		return err
	}
	defer c.tracers.Remove(t.ID)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		select {
		case line := <-lines:
			if err := printLine(call, line, asJSON); err != nil {
				return err
			}
		case <-t.Gone():
			for len(lines) > 0 {
				if err := printLine(call, <-lines, asJSON); err != nil {
					return err
				}
			}
			return nil
		case <-ctx.Done():
			if _, lost := t.State(); lost > 0 && !asJSON {
				fmt.Fprintf(call, "(%d lines are left out)\n", lost)
			}
			return nil
		}
	}
}

func printLine(w io.Writer, line *trace.Line, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return e.Encode(line)
	}
	_, err := fmt.Fprintln(w, line)
	return err
}
