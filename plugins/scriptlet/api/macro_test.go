package api

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/sdk"
)

// macroState is a copy of a message, as each_rcpt sees it.
func macroState(w *fakeWorld) *sdk.State {
	conn := sdk.Dict{{Key: "ehlo_string", Value: "client.test"}, {Key: "ehlo_domain", Value: "client.test"}, {Key: "colour", Value: "teal"}}
	body := "line one\r\nline two\r\nline three\r\n"
	msg := &sdk.Message{
		ID: "00/00-1", BatchID: "00/00-2", Sender: "strong-bad@email.example.com", Recipient: "u@rcpt.test",
		Header:  []byte("Subject: a\r\n b\r\nDate: today\r\n"),
		Body:    sdk.Body{Size: int64(len(body)), Inline: []byte(body)},
		Context: sdk.Dict{{Key: "mailfrom_domain", Value: "email.example.com"}, {Key: "colour", Value: "mess"}}, ConnContext: conn,
		Binding: "b1", BindingGroup: "g1", Protocol: sdk.ProtocolESMTP, Retries: 3, Created: w.now.Add(-1500 * time.Millisecond),
	}
	return &sdk.State{
		Conn:    sdk.Conn{Session: 1, ID: "00/00-3", Peer: netip.MustParseAddrPort("192.0.2.3:1234"), Context: conn},
		Message: msg, Copies: []*sdk.Message{msg},
	}
}

func TestExpandMacro(t *testing.T) {
	w := newWorld(t)
	w.frames(macroState(w), sdk.Phase{Hook: sdk.ValidateDataSpoolEachRcpt})
	for macro, want := range map[string]string{
		"plain %i %% text":                         "plain %i %% text",
		"%{vctx_conn:ehlo_string}":                 "client.test",
		"a%{vctx_mess:mailfrom_domain}b%{nope}c":   "aemail.example.combc",
		"%{colour} %{vctx_conn:colour}":            "mess teal",
		"%{ehlo_string}":                           "client.test",
		"%{username_domain||example.com}":          "example.com",
		"%{vctx_conn:colour||x}":                   "teal",
		"%{nope:x}%{unclosed":                      "%{unclosed",
		"%{i} %{p} %{t}":                           "192.0.2.3 unknown 1251200446",
		"%{outbound_tls:outbound_tls}":             "",
		"%{rfc822:subject}|%{rfc822:x}":            "a b|",
		"%{rfc2822:body,2}":                        "line one\r\nline two\r\n",
		"%{rfc2822:body,4b}":                       "line\r\n",
		"%{rfc2822:headers}":                       "Subject: a\r\n b\r\nDate: today\r\n",
		"%{rfc2822:message,1}":                     "Subject: a\r\n",
		"%{rfc2822:text,1}":                        "line one\r\n",
		"%{rfc2822:part}":                          "",
		"%{custom_logger:b}%{custom_logger:g}":     "b1g1",
		"%{custom_logger:h{Subject}}":              "a b",
		"%{custom_logger:T}%{custom_logger:T{0}}":  "1.502",
		"%{custom_logger:t}":                       "1251200446",
		"%{custom_logger:us{3}}":                   "1251200446.000",
		"%{custom_logger:vctx_conn{colour}}":       "teal",
		"%{custom_logger:vctx_mess{colour}}":       "mess",
		"%{custom_logger:m}@%{custom_logger:M}":    "strong-bad@email.example.com",
		"%{custom_logger:r}@%{custom_logger:R}":    "u@rcpt.test",
		"%{custom_logger:i} %{custom_logger:BI}":   "00/00-1 00/00-2",
		"%{custom_logger:CI} %{custom_logger:H}":   "00/00-3 192.0.2.3",
		"%{custom_logger:B} %{custom_logger:N}":    "63 3",
		"%{custom_logger:p} %{custom_logger:d}":    "esmtp rcpt.test",
		"%{custom_logger:n}%{custom_logger:t{%Y}}": "2009",
		// RFC 7208 §7.4
		"%{spfv1:s}":                           "strong-bad@email.example.com",
		"%{spfv1:o}":                           "email.example.com",
		"%{spfv1:d4}":                          "email.example.com",
		"%{spfv1:d3}":                          "email.example.com",
		"%{spfv1:d2}":                          "example.com",
		"%{spfv1:d1}":                          "com",
		"%{spfv1:dr}":                          "com.example.email",
		"%{spfv1:d2r}":                         "example.email",
		"%{spfv1:l}":                           "strong-bad",
		"%{spfv1:l-}":                          "strong.bad",
		"%{spfv1:lr}":                          "strong-bad",
		"%{spfv1:lr-}":                         "bad.strong",
		"%{spfv1:l1r-}.%{spfv1:ir}.%{spfv1:v}": "strong.3.2.0.192.in-addr",
		"%{spfv1:S}":                           "strong-bad%40email.example.com",
		"%{spfv1:h} %{spfv1:c}":                "client.test 192.0.2.3",
		"%{spfv1:d0}%{spfv1:dx}%{spfv1:z}":     "",
	} {
		if got := w.run("return msys.expandMacro([==[" + macro + "]==])")[0]; got != want {
			t.Errorf("%s gave %q, want %q", macro, got, want)
		}
	}
}

func TestExpandMacroElsewhere(t *testing.T) {
	w := newWorld(t)
	w.is("| 1251200446", `return msys.expandMacro("%{vctx_conn:x}%{i}%{rfc822:x}%{spfv1:s}%{custom_logger:H}%{rfc2822:body}| %{custom_logger:t}")`)
	s := macroState(w)
	s.Conn.Peer = netip.MustParseAddrPort("[2001:db8::cb01]:25")
	s.Conn.Context.Set("reverse_dns", "host.test")
	s.Message, s.Copies = nil, nil
	w.frames(s, sdk.Phase{Hook: sdk.ValidateEHLO})
	w.is("2.0.0.1.0.D.B.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.C.B.0.1 ip6 2001:db8::cb01", `return msys.expandMacro("%{i} %{spfv1:v} %{spfv1:c}")`)
	w.is("postmaster@client.test host.test", `return msys.expandMacro("%{spfv1:s} %{p}")`)
	w.is("teal", `return msys.expandMacro("%{vctx_conn:colour}%{vctx_mess:colour}%{rfc822:subject}")`)
	w.raises("string expected", `msys.expandMacro({})`)
}

func FuzzExpandMacro(f *testing.F) {
	for _, s := range []string{"%{a", "%{spfv1:s4r-}", "%{rfc2822:body,3b}", "%{custom_logger:h{X}}||}", "%{%{a}}", "%{p}", "%{outbound_tls:local_ip}%{custom_logger:s}"} {
		f.Add(s)
	}
	w := newWorld(f)
	w.frames(loggedFailure(w))
	f.Fuzz(func(t *testing.T, text string) {
		w.mu.Lock() // a lookup gives it up
		defer w.mu.Unlock()
		out := newMacros(w.env, w.L).expand(text)
		if !strings.Contains(text, "%{") && text != out {
			t.Errorf("%q without a macro gave %q", text, out)
		}
		if len(out) > 200*(len(text)+1) {
			t.Errorf("%q gave %d bytes", text, len(out))
		}
	})
}
