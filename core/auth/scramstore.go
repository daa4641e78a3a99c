package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/xdg-go/scram"
)

// scramPrefix begins a stored SCRAM-SHA-256 verifier, in the form that
// PostgreSQL made common: "SCRAM-SHA-256$4096:salt$StoredKey:ServerKey", all of
// it base64 but the number of iterations (RFC 5802 §3).
const scramPrefix = "SCRAM-SHA-256$"

// Bounds of the iterations of a stored verifier: RFC 7677 §4 asks for 4096 at
// least, and a file is not to stall the server.
const (
	scramIterations = 4096
	maxIterations   = 1_000_000
)

// parseSCRAM reads a stored verifier.
func parseSCRAM(text string) (scram.StoredCredentials, error) {
	var c scram.StoredCredentials
	rest, ok := strings.CutPrefix(text, scramPrefix)
	factors, keys, ok2 := strings.Cut(rest, "$")
	count, salt, ok3 := strings.Cut(factors, ":")
	stored, server, ok4 := strings.Cut(keys, ":")
	if !ok || !ok2 || !ok3 || !ok4 {
		return c, errForm
	}
	var errs [4]error
	c.Iters, errs[0] = strconv.Atoi(count)
	c.StoredKey, errs[1] = base64.StdEncoding.DecodeString(stored)
	c.ServerKey, errs[2] = base64.StdEncoding.DecodeString(server)
	var raw []byte
	raw, errs[3] = base64.StdEncoding.DecodeString(salt)
	c.Salt = string(raw)
	for _, err := range errs {
		if err != nil {
			return c, errForm
		}
	}
	if c.Iters < 1 || c.Iters > maxIterations || len(c.StoredKey) != sha256.Size || len(c.ServerKey) != sha256.Size || c.Salt == "" {
		return c, errForm
	}
	return c, nil
}

// matchSCRAM checks a password in the clear against a stored verifier.
func matchSCRAM(stored, user, password string) (bool, error) {
	want, err := parseSCRAM(stored)
	if err != nil {
		return false, err
	}
	got, err := deriveSCRAM(user, password, want.KeyFactors)
	if err != nil {
		return false, nil // no password that SASLprep refuses was ever stored
	}
	return hmac.Equal(want.StoredKey, got.StoredKey), nil
}

func deriveSCRAM(user, password string, f scram.KeyFactors) (scram.StoredCredentials, error) {
	client, err := scram.SHA256.NewClient(user, password, "")
	if err != nil {
		return scram.StoredCredentials{}, errForm
	}
	c, err := client.GetStoredCredentialsWithError(f)
	if err != nil {
		return c, errForm
	}
	return c, nil
}

// saltFor gives a user a salt that stays the same while the process lives: an
// unknown user must not be told from one whose password is stored in the clear.
func (d *Directory) saltFor(user string) scram.KeyFactors {
	return scram.KeyFactors{Salt: string(d.keyed("salt", user)[:16]), Iters: scramIterations}
}

// nobody is a verifier that no password fits.
func (d *Directory) nobody(user string) scram.StoredCredentials {
	return scram.StoredCredentials{KeyFactors: d.saltFor(user), StoredKey: d.keyed("stored", user), ServerKey: d.keyed("server", user)}
}

func (d *Directory) keyed(what, user string) []byte {
	mac := hmac.New(sha256.New, d.key[:])
	mac.Write([]byte(what + "\x00" + user))
	return mac.Sum(nil)
}
