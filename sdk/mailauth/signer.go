package mailauth

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// Signer makes signatures from profiles, and keeps the keys it has read. It is
// safe for concurrent use.
type Signer struct {
	// ReadFile reads a key's file; nil: ReadKeyFile.
	ReadFile func(path string) ([]byte, error)
	// Keys is how many keys are kept; 0: 2048.
	Keys     int
	Positive time.Duration // how long a key is used before it is read again; 0: 300 s
	Negative time.Duration // how long one that is not there is not looked for; 0: an hour

	mu   sync.Mutex
	keys map[string]keyEntry
	made []madeSignature // the last ones, for the copies of one message
}

type keyEntry struct {
	key   crypto.Signer
	err   error
	until time.Time
}

// ErrNoKey is wrapped where a profile's key is not there.
var ErrNoKey = errors.New("no private key")

// Sign makes the signature of a profile and gives its whole field.
func (s *Signer) Sign(m Message, p Profile, now time.Time) (string, error) {
	k, err := s.key(&p, now)
	if err != nil {
		return "", err
	}
	o, err := p.signing(k, now)
	if err != nil {
		return "", err
	}
	return Sign(m, o)
}

// Seal makes an ARC set with a profile's key (RFC 8617).
func (s *Signer) Seal(m Message, a *ARC, p Profile, of SealedFor) (string, error) {
	k, err := s.key(&p, of.Now)
	if err != nil {
		return "", err
	}
	o, err := p.signing(k, of.Now)
	if err != nil {
		return "", err
	}
	return Seal(m, a, Sealing{Signing: o, AuthServID: of.AuthServID, Results: of.Results})
}

// SealedFor is who seals, what it found, and when.
type SealedFor struct {
	AuthServID, Results string
	Now                 time.Time
}

// key is a profile's key, from the cache where it is fresh.
func (s *Signer) key(p *Profile, now time.Time) (keyEntry, error) {
	if p.KeyText != "" {
		key, err := ParseKey([]byte(p.KeyText))
		return keyEntry{key: key}, err
	}
	if p.KeyPath == "" {
		return keyEntry{}, fmt.Errorf("%w: neither a file nor a key is given", ErrNoKey)
	}
	path, err := ExpandKeyPath(p.KeyPath, p.Domain, p.Selector)
	if err != nil {
		return keyEntry{}, err
	}
	s.mu.Lock()
	k, ok := s.keys[path]
	s.mu.Unlock()
	if !ok || !now.Before(k.until) {
		k = s.load(path, now)
	}
	return k, k.err
}

func (s *Signer) load(path string, now time.Time) keyEntry {
	read := s.ReadFile
	if read == nil {
		read = ReadKeyFile
	}
	k := keyEntry{until: now.Add(orDefault(s.Positive, 300*time.Second))}
	text, err := read(path)
	if err == nil {
		k.key, err = ParseKey(text)
	} else {
		k.until = now.Add(orDefault(s.Negative, time.Hour))
		err = fmt.Errorf("%w: %w", ErrNoKey, err)
	}
	if err != nil {
		k.err = fmt.Errorf("key %s: %w", path, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys == nil || len(s.keys) >= orDefault(s.Keys, 2048) {
		s.keys = map[string]keyEntry{}
	}
	s.keys[path] = k
	return k
}

func orDefault[T int | time.Duration](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}

// maxKeyFile bounds a key's file, in bytes.
const maxKeyFile = 64 << 10

var errKeyFile = errors.New("not a regular file of at most 64 KiB")

// ReadKeyFile reads a regular file: opening a pipe would wait for its writer.
func ReadKeyFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeyFile {
		return nil, errKeyFile
	}
	return io.ReadAll(io.LimitReader(f, maxKeyFile))
}
