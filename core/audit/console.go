package audit

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/mtad/mtad/core/control"
	"github.com/mtad/mtad/sdk"
)

// Commands are the console's inbound_audit commands (reference/console.tsv).
func (a *Audit) Commands() []control.Command {
	change := func(sign int64) func(context.Context, *control.Call) error {
		return func(_ context.Context, call *control.Call) error { return a.change(call, sign) }
	}
	return []control.Command{
		{Name: "inbound_audit show ip", Usage: "ADDRESS|CIDR", Help: "Show what every monitor has counted for a network, window by window.", Example: "inbound_audit show ip 192.0.2.0/24", Run: a.showIP},
		{Name: "inbound_audit show all", Help: "Show the counts of all networks as CSV.", Run: a.showAll},
		{Name: "inbound_audit add", Usage: "SERIES SECONDS,WINDOWS KEY N", Help: "Add to a key of a named series.", Example: "inbound_audit add bad 300,12 192.0.2.1 5", Run: change(1)},
		{Name: "inbound_audit subtract", Usage: "SERIES SECONDS,WINDOWS KEY N", Help: "Subtract from a key of a named series.", Example: "inbound_audit subtract bad 300,12 192.0.2.1 5", Run: change(-1)},
		{Name: "inbound_audit count_cidr", Usage: "KEY|CIDR SERIES SECONDS,WINDOWS START END", Help: "Add up windows of a named series, both ends included.", Example: "inbound_audit count_cidr 192.0.2.0/24 bad 300,12 0 11", Run: a.countCIDR},
		{Name: "inbound_audit delete_ip", Usage: "KEY SERIES SECONDS,WINDOWS", Help: "Forget a key of a named series.", Example: "inbound_audit delete_ip 192.0.2.1 bad 300,12", Run: a.deleteIP},
		{Name: "inbound_audit load", Usage: "SERIES [FILE]", Help: "Add what a file of a named series holds; by default the series' own in serialize_dir.", Example: "inbound_audit load bad", Run: a.load},
	}
}

// showIP prints as the manual's example does.
func (a *Audit) showIP(_ context.Context, call *control.Call) error {
	if len(call.Args) != 1 {
		return fmt.Errorf("%w: one address or network is needed", control.ErrUsage)
	}
	p, err := network(call.Args[0])
	if err != nil {
		return fmt.Errorf("%w: %w", control.ErrUsage, err)
	}
	now := a.Now().Unix()
	t := a.traffic
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range t.monitors {
		for figure, label := range [trafficFigures]string{"Connections", "Receptions", "Rejections"} {
			for i := range m.count {
				fmt.Fprintf(call, "%s %d/%d: %d\n", label, m.interval, i, m.tree.count(p, figure, now, i, i))
			}
		}
	}
	return nil
}

// csvRow is a line of show all.
type csvRow struct {
	prefix netip.Prefix
	text   string
}

func (a *Audit) showAll(_ context.Context, call *control.Call) error {
	now := a.Now().Unix()
	fmt.Fprintln(call, "network,seconds,window,connections,receptions,rejections")
	for _, m := range a.traffic.rows(now) {
		fmt.Fprintln(call, m.text)
	}
	return nil
}

// rows is a row for each network and window that has counted anything.
func (t *traffic) rows(now int64) []csvRow {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []csvRow
	for _, m := range t.monitors {
		window := m.window(now)
		m.tree.each(func(p netip.Prefix, own record) {
			for i := range m.count {
				var n [trafficFigures]int64
				for f := range n {
					n[f] = m.sum(&own, f, window, i, i)
				}
				if n != [trafficFigures]int64{} {
					list = append(list, csvRow{p, fmt.Sprintf("%s,%d,%d,%d,%d,%d", p, m.interval, i, n[0], n[1], n[2])})
				}
			}
		})
	}
	slices.SortStableFunc(list, func(a, b csvRow) int {
		return cmp.Or(a.prefix.Addr().Compare(b.prefix.Addr()), cmp.Compare(a.prefix.Bits(), b.prefix.Bits()))
	})
	return list
}

// change adds to a series: NAME PARAMETERS KEY N.
func (a *Audit) change(call *control.Call, sign int64) error {
	if len(call.Args) != 4 {
		return fmt.Errorf("%w: a series, its parameters, a key and a number are needed", control.ErrUsage)
	}
	n, err := strconv.ParseInt(call.Args[3], 10, 64)
	if err != nil {
		return fmt.Errorf("%w: %q is not a number", control.ErrUsage, call.Args[3])
	}
	_, err = a.onSeries(call.Args[0], call.Args[1], sdk.SeriesOp{Kind: sdk.SeriesAdd, Key: call.Args[2], Delta: sign * n})
	return err
}

func (a *Audit) countCIDR(_ context.Context, call *control.Call) error {
	if len(call.Args) != 5 {
		return fmt.Errorf("%w: a network, a series, its parameters and two windows are needed", control.ErrUsage)
	}
	start, err1 := strconv.Atoi(call.Args[3])
	end, err2 := strconv.Atoi(call.Args[4])
	if err1 != nil || err2 != nil {
		return fmt.Errorf("%w: windows are numbers, 0 the current one", control.ErrUsage)
	}
	n, err := a.onSeries(call.Args[1], call.Args[2], sdk.SeriesOp{Kind: sdk.SeriesCount, Key: call.Args[0], Start: start, End: end})
	if err == nil {
		fmt.Fprintln(call, n)
	}
	return err
}

func (a *Audit) deleteIP(_ context.Context, call *control.Call) error {
	if len(call.Args) != 3 {
		return fmt.Errorf("%w: a key, a series and its parameters are needed", control.ErrUsage)
	}
	_, err := a.onSeries(call.Args[1], call.Args[2], sdk.SeriesOp{Kind: sdk.SeriesRemove, Key: call.Args[0]})
	return err
}

// onSeries works on the series of a name and parameters, "300,6"; of those for
// IPv4 and IPv6 on the one that the key is for.
func (a *Audit) onSeries(name, parameters string, op sdk.SeriesOp) (int64, error) {
	p, err := network(op.Key)
	isNetwork := err == nil
	for _, s := range a.series.list() {
		spec := &s.spec
		if spec.Name == name && monitorName(int64(spec.Interval.Seconds()), spec.Windows) == parameters &&
			(spec.Type == sdk.SeriesString || isNetwork && s.fits(p)) {
			return s.do(&op, a.Now().Unix())
		}
	}
	return 0, fmt.Errorf("there is no series %s with the parameters %s for %q", name, parameters, op.Key)
}

func (a *Audit) load(_ context.Context, call *control.Call) error {
	if len(call.Args) < 1 || len(call.Args) > 2 {
		return fmt.Errorf("%w: a series and perhaps a file are needed", control.ErrUsage)
	}
	path := call.Args[len(call.Args)-1]
	if !filepath.IsAbs(path) {
		dir := a.settings.Load().dir
		if dir == "" {
			return fmt.Errorf("without an inbound_audit scope there is no serialize_dir: name the file by its absolute path")
		}
		path = filepath.Join(dir, path)
	}
	err := fmt.Errorf("there is no series %s", call.Args[0])
	for _, s := range a.series.list() {
		if s.spec.Name == call.Args[0] {
			if err = s.restore(path); err == nil {
				return nil
			}
		}
	}
	return err
}
