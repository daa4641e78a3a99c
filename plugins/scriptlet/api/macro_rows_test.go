package api

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mailauth"
)

// loggedFailure is what core_log_transient_failure_v1 sees of a message that a
// next hop put off over TLS.
func loggedFailure(w *fakeWorld) (*sdk.State, sdk.Phase) {
	s := macroState(w)
	m := s.Message
	for key, value := range map[string]string{"auth_name": "PLAIN", "auth_user": "bob", "pathway": "inbound", "pathway_group": "mx"} {
		m.ConnContext.Set(key, value)
	}
	m.RecvFrom, m.RoutingDomain = netip.MustParseAddrPort("192.0.2.3:1234"), "gateway.test"
	s.Conn.Peer = m.RecvFrom
	return s, sdk.Phase{Hook: sdk.CoreLogTransientFailure, Line: "452 4.2.2 mailbox\tfull", Attempt: &sdk.Attempt{
		ConnID: "00/00-9", Remote: netip.MustParseAddr("::ffff:198.51.100.7"), Stage: 5,
		TLS: sdk.OutboundTLS{Use: sdk.TLSUsed, Option: "ifavailable", Cipher: "ECDHE_RSA_AES_256_GCM_SHA384", AlgBits: 256, UseBits: 255,
			Protocol: "TLSv1.2", Certificate: true, Verified: true, Issuer: "Test CA", Subject: "mx.next.test"},
	}}
}

// macroExamples has a text and what becomes of it for each row of Macros, by its
// name.
func macroExamples() map[string][2]string {
	return map[string][2]string{
		"%{vctx_conn:KEY}":    {"%{vctx_conn:colour}", "teal"},
		"%{vctx_mess:KEY}":    {"%{vctx_mess:colour}", "mess"},
		"%{KEY}":              {"%{mailfrom_domain} %{ehlo_domain}", "email.example.com client.test"},
		"%{NS:NAME||DEFAULT}": {"%{vctx_conn:none||example.com}", "example.com"},
		"%{rfc822:HEADER}":    {"%{rfc822:date}", "today"},
		"%{rfc2822:message|headers|body|text|part}": {"%{rfc2822:body,10b}%{rfc2822:part}", "line one\r\n"},
		"%{i}":                                {"%{i}", "192.0.2.3"},
		"%{p}":                                {"%{p}", "unknown"},
		"%{t}":                                {"%{t}", "1251200446"},
		"%{spfv1:s}":                          {"%{spfv1:s}", "strong-bad@email.example.com"},
		"%{spfv1:l}":                          {"%{spfv1:l1r-}", "strong"},
		"%{spfv1:o}":                          {"%{spfv1:o2}", "example.com"},
		"%{spfv1:d}":                          {"%{spfv1:dr}", "com.example.email"},
		"%{spfv1:i}":                          {"%{spfv1:ir}", "3.2.0.192"},
		"%{spfv1:p}":                          {"%{spfv1:p}", "unknown"},
		"%{spfv1:v}":                          {"%{spfv1:v}", "in-addr"},
		"%{spfv1:h}":                          {"%{spfv1:h}", "client.test"},
		"%{spfv1:c}":                          {"%{spfv1:c}", "192.0.2.3"},
		"%{spfv1:t}":                          {"%{spfv1:t}", "1251200446"},
		"%A":                                  {"%{custom_logger:A}", "PLAIN"},
		"%b":                                  {"%{custom_logger:b}", "b1"},
		"%B":                                  {"%{custom_logger:B}", "63"},
		"%BI":                                 {"%{custom_logger:BI}", "00/00-2"},
		"%c":                                  {"%{custom_logger:c}", "Mailbox Full"},
		"%C":                                  {"%{custom_logger:C}", "22"},
		"%CI":                                 {"%{custom_logger:CI}", "00/00-3"},
		"%d":                                  {"%{custom_logger:d}", "gateway.test"},
		"%g":                                  {"%{custom_logger:g}", "g1"},
		"%H":                                  {"%{custom_logger:H}", "198.51.100.7"},
		"%h{X}":                               {"%{custom_logger:h{Subject}}", "a b"},
		"%i":                                  {"%{custom_logger:i}", "00/00-1"},
		"%m":                                  {"%{custom_logger:m}", "strong-bad"},
		"%M":                                  {"%{custom_logger:M}", "email.example.com"},
		"%n":                                  {"%{custom_logger:n}", "452 4.2.2 mailbox full"},
		"%N":                                  {"%{custom_logger:N}", "3"},
		"%P":                                  {"%{custom_logger:P}", "inbound"},
		"%p":                                  {"%{custom_logger:p}", "esmtp"},
		"%PG":                                 {"%{custom_logger:PG}", "mx"},
		"%r":                                  {"%{custom_logger:r}", "u"},
		"%R":                                  {"%{custom_logger:R}", "rcpt.test"},
		"%s":                                  {"%{custom_logger:s}", "after RCPT TO"},
		"%S":                                  {"%{custom_logger:S}", "5"},
		"%t":                                  {"%{custom_logger:t}", "1251200446"},
		"%t{FMT}":                             {"%{custom_logger:t{%Y}}", "2009"},
		"%T":                                  {"%{custom_logger:T}", "1.50"},
		"%T{N}":                               {"%{custom_logger:T{3}}", "1.500"},
		"%U":                                  {"%{custom_logger:U}", "bob"},
		"%us{N}":                              {"%{custom_logger:us{3}}", "1251200446.000"},
		"%vctx_conn{KEY}":                     {"%{custom_logger:vctx_conn{colour}}", "teal"},
		"%vctx_mess{KEY}":                     {"%{custom_logger:vctx_mess{colour}}", "mess"},
		"%{outbound_tls:outbound_tls}":        {"%{outbound_tls:outbound_tls}", "TLS"},
		"%{outbound_tls:outbound_tls_type}":   {"%{outbound_tls:outbound_tls_type}", "ifavailable"},
		"%{outbound_tls:local_ip}":            {"%{outbound_tls:local_ip}", "198.51.100.7"},
		"%{outbound_tls:outbound_tls_cipher}": {"%{outbound_tls:outbound_tls_cipher}", "ECDHE_RSA_AES_256_GCM_SHA384"},
		"%{outbound_tls:outbound_tls_cipher_algbits}": {"%{outbound_tls:outbound_tls_cipher_algbits}", "256"},
		"%{outbound_tls:outbound_tls_cipher_usebits}": {"%{outbound_tls:outbound_tls_cipher_usebits}", "255"},
		"%{outbound_tls:outbound_tls_protocol}":       {"%{outbound_tls:outbound_tls_protocol}", "TLSv1.2"},
		"%{outbound_tls:outbound_tls_verified}":       {"%{outbound_tls:outbound_tls_verified}", "verified"},
		"%{outbound_tls:outbound_tls_issuer}":         {"%{outbound_tls:outbound_tls_issuer}", "Test CA"},
		"%{outbound_tls:outbound_tls_subject}":        {"%{outbound_tls:outbound_tls_subject}", "mx.next.test"},
	}
}

// TestEveryMacroHasItsValue: each documented macro gives what its row says.
func TestEveryMacroHasItsValue(t *testing.T) {
	w := newWorld(t)
	w.frames(loggedFailure(w))
	examples := macroExamples()
	for _, m := range Macros() {
		if strings.Contains(m.Name, "DKIM key path") {
			continue // TestMacrosOfKeyPaths
		}
		example, ok := examples[m.Name]
		if !ok {
			t.Errorf("%s has no example", m.Name)
			continue
		}
		if got := w.run("return msys.expandMacro([==[" + example[0] + "]==])")[0]; got != example[1] {
			t.Errorf("%s: %s gave %q, want %q", m.Name, example[0], got, example[1])
		}
	}
}

func TestMacrosOfKeyPaths(t *testing.T) {
	if got, err := mailauth.ExpandKeyPath("keys/%{d}/%{s}.key", "example.com", "s1"); err != nil || got != "keys/example.com/s1.key" {
		t.Errorf("%q, %v", got, err)
	}
}

// allTLS is every macro of tls_macros, with what stands around a delivery.
const allTLS = `return msys.expandMacro("%{outbound_tls:outbound_tls}|%{outbound_tls:outbound_tls_type}|%{outbound_tls:local_ip}|%{outbound_tls:outbound_tls_cipher}|` +
	`%{outbound_tls:outbound_tls_cipher_algbits}|%{outbound_tls:outbound_tls_cipher_usebits}|%{outbound_tls:outbound_tls_protocol}|` +
	`%{outbound_tls:outbound_tls_verified}|%{outbound_tls:outbound_tls_issuer}|%{outbound_tls:outbound_tls_subject}|%{outbound_tls:none}|` +
	`%{custom_logger:s}|%{custom_logger:S}|%{custom_logger:H}")`

func TestMacrosOfAttempts(t *testing.T) {
	for _, c := range []struct {
		name    string
		hook    sdk.Hook
		attempt *sdk.Attempt
		want    string
	}{
		{"no connection", sdk.CoreLogTransientFailure, &sdk.Attempt{}, "unknown|no||||||||||while not connected|0|"},
		{"in clear", sdk.CoreLogDelivery, &sdk.Attempt{Remote: netip.MustParseAddr("2001:db8::1"), Stage: 9, TLS: sdk.OutboundTLS{Use: sdk.TLSNone, Option: "no"}},
			"SMTP|no|2001:db8::1|||||||||reading confirmation|9|2001:db8::1"},
		{"a certificate refused", sdk.CoreLogPermanentFailure, &sdk.Attempt{Remote: netip.MustParseAddr("192.0.2.9"), Stage: 17,
			TLS: sdk.OutboundTLS{Use: sdk.TLSNone, Option: "no", Certificate: true, Issuer: "Ca", Subject: "Mx"}},
			"SMTP|no|192.0.2.9|||||unverified|Ca|Mx||handshaking TLS|17|192.0.2.9"},
		{"a stage nobody knows", sdk.CoreLogDelivery, &sdk.Attempt{Stage: 99}, "unknown|no||||||||||in unknown state|99|"},
		{"a reception", sdk.CoreLogReception, nil, "||||||||||||22|192.0.2.3"},
		{"not a log callout", sdk.ValidateDataSpoolEachRcpt, nil, "|||||||||||||192.0.2.3"},
	} {
		w := newWorld(t)
		w.frames(macroState(w), sdk.Phase{Hook: c.hook, Attempt: c.attempt})
		if got := w.run(allTLS)[0]; got != c.want {
			t.Errorf("%s: %s\nwant %s", c.name, got, c.want)
		}
	}
	w := newWorld(t)
	w.is("|||||||||||||", allTLS)
}

// TestMacrosOfARejection: what the manual's sample has of a client that was
// refused before there was a message.
func TestMacrosOfARejection(t *testing.T) {
	w := newWorld(t)
	m := &sdk.Message{ConnContext: sdk.Dict{{Key: "pathway", Value: "default"}}, ConnID: "00/00-3", RecvFrom: netip.MustParseAddrPort("10.79.11.157:99")}
	w.frames(&sdk.State{Conn: sdk.Conn{Session: 1, ID: m.ConnID, Peer: m.RecvFrom, Context: m.ConnContext}, Message: m, Copies: []*sdk.Message{m}},
		sdk.Phase{Hook: sdk.CoreLogRejection, Line: "relaying denied"})
	w.is("unknown @  @ 00/00-00000-00000000 @  @  @ relaying denied @  @  @  @  @  @ 00/00-00000-00000000 @ 1251200446 @ 10.79.11.157 @ 22",
		`return msys.expandMacro((("%p @ %s @ %BI @ %A @ %U @ %n @ %h{Subject} @ %r @ %R @ %m @ %M @ %i @ %t @ %H @ %S"):gsub("%%([%w{}]+)", "%%{custom_logger:%1}")))`)
	w.is("default|||", `return msys.expandMacro("%{custom_logger:PG}|%{custom_logger:B}|%{custom_logger:T}|%{custom_logger:T{1}}")`)
}

// TestPeerNameOfPolicy: a name that fcdns_check found is the one of the macros, and is
// not looked up again.
func TestPeerNameOfPolicy(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateConnect)
	w.host.DNS = map[string]sdk.DNSAnswer{
		"PTR 192.0.2.1": {Records: []sdk.DNSRecord{{Value: "client.test."}}}, "A client.test": {Records: []sdk.DNSRecord{{Value: "192.0.2.1"}}},
	}
	w.is("||", `return msys.expandMacro("%{vctx_conn:reverse_dns}|%{vctx_conn:fcdns_status}|%{pathway}%{priority}%{spfv1:px}")`)
	if w.waits != 0 {
		t.Error("a server that does not ask looks something up")
	}
	w.run(`require "msys.pbp" msys.pbp.fcdns_check(ac, vctx)`)
	asked := w.waits
	w.is("client.test true client.test client.test", `return msys.expandMacro("%{vctx_conn:reverse_dns} %{vctx_conn:fcdns_status} %{p} %{reverse_dns}")`)
	if w.waits != asked {
		t.Error("the name was looked up again")
	}
}

// TestQueueTimeOfMacro: %T counts from reception.
func TestQueueTimeOfMacro(t *testing.T) {
	w := newWorld(t)
	s := macroState(w)
	s.Message.Created = w.now.Add(-90*time.Second - 125*time.Millisecond)
	w.frames(s, sdk.Phase{Hook: sdk.CoreLogDelivery, Attempt: &sdk.Attempt{}})
	w.is("90.12 90.125 90", `return msys.expandMacro("%{custom_logger:T} %{custom_logger:T{3}} %{custom_logger:T{0}}")`)
}
