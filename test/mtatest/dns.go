package mtatest

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// DNS is a name server with a zone of its own.
type DNS struct {
	Addr string // address and port, UDP

	zone  map[string][]dns.RR // by lower-case name
	delay map[string]time.Duration
}

// Zone is what a DNS serves.
type Zone struct {
	// Text are the records, one a line: "mx.test. 60 IN A 127.0.0.1". A name
	// "*.test." stands for every name below test.
	Text string
	// Delay holds answers back, by a suffix of the name.
	Delay map[string]time.Duration
}

// receiveBuffer holds a thousand questions that come at once.
const receiveBuffer = 8 << 20

// NewDNS starts a name server; names that are not in the zone do not exist.
func NewDNS(t testing.TB, z Zone) *DNS {
	t.Helper()
	d := &DNS{zone: map[string][]dns.RR{}, delay: z.Delay}
	records := dns.NewZoneParser(strings.NewReader(z.Text), ".", "zone")
	for r, ok := records.Next(); ok; r, ok = records.Next() {
		name := strings.ToLower(r.Header().Name)
		d.zone[name] = append(d.zone[name], r)
	}
	if err := records.Err(); err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadBuffer(receiveBuffer); err != nil {
		t.Fatal(err)
	}
	d.Addr = conn.LocalAddr().String()
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(d.answer)}
	done := make(chan error, 1)
	go func() { done <- server.ActivateAndServe() }()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	return d
}

func (d *DNS) answer(w dns.ResponseWriter, q *dns.Msg) {
	name := strings.ToLower(q.Question[0].Name)
	for suffix, delay := range d.delay {
		if strings.HasSuffix(name, suffix) {
			<-time.After(delay)
		}
	}
	m := new(dns.Msg).SetReply(q)
	m.RecursionAvailable = true
	records, known := d.lookup(name)
	if !known {
		m.Rcode = dns.RcodeNameError
	}
	for _, r := range records {
		if r.Header().Rrtype == q.Question[0].Qtype {
			r = dns.Copy(r)
			r.Header().Name = q.Question[0].Name
			m.Answer = append(m.Answer, r)
		}
	}
	_ = w.WriteMsg(m) // whoever asked asks again
}

func (d *DNS) lookup(name string) ([]dns.RR, bool) {
	if r, ok := d.zone[name]; ok {
		return r, true
	}
	_, above, _ := strings.Cut(name, ".")
	r, ok := d.zone["*."+above]
	return r, ok
}
