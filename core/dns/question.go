package dns

import (
	"net/netip"
	"strings"

	mdns "github.com/miekg/dns"
	"golang.org/x/net/idna"

	"github.com/mtad/mtad/sdk"
)

// question is what is asked, in the one form that the cache and the flights
// are keyed by: a lower-case name with its final dot.
type question struct {
	name   string
	qtype  uint16
	server netip.AddrPort // zero: the configured ones
}

// parseQuestion turns a query into a question. A name that cannot be asked
// gives a word, since it comes from mail and not from us; a type that cannot
// be asked, or a bad server, is the caller's mistake and an error.
func parseQuestion(q sdk.DNSQuery) (question, string, error) {
	qtype, ok := typeOf(q.Type)
	if !ok {
		return question{}, "", &TypeError{q.Type}
	}
	key := question{qtype: qtype}
	if q.Server != "" {
		server, err := ParseServer(q.Server)
		if err != nil {
			return question{}, "", err
		}
		key.server = server
	}
	name, ok := queryName(q.Name, qtype)
	if !ok {
		return question{}, FormErr, nil
	}
	key.name = name
	return key, "", nil
}

// Askable says that a name can be asked for. Where one cannot, FormErr is about the
// name; else it is a server's.
func Askable(name string) bool {
	_, ok := queryName(name, mdns.TypeA)
	return ok
}

// typeOf is the number of a type that lookups support.
func typeOf(name string) (uint16, bool) {
	switch strings.ToUpper(name) {
	case "A", "":
		return mdns.TypeA, true
	case "AAAA":
		return mdns.TypeAAAA, true
	case "MX":
		return mdns.TypeMX, true
	case "TXT":
		return mdns.TypeTXT, true
	case "PTR":
		return mdns.TypePTR, true
	case "NS":
		return mdns.TypeNS, true
	case "CNAME":
		return mdns.TypeCNAME, true
	case "TLSA":
		return mdns.TypeTLSA, true
	}
	return 0, false
}

// queryName is the name as it goes into a query: A-labels (RFC 5891 §5), lower
// case, absolute. An address in a PTR question becomes its name under
// in-addr.arpa or ip6.arpa (RFC 1035 §3.5, RFC 3596 §2.5).
func queryName(name string, qtype uint16) (string, bool) {
	if qtype == mdns.TypePTR {
		if addr, err := netip.ParseAddr(name); err == nil {
			arpa, err := mdns.ReverseAddr(addr.Unmap().WithZone("").String())
			return arpa, err == nil
		}
	}
	if !ascii(name) {
		puny, err := idna.Lookup.ToASCII(name)
		if err != nil {
			return "", false
		}
		name = puny
	}
	if name == "" || strings.ContainsAny(name, " \t\r\n\x00\\\"()") {
		return "", false
	}
	name = mdns.Fqdn(strings.ToLower(name))
	if _, ok := mdns.IsDomainName(name); !ok {
		return "", false
	}
	return name, true
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// plain is a name as answers show it: without the final dot, except for the
// root, which a null MX has (RFC 7505 §3).
func plain(name string) string {
	if name == "." {
		return name
	}
	return strings.TrimSuffix(name, ".")
}
