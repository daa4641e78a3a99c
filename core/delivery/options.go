package delivery

import (
	"net/netip"
	"time"

	"github.com/mtad/mtad/sdk/option"
)

// Options are what governs one lane's connections
// (reference/config-options.tsv); their values fall back as
// reference/config-syntax.md §2 says. send_8bitmime is on where the peer has
// 8BITMIME, unlike the original's default: 8-bit content must be declared (RFC
// 6152 §3). transform_8bitmime_content = ifneeded converts as strict does, where
// the original clears the eighth bit.
type Options struct {
	Gateway          string         `opt:"gateway" scopes:"binding,binding_group,domain,global" help:"Smart host in place of the domain's own MXs: host, host:port, address or [ipv6]:port. A name is looked up as MX, then as address."`
	Routes           []string       `opt:"routes" scopes:"domain,global" help:"Static routes, the preferred first: host, address, __mx__ or smtp://host?pref=&port=&type=mx|a."`
	RemotePort       int64          `opt:"remote_smtp_port" type:"port" default:"25" scopes:"binding,binding_group,domain,global" help:"Destination port for SMTP."`
	BindAddress      string         `opt:"bind_address" default:"*" scopes:"binding,binding_group,global" help:"Local source address; * leaves it to the kernel."`
	BindSecondary    string         `opt:"bind_address_secondary" scopes:"binding" help:"Source address of the other address family."`
	UseIPv6          bool           `opt:"use_ipv6" default:"false" scopes:"global" help:"Use AAAA records for delivery."`
	PreferIPv6       bool           `opt:"prefer_ipv6_mxs" default:"false" scopes:"global" help:"Try IPv6 addresses first among those of one preference."`
	ProhibitedHosts  []netip.Prefix `opt:"prohibited_hosts" scopes:"global" help:"A domain that resolves to one of these fails permanently."`
	SkipHosts        []netip.Prefix `opt:"skip_hosts" scopes:"global" help:"Resolved addresses that are left out."`
	OnlyBestMX       bool           `opt:"only_use_best_mx_for_relay_domains" default:"true" scopes:"global" help:"For domains of relay_domains use only the MXs of the lowest preference."`
	HostFailureRetry time.Duration  `opt:"host_failure_retry" default:"120" unit:"seconds" scopes:"domain,global" help:"How long an address that failed is avoided."`
	FallbackToA      int64          `opt:"mx_failures_fallback_to_a" default:"3" scopes:"domain,global" help:"Failed MX lookups before the domain's own address is tried; -1 is one."`
	FailuresToPurge  int64          `opt:"dns_failures_to_purge" default:"10" scopes:"domain,global" help:"Failed lookups before a message fails permanently."`

	EHLOHostname  string `opt:"ehlo_hostname" default:"__hostname__" scopes:"binding,binding_group,domain,global" help:"Name sent in EHLO: a name, __hostname__, or __message__ for the sender's domain."`
	Send8BitMIME  string `opt:"send_8bitmime" enum:"no,ifavailable" default:"ifavailable" scopes:"binding,binding_group,domain,global" help:"Declare BODY=8BITMIME for 8-bit content where the peer has the extension."`
	Transform8Bit string `opt:"transform_8bitmime_content" enum:"ifneeded,no,strict,strip" default:"ifneeded" scopes:"binding,binding_group,domain,global" help:"8-bit content for a peer without 8BITMIME: ifneeded and strict make it quoted-printable, and fail what cannot be (signed parts); no sends it as it is; strip clears the eighth bit, which damages it."`
	Chunking      string `opt:"send_chunking" enum:"no,ifavailable" default:"no" scopes:"binding,binding_group,domain,global" help:"Send content with BDAT (RFC 3030) where the peer has CHUNKING."`

	TLS         string `opt:"tls" enum:"no,ifavailable,required,verified" default:"no" scopes:"binding,binding_group,domain,global" help:"Use of STARTTLS; verified is required with tls_verify = host."`
	TLSVerify   string `opt:"tls_verify" enum:"no,ca,host,optional" default:"no" scopes:"binding,binding_group,domain,global" help:"Check of the remote certificate: by its CA, or by CA and host name."`
	TLSFallback bool   `opt:"tls_ifavailable_fallback" default:"true" scopes:"binding,binding_group,domain,global" help:"With tls = ifavailable, deliver in clear after TLS has failed; off: try again later."`
	TLSCA       string `opt:"tls_ca" scopes:"binding,binding_group,domain,global" help:"File of trust anchors in PEM; default: the system's."`
	TLSCert     string `opt:"tls_certificate" scopes:"binding,binding_group,domain,global" help:"Client certificate in PEM, or none."`
	TLSKey      string `opt:"tls_key" scopes:"binding,binding_group,domain,global" help:"Key of the client certificate where it is not in that file."`

	UseDANE      bool `opt:"use_dane" default:"false" scopes:"domain,global" help:"Look for TLSA records (RFC 7672) of exchangers that DNSSEC proves; needs dns_trust_ad and a validating resolver on this machine. Where there are some TLS is required and must match them, whatever tls says."`
	EnableDANE   bool `opt:"enable_dane" default:"true" scopes:"binding,binding_group,domain,global" help:"Apply what use_dane finds."`
	UseMTASTS    bool `opt:"use_mta_sts" default:"false" scopes:"domain,global" help:"Fetch MTA-STS policies (RFC 8461) of domains that announce one. With mode enforce only hosts that it names are used, with TLS required and their certificates verified against tls_ca; with mode testing TLS is tried, whatever tls says."`
	EnableMTASTS bool `opt:"enable_mta_sts" default:"true" scopes:"binding,binding_group,domain,global" help:"Apply the policies that use_mta_sts fetches."`

	AuthType string `opt:"outbound_smtp_auth_type" enum:"none,PLAIN,LOGIN" default:"none" scopes:"binding,binding_group,domain,global" help:"How to log in at the next hop, where that offers it; with tls other than no only under TLS. A message's context variable of the same name overrides it, as it does for user and password."`
	AuthUser string `opt:"outbound_smtp_auth_user" scopes:"binding,binding_group,domain,global" help:"User name for the next hop."`
	AuthPass string `opt:"outbound_smtp_auth_pass" scopes:"binding,binding_group,domain,global" help:"Password for the next hop."`
	AuthKey  string `opt:"outbound_smtp_auth_key" scopes:"binding,binding_group,domain,global" help:"A key for policy to find the login by: msys.config."`

	ConnectTimeout time.Duration `opt:"connect_timeout" default:"300" unit:"seconds" scopes:"binding,binding_group,domain,global" help:"Wait for a TCP connection."`
	EHLOTimeout    time.Duration `opt:"ehlo_timeout" default:"300" unit:"seconds" scopes:"binding,binding_group,domain,global" help:"Wait for the banner, for the reply to EHLO, and for TLS."`
	MailTimeout    time.Duration `opt:"mailfrom_timeout" default:"300" unit:"seconds" scopes:"binding,binding_group,domain,global" help:"Wait for the reply to MAIL FROM."`
	RcptTimeout    time.Duration `opt:"rcptto_timeout" default:"300" unit:"seconds" scopes:"binding,binding_group,domain,global" help:"Wait for the reply to RCPT TO and to DATA."`
	BodyTimeout    time.Duration `opt:"body_timeout" default:"600" unit:"seconds" scopes:"binding,binding_group,domain,global" help:"Wait for the reply to the final dot."`
	RsetTimeout    time.Duration `opt:"rset_timeout" default:"30" unit:"seconds" scopes:"binding,binding_group,domain,global" help:"Wait for the reply to RSET."`
	IdleTimeout    time.Duration `opt:"idle_timeout" default:"5" unit:"seconds" scopes:"binding,binding_group,domain,global" help:"How long an idle outbound connection is kept."`

	MaxDeliveries int64 `opt:"max_deliveries_per_connection" default:"0" scopes:"binding,binding_group,domain,global" help:"Messages delivered over one connection; 0 is no limit."`
	MaxRecipients int64 `opt:"max_recipients_per_connection" default:"0" scopes:"binding,binding_group,domain,global" help:"RCPT commands over one connection; 0 is no limit."`
}

// HostOptions are a host scope's: an exchanger, by its name or a /regex/. They
// count beside those of the other scopes, and do not fall back to them.
type HostOptions struct {
	MaxConnections int64           `opt:"max_outbound_connections" default:"-1" scopes:"host" help:"Connections to the host through one binding; -1 is no limit. It does not fall back."`
	Messages       option.Throttle `opt:"outbound_throttle_messages" type:"rate" scopes:"host" help:"Messages to the hosts of the scope, beside the other rates."`
	Connections    option.Throttle `opt:"outbound_throttle_connections" type:"rate" scopes:"host" help:"Connections to the hosts of the scope, beside the other rates."`
	Rollup         bool            `opt:"rollup_mx" default:"false" scopes:"host" help:"Domains whose preferred exchangers are all rolled up under one name share limits: they take options of the domain of that name behind their own, and count together."`
	RollupName     string          `opt:"rollup_mx_name" scopes:"host" help:"That name."`
}

// Defaults are the options as an empty configuration has them.
func Defaults() *Options {
	o := new(Options)
	option.Decode(&option.Scope{}, o)
	return o
}
