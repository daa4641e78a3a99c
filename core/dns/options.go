package dns

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/mtad/mtad/sdk/option"
)

// Options are the resolver's options, all of the global scope
// (reference/config-options.tsv). dns_fallback_to_tcp is on here and off in
// the original: without it a domain with many MXs cannot be reached.
type Options struct {
	Nameservers       []string      `opt:"nameservers" scopes:"global" help:"Recursive servers, ip or ip:port, in the order they are asked. Default: those of resolv_conf."`
	ResolvConf        string        `opt:"resolv_conf" default:"/etc/resolv.conf" scopes:"global" help:"Resolver configuration that is read where nameservers is not set."`
	FallbackToTCP     bool          `opt:"dns_fallback_to_tcp" default:"true" scopes:"global" help:"Ask again over TCP when an answer was truncated."`
	MaxQueriesPerPort int64         `opt:"dns_max_udp_queries_per_port" default:"1000" unit:"queries" scopes:"global" help:"Queries sent from one UDP source port before it is given up for another; 0 is no limit."`
	ReceiveBuffer     int64         `opt:"dns_udp_rcvbuf_size" type:"bytes" default:"0" scopes:"global" help:"Receive buffer of the UDP sockets; 0 leaves it to the system."`
	SendBuffer        int64         `opt:"dns_udp_sndbuf_size" type:"bytes" default:"0" scopes:"global" help:"Send buffer of the UDP sockets; 0 leaves it to the system."`
	MinTTL            time.Duration `opt:"min_dns_ttl" type:"seconds" default:"0" scopes:"global" help:"Shorter times to live are raised to this."`
	MaxTTL            time.Duration `opt:"max_dns_ttl" type:"seconds" default:"4294967295" scopes:"global" help:"Longer times to live are lowered to this."`
	QueryTimeout      time.Duration `opt:"dns_query_timeout" type:"millis" default:"0" scopes:"global" help:"Wait for one server's answer to one query; 0 takes resolv_conf's, which is 5 seconds by default."`
	QueryAttempts     int64         `opt:"dns_query_attempts" default:"0" scopes:"global" help:"Rounds over the servers before a lookup fails; 0 takes resolv_conf's, which is 2 by default."`
	TrustAD           bool          `opt:"dns_trust_ad" default:"false" scopes:"global" help:"Believe servers on the loopback address that DNSSEC proves an answer (the AD bit), as use_dane needs; for a validating resolver on this machine."`
	CacheSize         int64         `opt:"dns_cache_size" type:"bytes" default:"67108864" scopes:"global" help:"Memory for cached answers; read at start only."`
	MaxPending        int64         `opt:"dns_max_pending" default:"10000" unit:"questions" scopes:"global" help:"Questions under way at once; more wait. Read at start only."`
}

// Defaults are the options as an empty configuration has them.
func Defaults() Options {
	var o Options
	option.Decode(&option.Scope{}, &o)
	return o
}

// Settings are Options that were found good: the product of Prepare and the
// argument of Client.Use.
type Settings struct {
	Options
	servers  []netip.AddrPort
	timeout  time.Duration
	attempts int
}

// Prepare checks options and reads resolv_conf where they ask for it. It
// changes nothing; all that can fail fails here.
func Prepare(o Options) (*Settings, error) {
	s := &Settings{Options: o, timeout: 5 * time.Second, attempts: 2}
	var err error
	if len(o.Nameservers) > 0 {
		err = s.useNameservers()
	} else {
		err = s.useResolvConf()
	}
	if err != nil {
		return nil, err
	}
	if o.QueryTimeout > 0 {
		s.timeout = o.QueryTimeout
	}
	if o.QueryAttempts > 0 {
		s.attempts = int(min(o.QueryAttempts, maxAttempts))
	}
	return s, nil
}

// maxAttempts bounds the rounds over the servers.
const maxAttempts = 10

func (s *Settings) useNameservers() error {
	for _, text := range s.Nameservers {
		server, err := ParseServer(text)
		if err != nil {
			return fmt.Errorf("nameservers: %w", err)
		}
		s.servers = append(s.servers, server)
	}
	return nil
}

func (s *Settings) useResolvConf() error {
	conf, err := mdns.ClientConfigFromFile(s.ResolvConf)
	if err != nil {
		return fmt.Errorf("resolv_conf: %w", err)
	}
	for _, text := range conf.Servers {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return fmt.Errorf("resolv_conf %s: nameserver: %w", s.ResolvConf, err)
		}
		s.servers = append(s.servers, netip.AddrPortFrom(addr, 53))
	}
	if len(s.servers) == 0 {
		return fmt.Errorf("resolv_conf: %s names no server", s.ResolvConf)
	}
	s.timeout = time.Duration(conf.Timeout) * time.Second
	s.attempts = min(conf.Attempts, maxAttempts)
	return nil
}

var errServer = errors.New("not an address or address:port")

// ParseServer reads "192.0.2.1", "192.0.2.1:5353", "2001:db8::1" or
// "[2001:db8::1]:5353"; the port is 53 where none is given.
func ParseServer(text string) (netip.AddrPort, error) {
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return ap, nil
	}
	host := strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%s: %w", strconv.Quote(text), errServer)
	}
	return netip.AddrPortFrom(addr, 53), nil
}
