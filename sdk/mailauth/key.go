package mailauth

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// publicKey is a key record (RFC 6376 §3.6.1).
type publicKey struct {
	algorithm string // "rsa", "ed25519"
	rsa       *rsa.PublicKey
	ed25519   ed25519.PublicKey
	bits      int
	hashes    []string // nil: any
	testing   bool     // t=y
	strict    bool     // t=s: i= must be d= itself
}

// The bounds of keys in bits (RFC 8301 §3.2: at least 1024; 4096 must be
// verifiable, more only costs).
const (
	minKeyBits = 1024
	maxKeyBits = 4096
	maxRecord  = 8 << 10 // bytes of a key record
)

// failure is why a signature does not verify.
type failure struct {
	status Status
	text   string
}

// Error is part of error.
func (f *failure) Error() string { return f.text }

func fail(s Status, format string, args ...any) *failure {
	return &failure{s, fmt.Sprintf(format, args...)}
}

// lookupKey fetches the key of a selector.
func lookupKey(ctx context.Context, r Resolver, selector, domain string) (*publicKey, *failure) {
	records, err := r.LookupTXT(ctx, selector+"._domainkey."+domain)
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound, err == nil && len(records) == 0:
		return nil, fail(StatNoKey, "no key for signature")
	case err != nil:
		return nil, fail(StatKeyFail, "key unavailable: %v", err)
	case len(records) > 1:
		// RFC 6376 §3.6.2.2: several records are undefined.
		return nil, fail(StatMultiDNSReply, "several key records")
	case len(records[0]) > maxRecord:
		return nil, fail(StatCantVerify, "key record of %d bytes", len(records[0]))
	}
	return parseKey(records[0])
}

// parseKey reads a key record.
func parseKey(record string) (*publicKey, *failure) {
	t, err := parseTags(record)
	if err != nil {
		return nil, fail(StatSyntax, "key record: %v", err)
	}
	// RFC 6376 §3.6.1: v= is the first tag if it is there.
	if t.has("v") && (t.get("v") != "DKIM1" || !strings.HasPrefix(strings.TrimLeft(record, blanks), "v")) {
		return nil, fail(StatSyntax, "key record of another version")
	}
	if services := t.list("s"); len(services) > 0 && !slices.Contains(services, "*") && !slices.Contains(services, "email") {
		return nil, fail(StatCantVerify, "key is not for mail")
	}
	if !t.has("p") {
		return nil, fail(StatSyntax, "key record has no key")
	}
	if t.get("p") == "" {
		return nil, fail(StatRevoked, "key revoked")
	}
	der, err := base64.StdEncoding.DecodeString(t.get("p"))
	if err != nil {
		return nil, fail(StatSyntax, "key record: %v", err)
	}
	k := &publicKey{
		algorithm: t.get("k"), hashes: t.list("h"),
		testing: slices.Contains(t.list("t"), "y"), strict: slices.Contains(t.list("t"), "s"),
	}
	return k, k.decode(der)
}

// decode reads p=.
func (k *publicKey) decode(der []byte) *failure {
	switch k.algorithm {
	case "", "rsa":
		k.algorithm = "rsa"
		key, err := rsaKey(der)
		if err != nil {
			return fail(StatSyntax, "key record: %v", err)
		}
		k.rsa, k.bits = key, key.N.BitLen()
		if k.bits < minKeyBits || k.bits > maxKeyBits {
			return fail(StatCantVerify, "key of %d bits (%d to %d)", k.bits, minKeyBits, maxKeyBits)
		}
	case "ed25519":
		// RFC 8463 §4.2: the bare key.
		if len(der) != ed25519.PublicKeySize {
			return fail(StatSyntax, "Ed25519 key of %d bytes", len(der))
		}
		k.ed25519, k.bits = der, 8*len(der)
	default:
		return fail(StatCantVerify, "unknown key type %.20q", k.algorithm)
	}
	return nil
}

// rsaKey takes both forms that are published (RFC 6376 erratum 3017).
func rsaKey(der []byte) (*rsa.PublicKey, error) {
	if key, err := x509.ParsePKCS1PublicKey(der); err == nil {
		return key, nil
	}
	any, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, err
	}
	key, ok := any.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("not an RSA key")
	}
	return key, nil
}

// verify checks a signature over a SHA-256 sum.
func (k *publicKey) verify(sum, signature []byte) bool {
	if k.rsa != nil {
		return rsa.VerifyPKCS1v15(k.rsa, crypto.SHA256, sum, signature) == nil
	}
	// RFC 8463 §3: Ed25519 signs the sum.
	return ed25519.Verify(k.ed25519, sum, signature)
}
