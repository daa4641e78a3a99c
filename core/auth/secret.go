package auth

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/tg123/go-htpasswd"
)

// form is how a store keeps a password.
type form uint8

const (
	formClear  form = iota
	formCrypt       // "$2y$...", "$6$...", "$5$...", "$1$...", "$apr1$..."
	formMD5         // MD5 as hex or base64
	formSHA1        // SHA-1 as hex or base64
	formSMD5        // base64 of MD5(password salt) and the salt
	formSSHA1       // base64 of SHA-1(password salt) and the salt
	formDigest      // hex MD5 of user:realm:password (RFC 2617 §3.2.2.2)
	formScheme      // "{SSHA}..." (RFC 2307 §5.3)
	formSCRAM       // "SCRAM-SHA-256$iterations:salt$stored:server"
)

// formNames are the words of auth_ds's option type (manual, auth_ds). hmac_md5
// is documented and not among them: what it stores is not.
func formNames() map[string]form {
	return map[string]form{
		"clear": formClear, "ucrypt": formCrypt, "md5": formMD5, "md5_hex": formMD5, "md5_base64": formMD5,
		"sha1_hex": formSHA1, "sha1_base64": formSHA1, "smd5": formSMD5, "ssha1": formSSHA1,
		"digest-md5": formDigest, "rfc2307": formScheme,
	}
}

// secret is what a store has of a user's password.
type secret struct {
	form  form
	text  string
	user  string // formDigest
	realm string // formDigest
}

var errForm = errors.New("the stored password has a form that mtad does not know")

// errNeedsClear says that a mechanism needs what the store does not have.
var errNeedsClear = errors.New("the mechanism needs passwords stored in the clear, or as SCRAM-SHA-256 for that mechanism")

// guess finds the form of a secret in a file: a hash says what it is.
func guess(text string) form {
	switch {
	case strings.HasPrefix(text, scramPrefix):
		return formSCRAM
	case strings.HasPrefix(text, "{") && schemeOf(text) != "":
		return formScheme
	}
	for _, prefix := range []string{"$2a$", "$2b$", "$2y$", "$1$", "$5$", "$6$", "$apr1$"} {
		if strings.HasPrefix(text, prefix) {
			return formCrypt
		}
	}
	return formClear
}

// matches reports whether password is the one that s was made of. The errors
// hold nothing of either.
func (s *secret) matches(password string) (bool, error) {
	switch s.form {
	case formClear:
		return sameText(s.text, password), nil
	case formCrypt:
		return matchCrypt(s.text, password)
	case formMD5:
		sum := md5.Sum([]byte(password))
		return matchSum(s.text, sum[:])
	case formSHA1:
		sum := sha1.Sum([]byte(password))
		return matchSum(s.text, sum[:])
	case formSMD5, formSSHA1:
		return matchSalted(s.form, s.text, password)
	case formDigest:
		sum := md5.Sum([]byte(s.user + ":" + s.realm + ":" + password))
		return matchSum(s.text, sum[:])
	case formScheme:
		return matchScheme(s.text, password)
	case formSCRAM:
		return matchSCRAM(s.text, s.user, password)
	}
	return false, errForm
}

// sameText compares in a time that tells nothing but the lengths.
func sameText(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// matchCrypt tries the forms of crypt(3) that are still in use. The library's
// errors quote the hash, so they go no further.
func matchCrypt(stored, password string) (bool, error) {
	for _, accept := range []htpasswd.PasswdParser{htpasswd.AcceptBcrypt, htpasswd.AcceptMd5, htpasswd.AcceptCryptSha} {
		encoded, err := accept(stored)
		if err != nil {
			return false, errForm
		}
		if encoded != nil {
			return encoded.MatchesPassword(password), nil
		}
	}
	return false, errForm
}

// matchSum compares with a hash that is stored as hex, as base64 or as it is.
func matchSum(stored string, sum []byte) (bool, error) {
	raw, ok := unpack(stored, len(sum))
	if !ok {
		return false, errForm
	}
	return subtle.ConstantTimeCompare(raw, sum) == 1, nil
}

func unpack(stored string, size int) ([]byte, bool) {
	if raw, err := hex.DecodeString(stored); err == nil && len(raw) == size {
		return raw, true
	}
	if raw, err := base64.StdEncoding.DecodeString(stored); err == nil && len(raw) == size {
		return raw, true
	}
	return []byte(stored), len(stored) == size
}

// matchSalted checks a hash whose salt stands behind it (RFC 2307 calls these
// SMD5 and SSHA).
func matchSalted(f form, stored, password string) (bool, error) {
	if rest, ok := cutScheme(stored); ok {
		stored = rest
	}
	raw, err := base64.StdEncoding.DecodeString(stored)
	size := md5.Size
	if f == formSSHA1 {
		size = sha1.Size
	}
	if err != nil || len(raw) < size {
		return false, errForm
	}
	salted := append([]byte(password), raw[size:]...)
	if f == formSSHA1 {
		sum := sha1.Sum(salted)
		return subtle.ConstantTimeCompare(raw[:size], sum[:]) == 1, nil
	}
	sum := md5.Sum(salted)
	return subtle.ConstantTimeCompare(raw[:size], sum[:]) == 1, nil
}

// schemeOf is the scheme of "{SSHA}...", in upper case, where it is one that
// matchScheme knows.
func schemeOf(text string) string {
	end := strings.IndexByte(text, '}')
	if end < 0 || text[0] != '{' {
		return ""
	}
	name := strings.ToUpper(text[1:end])
	switch name {
	case "CRYPT", "MD5", "SMD5", "SHA", "SSHA", "CLEAR", "CLEARTEXT":
		return name
	}
	return ""
}

func cutScheme(text string) (rest string, ok bool) {
	if text == "" || schemeOf(text) == "" {
		return text, false
	}
	return text[strings.IndexByte(text, '}')+1:], true
}

// matchScheme checks a password as RFC 2307 §5.3 stores it.
func matchScheme(stored, password string) (bool, error) {
	if stored == "" {
		return false, errForm
	}
	rest, ok := cutScheme(stored)
	if !ok {
		return false, errForm
	}
	forms := map[string]form{
		"CRYPT": formCrypt, "MD5": formMD5, "SMD5": formSMD5, "SHA": formSHA1, "SSHA": formSSHA1,
		"CLEAR": formClear, "CLEARTEXT": formClear,
	}
	return (&secret{form: forms[schemeOf(stored)], text: rest}).matches(password)
}

// costly reports forms that are made to take long.
func (s *secret) costly() bool {
	return s.form == formCrypt || s.form == formSCRAM || s.form == formScheme && bytes.HasPrefix(bytes.ToUpper([]byte(s.text)), []byte("{CRYPT}"))
}
