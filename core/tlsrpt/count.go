package tlsrpt

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// Kind is what came of a session: Success, or a result type of RFC 8460 §4.3.
type Kind string

// The kinds.
const (
	Success           Kind = "success"
	NoSTARTTLS        Kind = "starttls-not-supported"
	HostMismatch      Kind = "certificate-host-mismatch"
	Expired           Kind = "certificate-expired"
	NotTrusted        Kind = "certificate-not-trusted"
	ValidationFailure Kind = "validation-failure"
	TLSAInvalid       Kind = "tlsa-invalid"
	STSPolicyFetch    Kind = "sts-policy-fetch-error"
	STSPolicyInvalid  Kind = "sts-policy-invalid"
	STSWebPKIInvalid  Kind = "sts-webpki-invalid"
)

// PolicyType is where a policy comes from (RFC 8460 §4.4).
type PolicyType string

// The types.
const (
	TLSA PolicyType = "tlsa"
	STS  PolicyType = "sts"
)

// Policy is what a domain asked for when it was talked to.
type Policy struct {
	Type   PolicyType
	Domain string
	Text   []string
	MX     []string // patterns of an MTA-STS policy
}

// Event is one session, or one that could not begin.
type Event struct {
	Policy    Policy
	Kind      Kind
	MX        string
	Sending   netip.Addr // zero: no connection was made
	Receiving netip.Addr
	At        time.Time
}

const (
	// maxPolicies bounds the policies counted in a day; the rest is not reported.
	maxPolicies = 10_000
	// maxDetails bounds the kinds of failures of one policy that are told apart;
	// the rest counts in the sum only.
	maxDetails = 100
)

// Counts are the sessions of a day. The zero value is ready; it is safe for
// concurrent use. What is counted is lost with the process but for Save.
type Counts struct {
	mu       sync.Mutex
	day      time.Time
	policies map[string]*Tally
}

// Tally is the sessions with one policy.
type Tally struct {
	Policy    Policy
	Succeeded int64
	Failed    int64
	Details   map[Detail]int64
}

// Detail is one kind of failure (RFC 8460 §4.3.1).
type Detail struct {
	Kind               Kind
	MX                 string
	Sending, Receiving netip.Addr
}

// Add counts a session.
func (c *Counts) Add(e Event) {
	key := string(e.Policy.Type) + "\x00" + e.Policy.Domain + "\x00" + strings.Join(e.Policy.Text, "\n")
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.policies == nil {
		c.policies, c.day = map[string]*Tally{}, dayOf(e.At)
	}
	t := c.policies[key]
	if t == nil {
		if len(c.policies) >= maxPolicies {
			return
		}
		t = &Tally{Policy: e.Policy, Details: map[Detail]int64{}}
		c.policies[key] = t
	}
	if e.Kind == Success {
		t.Succeeded++
		return
	}
	t.Failed++
	d := Detail{e.Kind, e.MX, e.Sending, e.Receiving}
	if _, known := t.Details[d]; known || len(t.Details) < maxDetails {
		t.Details[d]++
	}
}

// dayOf is the UTC day that a time is in (RFC 8460 §4.1).
func dayOf(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// Day is what was counted in one day for one domain.
type Day struct {
	Domain  string
	Begin   time.Time
	Tallies []*Tally
}

// Take ends the day, where it is over at now, and gives what was counted, by
// domain.
func (c *Counts) Take(now time.Time) []Day {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.policies) == 0 || !dayOf(now).After(c.day) {
		return nil
	}
	byDomain := map[string]*Day{}
	for _, t := range c.policies {
		d := byDomain[t.Policy.Domain]
		if d == nil {
			d = &Day{Domain: t.Policy.Domain, Begin: c.day}
			byDomain[t.Policy.Domain] = d
		}
		d.Tallies = append(d.Tallies, t)
	}
	c.policies = nil
	var out []Day
	for _, d := range byDomain {
		slices.SortFunc(d.Tallies, func(a, b *Tally) int {
			return strings.Compare(string(a.Policy.Type)+strings.Join(a.Policy.Text, "\n"), string(b.Policy.Type)+strings.Join(b.Policy.Text, "\n"))
		})
		out = append(out, *d)
	}
	slices.SortFunc(out, func(a, b Day) int { return strings.Compare(a.Domain, b.Domain) })
	return out
}
