package httpd

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/mtad/mtad/core/auth"
	"github.com/mtad/mtad/core/smtpd"
)

// Profile is what requests of one kind of client run with. It is read-only and
// shared.
type Profile struct {
	Options
	// PathwayGroup names the group of the pathway; "" where it is in none. Set it
	// before the profile's first use.
	PathwayGroup string

	tokens []token
	basic  *auth.Target // nil: no Basic authentication
	tls    *tls.Config  // nil: plain HTTP
}

// token is a bearer token by its hash: what is compared has one length, and no
// copy of the token stays in memory.
type token struct {
	name string
	hash [sha256.Size]byte
}

// NewProfile checks options and makes them fit for use. It reads the files that
// they name.
func NewProfile(o Options) (*Profile, error) {
	p := &Profile{Options: o}
	var errs [3]error
	p.tokens, errs[0] = readTokens(&o)
	p.tls, errs[1] = newTLS(&o)
	if o.Plain != nil {
		target, err := auth.NewTarget(o.Plain)
		if errs[2] = err; err != nil {
			errs[2] = fmt.Errorf("authplainparameters: %w", err)
		}
		p.basic = &target
	}
	return p, errors.Join(errs[:]...)
}

func newTLS(o *Options) (*tls.Config, error) {
	if !o.UseSSL {
		return nil, nil
	}
	c, err := smtpd.ServerTLS(&smtpd.Options{
		TLSCert: o.TLSCert, TLSKey: o.TLSKey, TLSClientCA: o.TLSClientCA, TLSVerifyMode: o.TLSVerifyMode,
		TLSProtocols: o.TLSProtocols, TLSCiphers: o.TLSCiphers,
	})
	if err == nil && c == nil {
		return nil, errors.New("use_ssl needs tls_certificate")
	}
	if c != nil {
		c.NextProtos = []string{"h2", "http/1.1"} // RFC 7301
	}
	return c, err
}

// readTokens reads the tokens of the options and of their file. The errors quote
// no token.
func readTokens(o *Options) ([]token, error) {
	var out []token
	for i, text := range o.Tokens {
		t, err := parseToken(text)
		if err != nil {
			return nil, fmt.Errorf("bearer_tokens: number %d: %w", i+1, err)
		}
		out = append(out, t)
	}
	if o.TokenFile == "" {
		return out, nil
	}
	text, err := os.ReadFile(o.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("bearer_token_file: %w", err)
	}
	for i, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		t, err := parseToken(line)
		if err != nil {
			return nil, fmt.Errorf("bearer_token_file: %s:%d: %w", o.TokenFile, i+1, err)
		}
		out = append(out, t)
	}
	return out, nil
}

// shortToken is less than a token may have: shorter ones can be guessed.
const shortToken = 16

const hashMark = "sha256:"

func parseToken(text string) (t token, err error) {
	name, secret, ok := strings.Cut(text, ":")
	if !ok || name == "" {
		return t, errors.New("it must be name:token")
	}
	t.name = name
	if sum, hashed := strings.CutPrefix(secret, hashMark); hashed {
		raw, err := hex.DecodeString(sum)
		if err != nil || len(raw) != len(t.hash) {
			return t, errors.New("sha256: takes 64 hexadecimal digits")
		}
		return token{name, [sha256.Size]byte(raw)}, nil
	}
	if len(secret) < shortToken {
		return t, fmt.Errorf("a token has %d characters at least", shortToken)
	}
	t.hash = sha256.Sum256([]byte(secret))
	return t, nil
}

// Open reports a profile that lets in whoever connects.
func (p *Profile) Open() bool { return (p.AlwaysAllow || !p.AuthRequired) && !p.AlwaysDeny }

// CheckAt says why a listener must not be opened with this profile, if so: nobody
// gets a way to send mail for everybody by leaving an option out.
func (p *Profile) CheckAt(listen string) error {
	byCertificate := p.PeerAuthorized && p.tls != nil && p.tls.ClientAuth >= tls.VerifyClientCertIfGiven
	switch {
	case p.AlwaysDeny:
		return nil
	case p.Open() && !local(listen):
		return errors.New("it would take mail from whoever connects: only a listener on the loopback, or on a socket's path, may have always_allow")
	case !p.Open() && len(p.tokens) == 0 && p.basic == nil && !byCertificate:
		return errors.New("nobody could authenticate: give it bearer_tokens, bearer_token_file, authplainparameters, or tls_client_ca, use_ssl and tls_verified_peer_is_authorized; on the loopback always_allow will do")
	}
	return nil
}

// InClear reports that tokens or passwords cross the network readable.
func (p *Profile) InClear(listen string) bool {
	return p.tls == nil && !local(listen) && (len(p.tokens) > 0 || p.basic != nil) && !p.AlwaysDeny
}

// AuthTarget is where the profile looks passwords up; false: nowhere.
func (p *Profile) AuthTarget() (auth.Target, bool) {
	if p.basic == nil {
		return auth.Target{}, false
	}
	return *p.basic, true
}

// local reports a listen scope that only this machine can reach.
func local(listen string) bool {
	network, address := smtpd.ListenAddress(listen)
	if network == "unix" {
		return true
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback() || host == "localhost"
}

// recipients is the most recipients a request may have.
func (p *Profile) recipients() int {
	if p.MaxRcpts > 0 && p.MaxRcpts < mostRcpts {
		return int(p.MaxRcpts)
	}
	return mostRcpts
}
