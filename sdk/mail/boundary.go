package mail

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// boundaryAlphabet holds letters and digits only, so that a boundary needs no
// quotes.
const boundaryAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

const (
	boundaryLength = 24
	boundaryTries  = 10
)

// NewBoundary makes a boundary (RFC 2046 §5.1.1) from random bytes that occurs
// in none of the contents given. "=_" in front makes it one that can occur
// neither in base64 nor in quoted-printable (RFC 2045 §6.7).
func NewBoundary(random io.Reader, contents ...[]byte) (string, error) {
	for range boundaryTries {
		var raw [boundaryLength]byte
		if _, err := io.ReadFull(random, raw[:]); err != nil {
			return "", fmt.Errorf("boundary: %w", err)
		}
		var b strings.Builder
		b.WriteString("=_")
		for _, c := range raw {
			b.WriteByte(boundaryAlphabet[int(c)%len(boundaryAlphabet)])
		}
		if !occurs(b.String(), contents) {
			return b.String(), nil
		}
	}
	return "", fmt.Errorf("boundary: none found in %d tries", boundaryTries)
}

func occurs(boundary string, contents [][]byte) bool {
	for _, c := range contents {
		if bytes.Contains(c, []byte(boundary)) {
			return true
		}
	}
	return false
}
