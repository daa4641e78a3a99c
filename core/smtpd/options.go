package smtpd

import (
	"net/netip"
	"time"
)

// Options are the reception options of one peer at one listener
// (reference/config-options.tsv), after the layers peer, listen,
// esmtp_listener, pathway and global are resolved. NewProfile makes them fit
// for use. Where a default is not the manual's, docs/quirks.md says why.
type Options struct {
	Pathway      string            `opt:"pathway" default:"default" scopes:"esmtp_listener,listen,peer" help:"Pathway that the listener or peer belongs to."`
	Context      map[string]string `opt:"context" type:"dict" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Variables preset in the connection context."`
	SMTPExtra    []string          `opt:"smtp_extensions" type:"list" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Optional EHLO keywords to offer, of ENHANCEDSTATUSCODES, STARTTLS, SMTPUTF8, DSN, XCLIENT, MT-PRIORITY and \"AUTH name...\"; unset: the first two, and AUTH with every mechanism whose parameters are set."`
	RequireEHLO  bool              `opt:"require_ehlo" default:"false" scopes:"esmtp_listener,global,listen,pathway,pathway_group,peer" help:"Answer 501 to commands before HELO or EHLO."`
	StaticBanner string            `opt:"static_banner" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"The whole greeting; it starts with 220."`
	BannerHost   string            `opt:"banner_hostname" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Host name shown in the 220 banner."`
	ReceivedHost string            `opt:"received_hostname" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Host name written in Received fields."`
	Trace        bool              `opt:"rfc2822_trace_headers" default:"true" scopes:"global,pathway,pathway_group" help:"Add a Received field."`

	Reconfig        string `opt:"reconfig" type:"enum" enum:"move,close" default:"move" scopes:"esmtp_listener" help:"What a session does after a reload: move to the new configuration at its next transaction, or close with 421."`
	ReconfigMessage string `opt:"reconfig_message" default:"4.3.2 Reconfiguration in progress" scopes:"esmtp_listener" help:"Text after 421 where reconfig is close."`

	IdleTime         time.Duration `opt:"idle_time" type:"seconds" unit:"seconds" default:"300" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Idle disconnect for inbound clients; 0: never."`
	ListenerSessions int64         `opt:"listener_sessions" default:"0" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Concurrent sessions on this listener, or of this peer's network; 0: unlimited."`
	ServiceSessions  int64         `opt:"service_sessions" default:"0" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Concurrent sessions over all listeners; 0: unlimited."`
	MaxMessageSize   int64         `opt:"max_message_size" type:"bytes" unit:"bytes" default:"0" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Largest accepted message; 0: unlimited."`
	MaxReceptions    int64         `opt:"max_receptions_per_connection" default:"0" scopes:"esmtp_listener,global,listen,pathway,pathway_group,peer" help:"Messages accepted per session, then 421; 0: unlimited."`
	MaxConnRcpts     int64         `opt:"max_recipients_per_connection" default:"0" scopes:"esmtp_listener,global,listen,peer" help:"RCPT commands per session; 0: unlimited."`
	MaxRcpts         int64         `opt:"max_recipients_per_message" default:"0" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Recipients accepted per message; 0: 10000, the most a transaction can hold."`

	AllowIPLiteral   bool   `opt:"allow_ip_literal" default:"true" scopes:"esmtp_listener,global,listen,pathway,pathway_group,peer" help:"Accept recipients such as user@[192.0.2.1]."`
	AllowRouting     bool   `opt:"allow_untrusted_routing" default:"false" scopes:"esmtp_listener,global,listen,pathway,pathway_group,peer" help:"Take recipients such as user%elsewhere@example.com of relay domains from peers that may not relay: the next hop may send them on."`
	AllowNullSender  bool   `opt:"allow_null_envelope_sender" default:"true" scopes:"esmtp_listener,global,listen,pathway,pathway_group,peer" help:"Accept MAIL FROM:<>."`
	AllowBlanks      bool   `opt:"allow_trailing_whitespace_in_commands" default:"false" scopes:"esmtp_listener,global,listen,pathway,pathway_group,peer" help:"Tolerate blanks around the address and its angle brackets in MAIL and RCPT."`
	EnvelopeBlanks   bool   `opt:"rfc2821_allow_whitespace_in_envelope" default:"true" scopes:"global,pathway,pathway_group" help:"Ignore blanks in front of a command's CRLF, as RFC 5321 section 4.1.1 asks for."`
	PedanticAddress  bool   `opt:"rfc2821_pedantic_address_rules" default:"true" scopes:"global,pathway,pathway_group" help:"Enforce the address syntax of RFC 5321."`
	UnqualifiedRcpt  string `opt:"domain_for_unqualified_recipient_addresses" scopes:"esmtp_listener,global,listen,pathway,pathway_group,peer" help:"Domain appended to recipients without one; unset: only postmaster may come without."`
	UnqualifiedFrom  string `opt:"domain_for_unqualified_sender_address" scopes:"esmtp_listener,global,listen,pathway,pathway_group,peer" help:"Domain appended to senders without one."`
	LoneLFInHeaders  string `opt:"rfc2822_lone_lf_in_headers" type:"enum" enum:"pedantic,fix" default:"pedantic" scopes:"global,pathway,pathway_group" help:"Bare CR and LF in header sections: refuse the message, or make them CRLF."`
	LoneLFInBody     string `opt:"rfc2822_lone_lf_in_body" type:"enum" enum:"ignore,pedantic,fix" default:"pedantic" scopes:"global,pathway,pathway_group" help:"Bare CR and LF in bodies: leave them, refuse the message, or make them CRLF."`
	MaxLineLength    int64  `opt:"rfc2822_max_line_length" default:"998" scopes:"global,pathway,pathway_group" help:"Longest line of a message in bytes, without its CRLF."`
	MaxLineLengthPol string `opt:"rfc2822_max_line_length_policy" type:"enum" enum:"none,reject" default:"none" scopes:"global,pathway,pathway_group" help:"What becomes of a message with a longer line."`

	RelayDomains        []string       `opt:"relay_domains" type:"list" scopes:"global,pathway,pathway_group" help:"Recipient domains accepted for relay: example.com, *.example.com."`
	BounceDomains       []string       `opt:"bounce_domains" type:"list" scopes:"global,pathway,pathway_group" help:"Domains whose mail is examined as bounces; accepted like relay domains."`
	RelayHosts          []netip.Prefix `opt:"relay_hosts" type:"cidrs" scopes:"esmtp_listener,global,listen,pathway,pathway_group,peer" help:"Client networks that may relay."`
	OpenRelay           bool           `opt:"open_relay" default:"false" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"The matched listener or peer may relay."`
	RelaySendingDomains []string       `opt:"relay_for_sending_domains" type:"list" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Sender domains for which open_relay holds; empty: any."`
	TLSPeerCanRelay     bool           `opt:"tls_verified_peer_can_relay" default:"false" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"A verified client certificate lets its peer relay."`

	UseSSL        bool   `opt:"use_ssl" default:"false" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"TLS from the first byte; excludes STARTTLS."`
	TLSCert       string `opt:"tls_certificate" scopes:"esmtp_listener,global,listen,pathway,pathway_group,peer" help:"Server certificate chain, PEM."`
	TLSKey        string `opt:"tls_key" scopes:"esmtp_listener,global,listen,pathway,pathway_group,peer" help:"Private key, where it is not in the certificate's file."`
	TLSClientCA   string `opt:"tls_client_ca" scopes:"esmtp_listener,global,listen,pathway,pathway_group,peer" help:"Trust anchors for client certificates, PEM."`
	TLSVerifyMode string `opt:"tls_verify_mode" type:"enum" enum:"none,require" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Client certificates: never asked for, or demanded; unset: asked for where tls_client_ca is set."`
	TLSProtocols  string `opt:"tls_protocols" default:"+ALL" scopes:"esmtp_listener,global,listen,pathway,pathway_group,peer" help:"Protocol versions, as +ALL:-TLSv1.2. ALL is TLS 1.2 and 1.3; older ones must be named."`
	TLSCiphers    string `opt:"tls_ciphers" default:"DEFAULT" scopes:"esmtp_listener,global,listen,pathway,pathway_group,peer" help:"Cipher suites up to TLS 1.2 by their OpenSSL names; DEFAULT: a safe choice."`
	Injection     string `opt:"starttls_injection_policy" type:"enum" enum:"reject,ignore" default:"reject" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Commands pipelined behind STARTTLS: refuse them and close, or drop them."`

	AuthOptions
	FrontOptions
	LimitOptions
}
