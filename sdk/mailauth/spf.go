package mailauth

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"blitiri.com.ar/go/spf"
)

// SPFQuery is whose right to send is asked for.
type SPFQuery struct {
	Peer   netip.Addr
	HELO   string
	Sender string // MAIL FROM, "" for the null sender
	// DefaultRule counts for a domain that publishes nothing, as "?all"; "" is
	// none.
	DefaultRule string
}

// SPF is the outcome of a check.
type SPF struct {
	Result Result
	Domain string // whose policy it was
	HELO   string
	Sender string // as checked: postmaster at the HELO name for the null sender
	Null   bool   // the sender was null: the identity is that of HELO
	Peer   netip.Addr
	Reason string // what matched, or why not
}

// spfTime is how long a check may take in all (RFC 7208 §4.6.4: at least 20 s).
const spfTime = 20 * time.Second

// CheckSPF is check_host() of RFC 7208 §4. Its limits on lookups hold: ten
// terms, two void ones, ten names each.
func CheckSPF(ctx context.Context, r Resolver, q SPFQuery) *SPF {
	ctx, cancel := context.WithTimeout(ctx, spfTime)
	defer cancel()
	out := &SPF{Sender: q.Sender, HELO: q.HELO, Peer: q.Peer.Unmap(), Null: q.Sender == ""}
	if out.Null {
		out.Sender = "postmaster@" + q.HELO // RFC 7208 §2.4
	}
	local, domain := cutAddress(out.Sender)
	if local == "" {
		out.Sender = "postmaster@" + domain // RFC 7208 §4.3
	}
	out.Domain = strings.TrimSuffix(domain, ".")
	// RFC 7208 §4.3: what is no fully qualified name has no policy. An address
	// literal is none.
	if !queryable(out.Domain) || !strings.Contains(out.Domain, ".") || !out.Peer.IsValid() {
		out.Result, out.Reason = None, "no domain to check"
		return out
	}
	rules := &ruled{Resolver: r, domain: out.Domain, rule: q.DefaultRule, peer: out.Peer}
	result, err := spf.CheckHostWithSender(net.IP(out.Peer.AsSlice()), q.HELO, out.Sender,
		spf.WithContext(ctx), spf.WithResolver(rules))
	out.Result = Result(result)
	if err != nil {
		out.Reason = oneLine(err.Error())
	}
	if ctx.Err() != nil && out.Result != Pass {
		out.Result, out.Reason = TempError, "the check took too long"
	}
	return out
}

// cutAddress splits at the last "@"; without one it is all domain.
func cutAddress(addr string) (local, domain string) {
	at := strings.LastIndexByte(addr, '@')
	return addr[:max(at, 0)], addr[at+1:]
}

// ruled checks the syntax of the records on their way to the library, words them
// for it, and answers for the checked domain with a rule of our own where it has
// none.
type ruled struct {
	Resolver
	domain, rule string
	peer         netip.Addr
}

// LookupTXT is part of Resolver.
func (r *ruled) LookupTXT(ctx context.Context, name string) ([]string, error) {
	name = unmarked(name)
	records, err := r.Resolver.LookupTXT(ctx, name)
	if err != nil && !isNotFound(err) {
		return nil, err
	}
	found := false
	out := make([]string, len(records))
	for i, text := range records {
		out[i] = text
		if low := strings.ToLower(text); low == "v=spf1" || strings.HasPrefix(low, "v=spf1 ") {
			found = true
			// The library takes what is no *net.DNSError for a permerror.
			if err := checkRecord(text); err != nil {
				return nil, err
			}
			out[i] = rewritten(text, func() string { return r.peerName(ctx, name) })
		}
	}
	if !found && r.rule != "" && strings.EqualFold(strings.TrimSuffix(name, "."), r.domain) {
		return []string{"v=spf1 " + r.rule}, nil
	}
	return out, err
}

// CheckRule reports what is wrong with a default rule, which must do without
// DNS.
func CheckRule(rule string) error {
	if strings.TrimSpace(rule) == "" {
		return nil
	}
	if err := checkRecord("v=spf1 " + rule); err != nil {
		return err
	}
	result, _ := spf.CheckHostWithSender(net.IPv4(192, 0, 2, 1), "rule.invalid", "a@rule.invalid",
		spf.WithResolver(&ruled{Resolver: nothing{}, domain: "rule.invalid", rule: rule}))
	if result == spf.PermError || result == spf.TempError {
		return errors.New("it is no SPF rule: mechanisms as in a record behind v=spf1")
	}
	return nil
}

// nothing is a Resolver that knows no name.
type nothing struct{}

func (nothing) LookupTXT(_ context.Context, n string) ([]string, error)  { return nil, notFound(n) }
func (nothing) LookupMX(_ context.Context, n string) ([]*net.MX, error)  { return nil, notFound(n) }
func (nothing) LookupAddr(_ context.Context, n string) ([]string, error) { return nil, notFound(n) }
func (nothing) LookupIPAddr(_ context.Context, n string) ([]net.IPAddr, error) {
	return nil, notFound(n)
}

// Received is the value of a Received-SPF header field (RFC 7208 §9.1).
func (s *SPF) Received(receiver string) string {
	identity := "mailfrom"
	if s.Null {
		identity = "helo"
	}
	pairs := []string{
		"receiver=" + word(receiver), "identity=" + identity, "client-ip=" + s.Peer.String(),
		"helo=" + word(s.HELO), "envelope-from=" + quoted(s.Sender),
	}
	text := string(s.Result)
	if s.Reason != "" {
		text += " (" + comment(receiver+": "+s.Reason) + ")"
	}
	return text + " " + strings.Join(pairs, "; ") + ";"
}

// Item is the result in Authentication-Results (RFC 8601 §2.7.2).
func (s *SPF) Item() Item {
	it := Item{Method: "spf", Result: s.Result}
	if s.Null {
		return it.with("smtp.helo", s.HELO)
	}
	return it.with("smtp.mailfrom", s.Sender)
}
