package delivery_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/core/dns"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/sdk"
)

// mx writes a list of MX records: "10 a.example".
func mx(list ...string) []sdk.DNSRecord {
	var out []sdk.DNSRecord
	for _, text := range list {
		pref, host, _ := strings.Cut(text, " ")
		n := 0
		for _, c := range pref {
			n = n*10 + int(c-'0')
		}
		out = append(out, sdk.DNSRecord{Value: host, Preference: n})
	}
	return out
}

const unreachedReply = "T 0 451 4.4.1 [internal] No valid hosts (unable to make any connections) (unreached)"

// Which addresses are dialled, and in which order. Nothing answers.
func TestTargets(t *testing.T) {
	set := func(change func(*world)) func(*world) { return change }
	gateway := func(g string) func(*world) { return func(w *world) { w.opt.Gateway = g } }
	routes := func(r ...string) func(*world) { return func(w *world) { w.opt.Routes = r } }
	for _, tc := range []struct {
		what, domain string
		change       func(*world)
		want         string
	}{
		{"MX", "example.com", nil, "192.0.2.1:25"},
		{"by preference", "two.example", nil, "192.0.2.1:25 192.0.2.2:25 192.0.2.3:25"},
		{"implicit MX", "mx.example.com", nil, "192.0.2.1:25"},
		{"address literal", "[198.51.100.7]", nil, "198.51.100.7:25"},
		{"IPv6 literal", "[IPv6:2001:db8::7]", nil, "[2001:db8::7]:25"},
		{"bare address", "198.51.100.7", nil, "198.51.100.7:25"},
		{"remote_smtp_port", "example.com", set(func(w *world) { w.opt.RemotePort = 2525 }), "192.0.2.1:2525"},
		{"use_ipv6", "six.example", set(func(w *world) { w.opt.UseIPv6 = true }), "192.0.2.6:25 [2001:db8::6]:25"},
		{"prefer_ipv6_mxs", "six.example", set(func(w *world) { w.opt.UseIPv6, w.opt.PreferIPv6 = true, true }), "[2001:db8::6]:25 192.0.2.6:25"},
		{"no IPv6", "six.example", nil, "192.0.2.6:25"},
		{"gateway address", "example.com", gateway("203.0.113.1"), "203.0.113.1:25"},
		{"gateway address and port", "example.com", gateway("203.0.113.1:26"), "203.0.113.1:26"},
		{"gateway IPv6 and port", "example.com", gateway("[2001:db8::9]:26"), "[2001:db8::9]:26"},
		{"gateway IPv6", "example.com", gateway("[2001:db8::9]"), "[2001:db8::9]:25"},
		{"gateway name with MX", "other.example", gateway("two.example:26"), "192.0.2.1:26 192.0.2.2:26 192.0.2.3:26"},
		{"gateway name without", "other.example", gateway("mx.example.com"), "192.0.2.1:25"},
		{"gateway may be loopback", "example.com", set(func(w *world) {
			w.opt.Gateway, w.opt.ProhibitedHosts = "127.0.0.1", []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		}), "127.0.0.1:25"},
		{"routes in order", "example.com", routes("203.0.113.2", "smtp://203.0.113.1"), "203.0.113.2:25 203.0.113.1:25"},
		{"routes by pref", "example.com", routes("smtp://203.0.113.2?pref=20", "smtp://203.0.113.1?pref=10&port=26&ttl=300"), "203.0.113.1:26 203.0.113.2:25"},
		{"routes with __mx__", "two.example", routes("203.0.113.2", "__mx__"), "203.0.113.2:25 192.0.2.1:25 192.0.2.2:25 192.0.2.3:25"},
		{"route name is no MX", "example.com", routes("two.example"), "192.0.2.22:25"},
		{"route of type mx", "example.com", routes("smtp://two.example?type=mx"), "192.0.2.1:25 192.0.2.2:25 192.0.2.3:25"},
		{"one route fails, the other does", "example.com", routes("nowhere.example", "203.0.113.1"), "203.0.113.1:25"},
		{"skip_hosts", "two.example", set(func(w *world) { w.opt.SkipHosts = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")} }), "192.0.2.2:25 192.0.2.3:25"},
		{"bind_address", "six.example", set(func(w *world) { w.opt.UseIPv6, w.opt.BindAddress = true, "198.51.100.1" }), "198.51.100.1 > 192.0.2.6:25"},
		{"bind_address_secondary", "six.example", set(func(w *world) {
			w.opt.UseIPv6, w.opt.BindAddress, w.opt.BindSecondary = true, "2001:db8::1", "198.51.100.1"
		}), "198.51.100.1 > 192.0.2.6:25 2001:db8::1 > [2001:db8::6]:25"},
		{"bind_address is a name", "example.com", set(func(w *world) { w.opt.BindAddress = "mx.example.com" }), "192.0.2.1 > 192.0.2.1:25"},
		{"ourselves among the MXs", "loop.example", nil, "192.0.2.1:25"},
		{"best MX of a relay domain", "two.example", set(func(w *world) { w.courier.RelayDomain = func(d string) bool { return d == "two.example" } }), "192.0.2.1:25 192.0.2.2:25"},
		{"all MXs of a relay domain", "two.example", set(func(w *world) {
			w.opt.OnlyBestMX = false
			w.courier.RelayDomain = func(string) bool { return true }
		}), "192.0.2.1:25 192.0.2.2:25 192.0.2.3:25"},
		{"a root MX beside others", "odd.example", nil, "192.0.2.1:25"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			w := newWorld(t)
			w.dns.MX["two.example"] = mx("10 mx.example.com", "10 b.example", "20 c.example")
			w.dns.MX["loop.example"] = mx("10 mx.example.com", "20 ME.example", "20 b.example", "30 c.example")
			w.dns.MX["odd.example"] = mx("0 .", "10 mx.example.com")
			w.dns.A["b.example"], w.dns.A["c.example"] = []string{"192.0.2.2"}, []string{"192.0.2.3"}
			w.dns.A["two.example"] = []string{"192.0.2.22"}
			w.dns.A["six.example"] = []string{"192.0.2.6"}
			w.dns.AAAA = map[string][]string{"six.example": {"2001:db8::6"}}
			if tc.change != nil {
				tc.change(w)
			}
			w.serve(tc.domain, batch("s@x.org", "a@example.com")).want(t, "a@example.com "+unreachedReply)
			got := strings.ReplaceAll(strings.Join(w.dialled, " "), "invalid IP > ", "")
			if got != tc.want {
				t.Errorf("dialled %s\nwant    %s", got, tc.want)
			}
		})
	}
}

// The outcomes where there is nothing to dial.
func TestNoTargets(t *testing.T) {
	prefix := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	for _, tc := range []struct {
		what   string
		change func(*world)
		want   string
	}{
		{"null MX", func(w *world) { w.dns.MX["example.com"] = mx("0 .") }, "P 0 550 5.4.4 [internal] NULL MX domain does not accept mail"},
		{"no such domain", func(w *world) { w.dns = dns.Mock{} }, "P 0 554 5.4.4 [internal] Domain Lookup Failed"},
		{"neither MX nor A", func(w *world) { w.dns = dns.Mock{TXT: map[string][]string{"example.com": {"x"}}} }, "T 0 454 4.4.4 [internal] no MX or A for domain"},
		{"MX without A", func(w *world) { w.dns.A = nil }, "T 0 454 4.4.4 [internal] no MX or A for domain"},
		{"SERVFAIL", func(w *world) { w.dns.Fail = map[string]string{"MX example.com": dns.ServFail} }, "T 0 454 4.4.4 [internal] no MX or A for domain"},
		{"TIMEOUT", func(w *world) { w.dns.Fail = map[string]string{"MX example.com": dns.Timeout} }, "T 0 454 4.4.4 [internal] no MX or A for domain"},
		{"we are the best MX", func(w *world) { w.dns.MX["example.com"] = mx("10 me.example", "20 mx.example.com") }, "P 0 554 5.4.6 [internal] mail loops back to this host"},
		{"prohibited_hosts", func(w *world) { w.opt.ProhibitedHosts = prefix }, "P 0 551 5.4.6 [internal] Private/Loopback Address"},
		{"skip_hosts", func(w *world) { w.opt.SkipHosts = prefix }, "T 0 451 4.4.1 [internal] No valid hosts"},
		{"bad gateway", func(w *world) { w.opt.Gateway = "a b" }, "T 0 451 4.4.1 [internal] No valid hosts (unable to make any connections)"},
		{"gateway that does not exist", func(w *world) { w.opt.Gateway = "nowhere.example" }, "T 0 454 4.4.4 [internal] no MX or A for domain"},
		{"bad bind_address", func(w *world) { w.opt.BindAddress = "nowhere.example" }, "T 0 451 4.4.1 [internal] No valid hosts (unable to make any connections)"},
		{"only the other family", func(w *world) { w.opt.BindAddress = "2001:db8::1" }, "T 0 454 4.4.4 [internal] no MX or A for domain"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			w := newWorld(t)
			tc.change(w)
			w.serve("example.com", batch("s@x.org", "a@example.com")).want(t, "a@example.com "+tc.want)
			if len(w.dialled) > 0 {
				t.Errorf("dialled %v", w.dialled)
			}
		})
	}
}

// clock makes the courier's time one that the test moves.
func (w *world) clock() func(time.Duration) {
	now := time.Unix(1e9, 0)
	w.courier.Now = func() time.Time { return now }
	return func(d time.Duration) { now = now.Add(d) }
}

func TestLookupFailuresPurge(t *testing.T) {
	w := newWorld(t)
	move := w.clock()
	w.opt.FailuresToPurge = 3
	w.dns.Fail = map[string]string{"MX example.com": dns.ServFail}
	w.opt.FallbackToA = 100
	const wait, fail = "T 0 454 4.4.4 [internal] no MX or A for domain", "P 0 554 5.4.4 [internal] Domain Lookup Failed"
	old := batch("s@x.org", "old@example.com")
	old.Messages[0].Retries = 10
	for _, want := range []string{wait, wait} {
		w.serve("example.com", old).want(t, "old@example.com "+want)
		w.serve("example.com", old).want(t, "old@example.com "+want) // the same moment: not counted
		move(time.Minute)
	}
	w.serve("example.com", old).want(t, "old@example.com "+fail)
	move(time.Minute)
	// A message that has not had its attempts waits.
	w.serve("example.com", batch("s@x.org", "new@example.com")).want(t, "new@example.com "+wait)
	// Success ends the count.
	w.dns.Fail = nil
	w.serve("example.com", old).want(t, "old@example.com "+unreachedReply)
	w.dns.Fail = map[string]string{"MX example.com": dns.ServFail}
	move(time.Minute)
	w.serve("example.com", old).want(t, "old@example.com "+wait)
}

func TestLookupSilenceNeverPurges(t *testing.T) {
	w := newWorld(t)
	move := w.clock()
	w.opt.FailuresToPurge, w.opt.FallbackToA = 1, 1
	w.dns.Fail = map[string]string{"MX example.com": dns.Timeout, "A example.com": dns.Timeout}
	old := batch("s@x.org", "old@example.com")
	old.Messages[0].Retries = 100
	for range 3 {
		w.serve("example.com", old).want(t, "old@example.com T 0 454 4.4.4 [internal] no MX or A for domain")
		move(time.Hour)
	}
}

func TestFallbackToA(t *testing.T) {
	w := newWorld(t)
	move := w.clock()
	w.opt.FallbackToA = 2
	w.dns.Fail = map[string]string{"MX example.com": dns.ServFail}
	w.dns.A["example.com"] = []string{"192.0.2.99"}
	for range 2 {
		w.serve("example.com", batch("s@x.org", "a@example.com"))
		move(time.Minute)
	}
	if got := strings.Join(w.dialled, " "); got != "invalid IP > 192.0.2.99:25" {
		t.Errorf("dialled %s", got)
	}
}

// The next host is tried when one does not do, for whatever reason.
func TestNextHost(t *testing.T) {
	for what, first := range map[string]string{
		"refuses":       "",
		"4xx banner":    "S: 421 busy\nclose",
		"5xx banner":    "S: 554 no\n" + quit,
		"closes":        "close",
		"speaks not":    "hang",
		"EHLO refused":  "S: 220 x\nC: EHLO me.example\nS: 421 no\nclose",
		"never answers": "SYN",
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			if first == "hang" {
				w.opt.EHLOTimeout = 500 * time.Millisecond // the other host has as much
			}
			w.dns.A["mx.example.com"] = []string{"192.0.2.1", "192.0.2.2"}
			switch first {
			case "":
			case "SYN":
				w.opt.ConnectTimeout = 20 * time.Millisecond
				w.hangs["192.0.2.1:25"] = true
			default:
				w.at("192.0.2.1", first)
			}
			w.at("192.0.2.2", greeting+whole+quit)
			src := w.serve("example.com", batch("s@x.org", "a@example.com"))
			src.want(t, "a@example.com D 9 250 2.0.0 queued")
			if r := src.results[0].Remote.String(); r != "192.0.2.2" {
				t.Errorf("delivered to %s", r)
			}
		})
	}
}

// What is said where all hosts fail: one that may pass before one that will
// not, a peer's word before none.
func TestAllHostsFail(t *testing.T) {
	const temp, perm = "S: 421 busy\nclose", "S: 554 no\n" + quit
	for _, tc := range []struct{ one, two, want string }{
		{perm, perm, "P 12 554 no"},
		{perm, temp, "T 12 421 busy"},
		{temp, perm, "T 12 421 busy"},
		{temp, "", "T 12 421 busy"},
		{perm, "", unreachedReply},
		{"", "", unreachedReply},
	} {
		w := newWorld(t)
		w.dns.A["mx.example.com"] = []string{"192.0.2.1", "192.0.2.2"}
		for addr, script := range map[string]string{"192.0.2.1": tc.one, "192.0.2.2": tc.two} {
			if script != "" {
				w.at(addr, script)
			}
		}
		w.serve("example.com", batch("s@x.org", "a@example.com")).want(t, "a@example.com "+tc.want)
	}
}

// An address that kept us waiting is avoided for host_failure_retry, by all
// lanes of the binding; one that refused at once is only tried last.
func TestHostMemory(t *testing.T) {
	w := newWorld(t)
	move := w.clock()
	w.opt.ConnectTimeout = 20 * time.Millisecond
	w.dns.MX["other.example"] = w.dns.MX["example.com"]
	w.dns.A["mx.example.com"] = []string{"192.0.2.1", "192.0.2.2"}
	w.hangs["192.0.2.1:25"] = true
	dialled := func() string {
		out := strings.ReplaceAll(strings.Join(w.dialled, " "), "invalid IP > ", "")
		w.dialled = nil
		return out
	}
	once := func(domain, binding, want string) {
		t.Helper()
		src := &source{batches: []*queue.Batch{batch("s@x.org", "a@example.com")}}
		w.courier.Serve(w.ctx, queue.Lane{Binding: binding, Domain: domain}, src)
		if got := dialled(); got != want {
			t.Errorf("dialled %q, want %q", got, want)
		}
	}
	once("example.com", "b1", "192.0.2.1:25 192.0.2.2:25") // 1 waits, 2 refuses
	once("other.example", "b1", "192.0.2.2:25")
	once("example.com", "b2", "192.0.2.1:25 192.0.2.2:25") // another binding
	move(121 * time.Second)
	once("example.com", "b1", "192.0.2.1:25 192.0.2.2:25") // the time is over

	w.dns.A["mx.example.com"] = []string{"192.0.2.2", "192.0.2.3"}
	once("example.com", "b1", "192.0.2.3:25 192.0.2.2:25")

	w.dns.A["mx.example.com"] = []string{"192.0.2.1"}
	w.serveOn("b1").want(t, "a@example.com T 0 421 4.4.0 [internal] no MXs for this domain could be reached at this time (unreached)")
	if got := dialled(); got != "" {
		t.Errorf("dialled %q", got)
	}
	// Success clears the memory.
	move(121 * time.Second)
	delete(w.hangs, "192.0.2.1:25")
	w.at("192.0.2.1", greeting+whole+quit, greeting+whole+quit)
	w.serveOn("b1").want(t, "a@example.com D 9 250 2.0.0 queued")
	w.serveOn("b1").want(t, "a@example.com D 9 250 2.0.0 queued")
}

func (w *world) serveOn(binding string) *source {
	src := &source{batches: []*queue.Batch{batch("s@x.org", "a@example.com")}}
	w.courier.Serve(w.ctx, queue.Lane{Binding: binding, Domain: "example.com"}, src)
	return src
}
