package core

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mtad/mtad/core/binding"
	"github.com/mtad/mtad/core/queue"
)

// bindingRow is a binding's counters.
type bindingRow struct {
	Binding     string  `json:"binding"`
	Group       string  `json:"binding_group"`
	Connections int     `json:"open_connections"`
	Active      int     `json:"active"`
	Total       int     `json:"total"`
	Delivered   int64   `json:"delivered"`
	Failed      int64   `json:"failed"`
	Received    int64   `json:"received"`
	Delivery    float64 `json:"delivery_rate"`
	Reception   float64 `json:"reception_rate"`
	Uptime      int     `json:"uptime"`
}

func (r *bindingRow) add(v *queue.LaneView) {
	r.Connections += v.Connections
	r.Active += v.Active
	r.Total += v.Active + v.Delayed
	r.Delivered += v.Figures[queue.EventDelivered]
	r.Failed += v.Figures[queue.EventFailed]
	r.Received += v.Figures[queue.EventReceived]
}

func (r *bindingRow) rates(since time.Duration) {
	r.Uptime = int(since.Seconds())
	seconds := max(since.Seconds(), 1)
	r.Delivery, r.Reception = float64(r.Delivered)/seconds, float64(r.Received)/seconds
}

// bindingList is the answer of binding summary.
type bindingList struct {
	Bindings []bindingRow `json:"bindings"`
	Group    *bindingRow  `json:"group,omitempty"` // the total of the group that was asked for
}

func (l *bindingList) text(w io.Writer) {
	for i := range l.Bindings {
		r := &l.Bindings[i]
		in := ""
		if l.Group != nil {
			in = " in Binding Group " + r.Group
		}
		fmt.Fprintf(w, "Summary Statistics For Binding %s%s\n", r.Binding, in)
		r.print(w, "Resident Messages")
	}
	if l.Group != nil {
		fmt.Fprintf(w, "%s\nSummary Statistics For Binding Group %s\n", strings.Repeat("*", 60), l.Group.Group)
		l.Group.print(w, "Incore Messages")
	}
}

func (r *bindingRow) print(w io.Writer, resident string) {
	for _, row := range []struct {
		label string
		n     int64
	}{
		{"Open Connections", int64(r.Connections)}, {"Active Queue Size", int64(r.Active)}, {"Total Queue Size", int64(r.Total)},
		{"Successfully Delivered Messages", r.Delivered}, {"Failed Messages", r.Failed}, {"Received Messages", r.Received},
		{resident, int64(r.Total)},
	} {
		fmt.Fprintf(w, "        %s: %6d\n", row.label, row.n)
	}
	fmt.Fprintf(w, "        Delivery Rate: %6.2f messages/second\n        Reception Rate: %6.2f messages/second\n        Uptime: %6d seconds\n",
		r.Delivery, r.Reception, r.Uptime)
}

func (c *Core) bindingSummary(_ context.Context, args []string) (answer, error) {
	if len(args) > 1 {
		return nil, usage("name one binding, slot or group")
	}
	keep, group, err := c.bindingsMeant(args)
	if err != nil {
		return nil, err
	}
	rows := map[string]*bindingRow{}
	table := c.settings.Load().bindings
	for _, name := range table.Names() {
		b, _ := table.Find(name)
		rows[name] = &bindingRow{Binding: b.Name, Group: b.Group}
	}
	lanes := c.queue.Lanes(&queue.Selection{})
	for i := range lanes {
		r := rows[lanes[i].Binding]
		if r == nil { // it has left the configuration
			r = &bindingRow{Binding: lanes[i].Binding, Group: lanes[i].Group}
			rows[r.Binding] = r
		}
		r.add(&lanes[i])
	}
	list := &bindingList{Bindings: []bindingRow{}}
	if group != "" {
		list.Group = &bindingRow{Binding: "*", Group: group}
	}
	since := c.queue.FiguresSince()
	for _, r := range rows {
		if !keep(r) {
			continue
		}
		r.rates(since)
		list.Bindings = append(list.Bindings, *r)
		if list.Group != nil {
			list.Group.sum(r)
		}
	}
	if list.Group != nil {
		list.Group.rates(since)
	}
	names := table.Names()
	slices.SortFunc(list.Bindings, func(a, b bindingRow) int {
		return cmp.Or(cmp.Compare(uint(slices.Index(names, a.Binding)), uint(slices.Index(names, b.Binding))), strings.Compare(a.Binding, b.Binding))
	})
	return list, nil
}

func (r *bindingRow) sum(o *bindingRow) {
	r.Connections += o.Connections
	r.Active += o.Active
	r.Total += o.Total
	r.Delivered += o.Delivered
	r.Failed += o.Failed
	r.Received += o.Received
}

// bindingsMeant reads a binding's name or slot, or group:NAME.
func (c *Core) bindingsMeant(args []string) (keep func(*bindingRow) bool, group string, err error) {
	if len(args) == 0 {
		return func(*bindingRow) bool { return true }, "", nil
	}
	table := c.settings.Load().bindings
	if group, ok := strings.CutPrefix(args[0], "group:"); ok {
		if len(table.Members(group)) == 0 {
			return nil, "", usage("there is no binding group %q", group)
		}
		return func(r *bindingRow) bool { return r.Group == group }, group, nil
	}
	name := args[0]
	if names := table.Names(); c.knownBinding(name) != nil {
		slot, err := strconv.Atoi(name)
		if err != nil || slot < 0 || slot >= len(names) {
			return nil, "", usage("there is no binding %q", name)
		}
		name = names[slot]
	}
	return func(r *bindingRow) bool { return r.Binding == name }, "", nil
}

// holdKey reads whom a suspension is for: BINDING|group:GROUP|all [DOMAIN].
func (c *Core) holdKey(args []string) (key queue.Lane, rest []string, err error) {
	if len(args) == 0 {
		return key, nil, usage("name a binding, group:GROUP or all")
	}
	table := c.settings.Load().bindings
	if group, ok := strings.CutPrefix(args[0], "group:"); ok {
		if len(table.Members(group)) == 0 {
			return key, nil, usage("there is no binding group %q", group)
		}
		key.Group = group
	} else if key.Binding = unlessAll(args[0]); key.Binding != "" {
		if err := c.knownBinding(key.Binding); err != nil {
			return key, nil, err
		}
	}
	rest = args[1:]
	if len(rest) > 0 && !strings.HasPrefix(rest[0], "--") {
		key.Domain, rest = strings.ToLower(unlessAll(rest[0])), rest[1:]
	}
	return key, rest, nil
}

// holdName is how a suspension is called.
func holdName(key queue.Lane) string {
	name := "all bindings"
	switch {
	case key.Binding != "":
		name = "binding " + key.Binding
	case key.Group != "":
		name = "binding group " + key.Group
	}
	if key.Domain != "" {
		name += ", domain " + key.Domain
	}
	return name
}

func (c *Core) bindingSuspend(_ context.Context, args []string) (answer, error) {
	key, rest, err := c.holdKey(args)
	if err != nil {
		return nil, err
	}
	if key.Binding == binding.Suspended {
		return nil, usage("that mail is not delivered anyway")
	}
	var d time.Duration
	if len(rest) > 0 && rest[0] == "--for" {
		if len(rest) < 2 {
			return nil, usage("--for needs a number of seconds")
		}
		n, err := strconv.Atoi(rest[1])
		if err != nil || n < 1 || n > 365*24*3600 {
			return nil, usage("%q is no number of seconds", rest[1])
		}
		d, rest = time.Duration(n)*time.Second, rest[2:]
	}
	if err := c.queue.Suspend(queue.Hold{Lane: key, Why: strings.Join(rest, " ")}, d); err != nil {
		return nil, err
	}
	until := "until binding resume"
	if d > 0 {
		until = "until " + time.Now().Add(d).Format(consoleTime)
	}
	return said{"Suspended " + holdName(key) + " " + until + "."}, nil
}

func (c *Core) bindingResume(_ context.Context, args []string) (answer, error) {
	key, rest, err := c.holdKey(args)
	if err == nil && len(rest) > 0 {
		err = usage("binding resume takes no further words")
	}
	if err != nil {
		return nil, err
	}
	n, err := c.queue.Resume(key)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, fmt.Errorf("%s is not suspended; binding suspensions lists what is", holdName(key))
	}
	return said{"Resumed " + holdName(key) + "."}, nil
}

// holdRow is a suspension.
type holdRow struct {
	Group   string     `json:"binding_group,omitempty"`
	Binding string     `json:"binding,omitempty"`
	Domain  string     `json:"domain,omitempty"`
	Since   time.Time  `json:"since"`
	Until   *time.Time `json:"until,omitempty"`
	Why     string     `json:"note,omitempty"`
}

type holdList struct {
	Suspensions []holdRow `json:"suspensions"`
}

func (l *holdList) text(w io.Writer) {
	for _, h := range l.Suspensions {
		until := "binding resume"
		if h.Until != nil {
			until = h.Until.Format(consoleTime)
		}
		fmt.Fprintf(w, "%s since %s until %s", holdName(queue.Lane{Group: h.Group, Binding: h.Binding, Domain: h.Domain}), h.Since.Format(consoleTime), until)
		if h.Why != "" {
			fmt.Fprintf(w, ": %s", h.Why)
		}
		fmt.Fprintln(w)
	}
}

func (c *Core) bindingSuspensions(_ context.Context, args []string) (answer, error) {
	if len(args) > 0 {
		return nil, usage("binding suspensions takes no further words")
	}
	list := &holdList{Suspensions: []holdRow{}}
	for _, h := range c.queue.Holds() {
		row := holdRow{Group: h.Group, Binding: h.Binding, Domain: h.Domain, Since: h.Since, Why: h.Why}
		if !h.Until.IsZero() {
			row.Until = &h.Until
		}
		list.Suspensions = append(list.Suspensions, row)
	}
	return list, nil
}
