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

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/core/delivery"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/sdk/option"
)

// domainRow is a domain's line of active, delayed and domain all.
type domainRow struct {
	Domain      string `json:"domain"`
	Connections int    `json:"connections"`
	Active      int    `json:"active"`
	Delayed     int    `json:"delayed"`
	Sent        int64  `json:"sent"`
	Failed      int64  `json:"failed"`
}

func (r *domainRow) add(v *queue.LaneView) {
	r.Connections += v.Connections
	r.Active += v.Active
	r.Delayed += v.Delayed
	r.Sent += v.Figures[queue.EventDelivered]
	r.Failed += v.Figures[queue.EventFailed]
}

// domainList is the answer of active, delayed and domain all.
type domainList struct {
	Domains []domainRow `json:"domains"`
	LeftOut int         `json:"left_out"`
	Total   domainRow   `json:"total"` // over all domains, not just those listed
	all     bool
}

func (l *domainList) text(w io.Writer) {
	if l.all {
		fmt.Fprintln(w, "Domain summary:")
	}
	for _, r := range l.Domains {
		fmt.Fprintf(w, "Domain: %30s  C: %2d  A: %6d  D:%6d  S:%6d\n", r.Domain, r.Connections, r.Active, r.Delayed, r.Sent)
	}
	if l.LeftOut > 0 {
		fmt.Fprintf(w, "(%d more domains are not shown; --limit %d shows them.)\n", l.LeftOut, len(l.Domains)+l.LeftOut)
	}
	t := &l.Total
	if l.all {
		fmt.Fprintf(w, "Totals: C: %3d  A: %6d  D:%6d  S:%6d\n", t.Connections, t.Active, t.Delayed, t.Sent)
		return
	}
	fmt.Fprintf(w, "%38s  C: %2d  A: %6d  D:%6d  S:%6d\n", "Total:", t.Connections, t.Active, t.Delayed, t.Sent)
}

// maxRows is how many rows a list has where --limit does not say.
const maxRows = 1000

// cutLimit takes --limit N out of the words.
func cutLimit(args []string) (rest []string, limit int, err error) {
	i := slices.IndexFunc(args, func(a string) bool { return a == "--limit" || a == "-l" })
	if i < 0 {
		return args, maxRows, nil
	}
	if i+1 == len(args) {
		return nil, 0, usage("%s needs a number", args[i])
	}
	limit, err = strconv.Atoi(args[i+1])
	if err != nil || limit < 0 {
		return nil, 0, usage("%q is no number", args[i+1])
	}
	return slices.Concat(args[:i], args[i+2:]), limit, nil
}

// measure picks the figure that a list goes by.
type measure func(*domainRow) int

func dueMail(r *domainRow) int     { return r.Active }
func delayedMail(r *domainRow) int { return r.Delayed }

// domainsOf sums up lanes by domain; those that keep wants, by name.
func (c *Core) domainsOf(s *queue.Selection, limit int, keep func(*domainRow) bool) *domainList {
	list := &domainList{Domains: []domainRow{}, Total: domainRow{Domain: "Total"}}
	rows := map[string]*domainRow{}
	lanes := c.queue.Lanes(s)
	for i := range lanes {
		v := &lanes[i]
		list.Total.add(v)
		if v.Domain == "" || v.Domain == "*" {
			continue
		}
		r := rows[v.Domain]
		if r == nil {
			r = &domainRow{Domain: v.Domain}
			rows[v.Domain] = r
		}
		r.add(v)
	}
	for _, r := range rows {
		if keep(r) {
			list.Domains = append(list.Domains, *r)
		}
	}
	slices.SortFunc(list.Domains, func(a, b domainRow) int { return strings.Compare(a.Domain, b.Domain) })
	if len(list.Domains) > limit {
		list.LeftOut, list.Domains = len(list.Domains)-limit, list.Domains[:limit]
	}
	return list
}

func (c *Core) busyDomains(of measure) func(context.Context, []string) (answer, error) {
	return func(_ context.Context, args []string) (answer, error) {
		return c.overThreshold(args, "", of)
	}
}

func (c *Core) ofBinding(of measure) func(context.Context, []string) (answer, error) {
	return func(_ context.Context, args []string) (answer, error) {
		if len(args) < 2 {
			return nil, usage("name a binding and a threshold")
		}
		if err := c.knownBinding(args[0]); err != nil {
			return nil, err
		}
		return c.overThreshold(args[1:], args[0], of)
	}
}

func (c *Core) overThreshold(args []string, binding string, of measure) (answer, error) {
	args, limit, err := cutLimit(args)
	if err != nil {
		return nil, err
	}
	if len(args) != 1 {
		return nil, usage("give a threshold")
	}
	threshold, err := strconv.Atoi(args[0])
	if err != nil || threshold < 0 {
		return nil, usage("%q is no number", args[0])
	}
	return c.domainsOf(&queue.Selection{Binding: binding}, limit, func(r *domainRow) bool { return of(r) > threshold }), nil
}

func (c *Core) domainAll(_ context.Context, args []string) (answer, error) {
	args, limit, err := cutLimit(args)
	if err != nil {
		return nil, err
	}
	if len(args) > 0 {
		return nil, usage("domain all takes no further words")
	}
	list := c.domainsOf(&queue.Selection{}, limit, func(*domainRow) bool { return true })
	list.all = true
	return list, nil
}

// domainView is the answer of domain.
type domainView struct {
	domainRow
	Config   string           `json:"config,omitempty"`
	Rollup   string           `json:"rolled_up,omitempty"`
	TTL      int              `json:"ttl"`
	Hosts    []hostRow        `json:"hosts"`
	Problem  string           `json:"dns_problem,omitempty"`
	Failures int64            `json:"dns_failures"`
	Open     []connectionView `json:"open"`
	LeftOut  int              `json:"open_left_out"`
	Adaptive []string         `json:"adaptive,omitempty"`
}

type hostRow struct {
	Name       string       `json:"name"`
	Preference int          `json:"preference"`
	TTL        int          `json:"ttl"`
	Problem    string       `json:"problem,omitempty"`
	Addresses  []addressRow `json:"addresses"`
}

type addressRow struct {
	Address string  `json:"address"`
	Port    uint16  `json:"port"`
	IPv4    bool    `json:"ipv4"`
	Next    bool    `json:"next"`
	Failed  float64 `json:"seconds_since_failure,omitempty"`
	Avoided float64 `json:"avoided_for_seconds,omitempty"`
}

type connectionView struct {
	ID      string  `json:"id"`
	Binding string  `json:"binding"`
	Domain  string  `json:"domain"`
	Host    string  `json:"host"`
	Address string  `json:"address"`
	IPv4    bool    `json:"ipv4"`
	Seconds float64 `json:"seconds"`
}

func (v *domainView) text(w io.Writer) {
	fmt.Fprint(w, v.Config)
	if v.Rollup != "" {
		fmt.Fprintf(w, "Rolled up under '%s': it shares the limits of the domains that are\n", v.Rollup)
	}
	switch {
	case len(v.Hosts) > 0:
		fmt.Fprintf(w, "Domain '%s' has %d MXs and a TTL of %d seconds\n", v.Domain, len(v.Hosts), v.TTL)
	default:
		fmt.Fprintf(w, "Domain '%s': %s\n", v.Domain, v.Problem)
	}
	for _, h := range v.Hosts {
		fmt.Fprintf(w, "  [%d %s TTL:%d]", h.Preference, h.Name, h.TTL)
		if h.Problem != "" {
			fmt.Fprintf(w, " %s", h.Problem)
		}
		fmt.Fprintln(w)
		for _, a := range h.Addresses {
			a.text(w)
		}
	}
	if v.Failures > 0 {
		fmt.Fprintf(w, "Domain has had %d consecutive lookup failures\n", v.Failures)
	}
	fmt.Fprintf(w, "Queue:\n        Active:    %7d\n        Delayed:   %7d\n", v.Active, v.Delayed)
	fmt.Fprintf(w, "Deliveries: %9d\nFailures:   %9d\nActive Connections: %d\n", v.Sent, v.Failed, v.Connections)
	for i, s := range v.Open {
		fmt.Fprintf(w, "[%2d] %s  IP: %15s  Binding: %s (%.2fms)\n", i+1, s.ID, s.Address, s.Binding, s.Seconds*1000)
	}
	if v.LeftOut > 0 {
		fmt.Fprintf(w, "(%d more connections are not shown.)\n", v.LeftOut)
	}
	for _, line := range v.Adaptive {
		fmt.Fprintf(w, "Adaptive: %s\n", line)
	}
}

func (a *addressRow) text(w io.Writer) {
	mark := "   "
	switch {
	case a.Next:
		mark = "=> "
	case a.Failed > 0:
		mark = "*  "
	}
	port := ""
	if a.Port != 25 {
		port = ":" + strconv.Itoa(int(a.Port))
	}
	fmt.Fprintf(w, " %s    [%s]%s %s", mark, a.Address, port, family(a.IPv4))
	if a.Failed > 0 {
		fmt.Fprintf(w, " %.2fs since failure", a.Failed)
	}
	fmt.Fprintln(w)
}

func (c *Core) domain(_ context.Context, args []string) (answer, error) {
	if len(args) != 1 {
		return nil, usage("name a domain")
	}
	name := strings.ToLower(args[0])
	v := &domainView{domainRow: domainRow{Domain: name}, Hosts: []hostRow{}, Open: []connectionView{}}
	lanes := c.queue.Lanes(&queue.Selection{Domain: name})
	key := queue.Lane{Group: "default", Binding: "default", Domain: name}
	for i := range lanes {
		v.add(&lanes[i])
		if lanes[i].Active+lanes[i].Delayed > 0 && lanes[i].Domain == name {
			key = lanes[i].Lane
		}
	}
	s := c.settings.Load()
	for _, scope := range s.tree.Root.Children("domain") {
		if strings.EqualFold(scope.Instance, name) {
			v.Config = conf.FormatScope(scope, s.schema.Scope("domain"))
		}
	}
	v.Rollup = s.lane(key).rollup
	v.way(c.courier.Inspect(key, c.dns.Cached), time.Now())
	v.Open, v.LeftOut = c.connections(func(l queue.Lane) bool { return l.Domain == name }, 50)
	v.Adaptive = c.adaptiveLines(name)
	v.Connections = len(v.Open) + v.LeftOut // a worker may still be looking for a host
	return v, nil
}

// way fills in the exchangers.
func (v *domainView) way(w delivery.Way, now time.Time) {
	v.TTL, v.Problem, v.Failures = int(w.TTL.Seconds()), w.Problem, w.Failures
	next := true
	for _, h := range w.Hosts {
		row := hostRow{Name: h.Name, Preference: h.Preference, TTL: int(h.TTL.Seconds()), Problem: h.Problem, Addresses: []addressRow{}}
		for _, a := range h.Addresses {
			r := addressRow{Address: a.Addr.Addr().String(), Port: a.Addr.Port(), IPv4: a.Addr.Addr().Is4()}
			if !a.Failed.IsZero() {
				r.Failed, r.Avoided = max(now.Sub(a.Failed).Seconds(), 0.01), a.Until.Sub(now).Seconds()
			} else if next {
				r.Next, next = true, false
			}
			row.Addresses = append(row.Addresses, r)
		}
		v.Hosts = append(v.Hosts, row)
	}
}

// connections are the open outbound connections of some lanes, the oldest
// first.
func (c *Core) connections(of func(queue.Lane) bool, limit int) (rows []connectionView, left int) {
	rows = []connectionView{}
	now := time.Now()
	for _, conn := range c.courier.Connections() {
		switch {
		case !of(conn.Lane):
		case len(rows) >= limit:
			left++
		default:
			addr := conn.Addr.Addr().Unmap()
			rows = append(rows, connectionView{conn.ID, conn.Lane.Binding, conn.Lane.Domain, conn.Host, addr.String(), addr.Is4(), now.Sub(conn.Since).Seconds()})
		}
	}
	return rows, left
}

// setting is an option as it counts for a lane, and the line that says so.
type setting struct {
	Option string `json:"option"`
	Value  string `json:"value"`
	Where  string `json:"where"`
}

// settingAt is the option of a shared limit, as its scope sets it.
func (c *Core) settingAt(is queue.Share) setting {
	text := "default"
	if is.Pos.Line > 0 {
		text = c.fileName(fmt.Sprintf("%s:%d", is.Pos.File, is.Pos.Line))
	}
	value := strconv.Itoa(is.Limit)
	for scope, path := range c.settings.Load().paths {
		if a, set := scope.Attr(is.Option); set && path == is.Scope {
			value = a.Value.Text
		}
	}
	return setting{conf.DisplayName(is.Option), value, text}
}

// settingOf is an option as it counts for a lane. Paths are as they are in the
// configuration's file names, without the directory of the main file.
func (c *Core) settingOf(key queue.Lane, name string) setting {
	s := c.settings.Load()
	schema := cmp.Or(s.schema.Option(name), &option.Option{Name: name})
	for _, scope := range []string{"domain", "binding"} {
		if inner := s.schema.Scope(scope); s.schema.Option(name) == nil && inner != nil && inner.Option(name) != nil {
			schema = inner.Option(name)
		}
	}
	e := conf.Effective(s.lane(key).layers, schema)
	return setting{e.Name, e.Value, c.fileName(e.Where())}
}
