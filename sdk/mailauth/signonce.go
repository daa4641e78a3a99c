package mailauth

import (
	"bytes"
	"context"
	"reflect"
	"time"

	"github.com/mtad/mtad/sdk"
)

// madeSignature is a signature and what it was made of.
type madeSignature struct {
	header, inline []byte
	handle         uint64
	size           int64
	profile        Profile
	field          string
	made           time.Time
}

// The bounds of what is remembered: the copies of a message are signed one behind
// the other, and a signature says when it was made.
const (
	rememberedSignatures = 32
	rememberedFor        = 10 * time.Second
)

// SignCopy is Sign for a message of the contract. A message to a thousand
// recipients is a thousand copies with the same content: they get the same
// signature, and the content is hashed once.
func (s *Signer) SignCopy(ctx context.Context, host BodyReader, m *sdk.Message, p Profile, now time.Time) (string, error) {
	of := madeSignature{header: m.Header, inline: m.Body.Inline, handle: m.Body.Handle, size: m.Body.Size, profile: p, made: now}
	if m.Body.Whole() {
		of.handle = 0
	} else {
		of.inline = nil
	}
	if field, ok := s.remembered(&of); ok {
		return field, nil
	}
	field, err := s.Sign(Of(ctx, host, m), p, now)
	if err == nil {
		of.field = field
		s.remember(of)
	}
	return field, err
}

func (s *Signer) remembered(of *madeSignature) (string, bool) {
	s.mu.Lock()
	list := s.made
	s.mu.Unlock()
	for i := range list {
		m := &list[i]
		if of.made.Sub(m.made) < rememberedFor && m.handle == of.handle && m.size == of.size && bytes.Equal(m.header, of.header) &&
			bytes.Equal(m.inline, of.inline) && reflect.DeepEqual(m.profile, of.profile) {
			return m.field, true
		}
	}
	return "", false
}

// remember makes a new list, since the old one may be read right now.
func (s *Signer) remember(of madeSignature) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keep := s.made[max(0, len(s.made)+1-rememberedSignatures):]
	s.made = append(append(make([]madeSignature, 0, rememberedSignatures), keep...), of)
}
