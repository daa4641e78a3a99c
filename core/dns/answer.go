package dns

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/mtad/mtad/sdk"
)

// outcome is an answer and how long it may be kept; 0 is not at all.
type outcome struct {
	answer *sdk.DNSAnswer
	ttl    time.Duration
	next   string // a CNAME's target that has to be asked for
}

const (
	// maxChain bounds the CNAMEs followed, in one response or over several.
	maxChain = 10
	// maxNegativeTTL is the longest that the absence of something is kept
	// (RFC 2308 §5).
	maxNegativeTTL = 3 * time.Hour
	// failureTTL is how long a failed resolution is remembered, so that a dead
	// server is not asked again at once (RFC 9520 §3.2).
	failureTTL = 5 * time.Second
)

func failed(word string) outcome {
	return outcome{answer: &sdk.DNSAnswer{Error: word}, ttl: failureTTL}
}

// read takes what a response says about name and qtype. The response is
// already known to answer our question.
func read(m *mdns.Msg, name string, qtype uint16) outcome {
	r := reader{msg: m, owner: name, ttl: maxTTL}
	hops := r.follow(qtype)
	switch {
	case hops > maxChain:
		return failed(ServFail)
	case m.Rcode == mdns.RcodeNameError:
		// With a chain, the code is about its last name (RFC 6604 §3).
		return r.negative(NXDomain)
	}
	records := r.collect(qtype)
	if len(records) > 0 {
		return outcome{answer: &sdk.DNSAnswer{Records: records}, ttl: seconds(r.ttl)}
	}
	if hops > 0 && !r.hasSOA() {
		return outcome{next: r.owner, ttl: seconds(r.ttl)}
	}
	return r.negative(NoData)
}

// reader walks one response.
type reader struct {
	msg   *mdns.Msg
	owner string // the name at the end of the chain so far
	ttl   uint32 // the least of what was used
}

// follow walks the CNAMEs of the answer section from owner on and returns how
// many there were (RFC 1034 §3.6.2).
func (r *reader) follow(qtype uint16) int {
	if qtype == mdns.TypeCNAME {
		return 0
	}
	for hops := 0; ; hops++ {
		target := r.alias()
		if target == "" || hops > maxChain {
			return hops
		}
		r.owner = target
	}
}

func (r *reader) alias() string {
	for _, rr := range r.msg.Answer {
		c, ok := rr.(*mdns.CNAME)
		if ok && strings.EqualFold(c.Hdr.Name, r.owner) {
			r.ttl = min(r.ttl, valid(c.Hdr.Ttl))
			return strings.ToLower(c.Target)
		}
	}
	return ""
}

func (r *reader) collect(qtype uint16) []sdk.DNSRecord {
	var out []sdk.DNSRecord
	for _, rr := range r.msg.Answer {
		h := rr.Header()
		if h.Rrtype != qtype || h.Class != mdns.ClassINET || !strings.EqualFold(h.Name, r.owner) {
			continue
		}
		if rec, ok := record(rr); ok {
			out = append(out, rec)
			r.ttl = min(r.ttl, valid(h.Ttl))
		}
	}
	if qtype == mdns.TypeMX {
		slices.SortStableFunc(out, func(a, b sdk.DNSRecord) int {
			return cmp.Or(cmp.Compare(a.Preference, b.Preference), cmp.Compare(a.Value, b.Value))
		})
	}
	return out
}

func record(rr mdns.RR) (sdk.DNSRecord, bool) {
	switch v := rr.(type) {
	case *mdns.A:
		return sdk.DNSRecord{Value: v.A.String()}, v.A != nil
	case *mdns.AAAA:
		return sdk.DNSRecord{Value: v.AAAA.String()}, v.AAAA != nil
	case *mdns.MX:
		return sdk.DNSRecord{Value: plain(strings.ToLower(v.Mx)), Preference: int(v.Preference)}, true
	case *mdns.TXT:
		return sdk.DNSRecord{Value: unescape(strings.Join(v.Txt, ""))}, true
	case *mdns.PTR:
		return sdk.DNSRecord{Value: plain(v.Ptr)}, true
	case *mdns.NS:
		return sdk.DNSRecord{Value: plain(v.Ns)}, true
	case *mdns.CNAME:
		return sdk.DNSRecord{Value: plain(v.Target)}, true
	case *mdns.TLSA: // as RFC 6698 §2.2 writes it
		return sdk.DNSRecord{Value: fmt.Sprintf("%d %d %d %s", v.Usage, v.Selector, v.MatchingType, strings.ToLower(v.Certificate))}, true
	}
	return sdk.DNSRecord{}, false
}

// unescape undoes the presentation form (\" \\ \DDD) that the library gives
// character strings in (RFC 1035 §5.1).
func unescape(s string) string {
	if !strings.ContainsRune(s, '\\') {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		if n, ok := decimal(s[i+1:]); ok {
			b, i = append(b, n), i+3
			continue
		}
		i++
		b = append(b, s[i])
	}
	return string(b)
}

func decimal(s string) (byte, bool) {
	if len(s) < 3 {
		return 0, false
	}
	n := 0
	for _, c := range []byte(s[:3]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return byte(n), n <= 255
}

func (r *reader) hasSOA() bool {
	for _, rr := range r.msg.Ns {
		if _, ok := rr.(*mdns.SOA); ok {
			return true
		}
	}
	return false
}

// negative is the absence of a name or of its records. It is kept for the
// lesser of the SOA's own TTL and its MINIMUM field; without an SOA it is not
// kept (RFC 2308 §5).
func (r *reader) negative(word string) outcome {
	out := outcome{answer: &sdk.DNSAnswer{Error: word}}
	for _, rr := range r.msg.Ns {
		if soa, ok := rr.(*mdns.SOA); ok {
			ttl := seconds(min(r.ttl, valid(soa.Hdr.Ttl), valid(soa.Minttl)))
			out.ttl = min(ttl, maxNegativeTTL)
			return out
		}
	}
	return out
}

// maxTTL is the longest time to live there is, in seconds (RFC 2181 §8).
const maxTTL = 1<<31 - 1

// valid is a TTL as it counts: one with its top bit set is 0 (RFC 2181 §8).
func valid(ttl uint32) uint32 {
	if ttl > maxTTL {
		return 0
	}
	return ttl
}

func seconds(ttl uint32) time.Duration { return time.Duration(ttl) * time.Second }
