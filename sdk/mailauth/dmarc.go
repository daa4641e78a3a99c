package mailauth

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"github.com/mtad/mtad/sdk/mail"
)

// DMARC is the outcome of a check (RFC 7489).
type DMARC struct {
	Result Result // none: no policy; pass, fail, temperror, permerror
	From   string // the domain of From that was checked
	Policy string // none, quarantine, reject: what its owner asks for; "" without a policy
	Domain string // where the policy is published
	Reason string
	Pct    int  // of the failing messages that the policy is for
	SPF    bool // SPF passed and is aligned
	DKIM   bool // a signature passed and is aligned
}

// dmarcRecord is what counts of a policy (RFC 7489 §6.3).
type dmarcRecord struct {
	policy, subdomains    string
	strictDKIM, strictSPF bool
	pct                   int
}

// CheckDMARC looks up the policy of the domain in From and holds the results of
// SPF (nil: none was made) and DKIM against it.
func CheckDMARC(ctx context.Context, r Resolver, section []byte, s *SPF, sigs []*Signature) *DMARC {
	from, err := fromDomain(section)
	d := &DMARC{Result: PermError, From: from, Pct: 100}
	if err != nil {
		d.Reason = err.Error()
		return d
	}
	record, at, err := findPolicy(ctx, r, from)
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		d.Result, d.Reason = TempError, oneLine(err.Error())
		return d
	case err != nil:
		d.Reason = err.Error()
		return d
	case record == nil:
		d.Result, d.Reason = None, "no policy"
		return d
	}
	d.Domain, d.Policy, d.Pct = at, record.policy, record.pct
	if !strings.EqualFold(at, from) {
		d.Policy = record.subdomains
	}
	d.align(record, s, sigs)
	if d.Result = Fail; d.SPF || d.DKIM {
		d.Result = Pass
	}
	return d
}

// align compares the identifiers (RFC 7489 §3.1).
func (d *DMARC) align(record *dmarcRecord, s *SPF, sigs []*Signature) {
	d.SPF = s != nil && s.Result == Pass && aligned(s.Domain, d.From, record.strictSPF)
	for _, sig := range sigs {
		d.DKIM = d.DKIM || sig.Status == StatOK && aligned(sig.Domain, d.From, record.strictDKIM)
	}
}

// Item is the result in Authentication-Results (RFC 7489 §11.1).
func (d *DMARC) Item() Item {
	it := Item{Method: "dmarc", Result: d.Result, Reason: d.Reason}
	return it.with("header.from", d.From).with("policy.dmarc", d.Policy)
}

// errFrom is a message whose author is not one domain (RFC 7489 §6.6.1).
var errFrom = errors.New("From does not name one domain")

// fromDomain is the one domain of all addresses in the one From field.
func fromDomain(section []byte) (string, error) {
	values := mail.RawHeader(section, "From")
	if len(values) != 1 {
		return "", errFrom
	}
	domain := ""
	for _, a := range mail.ParseAddresses(values[0]) {
		ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(a.Domain, "."))
		if err != nil {
			ascii = a.Domain
		}
		if domain != "" && !strings.EqualFold(domain, ascii) {
			return "", errFrom
		}
		domain = strings.ToLower(ascii)
	}
	if !queryable(domain) {
		return "", errFrom
	}
	return domain, nil
}

// organization is the domain that somebody registered (RFC 7489 §3.2), by the
// public suffix list; the domain itself where it is a suffix.
func organization(domain string) string {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if org, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return org
	}
	return domain
}

func aligned(a, b string, strict bool) bool {
	a, b = strings.TrimSuffix(a, "."), strings.TrimSuffix(b, ".")
	if strict || strings.EqualFold(a, b) {
		return strings.EqualFold(a, b)
	}
	return organization(a) == organization(b)
}

// findPolicy asks the domain, then its organization (RFC 7489 §6.6.3). Without a
// policy the record is nil.
func findPolicy(ctx context.Context, r Resolver, domain string) (*dmarcRecord, string, error) {
	for _, at := range []string{domain, organization(domain)} {
		texts, err := r.LookupTXT(ctx, "_dmarc."+at)
		if err != nil && !isNotFound(err) {
			return nil, at, err
		}
		var found []string
		for _, text := range texts {
			if isDMARC(text) {
				found = append(found, text)
			}
		}
		// Several policies are none, and the search is over (RFC 7489 §6.6.3).
		if len(found) > 1 {
			return nil, at, nil
		}
		if len(found) == 1 {
			record, err := parseDMARC(found[0])
			return record, at, err
		}
		if at == organization(domain) {
			break
		}
	}
	return nil, domain, nil
}

func isDMARC(text string) bool {
	version, _, _ := strings.Cut(text, ";")
	name, value, _ := strings.Cut(version, "=")
	return strings.TrimSpace(name) == "v" && strings.TrimSpace(value) == "DMARC1"
}

// parseDMARC reads a policy. Tags that are unknown or make no sense count as if
// they were not there (RFC 7489 §6.3).
func parseDMARC(text string) (*dmarcRecord, error) {
	t, err := parseTags(text)
	if err != nil {
		return nil, err
	}
	d := &dmarcRecord{policy: policyWord(t.get("p")), subdomains: policyWord(t.get("sp")), pct: 100}
	if d.policy == "" {
		// RFC 7489 §6.6.3: with somebody to report to it is none, else it is void.
		if !t.has("rua") {
			return nil, errors.New("policy record without p=")
		}
		d.policy = "none"
	}
	if d.subdomains == "" {
		d.subdomains = d.policy
	}
	d.strictDKIM, d.strictSPF = strings.EqualFold(t.get("adkim"), "s"), strings.EqualFold(t.get("aspf"), "s")
	if n, err := strconv.Atoi(t.get("pct")); err == nil && n >= 0 && n <= 100 {
		d.pct = n
	}
	return d, nil
}

func policyWord(s string) string {
	switch s = strings.ToLower(s); s {
	case "none", "quarantine", "reject":
		return s
	}
	return ""
}
