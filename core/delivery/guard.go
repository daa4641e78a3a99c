package delivery

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"

	"github.com/mtad/mtad/core/dns"
	"github.com/mtad/mtad/core/mtasts"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/core/tlsrpt"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// guard is what the receiving domain itself asks of the connection to one host,
// whatever tls says: by TLSA records in a signed zone (RFC 7672) or by an MTA-STS
// policy (RFC 8461). The first has the say over certificates where both are.
type guard struct {
	dane   *dane
	sts    *mtasts.Policy
	policy tlsrpt.Policy // that sessions are counted under

	unnamed bool // the MTA-STS policy does not name the host, and only tests
}

var (
	replyNoTLSA   = smtp.NewReply(451, "4.7.5", "[internal] TLSA records cannot be looked up")                // RFC 7672 §2.1.2
	replySTSHost  = smtp.NewReply(451, "4.7.5", "[internal] host is not in the MTA-STS policy of the domain") // RFC 8461 §5
	replyTLSADANE = smtp.NewReply(451, "4.7.5", "[internal] TLS certificate does not match the TLSA records") // RFC 7672 §2.2
)

// guarded puts what the domain asks for into a target. A result says that the
// host must not be talked to now.
func (t *trip) guarded(ctx context.Context, to *target) *queue.Result {
	sts := t.stsPolicy(ctx, to)
	d, r := t.daneOf(ctx, to)
	if r != nil {
		t.report(&guard{policy: t.danePolicy(nil)}, to, tlsrpt.TLSAInvalid, nil)
		return r
	}
	g := &guard{dane: d, sts: sts}
	switch {
	case d != nil:
		g.policy = t.danePolicy(d.texts)
	case sts != nil:
		g.policy = tlsrpt.Policy{Type: tlsrpt.STS, Domain: t.lane.Domain, Text: sts.Lines, MX: sts.MX}
	default:
		return nil
	}
	if sts != nil && !sts.Allows(to.host) {
		g.unnamed = true
		if sts.Mode == mtasts.Enforce {
			t.report(g, to, tlsrpt.ValidationFailure, nil)
			return unconnected(replySTSHost.WithCause(fmt.Errorf("%s", to.host)))
		}
	}
	to.guard = g
	return nil
}

func (t *trip) danePolicy(texts []string) tlsrpt.Policy {
	return tlsrpt.Policy{Type: tlsrpt.TLSA, Domain: t.lane.Domain, Text: texts}
}

// stsPolicy is the policy of the lane's domain, where its mail goes by its own
// exchangers (RFC 8461 §2).
func (t *trip) stsPolicy(ctx context.Context, to *target) *mtasts.Policy {
	if t.courier.Policies == nil || to.own || !t.opt.UseMTASTS || !t.opt.EnableMTASTS {
		return nil
	}
	p, err := t.courier.Policies.Policy(ctx, t.lane.Domain)
	if err != nil {
		t.report(&guard{policy: tlsrpt.Policy{Type: tlsrpt.STS, Domain: t.lane.Domain}}, to, fetchProblem(err), nil)
	}
	return p
}

// fetchProblem names what is wrong with a policy (RFC 8460 §4.3.2.2).
func fetchProblem(err error) tlsrpt.Kind {
	switch {
	case errors.Is(err, mtasts.ErrPolicy):
		return tlsrpt.STSPolicyInvalid
	case errors.Is(err, mtasts.ErrWebPKI):
		return tlsrpt.STSWebPKIInvalid
	}
	return tlsrpt.STSPolicyFetch
}

// daneOf looks for TLSA records of a host, where DNSSEC proves the way to it (RFC
// 7672 §2.2). nil: there are none that count.
func (t *trip) daneOf(ctx context.Context, to *target) (*dane, *queue.Result) {
	if _, err := netip.ParseAddr(to.host); err == nil || !to.secure || !t.opt.UseDANE || !t.opt.EnableDANE {
		return nil, nil
	}
	name := fmt.Sprintf("_%d._tcp.%s", to.addr.Port(), to.host)
	a, err := t.courier.Resolver.Lookup(ctx, sdk.DNSQuery{Name: name, Type: "TLSA"})
	switch {
	case err != nil:
		return nil, unconnected(replyNoTLSA.WithCause(err))
	case a.Error == dns.NoData, a.Error == dns.NXDomain:
		return nil, nil
	case a.Error != "":
		// Whoever can suppress the answer must not be able to turn TLS off (RFC 7672
		// §2.1.2).
		return nil, unconnected(replyNoTLSA.WithCause(fmt.Errorf("%s: %s", name, a.Error)))
	case !a.Secure:
		return nil, nil
	}
	d := &dane{names: []string{to.host, t.lane.Domain}, now: t.courier.now}
	for _, rec := range a.Records[:min(len(a.Records), maxTLSA)] {
		if r, ok := parseTLSA(rec.Value); ok {
			d.records = append(d.records, r)
		}
		d.texts = append(d.texts, rec.Value)
	}
	return d, nil
}

// tlsMode is the tls option, made stricter where the domain asks for it.
func (s *session) tlsMode() string {
	switch g := s.target.guard; {
	case g == nil, s.opt.TLS == "required", s.opt.TLS == "verified":
		return s.opt.TLS
	case g.dane != nil, g.sts.Mode == mtasts.Enforce:
		return "required"
	}
	return "ifavailable"
}

// strict makes the check of a certificate what the domain asks for.
func (k *peerCheck) strict(g *guard) *peerCheck {
	switch {
	case g == nil:
	case g.dane != nil:
		k.dane = g.dane
	case g.sts.Mode == mtasts.Enforce:
		k.mode = "host"
	case k.mode != "host":
		k.mode = "optional"
	}
	return k
}

// report counts what came of a host, where the domain has a policy.
func (t *trip) report(g *guard, to *target, kind tlsrpt.Kind, s *session) {
	if t.courier.Report == nil {
		return
	}
	e := tlsrpt.Event{Policy: g.policy, Kind: kind, MX: to.host, Receiving: to.addr.Addr(), At: t.courier.now()}
	if s != nil {
		if local, err := netip.ParseAddrPort(s.raw.LocalAddr().String()); err == nil {
			e.Sending = local.Addr()
		}
	}
	t.courier.Report(e)
}

// outcome reports a session that has been greeted, or was not.
func (t *trip) outcome(s *session) {
	g := s.target.guard
	if g == nil {
		return
	}
	switch {
	case g.unnamed:
		t.report(g, &s.target, tlsrpt.ValidationFailure, s)
	case s.tlsProblem != "":
		t.report(g, &s.target, s.tlsProblem, s)
	case s.conn != s.raw:
		t.report(g, &s.target, tlsrpt.Success, s)
	}
}

// problemOf names a failed handshake (RFC 8460 §4.3.1).
func problemOf(err error) tlsrpt.Kind {
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var ca x509.UnknownAuthorityError
	switch {
	case errors.As(err, &host):
		return tlsrpt.HostMismatch
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return tlsrpt.Expired
	case errors.As(err, &ca), errors.As(err, &invalid):
		return tlsrpt.NotTrusted
	}
	return tlsrpt.ValidationFailure
}
