package mtasts

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/mtad/mtad/core/dns"
	"github.com/mtad/mtad/sdk"
)

// Fetcher gets policies over HTTPS.
type Fetcher struct {
	Resolver dns.Resolver
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
	Roots    *x509.CertPool // nil: the system's
	// Allow says where a policy may be fetched from; nil: from everywhere but
	// this machine, since anybody may put our address into the DNS.
	Allow func(netip.Addr) bool
}

const (
	fetchTimeout = 30 * time.Second // for all of it (RFC 8461 §3.3: a minute at most)
	connectLimit = 10 * time.Second // for one address
)

// Errors of fetching that reports tell apart (RFC 8460 §4.3.2.2).
var (
	ErrWebPKI = errors.New("the certificate of the policy host is not trusted")
	ErrFetch  = errors.New("the policy cannot be fetched")
)

// Fetch gets the policy of a domain (RFC 8461 §3.3): the host is authenticated,
// redirections are not followed.
func (f *Fetcher) Fetch(ctx context.Context, domain string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	transport := &http.Transport{
		DialContext: f.Connect, DisableKeepAlives: true, TLSHandshakeTimeout: connectLimit, MaxResponseHeaderBytes: maxPolicy,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: f.Roots},
	}
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://mta-sts."+domain+"/.well-known/mta-sts.txt", nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFetch, err)
	}
	resp, err := client.Do(req)
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return nil, fmt.Errorf("%w: %w", ErrWebPKI, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFetch, err)
	}
	defer resp.Body.Close()
	return read(resp)
}

func read(resp *http.Response) ([]byte, error) {
	kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	switch {
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%w: status %d", ErrFetch, resp.StatusCode)
	case !strings.EqualFold(strings.TrimSpace(kind), "text/plain"):
		return nil, fmt.Errorf("%w: it is not text/plain", ErrFetch)
	}
	// One byte more, so that Parse sees that it is too long.
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxPolicy+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFetch, err)
	}
	return text, nil
}

// Connect finds the addresses with our own resolver and tries them in turn. What
// strangers put into the DNS does not lead to this machine (Allow).
func (f *Fetcher) Connect(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	err = fmt.Errorf("%s has no address", host)
	for _, kind := range []string{"A", "AAAA"} {
		a, lookup := f.Resolver.Lookup(ctx, sdk.DNSQuery{Name: host, Type: kind})
		if lookup != nil {
			return nil, lookup
		}
		for _, r := range a.Records {
			addr, parsed := netip.ParseAddr(r.Value)
			if parsed != nil || !f.allowed(addr) {
				continue
			}
			limited, cancel := context.WithTimeout(ctx, connectLimit)
			conn, dialled := f.Dial(limited, network, net.JoinHostPort(addr.String(), port))
			cancel()
			if dialled == nil {
				return conn, nil
			}
			err = dialled
		}
	}
	return nil, err
}

func (f *Fetcher) allowed(a netip.Addr) bool {
	if f.Allow != nil {
		return f.Allow(a)
	}
	return !a.IsLoopback() && !a.IsUnspecified() && !a.IsLinkLocalUnicast() && !a.IsMulticast()
}
