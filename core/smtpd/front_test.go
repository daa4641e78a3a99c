package smtpd

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

var loopbackOnly = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func xclientOptions() Options {
	o := options()
	o.SMTPExtra = []string{"XCLIENT", "ENHANCEDSTATUSCODES", "AUTH PLAIN"}
	o.XCLIENTHosts, o.Plain = loopbackOnly, map[string]string{"uri": "file:///passwords"}
	return o
}

func TestXCLIENT(t *testing.T) {
	connects := 0
	o := xclientOptions()
	o.RelayHosts = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	r := start(t, o, policy{sdk.ValidateConnect: func(st *sdk.State, _ sdk.Phase) sdk.PhaseResult {
		connects++
		if st.Conn.Peer.Addr() == netip.MustParseAddr("192.0.2.66") {
			return sdk.PhaseResult{Reply: smtp.NewReply(554, "5.7.1", "not you")}
		}
		return sdk.PhaseResult{}
	}})
	r.dial().talk(`
		S: ^220
		C: EHLO proxy.test
		S: \n250 XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT$
		C: XCLIENT
		S: ^501
		C: XCLIENT ADDR=1.2.3
		S: ^501
		C: XCLIENT ADDR=IPV6:1.2.3.4
		S: ^501
		C: XCLIENT ADDR=::1
		S: ^501
		C: XCLIENT PORT=70000
		S: ^501
		C: XCLIENT NAME=a+0Ab
		S: ^501
		C: XCLIENT WHAT=x
		S: ^501
		C: MAIL FROM:<a@client.test>
		S: ^250
		C: XCLIENT ADDR=192.0.2.1
		S: ^503
		C: RSET
		S: ^250
		C: XCLIENT NAME=client.test ADDR=192.0.2.1 PORT=4711 HELO=me.test PROTO=ESMTP DESTADDR=IPV6:2001:db8::25 DESTPORT=25
		S: ^220
		C: MAIL FROM:<a@client.test>
		S: ^250
		C: RCPT TO:<b@elsewhere.test>
		S: ^250
		C: DATA
		S: ^354
		C: Subject: x\r\n\r\n.
		S: ^250
		C: XCLIENT NAME=[UNAVAILABLE] ADDR=198.51.100.7 LOGIN=anna
		S: ^220
		C: EHLO again.test
		S: ^250
		C: MAIL FROM:<a@client.test>
		S: ^250
		C: RCPT TO:<c@elsewhere.test>
		S: ^250
		C: RSET
		S: ^250
		C: XCLIENT ADDR=198.51.100.8 LOGIN=[UNAVAILABLE]
		S: ^220
		C: EHLO again.test
		S: ^250
		C: MAIL FROM:<a@client.test>
		S: ^250
		C: RCPT TO:<c@elsewhere.test>
		S: ^550 5.7.1 relaying denied
		C: RSET
		S: ^250
		C: XCLIENT ADDR=192.0.2.66
		S: ^554 5.7.1 not you
		EOF:
	`)
	if connects != 5 {
		t.Errorf("policy was asked about %d connections", connects)
	}
	got := r.only()
	for key, want := range map[string]string{"ehlo_string": "EHLO me.test", "can_relay": "true", "xclient_name": "client.test"} {
		if v, _ := got.conn.Get(key); v != want {
			t.Errorf("%s is %q, want %q", key, v, want)
		}
	}
	if !strings.Contains(got.env.Received, "from me.test ([192.0.2.1])") || !strings.Contains(got.env.Received, "with ESMTP ") {
		t.Errorf("Received: %s", got.env.Received)
	}
}

func TestXCLIENTIsForListedPeers(t *testing.T) {
	o := xclientOptions()
	o.XCLIENTHosts = nil
	r := start(t, o, nil)
	p := r.dial()
	p.talk(`
		S: ^220
		C: EHLO stranger.test
	`)
	if got := p.reply(); strings.Contains(got, "XCLIENT") {
		t.Errorf("a stranger is offered %q", got)
	}
	p.talk(`
		C: XCLIENT ADDR=192.0.2.1
		S: ^550 5.7.0
	`)
	off := start(t, options(), nil)
	off.dial().talk(`
		S: ^220
		C: XCLIENT ADDR=192.0.2.1
		S: ^502
	`)
	piped := start(t, xclientOptions(), nil)
	piped.dial().talk(`
		S: ^220
		C: XCLIENT ADDR=192.0.2.1\r\nMAIL FROM:<evil@client.test>
		S: ^554
		EOF:
	`)
}

// TestSTARTTLSForgetsXCLIENT: what was said in the clear may have been anybody's.
func TestSTARTTLSForgetsXCLIENT(t *testing.T) {
	o := xclientOptions()
	o.TLSCert, _ = certificate(t)
	o.SMTPExtra = append(o.SMTPExtra, "STARTTLS")
	o.RelayHosts = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	r := start(t, o, nil)
	p := r.dial()
	p.talk(`
		S: ^220
		C: XCLIENT ADDR=192.0.2.1 LOGIN=anna HELO=me.test
		S: ^220
		C: STARTTLS
		S: ^220
	`)
	p.secure().talk(`
		C: EHLO me.test
		S: ^250
		C: MAIL FROM:<a@client.test>
		S: ^250
		C: RCPT TO:<b@elsewhere.test>
		S: ^550
		C: QUIT
		S: ^221
	`)
	for _, i := range r.srv.Sessions() {
		if !i.Peer.Addr().IsLoopback() {
			t.Errorf("the peer is still %v", i.Peer)
		}
	}
}

// proxyV2 makes a binary header.
func proxyV2(command, family byte, body []byte) string {
	b := append([]byte(nil), proxyV2Magic...)
	b = append(b, command, family)
	b = binary.BigEndian.AppendUint16(b, uint16(len(body)))
	return string(append(b, body...))
}

var tcp4 = []byte{192, 0, 2, 1, 127, 0, 0, 1, 0x12, 0x34, 0, 25}

func TestPROXY(t *testing.T) {
	o := options()
	o.Proxy = true
	o.RelayHosts = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	r := start(t, o, nil)
	mail := `
		S: ^220
		C: EHLO me.test
		S: ^250
		C: MAIL FROM:<a@client.test>
		S: ^250
		C: RCPT TO:<b@elsewhere.test>
		S: ^`
	v6 := append(append(netip.MustParseAddr("2001:db8::1").AsSlice(), netip.MustParseAddr("2001:db8::2").AsSlice()...), 0, 1, 0, 2)
	for header, code := range map[string]string{
		"PROXY TCP4 192.0.2.1 127.0.0.1 1234 25\r\n":                 "250",
		"PROXY TCP4 198.51.100.1 127.0.0.1 1234 25\r\n":              "550",
		"PROXY TCP6 2001:db8::1 2001:db8::2 1234 25\r\n":             "250",
		"PROXY UNKNOWN\r\n":                                          "550",
		"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n":                      "550",
		proxyV2(0x21, 0x11, tcp4):                                    "250",
		proxyV2(0x21, 0x11, append(tcp4[:12:12], 3, 0, 1, 'x', 'y')): "250", // with a TLV
		proxyV2(0x21, 0x21, v6):                                      "250",
		proxyV2(0x20, 0x00, nil):                                     "550", // LOCAL
		proxyV2(0x21, 0x31, make([]byte, 216)):                       "550", // UNIX
	} {
		p := r.dial()
		p.send(header)
		p.talk(mail + code)
		_ = p.Close()
	}
	for _, header := range []string{
		"EHLO me.test\r\n", "PROXY TCP4 192.0.2.1\r\n", "PROXY TCP4 192.0.2.1 127.0.0.1 1234 25\n", "PROXY TCP4 2001:db8::1 ::1 1 2\r\n",
		"PROXY TCP4 192.0.2.1 127.0.0.1 01234 25\r\n", "PROXY " + strings.Repeat("x", 200), "\r\n\r\nQUIT\r\n",
		proxyV2(0x21, 0x11, tcp4[:8]), proxyV2(0x31, 0x11, tcp4), proxyV2(0x21, 0x11, make([]byte, 9000)),
	} {
		p := r.dial()
		p.send(header)
		p.expectEOF() // without a banner
	}
	o.ProxyHosts = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	stranger := start(t, o, nil).dial()
	stranger.send("PROXY TCP4 192.0.2.1 127.0.0.1 1234 25\r\n")
	stranger.expectEOF()
	start(t, options(), nil).dial().talk(`
		S: ^220
		C: PROXY TCP4 192.0.2.1 127.0.0.1 1234 25
		S: ^500
	`)
}

// TestPROXYInFrontOfTLS: what follows the header belongs to the handshake.
func TestPROXYInFrontOfTLS(t *testing.T) {
	o := options()
	o.Proxy, o.UseSSL = true, true
	o.TLSCert, _ = certificate(t)
	r := start(t, o, nil)
	p := r.dial()
	p.Conn = &headed{p.Conn, "PROXY TCP4 192.0.2.1 127.0.0.1 1234 25\r\n"}
	p.secure().talk(`
		S: ^220
		C: QUIT
		S: ^221
		EOF:
	`)
}

func FuzzPROXY(f *testing.F) {
	f.Add([]byte("PROXY TCP4 192.0.2.1 127.0.0.1 1234 25\r\nEHLO x\r\n"))
	f.Add([]byte(proxyV2(0x21, 0x11, tcp4)))
	f.Fuzz(func(t *testing.T, b []byte) {
		said, n, err := parseProxy(b)
		switch {
		case err != nil && (n != 0 || said.peer.IsValid()):
			t.Fatalf("%q: %v, %d, %v", b, said, n, err)
		case err == nil && (n < 15 || n > len(b) || said.peer.IsValid() != said.local.IsValid()):
			t.Fatalf("%q: %v, %d", b, said, n)
		}
		for cut := range min(n, 200) { // no part of a header is one
			if _, _, err := parseProxy(b[:cut]); !errors.Is(err, errProxyShort) {
				t.Fatalf("%q: %v", b[:cut], err)
			}
		}
	})
}

func FuzzXCLIENT(f *testing.F) {
	f.Add("NAME=a ADDR=1.2.3.4 PORT=1 PROTO=SMTP HELO=x LOGIN=me+2B DESTADDR=IPV6:::1 DESTPORT=25")
	f.Fuzz(func(t *testing.T, arg string) {
		c, ok := parseXCLIENT(arg)
		if !ok {
			return
		}
		for _, v := range []*string{c.name, c.helo, c.login, c.proto} {
			if v != nil && hasControl([]byte(*v)) {
				t.Fatalf("%q gives %q", arg, *v)
			}
		}
	})
}

func TestMTPriority(t *testing.T) {
	o := options()
	o.SMTPExtra = []string{"MT-PRIORITY"}
	o.PriorityHosts = loopbackOnly
	r := start(t, o, nil)
	p := r.dial()
	p.talk(`
		S: ^220
		C: EHLO me.test
		S: \n250 MT-PRIORITY$
		C: MAIL FROM:<a@client.test> MT-PRIORITY=10
		S: ^501
		C: MAIL FROM:<a@client.test> MT-PRIORITY=+3
		S: ^501
		C: MAIL FROM:<a@client.test> MT-PRIORITY
		S: ^501
		C: MAIL FROM:<a@client.test> MT-PRIORITY=3
		S: ^250 2.1.0
		C: RCPT TO:<b@relay.test>
		S: ^250
		C: DATA
		S: ^354
		C: x: y\r\n\r\n.
		S: ^250
	`)
	if got := r.only(); got.priority != 1 {
		t.Errorf("priority %d", got.priority)
	}
	o.PriorityHosts = nil
	start(t, o, nil).dial().talk(`
		S: ^220
		C: EHLO me.test
		S: ^250
		C: MAIL FROM:<a@client.test> MT-PRIORITY=9
		S: ^250 2.3.6 0 is the new priority
	`)
	start(t, options(), nil).dial().talk(`
		S: ^220
		C: EHLO me.test
		S: ^250
		C: MAIL FROM:<a@client.test> MT-PRIORITY=0
		S: ^555
	`)
}

// TestCapabilitiesCount: an extension that policy removed is not there, one that
// it added is.
func TestCapabilitiesCount(t *testing.T) {
	remove := func(names ...string) policy {
		var all []sdk.Change
		for _, n := range names {
			all = append(all, sdk.Change{Kind: sdk.CapabilityDelete, Name: n})
		}
		return policy{sdk.ValidateEHLO: change(all...)}
	}
	o := options()
	o.TLSCert, _ = certificate(t)
	o.SMTPExtra = []string{"STARTTLS", "SMTPUTF8", "MT-PRIORITY", "AUTH PLAIN", "XCLIENT"}
	o.Plain = map[string]string{"uri": "file:///passwords"}
	o.AuthWithoutTLS, o.XCLIENTHosts = true, loopbackOnly
	r := start(t, o, remove("STARTTLS", "SMTPUTF8", "MT-PRIORITY", "AUTH", "SIZE", "8BITMIME", "CHUNKING", "PIPELINING", "XCLIENT"))
	p := r.dial()
	p.talk(`
		S: ^220
		C: EHLO me.test
		S: ^250 mta.test$
		C: STARTTLS
		S: ^502
		C: AUTH PLAIN AGEAYg==
		S: ^502
		C: XCLIENT ADDR=192.0.2.1
		S: ^502
	`)
	for _, param := range []string{"SIZE=1", "BODY=8BITMIME", "SMTPUTF8", "MT-PRIORITY=1", "AUTH=<>"} {
		p.talk("C: MAIL FROM:<a@b.test> " + param + "\nS: ^555")
	}
	p.talk("C: BDAT 4 LAST\\r\\nab\nS: ^502\nC: QUIT\nS: ^221")
	added := policy{sdk.ValidateEHLO: change(
		sdk.Change{Kind: sdk.CapabilitySet, Name: "SMTPUTF8"}, sdk.Change{Kind: sdk.CapabilitySet, Name: "MT-PRIORITY MIXER"},
		sdk.Change{Kind: sdk.CapabilitySet, Name: "XCLIENT ADDR"},
	)}
	start(t, options(), added).dial().talk(`
		S: ^220
		C: EHLO me.test
		S: \n250-SMTPUTF8\n250-MT-PRIORITY MIXER\n250 XCLIENT ADDR$
		C: MAIL FROM:<ä@b.test> SMTPUTF8 MT-PRIORITY=-9
		S: ^250
		C: RSET
		S: ^250
		C: XCLIENT ADDR=192.0.2.1
		S: ^220
	`)
}
