package dns_test

import (
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	mdns "github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/mtad/mtad/core/dns"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// query is one query that a test server got.
type query struct {
	mdns.Question
	network string
	from    string
	edns    bool
}

// server is a DNS server on the loopback, UDP and TCP on one port. Answer
// fills in a reply that is already set up; it may return false for silence.
type server struct {
	answer func(q query, reply *mdns.Msg) bool
	addr   netip.AddrPort

	mu  sync.Mutex
	got []query
}

func (s *server) ServeDNS(w mdns.ResponseWriter, r *mdns.Msg) {
	q := query{Question: r.Question[0], network: w.LocalAddr().Network(), from: w.RemoteAddr().String(), edns: r.IsEdns0() != nil}
	s.mu.Lock()
	s.got = append(s.got, q)
	s.mu.Unlock()
	reply := new(mdns.Msg).SetReply(r)
	if s.answer(q, reply) {
		w.WriteMsg(reply)
	}
}

func (s *server) queries() []query {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]query(nil), s.got...)
}

func serve(t *testing.T, answer func(q query, reply *mdns.Msg) bool) *server {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := &server{answer: answer, addr: netip.MustParseAddrPort(tcp.Addr().String())}
	for _, front := range []*mdns.Server{{Listener: tcp, Handler: s}, {PacketConn: udp, Handler: s}} {
		up, done := make(chan struct{}), make(chan struct{})
		front.NotifyStartedFunc = func() { close(up) }
		go func() {
			defer close(done)
			front.ActivateAndServe()
		}()
		<-up
		t.Cleanup(func() {
			front.Shutdown()
			<-done
		})
	}
	return s
}

// zone answers from records in presentation form. A name that none has is
// NXDOMAIN; negative answers carry an SOA with a minimum of 60 s.
func zone(t *testing.T, lines ...string) func(query, *mdns.Msg) bool {
	var records []mdns.RR
	for _, line := range lines {
		rr, err := mdns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, rr)
	}
	soa, err := mdns.NewRR("example. 300 IN SOA ns.example. hostmaster.example. 1 7200 900 1209600 60")
	if err != nil {
		t.Fatal(err)
	}
	return func(q query, reply *mdns.Msg) bool {
		known := false
		for _, rr := range records {
			h := rr.Header()
			if !strings.EqualFold(h.Name, q.Name) {
				continue
			}
			known = true
			if h.Rrtype == q.Qtype || h.Rrtype == mdns.TypeCNAME {
				reply.Answer = append(reply.Answer, rr)
			}
		}
		if len(reply.Answer) == 0 {
			reply.Ns = []mdns.RR{soa}
		}
		if !known {
			reply.Rcode = mdns.RcodeNameError
		}
		return true
	}
}

// client makes a resolver that asks the given servers.
func client(t *testing.T, change func(*dns.Options), servers ...*server) *dns.Client {
	t.Helper()
	o := dns.Defaults()
	o.QueryTimeout = 5 * time.Second
	for _, s := range servers {
		o.Nameservers = append(o.Nameservers, s.addr.String())
	}
	if change != nil {
		change(&o)
	}
	set, err := dns.Prepare(o)
	if err != nil {
		t.Fatal(err)
	}
	c, err := dns.New(set)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}
