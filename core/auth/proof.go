package auth

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// Crypt is what a client made of the password; the words are those of auth_ds
// (manual, auth_ds, parameter expansion maps).
type Crypt string

// The forms that our mechanisms bring.
const (
	Clear   Crypt = "clear"    // the password itself: PLAIN, LOGIN, the console
	HMACMD5 Crypt = "hmac_md5" // CRAM-MD5
)

// Proof is what a client brings to show who it is.
type Proof struct {
	User     string
	Crypt    Crypt
	Password string // Clear: the password; HMACMD5: the digest in hex
	Nonce    string // HMACMD5: the challenge
}

// provenBy reports whether the password in the clear makes this proof.
func (p *Proof) provenBy(password string) bool {
	if p.Crypt == Clear {
		return sameText(p.Password, password)
	}
	// RFC 2195 §2: the keyed MD5 of the challenge, in lower-case hex.
	mac := hmac.New(md5.New, []byte(password))
	mac.Write([]byte(p.Nonce))
	return sameText(strings.ToLower(p.Password), hex.EncodeToString(mac.Sum(nil)))
}

// maxName is the longest user name, in bytes.
const maxName = 255

// goodName keeps names that could forge log lines or confuse a store out.
func goodName(user string) bool {
	if user == "" || len(user) > maxName || !utf8.ValidString(user) {
		return false
	}
	for i := 0; i < len(user); i++ {
		if user[i] < ' ' || user[i] == 0x7f {
			return false
		}
	}
	return true
}
