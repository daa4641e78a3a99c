package mailauth

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

var errPrivateKey = errors.New("it is no private RSA or Ed25519 key")

// ParseKey reads a private key: PEM (PKCS #1 or #8), or the bare base64 of what
// stands in one without white space, as the option keybuf has it. 32 bytes alone
// are the seed of an Ed25519 key (RFC 8032 §5.1.5).
func ParseKey(text []byte) (crypto.Signer, error) {
	if block, _ := pem.Decode(text); block != nil {
		return privateKey(block.Bytes)
	}
	der, err := base64.StdEncoding.DecodeString(squeeze(string(text)))
	if err != nil {
		return nil, errPrivateKey
	}
	return privateKey(der)
}

func privateKey(der []byte) (crypto.Signer, error) {
	if len(der) == ed25519.SeedSize {
		return ed25519.NewKeyFromSeed(der), nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return accepted(key)
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errPrivateKey
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errPrivateKey
	}
	return accepted(signer)
}

func accepted(key crypto.Signer) (crypto.Signer, error) {
	_, err := algorithmOf(key)
	return key, err
}

// PublicRecord is the key record to publish for a private key (RFC 6376 §3.6.1,
// RFC 8463 §4).
func PublicRecord(key crypto.Signer) (string, error) {
	switch k := key.Public().(type) {
	case *rsa.PublicKey:
		der, err := x509.MarshalPKIXPublicKey(k)
		if err != nil {
			return "", err
		}
		return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der), nil
	case ed25519.PublicKey:
		return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(k), nil
	}
	return "", errPrivateKey
}

// ExpandKeyPath puts domain and selector where a key's path has %{d} and %{s}.
// What could lead elsewhere does not go into a path.
func ExpandKeyPath(path, domain, selector string) (string, error) {
	if !strings.Contains(path, "%{") {
		return path, nil
	}
	for _, part := range []string{domain, selector} {
		if !queryable(part) || strings.ContainsAny(part, "/\\") {
			return "", fmt.Errorf("%q cannot stand in the path of a key", part)
		}
	}
	return strings.NewReplacer("%{d}", strings.ToLower(domain), "%{s}", selector).Replace(path), nil
}
