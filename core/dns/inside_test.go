package dns

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/mtad/mtad/sdk"
)

func TestParseServer(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1:53", "192.0.2.1:5353": "192.0.2.1:5353",
		"2001:db8::1": "[2001:db8::1]:53", "[2001:db8::1]": "[2001:db8::1]:53", "[2001:db8::1]:5353": "[2001:db8::1]:5353",
		"ns.example": "", "": "", "192.0.2.1:x": "",
	} {
		got, err := ParseServer(in)
		if (err == nil) != (want != "") || err == nil && got.String() != want {
			t.Errorf("ParseServer(%q) = %v, %v, want %q", in, got, err, want)
		}
	}
}

func TestPrepareReadsResolvConf(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resolv.conf")
	text := "nameserver 192.0.2.1\nnameserver 2001:db8::1\noptions timeout:3 attempts:4\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o := Defaults()
	o.ResolvConf = file
	s, err := Prepare(o)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.servers) != 2 || s.servers[1].String() != "[2001:db8::1]:53" || s.timeout != 3*time.Second || s.attempts != 4 {
		t.Errorf("%+v", s)
	}
	for _, bad := range []string{"", "nameserver ns.example\n"} {
		if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Prepare(o); err == nil {
			t.Errorf("resolv.conf %q was accepted", bad)
		}
	}
	o.ResolvConf = file + ".missing"
	if _, err := Prepare(o); err == nil {
		t.Error("a missing resolv.conf was accepted")
	}
	o.Nameservers = []string{"here"}
	if _, err := Prepare(o); err == nil {
		t.Error("a bad nameserver was accepted")
	}
}

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", `a\"b`: `a"b`, `a\\b`: `a\b`, `\195\164`: "ä", `\999x`: "999x", `end\`: `end\`, `\1`: "1",
	} {
		if got := unescape(in); got != want {
			t.Errorf("unescape(%q) = %q, want %q", in, got, want)
		}
	}
}

// A forged response does not end a query: not with another id, another
// question, or a message that is none. The right one, behind them, does.
func TestForgedResponses(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() {
		buf := make([]byte, 2048)
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		for _, wire := range forgeries(buf[:n]) {
			conn.WriteTo(wire, from)
		}
	}()
	o := Defaults()
	o.Nameservers = []string{conn.LocalAddr().String()}
	o.QueryTimeout = time.Minute
	set, err := Prepare(o)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(set)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	a, err := c.Lookup(context.Background(), sdk.DNSQuery{Type: "A", Name: "a.example"})
	if err != nil || len(a.Records) != 1 || a.Records[0].Value != "192.0.2.1" {
		t.Errorf("%+v %v", a, err)
	}
	if got := c.Stats().Bad; got != 6 {
		t.Errorf("%d bad responses counted, want 6", got)
	}
}

// forgeries are wrong responses to a query, and the right one.
func forgeries(wire []byte) [][]byte {
	query := new(mdns.Msg)
	if err := query.Unpack(wire); err != nil {
		return nil
	}
	make1 := func(change func(*mdns.Msg), addr string) []byte {
		m := new(mdns.Msg).SetReply(query)
		m.Answer = []mdns.RR{&mdns.A{
			Hdr: mdns.RR_Header{Name: m.Question[0].Name, Rrtype: mdns.TypeA, Class: mdns.ClassINET, Ttl: 60},
			A:   net.ParseIP(addr),
		}}
		change(m)
		out, err := m.Pack()
		if err != nil {
			return nil
		}
		return out
	}
	return [][]byte{
		make1(func(m *mdns.Msg) { m.Id++ }, "203.0.113.1"),
		make1(func(m *mdns.Msg) { m.Question[0].Name = "b.example." }, "203.0.113.1"),
		make1(func(m *mdns.Msg) { m.Question[0].Qtype = mdns.TypeMX }, "203.0.113.1"),
		make1(func(m *mdns.Msg) { m.Response = false }, "203.0.113.1"),
		make1(func(m *mdns.Msg) { m.Question = nil }, "203.0.113.1"),
		[]byte("short"),
		make1(func(*mdns.Msg) {}, "192.0.2.1"),
	}
}

func TestMock(t *testing.T) {
	m := Mock{
		MX:    map[string][]sdk.DNSRecord{"example.com": {{Value: "mx.example.com", Preference: 10}}},
		A:     map[string][]string{"mx.example.com": {"192.0.2.1"}},
		CNAME: map[string][]string{"www.example.com": {"mx.example.com"}},
		Fail:  map[string]string{"MX broken.example": ServFail},
	}
	for _, tc := range []struct{ kind, name, value, word string }{
		{"MX", "Example.com.", "mx.example.com", ""},
		{"", "mx.example.com", "192.0.2.1", ""},
		{"A", "www.example.com", "192.0.2.1", ""},
		{"A", "example.com", "", NoData},
		{"A", "none.example", "", NXDomain},
		{"MX", "broken.example", "", ServFail},
		{"A", "broken.example", "", NoData},
	} {
		a, err := m.Lookup(context.Background(), sdk.DNSQuery{Type: tc.kind, Name: tc.name})
		if err != nil || a.Error != tc.word || (tc.value != "") != (len(a.Records) == 1) {
			t.Errorf("%s %s: %+v %v", tc.kind, tc.name, a, err)
			continue
		}
		if tc.value != "" && a.Records[0].Value != tc.value {
			t.Errorf("%s %s: %+v", tc.kind, tc.name, a)
		}
	}
}

// A query is what the library would have written.
func TestQueryWire(t *testing.T) {
	for _, bare := range []bool{false, true} {
		for _, name := range []string{".", "a.example.", strings.Repeat("a23456789.", 25) + "abc."} {
			got, err := query{name, mdns.TypeTXT, bare, false}.pack(77, make([]byte, querySize))
			if err != nil {
				t.Fatal(err)
			}
			m := new(mdns.Msg).SetQuestion(name, mdns.TypeTXT)
			m.Id = 77
			if !bare {
				m.SetEdns0(udpSize, false)
			}
			want, err := m.Pack()
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%q: %x, want %x, %v", name, got, want, err)
			}
		}
	}
}

// Whatever comes in on a socket, it is dropped or read without a panic.
func FuzzResponse(f *testing.F) {
	reply := new(mdns.Msg).SetQuestion("a.example.", mdns.TypeMX)
	reply.Response = true
	reply.Id = 1
	for _, text := range []string{"a.example. 300 IN MX 10 b.example.", "a.example. 300 IN CNAME c.example.", `a.example. 1 IN TXT "x\"y"`} {
		if rr, err := mdns.NewRR(text); err == nil {
			reply.Answer = append(reply.Answer, rr)
		}
	}
	wire, err := reply.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(wire)
	f.Add([]byte{0, 1})
	f.Fuzz(func(t *testing.T, wire []byte) {
		response := make(chan *mdns.Msg, 1)
		w := &waiter{query: query{name: "a.example.", qtype: mdns.TypeMX}, heard: func(m *mdns.Msg, _ error) { response <- m }, timer: time.NewTimer(time.Hour)}
		s := &socket{waiting: map[uint16]*waiter{1: w}}
		if !s.deliver(wire) {
			if len(s.waiting) != 1 {
				t.Fatal("a dropped response ended the query")
			}
			return
		}
		out := read(<-response, "a.example.", mdns.TypeMX)
		if out.answer == nil && out.next == "" {
			t.Fatal("neither an answer nor a next name")
		}
	})
}
