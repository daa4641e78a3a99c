package audit

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mtad/mtad/core/control"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is an Audit with a clock and a dial of its own.
type fixture struct {
	*Audit
	t        *testing.T
	now      time.Time
	ticks    chan time.Time
	problems []string
}

func newFixture(t *testing.T, dir string, monitors ...string) *fixture {
	t.Helper()
	f := &fixture{t: t, now: time.Unix(12_000, 0), ticks: make(chan time.Time)}
	f.Audit = New(Config{
		Now: func() time.Time { return f.now }, After: func(time.Duration) <-chan time.Time { return f.ticks },
		Problem: func(text string) { f.problems = append(f.problems, text) },
	})
	f.Use(settings(t, dir, monitors...))
	return f
}

func settings(t *testing.T, dir string, monitors ...string) *Settings {
	t.Helper()
	scope := &option.Scope{Name: "inbound_audit", Attrs: []option.Attr{
		{Name: "serialize_dir", Value: option.Value{Kind: option.KindString, Text: dir}},
		{Name: "monitors", Value: option.Value{Kind: option.KindList}},
	}}
	for _, m := range monitors {
		scope.Attrs[1].Value.List = append(scope.Attrs[1].Value.List, option.Value{Kind: option.KindString, Text: m})
	}
	s, bad := Prepare([]*option.Scope{scope})
	if len(bad) > 0 {
		t.Fatal(bad)
	}
	return s
}

// figure asks for a figure of a network.
func (f *fixture) figure(figure sdk.TrafficFigure, monitor, network string, start, end int) int64 {
	f.t.Helper()
	n, err := f.Traffic(context.Background(), &sdk.TrafficQuery{Figure: figure, Monitor: monitor, Network: network, Start: start, End: end})
	if err != nil {
		f.t.Error(err)
	}
	return n
}

// do works on a series.
func (f *fixture) do(kind sdk.SeriesKind, s sdk.Series, key string, delta int64, end int) int64 {
	f.t.Helper()
	n, err := f.Series(context.Background(), &sdk.SeriesOp{Kind: kind, Series: s, Key: key, Delta: delta, End: end})
	if err != nil {
		f.t.Error(err)
	}
	return n
}

func (f *fixture) console(line string) (string, error) {
	var out bytes.Buffer
	table := &control.Table{Commands: f.Commands()}
	err := table.Run(context.Background(), strings.Fields(line), &control.Call{Writer: &out})
	return out.String(), err
}

func TestTraffic(t *testing.T) {
	f := newFixture(t, t.TempDir(), "60,1", "300 , 2")
	one, two := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for range 3 {
		f.Connected(one)
		f.Opened(one)
	}
	f.Connected(netip.MustParseAddr("::ffff:192.0.2.2"))
	f.Opened(two)
	f.Closed(one)
	f.Received(one)
	f.Rejected(two)
	f.Rejected(netip.Addr{}) // of nobody
	f.now = f.now.Add(60 * time.Second)
	f.Connected(one)
	for _, c := range []struct {
		figure     sdk.TrafficFigure
		monitor    string
		network    string
		start, end int
		want       int64
	}{
		{sdk.TrafficConnections, "60,1", "192.0.2.1", 0, 0, 1},
		{sdk.TrafficConnections, "60,1", "192.0.2.1", 0, 1, 4},
		{sdk.TrafficConnections, "60,1", "192.0.2.77/24", 1, 1, 4},
		{sdk.TrafficConnections, "300,2", "192.0.2.0/24", 0, 0, 5},
		{sdk.TrafficReceptions, "300,2", "192.0.2.1/32", 0, 0, 1},
		{sdk.TrafficRejections, "300,2", "192.0.2.1/32", 0, 0, 0},
		{sdk.TrafficRejections, "300,2", "0.0.0.0/0", 0, 0, 1},
		{sdk.TrafficRejections, "300,2", "::/0", 0, 0, 0},
		{sdk.TrafficSessions, "", "192.0.2.1", 0, 0, 2},
		{sdk.TrafficSessions, "", "192.0.2.0/24", 0, 0, 3},
	} {
		if got := f.figure(c.figure, c.monitor, c.network, c.start, c.end); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
	f.Closed(one)
	f.Closed(one)
	f.Closed(two)
	if n := f.figure(sdk.TrafficSessions, "", "0.0.0.0/0", 0, 0); n != 0 || f.traffic.sessions.nodes != 0 {
		t.Errorf("%d sessions, %d nodes when all are closed", n, f.traffic.sessions.nodes)
	}
	// A monitor that stays keeps its counts, one that is new has none.
	f.Use(settings(t, "", "300,2", "60,5"))
	if n := f.figure(sdk.TrafficConnections, "300,2", "192.0.2.1", 0, 0); n != 4 {
		t.Errorf("%d connections after a reload", n)
	}
	if n := f.figure(sdk.TrafficConnections, "60,5", "192.0.2.1", 0, 5); n != 0 {
		t.Errorf("a new monitor knows %d connections", n)
	}
	_, err := f.Traffic(context.Background(), &sdk.TrafficQuery{Monitor: "60,1", Network: "192.0.2.1"})
	if err == nil || !strings.Contains(err.Error(), `no monitor "60,1" (it has "300,2", "60,5")`) {
		t.Errorf("an unknown monitor: %v", err)
	}
	if _, err := f.Traffic(context.Background(), &sdk.TrafficQuery{Monitor: "300,2", Network: "localhost"}); err == nil {
		t.Error("a name passed for a network")
	}
}

func TestMonitorsAreChecked(t *testing.T) {
	for _, bad := range []string{"", "60", "60,", "0,1", "60,0", "60,-1", "x,1", "60,1,2", "99999999999,1", "60,99999999"} {
		if m, err := parseMonitor(bad); err == nil {
			t.Errorf("%q is a monitor: %+v", bad, m)
		}
	}
	scope := &option.Scope{Attrs: []option.Attr{{Name: "monitors", Pos: option.Pos{Line: 7}, Value: option.Value{Kind: option.KindString, Text: "60"}}}}
	if _, bad := Prepare([]*option.Scope{scope}); len(bad) != 1 || bad[0].Pos.Line != 7 {
		t.Errorf("problems: %v", bad)
	}
	if s, bad := Prepare(nil); len(bad) > 0 || len(s.monitors) > 0 || s.dir != "" {
		t.Errorf("without a scope: %+v %v", s, bad)
	}
}

func TestSeries(t *testing.T) {
	f := newFixture(t, t.TempDir())
	four := sdk.Series{Name: "four", Type: sdk.SeriesCIDR4, Interval: time.Minute, Windows: 3}
	six := sdk.Series{Name: "six", Type: sdk.SeriesCIDR6, Interval: time.Minute, Windows: 3}
	words := sdk.Series{Name: "words", Type: sdk.SeriesString, Interval: time.Minute, Windows: 3}
	f.do(sdk.SeriesAdd, four, "10.0.0.1", 5, 0)
	f.do(sdk.SeriesAdd, four, "10.0.0.2", -2, 0)
	f.do(sdk.SeriesAdd, four, "2001:db8::1", 9, 0)
	f.do(sdk.SeriesAdd, six, "2001:db8::1", 1, 0)
	f.do(sdk.SeriesAdd, words, "a\x00b", 3, 0)
	f.now = f.now.Add(time.Minute)
	f.do(sdk.SeriesAdd, words, "a\x00b", 4, 0)
	for _, c := range []struct {
		s    sdk.Series
		key  string
		end  int
		want int64
	}{
		{four, "10.0.0.1", 0, 0}, {four, "10.0.0.1", 2, 5}, {four, "10.0.0.0/24", 2, 3}, {four, "2001:db8::1", 2, 0},
		{six, "2001:db8::/32", 2, 1}, {words, "a\x00b", 0, 4}, {words, "a\x00b", 2, 7}, {words, "b", 2, 0},
	} {
		if got := f.do(sdk.SeriesCount, c.s, c.key, 0, c.end); got != c.want {
			t.Errorf("%s %q to %d: %d, want %d", c.s.Name, c.key, c.end, got, c.want)
		}
	}
	f.do(sdk.SeriesRemove, words, "a\x00b", 0, 0)
	f.do(sdk.SeriesRemove, four, "10.0.0.1", 0, 0)
	if n, m := f.do(sdk.SeriesCount, words, "a\x00b", 0, 2), f.do(sdk.SeriesCount, four, "10.0.0.0/8", 0, 2); n != 0 || m != -2 {
		t.Errorf("after remove: %d %d", n, m)
	}
	for _, bad := range []sdk.Series{
		{Name: "", Interval: time.Minute, Windows: 1}, {Name: "../x", Interval: time.Minute, Windows: 1}, {Name: "x", Windows: 1},
		{Name: "x", Interval: 1500 * time.Millisecond, Windows: 1}, {Name: "x", Interval: time.Minute}, {Name: "x", Type: 9, Interval: time.Minute, Windows: 1},
	} {
		if _, err := f.Series(context.Background(), &sdk.SeriesOp{Series: bad}); err == nil {
			t.Errorf("%+v is a series", bad)
		}
	}
	if _, err := f.Series(context.Background(), &sdk.SeriesOp{Kind: sdk.SeriesAdd, Series: words, Key: strings.Repeat("x", maxKey+1)}); err == nil {
		t.Error("a long key was taken")
	}
	if _, err := f.Series(context.Background(), &sdk.SeriesOp{Kind: sdk.SeriesAdd, Series: four, Key: "nobody"}); err == nil {
		t.Error("a name passed for an address")
	}
}

func TestKeysAreBounded(t *testing.T) {
	k := newKeyed(shape{interval: 1, count: 1, figures: 1}, 3)
	for _, key := range []string{"a", "b", "c", "a", "d", "e"} {
		k.add(key, 1, 100)
	}
	if len(k.keys) != 3 || k.count("a", 100, 0, 0) != 2 || k.count("b", 100, 0, 0) != 0 {
		t.Errorf("%d keys, a %d", len(k.keys), k.count("a", 100, 0, 0))
	}
	if k.sweep(101, 10) || len(k.keys) != 0 {
		t.Errorf("%d keys after their time", len(k.keys))
	}
	var all allSeries
	for i := range maxSeries {
		if _, err := all.open(sdk.Series{Name: "s", Interval: time.Duration(i+1) * time.Second, Windows: 1}, 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := all.open(sdk.Series{Name: "t", Interval: time.Second, Windows: 1}, 1); err == nil {
		t.Error("series are not bounded")
	}
	if _, err := all.open(sdk.Series{Name: "t", Interval: time.Second, Windows: 1}, 100); err != nil {
		t.Errorf("series that are over are in the way: %v", err)
	}
}

// What is persistent is there after a restart; what is not, or what was defined
// in another way, is not.
func TestPersistence(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kept")
	f := newFixture(t, dir)
	f.Start()
	series := sdk.Series{Name: "ips", Type: sdk.SeriesCIDR4, Interval: time.Minute, Windows: 4, Persist: true}
	words := sdk.Series{Name: "words", Type: sdk.SeriesString, Interval: time.Minute, Windows: 4, Persist: true}
	lost := sdk.Series{Name: "lost", Type: sdk.SeriesString, Interval: time.Minute, Windows: 4}
	f.do(sdk.SeriesAdd, series, "10.0.0.1", 1, 0)
	f.do(sdk.SeriesAdd, words, "with \"quotes\"\n", 2, 0)
	f.now = f.now.Add(time.Minute)
	f.do(sdk.SeriesAdd, series, "10.0.0.1", 10, 0)
	f.do(sdk.SeriesAdd, series, "10.0.1.1", 100, 0)
	f.do(sdk.SeriesAdd, lost, "x", 1, 0)
	f.ticks <- f.now // a round of maintenance saves
	f.Stop()

	g := newFixture(t, dir)
	g.now = f.now.Add(2 * time.Minute)
	g.do(sdk.SeriesAdd, series, "10.0.0.1", 1000, 0)
	for _, c := range []struct {
		key  string
		end  int
		want int64
	}{{"10.0.0.1", 0, 1000}, {"10.0.0.1", 2, 1010}, {"10.0.0.1", 3, 1011}, {"10.0.0.0/16", 3, 1111}} {
		if got := g.do(sdk.SeriesCount, series, c.key, 0, c.end); got != c.want {
			t.Errorf("%s to %d: %d, want %d", c.key, c.end, got, c.want)
		}
	}
	if n := g.do(sdk.SeriesCount, words, "with \"quotes\"\n", 0, 3); n != 2 {
		t.Errorf("words: %d", n)
	}
	if n := g.do(sdk.SeriesCount, lost, "x", 0, 3); n != 0 {
		t.Errorf("a series that is not persistent kept %d", n)
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 2 {
		t.Errorf("files: %v %v", names, err)
	}
	if len(g.problems) != 0 {
		t.Errorf("problems: %q", g.problems)
	}
	other := series
	other.Windows = 5
	if n := g.do(sdk.SeriesCount, other, "10.0.0.1", 0, 4); n != 0 || len(g.problems) != 1 {
		t.Errorf("a series of another shape got %d; problems %q", n, g.problems)
	}
	if _, err := g.console("inbound_audit load ips"); err != nil {
		t.Error(err)
	}
	if n := g.do(sdk.SeriesCount, series, "10.0.1.1", 0, 3); n != 200 {
		t.Errorf("after load: %d", n)
	}
}

func TestSaveFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, dir)
	f.do(sdk.SeriesAdd, sdk.Series{Name: "x", Interval: time.Minute, Windows: 1, Persist: true}, "10.0.0.1", 1, 0)
	f.save()
	if !slices.ContainsFunc(f.problems, func(s string) bool { return strings.Contains(s, "series x is not kept") }) {
		t.Errorf("problems: %q", f.problems)
	}
}

func TestGauges(t *testing.T) {
	f := newFixture(t, "")
	do := func(kind sdk.GaugeKind, key string, delta int64) int64 {
		t.Helper()
		n, err := f.Gauge(context.Background(), &sdk.GaugeOp{Kind: kind, Cache: "c", Key: key, Delta: delta, Max: 2, TTL: time.Minute})
		if err != nil {
			t.Error(err)
		}
		return n
	}
	if n := do(sdk.GaugeGet, "a", 0); n != 0 {
		t.Errorf("an absent gauge is %d", n)
	}
	do(sdk.GaugeAdd, "a", 1)
	do(sdk.GaugeAdd, "a", 1)
	f.now = f.now.Add(40 * time.Second)
	do(sdk.GaugeAdd, "b", -1)
	if a, b := do(sdk.GaugeGet, "a", 0), do(sdk.GaugeGet, "b", 0); a != 2 || b != -1 {
		t.Errorf("a %d, b %d", a, b)
	}
	do(sdk.GaugeAdd, "c", 1) // a makes room
	if a, b, c := do(sdk.GaugeGet, "a", 0), do(sdk.GaugeGet, "b", 0), do(sdk.GaugeGet, "c", 0); a != 0 || b != -1 || c != 1 {
		t.Errorf("a %d, b %d, c %d", a, b, c)
	}
	do(sdk.GaugeRemove, "c", 0)
	f.now = f.now.Add(59 * time.Second)
	if b, c := do(sdk.GaugeGet, "b", 0), do(sdk.GaugeGet, "c", 0); b != -1 || c != 0 {
		t.Errorf("b %d, c %d", b, c)
	}
	f.now = f.now.Add(time.Second)
	if b := do(sdk.GaugeGet, "b", 0); b != 0 {
		t.Errorf("b is %d after its time", b)
	}
	for _, bad := range []sdk.GaugeOp{{Kind: sdk.GaugeAdd, TTL: 1}, {Kind: sdk.GaugeAdd, Max: 1}, {Kind: 77, Cache: "c"}, {Key: strings.Repeat("x", maxKey+1)}} {
		if _, err := f.Gauge(context.Background(), &bad); err == nil {
			t.Errorf("%+v was done", bad)
		}
	}
}

func TestConsole(t *testing.T) {
	f := newFixture(t, t.TempDir(), "300,1")
	peer := netip.MustParseAddr("10.1.2.3")
	f.Connected(peer)
	f.Received(peer)
	f.Received(peer)
	f.do(sdk.SeriesDefine, sdk.Series{Name: "s", Type: sdk.SeriesCIDR4, Interval: 5 * time.Minute, Windows: 6}, "", 0, 0)
	for _, c := range []struct{ line, want string }{
		{"inbound_audit show ip 10.0.0.0/8", "Connections 300/0: 1\nConnections 300/1: 0\nReceptions 300/0: 2\nReceptions 300/1: 0\nRejections 300/0: 0\nRejections 300/1: 0\n"},
		{"inbound_audit show all", "network,seconds,window,connections,receptions,rejections\n10.1.2.3/32,300,0,1,2,0\n"},
		{"inbound_audit add s 300,6 10.1.2.3 7", ""},
		{"inbound_audit subtract s 300,6 10.1.2.4 2", ""},
		{"inbound_audit count_cidr 10.1.2.0/24 s 300,6 0 5", "5\n"},
		{"inbound_audit delete_ip 10.1.2.4 s 300,6", ""},
		{"inbound_audit count_cidr 10.1.2.0/24 s 300,6 0 5", "7\n"},
	} {
		if got, err := f.console(c.line); err != nil || got != c.want {
			t.Errorf("%s: %v\n%s", c.line, err, got)
		}
	}
	for _, line := range []string{
		"inbound_audit show ip", "inbound_audit show ip nobody", "inbound_audit add s 300,6 10.1.2.3 x", "inbound_audit add s 300,5 10.1.2.3 1",
		"inbound_audit add s 300,6 ::1 1", "inbound_audit count_cidr 10.1.2.3 s 300,6 0", "inbound_audit load t", "inbound_audit load s", "inbound_audit delete_ip x s 300,6",
	} {
		if _, err := f.console(line); err == nil {
			t.Errorf("%s succeeded", line)
		}
	}
	if out, err := f.console("inbound_audit help"); err != nil || strings.Count(out, "inbound_audit ") < 7 {
		t.Errorf("help: %v\n%s", err, out)
	}
}

func FuzzKeptSeries(f *testing.F) {
	spec := sdk.Series{Name: "x", Type: sdk.SeriesCIDR4, Interval: time.Minute, Windows: 3}
	f.Add(heading(&spec) + "\n\"10.0.0.1/32\" 200 1 2 3\n\"10.0.0.0/8\" 199 5\n")
	f.Add(heading(&spec) + "\n\"10.0.0.1\" -1\n")
	f.Fuzz(func(t *testing.T, text string) {
		s := newSeries(spec)
		if s.read(strings.NewReader(text)) != nil {
			return
		}
		checkTree(t, s.tree)
		var first, second bytes.Buffer
		again := newSeries(spec)
		if err := s.write(&first); err != nil {
			t.Fatal(err)
		}
		if err := again.read(bytes.NewReader(first.Bytes())); err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, first.String())
		}
		if err := again.write(&second); err != nil {
			t.Fatal(err)
		}
		if !sameTotals(s, again) {
			t.Fatalf("%s\n%s", first.String(), second.String())
		}
	})
}

func sameTotals(a, b *series) bool {
	return a.tree.equal(&a.tree.v4.record, &b.tree.v4.record)
}
