package cidr

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mtad/mtad/sdk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func read(t *testing.T, record Record, text string) (*Table, Skipped) {
	t.Helper()
	table, skipped, err := ReadRBLDNSD(strings.NewReader(text), record)
	if err != nil {
		t.Fatal(err)
	}
	return table, skipped
}

const sampleZone = `
# a comment
$SOA 3600 ns.example.com admin.example.com 0 1 2 3 4
$1 See http://bl.test
192.0.2.0/24
!192.0.2.9
192.0.2.128/25 :5:half of it
10.79.0.0:3:no blank
10.80 just a text: with a colon
10.81.0.0-10.81.0.9 ; a comment
127.16-31 :127.0.1.9:
2001:db8::/32 :6:six
2001:db8:1::1 :7:$1/$ for $$5
:4:default text
198.51.100.1
198.51.100.2 :9:
198.51.100.3 # a comment
1111::0000:wrong
nonsense
300.1.1.1
`

func TestRBLDNSD(t *testing.T) {
	a, skipped := read(t, RecordA, sampleZone)
	txt, _ := read(t, RecordTXT, sampleZone)
	for _, c := range []struct{ addr, a, txt string }{
		{"192.0.2.1", "127.0.0.2", ""}, {"192.0.2.9", "-", "-"}, {"192.0.2.200", "127.0.0.5", "half of it"},
		{"10.79.0.0", "127.0.0.3", "no blank"}, {"10.79.0.1", "-", "-"}, {"10.80.255.1", "127.0.0.2", "just a text: with a colon"},
		{"10.81.0.9", "127.0.0.2", ""}, {"10.81.0.10", "-", "-"}, {"127.31.255.255", "127.0.1.9", ""}, {"127.32.0.0", "-", "-"}, {"127.15.0.1", "-", "-"},
		{"2001:db8::5", "127.0.0.6", "six"}, {"2001:db8:1::1", "127.0.0.7", "See http://bl.test/$ for $$5"}, {"2001:db9::", "-", "-"},
		{"198.51.100.1", "127.0.0.4", "default text"}, {"::ffff:198.51.100.1", "127.0.0.4", "default text"},
		{"198.51.100.2", "127.0.0.9", ""}, {"198.51.100.3", "127.0.0.4", "default text"},
	} {
		addr := netip.MustParseAddr(c.addr)
		for table, want := range map[*Table]string{a: c.a, txt: c.txt} {
			got, ok := table.Lookup(addr)
			if !ok {
				got = "-"
			}
			if got != want {
				t.Errorf("%s: %q, want %q", addr, got, want)
			}
		}
	}
	if skipped.Lines != 3 || skipped.First != 18 || skipped.Text != "1111::0000:wrong" {
		t.Errorf("skipped %+v", skipped)
	}
	if got := Interpolate("See $ for $$5", netip.MustParseAddr("192.0.2.1")); got != "See 192.0.2.1 for $5" {
		t.Errorf("interpolated: %q", got)
	}
}

func TestCombined(t *testing.T) {
	table, skipped := read(t, RecordTXT, "$DATASET dnset names\n:2:a name\nexample.com\n*.example.org :3:x\n"+
		"$DATASET ip4set ips @\n:2:proxy\n10.0.0.1\n$DATASET ip6trie six\n0::1\n")
	one, _ := table.Lookup(netip.MustParseAddr("10.0.0.1"))
	six, ok := table.Lookup(netip.MustParseAddr("::1"))
	if one != "proxy" || six != "" || !ok || skipped.Lines != 0 || table.Size() != 2 {
		t.Errorf("%q %q %v %+v, %d networks", one, six, ok, skipped, table.Size())
	}
}

// An exclusion counts wherever it stands; of two equal entries the first does.
func TestOrderOfEntries(t *testing.T) {
	table, _ := read(t, RecordTXT, "10.0.0.1 first\n10.0.0.1 second\n!10.0.0.2\n10.0.0.2 listed\n10.0.0.3 x\n!10.0.0.3\n10.0.0.0/8 all\n")
	for addr, want := range map[string]string{"10.0.0.1": "first", "10.0.0.2": "", "10.0.0.3": "", "10.0.0.4": "all"} {
		if got, ok := table.Lookup(netip.MustParseAddr(addr)); got != want || ok != (want != "") {
			t.Errorf("%s: %q %v", addr, got, ok)
		}
	}
}

func TestNetworks(t *testing.T) {
	for text, want := range map[string]string{
		"10.1.2.3": "10.1.2.3/32", "10.1": "10.1.0.0/16", "10.1.2.3/16": "10.1.0.0/16", "10/8": "10.0.0.0/8", "0/0": "0.0.0.0/0",
		"0.0.0.0-255.255.255.255": "0.0.0.0/0", "10.0.0.1-10.0.0.4": "10.0.0.1/32 10.0.0.2/31 10.0.0.4/32", "10.0.0.254-255": "10.0.0.254/31",
		"10.1-10.2": "10.1.0.0/16 10.2.0.0/16", "255.255.255.255": "255.255.255.255/32", "::/0": "::/0", "2001:db8::1/32": "2001:db8::/32", "::ffff:10.0.0.1": "10.0.0.1/32",
		"": "", "10.": "", "10.1.2.3.4": "", "10.1.2.3/33": "", "10.1.2.3/-1": "", "10.0.0.2-10.0.0.1": "", "1-2-3": "", "::1-::2": "", "fe80::1%eth0": "", "256": "", "+1": "", "10.0.0.1-": "",
	} {
		list, ok := networks(text)
		var got []string
		for _, p := range list {
			got = append(got, p.String())
		}
		if strings.Join(got, " ") != want || ok != (want != "") {
			t.Errorf("%q: %v %v, want %q", text, got, ok, want)
		}
	}
}

func FuzzRBLDNSD(f *testing.F) {
	f.Add(sampleZone)
	f.Add("$DATASET ip4set x\n:a:b\n!::1\n0-255\n")
	f.Fuzz(func(t *testing.T, text string) {
		table, skipped, err := ReadRBLDNSD(strings.NewReader(text), RecordTXT)
		if err != nil {
			return
		}
		for p := range table.networks.All() {
			if p != p.Masked() || p.Addr().Is4In6() {
				t.Fatalf("network %s", p)
			}
		}
		if skipped.Lines > strings.Count(text, "\n")+1 {
			t.Fatalf("%d lines skipped", skipped.Lines)
		}
	})
}

func TestFromRows(t *testing.T) {
	text := func(s string) sdk.Datum { return sdk.Datum{Kind: sdk.DatumText, Text: s} }
	rows := &sdk.Rows{Columns: []string{"what", "net"}, Rows: [][]sdk.Datum{
		{text("a"), text("10.0.0.0/8")}, {{Kind: sdk.DatumInt, Int: 7}, text("10.1.0.0/16")}, {text("b"), text("rubbish")}, {{}, text("::1")},
	}}
	for _, value := range []string{"what", "1"} {
		table, skipped, err := FromRows(rows, "net", value)
		if err != nil || skipped.Lines != 1 || skipped.First != 3 {
			t.Fatalf("%v %+v", err, skipped)
		}
		for addr, want := range map[string]string{"10.2.0.1": "a", "10.1.0.1": "7", "::1": ""} {
			if got, ok := table.Lookup(netip.MustParseAddr(addr)); got != want || !ok {
				t.Errorf("%s: %q %v", addr, got, ok)
			}
		}
	}
	if _, _, err := FromRows(rows, "nope", ""); err == nil {
		t.Error("a column that is not there was found")
	}
	if _, _, err := FromRows(rows, "2", "3"); err == nil {
		t.Error("a third column was found")
	}
	if table, skipped, err := FromRows(rows, "", ""); err != nil || table.Size() != 1 || skipped.Lines != 3 {
		t.Errorf("the first column: %v %+v", err, skipped)
	}
}

// clock is a time that tests move; what waits for it runs when it comes.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	waits []*wait
}

type wait struct {
	at time.Time
	f  func()
}

func (c *clock) config() Config { return Config{Now: c.Now, AfterFunc: c.AfterFunc} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := &wait{c.now.Add(d), f}
	c.waits = append(c.waits, w)
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		n := len(c.waits)
		c.waits = slices.DeleteFunc(c.waits, func(o *wait) bool { return o == w })
		return len(c.waits) < n
	}
}

// move lets time pass, and gives how many functions ran.
func (c *clock) move(d time.Duration) int {
	c.mu.Lock()
	c.now = c.now.Add(d)
	var due []func()
	c.waits = slices.DeleteFunc(c.waits, func(w *wait) bool {
		if w.at.After(c.now) {
			return false
		}
		due = append(due, w.f)
		return true
	})
	c.mu.Unlock()
	for _, f := range due {
		f()
	}
	return len(due)
}

// told collects problems.
type told struct {
	mu   sync.Mutex
	list []string
}

func (p *told) add(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(p.list, text)
}

func (p *told) take() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := strings.Join(p.list, "\n")
	p.list = nil
	return out
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func value(l *List, addr string) string {
	v, ok := l.Lookup(netip.MustParseAddr(addr))
	if !ok {
		return "-"
	}
	return v
}

func TestFileList(t *testing.T) {
	c := &clock{now: time.Unix(1000, 0)}
	s := NewStore(c.config())
	defer s.Close()
	path := filepath.Join(t.TempDir(), "zone")
	spec := Spec{Name: "bl", Kind: RBLDNSD, Source: path, Refresh: time.Hour}
	var p told
	from := Source{Problem: p.add}
	l, isNew := s.Open(context.Background(), spec, from)
	if !isNew || value(l, "10.0.0.1") != "-" || !strings.Contains(p.take(), "it is empty: open "+path) {
		t.Fatal("a list without a file is not empty, or nobody was told")
	}
	if got := l.Due(); got != c.Now().Add(retryTime) {
		t.Errorf("a list that could not be read is tried again at %v", got)
	}
	write(t, path, "10.0.0.1 :5:x\nrubbish here\n")
	c.move(retryTime)
	s.Settle()
	if value(l, "10.0.0.1") != "127.0.0.5" || !strings.Contains(p.take(), `1 lines are no entries; the first is line 2: "rubbish here"`) || l.Due() != c.Now().Add(time.Hour) {
		t.Errorf("after the file came: %s, due %v", value(l, "10.0.0.1"), l.Due())
	}
	// Another generation uses the same list, and a broken file changes nothing.
	again, isNew := s.Open(context.Background(), spec, from)
	if again != l || isNew {
		t.Error("an equal definition made another list")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := l.Reload(context.Background()); err == nil || value(l, "10.0.0.1") != "127.0.0.5" || !strings.Contains(p.take(), "it stays as it is") {
		t.Errorf("a reload without a file: %v", err)
	}
	write(t, path, "10.0.0.2\n")
	l.Renew()
	s.Settle()
	if value(l, "10.0.0.1") != "-" || value(l, "10.0.0.2") != "127.0.0.2" {
		t.Error("the new file is not in force")
	}
	l.Release()
	if c.move(2*time.Hour) != 1 {
		t.Error("a list that is still used is not read again")
	}
	s.Settle()
	again.Release()
	if n := c.move(2 * time.Hour); n != 0 || len(s.lists) != 0 {
		t.Errorf("%d readings of a list that nobody uses", n)
	}
}

func TestDatasourceList(t *testing.T) {
	c := &clock{now: time.Unix(1000, 0)}
	s := NewStore(c.config())
	var p told
	fail := errors.New("no such table")
	asked := ""
	ask := func(_ context.Context, cache, query string) (*sdk.Rows, error) {
		asked = cache + " " + query
		if fail != nil {
			return nil, fail
		}
		return &sdk.Rows{Columns: []string{"c"}, Rows: [][]sdk.Datum{{{Kind: sdk.DatumText, Text: "10.0.0.0/8"}}}}, nil
	}
	l, _ := s.Open(context.Background(), Spec{Name: "d", Kind: Datasource, Cache: "db", Query: "q"}, Source{ask, p.add})
	if asked != "db q" || !strings.Contains(p.take(), "no such table") || l.HasValues() || !l.Due().IsZero() {
		t.Errorf("asked %q, due %v", asked, l.Due())
	}
	fail = nil
	if err := l.Reload(context.Background()); err != nil || value(l, "10.9.9.9") != "" {
		t.Errorf("%v %q", err, value(l, "10.9.9.9"))
	}
	empty, _ := s.Open(context.Background(), Spec{Name: "e"}, Source{ask, p.add})
	if err := empty.Reload(context.Background()); err != nil || value(empty, "10.9.9.9") != "-" {
		t.Errorf("an empty list: %v %q", err, value(empty, "10.9.9.9"))
	}
	s.Close()
	l.Renew()
	l.Release()
	// A reading that is under way keeps others waiting for no longer than they may.
	l.busy <- struct{}{}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.Reload(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a reload that waits: %v", err)
	}
}

func TestNotAFile(t *testing.T) {
	s := NewStore((&clock{}).config())
	defer s.Close()
	var p told
	s.Open(context.Background(), Spec{Name: "dir", Kind: RBLDNSD, Source: t.TempDir()}, Source{Problem: p.add})
	if got := p.take(); !strings.Contains(got, "not a regular file") {
		t.Errorf("told %q", got)
	}
	if _, _, err := ReadRBLDNSD(strings.NewReader("10.0.0.1 "+strings.Repeat("x", maxLine)), RecordA); !errors.Is(err, errLine) {
		t.Errorf("a long line: %v", err)
	}
}
