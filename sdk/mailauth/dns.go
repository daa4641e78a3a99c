package mailauth

import (
	"context"
	"net"
	"net/netip"
	"strings"

	"github.com/mtad/mtad/sdk"
)

// Resolver looks names up. Its errors are *net.DNSError: IsNotFound where the
// name or the record does not exist, IsTemporary where a later try may succeed.
// It is what blitiri.com.ar/go/spf asks of one.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupAddr(ctx context.Context, addr string) ([]string, error)
}

// Asker is the part of sdk.Host that a HostResolver needs.
type Asker interface {
	LookupDNS(ctx context.Context, q sdk.DNSQuery) (*sdk.DNSAnswer, error)
}

// HostResolver is a Resolver that asks the core, and through it its cache.
type HostResolver struct{ Host Asker }

// LookupTXT is part of Resolver.
func (r HostResolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	return r.ask(ctx, name, "TXT")
}

// LookupMX is part of Resolver.
func (r HostResolver) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	records, err := r.records(ctx, name, "MX")
	if err != nil {
		return nil, err
	}
	out := make([]*net.MX, 0, len(records))
	for _, rec := range records {
		out = append(out, &net.MX{Host: rec.Value, Pref: uint16(rec.Preference)})
	}
	return out, nil
}

// LookupIPAddr is part of Resolver: addresses of both families. It fails only
// where both questions do.
func (r HostResolver) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	var out []net.IPAddr
	v4, err4 := r.ask(ctx, host, "A")
	v6, err6 := r.ask(ctx, host, "AAAA")
	for _, text := range append(v4, v6...) {
		if ip := net.ParseIP(text); ip != nil {
			out = append(out, net.IPAddr{IP: ip})
		}
	}
	switch {
	case len(out) > 0:
		return out, nil
	case err4 != nil && !isNotFound(err4):
		return nil, err4
	case err6 != nil && !isNotFound(err6):
		return nil, err6
	}
	return nil, notFound(host)
}

// LookupAddr is part of Resolver: the names of an address, as their PTR records
// have them, with the dot at the end.
func (r HostResolver) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return nil, notFound(addr)
	}
	names, err := r.ask(ctx, reverseName(ip.Unmap().WithZone("")), "PTR")
	for i := range names {
		names[i] = strings.TrimSuffix(names[i], ".") + "."
	}
	return names, err
}

func (r HostResolver) ask(ctx context.Context, name, qtype string) ([]string, error) {
	records, err := r.records(ctx, name, qtype)
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(records))
	for _, rec := range records {
		out = append(out, rec.Value)
	}
	return out, nil
}

func (r HostResolver) records(ctx context.Context, name, qtype string) ([]sdk.DNSRecord, error) {
	name = strings.TrimSuffix(name, ".")
	if !queryable(name) {
		return nil, notFound(name)
	}
	a, err := r.Host.LookupDNS(ctx, sdk.DNSQuery{Name: name, Type: qtype})
	switch {
	case err != nil:
		return nil, &net.DNSError{Err: err.Error(), Name: name, IsTemporary: true}
	case a.Error == "NXDOMAIN" || a.Error == "NODATA" || a.Error == "" && len(a.Records) == 0:
		return nil, notFound(name)
	case a.Error != "":
		return nil, &net.DNSError{Err: a.Error, Name: name, IsTemporary: true, IsTimeout: a.Error == "TIMEOUT"}
	}
	return a.Records, nil
}

// queryable reports whether a name can be asked for. What a sender wrote goes no
// further otherwise. A name of the DNS may hold any byte; the core's resolver
// asks for none with blanks, quotes, parentheses or backslashes, and no such name
// publishes anything.
func queryable(name string) bool {
	for i := 0; i < len(name); i++ {
		if c := name[i]; c <= ' ' || c == 0x7f || strings.IndexByte("\\\"()", c) >= 0 {
			return false
		}
	}
	return labelsFit(name)
}

// labelsFit: labels of 1 to 63 bytes, 253 in all (RFC 1035 §2.3.4).
func labelsFit(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return true
}

func notFound(name string) error {
	return &net.DNSError{Err: "no such record", Name: name, IsNotFound: true}
}

func isNotFound(err error) bool {
	d, ok := err.(*net.DNSError)
	return ok && d.IsNotFound
}

// reverseName is where the names of an address are published (RFC 1035 §3.5,
// RFC 3596 §2.5).
func reverseName(ip netip.Addr) string {
	var b strings.Builder
	if ip.Is4() {
		four := ip.As4()
		for i := len(four) - 1; i >= 0; i-- {
			b.WriteString(netip.AddrFrom4([4]byte{0, 0, 0, four[i]}).String()[len("0.0.0."):])
			b.WriteByte('.')
		}
		return b.String() + "in-addr.arpa"
	}
	const digits = "0123456789abcdef"
	sixteen := ip.As16()
	for i := len(sixteen) - 1; i >= 0; i-- {
		b.WriteByte(digits[sixteen[i]&15])
		b.WriteByte('.')
		b.WriteByte(digits[sixteen[i]>>4])
		b.WriteByte('.')
	}
	return b.String() + "ip6.arpa"
}

// ValidatedName is the name of an address that leads back to it, "unknown" where
// there is none (RFC 7208 §5.5): domain itself or a name below it, else the first
// in the order of the answer. At most ten names are tried (RFC 7208 §4.6.4).
func ValidatedName(ctx context.Context, r Resolver, ip netip.Addr, domain string) string {
	const most = 10
	ip = ip.Unmap()
	names, err := r.LookupAddr(ctx, ip.String())
	if err != nil {
		return "unknown"
	}
	best, rank := "unknown", 0
	for _, name := range names[:min(most, len(names))] {
		name = strings.TrimSuffix(name, ".")
		is := 1
		switch {
		case strings.EqualFold(name, domain):
			is = 3
		case within(name, domain):
			is = 2
		}
		if is > rank && leadsTo(ctx, r, name, ip) {
			best, rank = name, is
		}
	}
	return best
}

func leadsTo(ctx context.Context, r Resolver, name string, ip netip.Addr) bool {
	addrs, err := r.LookupIPAddr(ctx, name)
	if err != nil {
		return false
	}
	for _, a := range addrs {
		if got, ok := netip.AddrFromSlice(a.IP); ok && got.Unmap() == ip {
			return true
		}
	}
	return false
}

// within reports whether name is domain or below it, without case.
func within(name, domain string) bool {
	if len(name) == len(domain) {
		return strings.EqualFold(name, domain)
	}
	cut := len(name) - len(domain)
	return cut > 0 && domain != "" && name[cut-1] == '.' && strings.EqualFold(name[cut:], domain)
}
