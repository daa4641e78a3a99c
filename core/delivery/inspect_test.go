package delivery

import (
	"net/netip"
	"testing"
	"time"

	"github.com/mtad/mtad/core/dns"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/sdk"
)

// known is a DNS cache for Inspect, "MX example.com" for each question.
type known map[string]*sdk.DNSAnswer

func (k known) cached(q sdk.DNSQuery) (*sdk.DNSAnswer, time.Duration, bool) {
	a, ok := k[q.Type+" "+q.Name]
	return a, time.Minute, ok
}

func TestInspect(t *testing.T) {
	now := time.Unix(1000, 0)
	o := Defaults()
	c := &Courier{OptionsFor: func(_, _, _ string) *Options { return o }, Now: func() time.Time { return now }}
	lane := queue.Lane{Group: "default", Binding: "default", Domain: "example.com"}
	k := known{}
	if w := c.Inspect(lane, k.cached); w.Problem != "not looked up" || len(w.Hosts) != 0 {
		t.Errorf("nothing known: %+v", w)
	}
	k["MX example.com"] = &sdk.DNSAnswer{Records: []sdk.DNSRecord{{Value: "a.example.com", Preference: 5}, {Value: "b.example.com", Preference: 10}}}
	k["A a.example.com"] = &sdk.DNSAnswer{Records: []sdk.DNSRecord{{Value: "192.0.2.1"}, {Value: "192.0.2.2"}}}
	k["A b.example.com"] = &sdk.DNSAnswer{Error: dns.NXDomain}
	c.avoid("default", target{addr: netip.MustParseAddrPort("192.0.2.1:25")}, o, true)
	now = now.Add(10 * time.Second)
	w := c.Inspect(lane, k.cached)
	if len(w.Hosts) != 2 || w.TTL != time.Minute || w.Problem != "" || w.Hosts[1].Problem != dns.NXDomain || w.Hosts[0].Preference != 5 {
		t.Fatalf("%+v", w)
	}
	failed, good := w.Hosts[0].Addresses[0], w.Hosts[0].Addresses[1]
	if !failed.Failed.Equal(time.Unix(1000, 0)) || !failed.Silent || !failed.Until.Equal(time.Unix(1120, 0)) || !good.Failed.IsZero() {
		t.Errorf("addresses %+v", w.Hosts[0].Addresses)
	}
	c.lookupFailed("example.com", true)
	if w := c.Inspect(lane, k.cached); w.Failures != 1 {
		t.Errorf("%d failures", w.Failures)
	}
	c.Forget("example.com")
	if w := c.Inspect(lane, k.cached); w.Failures != 0 {
		t.Errorf("%d failures after Forget", w.Failures)
	}
	c.lookupFailed("example.com", true)
	c.Forget("")
	if w := c.Inspect(lane, k.cached); w.Failures != 0 {
		t.Errorf("%d failures after Forget of all", w.Failures)
	}
}

func TestInspectRoutes(t *testing.T) {
	o := Defaults()
	c := &Courier{OptionsFor: func(_, _, _ string) *Options { return o }}
	lane := queue.Lane{Domain: "example.com"}
	k := known{"A host.test": {Records: []sdk.DNSRecord{{Value: "192.0.2.9"}}}}
	for _, step := range []struct {
		set  func()
		want string
	}{
		{func() { o.Gateway = "192.0.2.7:2525" }, "192.0.2.7:2525"},
		{func() { o.Gateway = ""; o.Routes = []string{"host.test"} }, "192.0.2.9:25"},
		{func() { o.Routes = []string{"localhost"} }, "127.0.0.1:25"},
		{func() {
			o.Routes = nil
			k["MX example.com"] = &sdk.DNSAnswer{Error: dns.NoData}
			k["A example.com"] = k["A host.test"]
		}, "192.0.2.9:25"},
	} {
		step.set()
		w := c.Inspect(lane, k.cached)
		if len(w.Hosts) != 1 || len(w.Hosts[0].Addresses) != 1 || w.Hosts[0].Addresses[0].Addr.String() != step.want {
			t.Errorf("want %s: %+v", step.want, w)
		}
	}
	k["MX example.com"] = &sdk.DNSAnswer{Records: []sdk.DNSRecord{{Value: "."}}}
	if w := c.Inspect(lane, k.cached); len(w.Hosts) != 0 || w.Problem == "" {
		t.Errorf("null MX: %+v", w)
	}
	k["MX example.com"] = &sdk.DNSAnswer{Error: dns.ServFail}
	if w := c.Inspect(lane, k.cached); w.Problem != dns.ServFail {
		t.Errorf("failed lookup: %+v", w)
	}
}
