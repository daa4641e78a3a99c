package credential

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// DefaultSize is the length of a key in bytes: AES-256.
const DefaultSize = 32

// key is one AES key. Its id says nothing about it.
type key struct {
	id     string
	secret []byte
}

func newKey(size int) (key, error) {
	if size != 16 && size != 24 && size != 32 {
		return key{}, errors.New("a key has 16, 24 or 32 bytes")
	}
	secret := make([]byte, size)
	_, _ = rand.Read(secret) // it never fails
	return key{idOf(secret), secret}, nil
}

func idOf(secret []byte) string {
	sum := sha256.Sum256(append([]byte("mtad credential key\n"), secret...))
	return hex.EncodeToString(sum[:8])
}

func (k key) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// keys are those of a key file: the first seals, all of them open. There is more
// than one only while the store is encrypted anew.
type keys []key

func (ks keys) find(id string) (key, bool) {
	for _, k := range ks {
		if k.id == id {
			return k, true
		}
	}
	return key{}, false
}

func (ks keys) text() []byte {
	var b strings.Builder
	b.WriteString("# mtad credential key; nobody but mtad may read it\n")
	for _, k := range ks {
		b.WriteString(hex.EncodeToString(k.secret) + "\n")
	}
	return []byte(b.String())
}

// maxFile bounds both files.
const maxFile = 16 << 20

// readKeys reads a key file. One that others may read protects nothing, so it is
// refused.
func readKeys(path string) (keys, error) {
	text, err := readOwn(path, 0o037)
	if err != nil {
		return nil, err
	}
	var ks keys
	for _, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		secret, err := hex.DecodeString(line)
		if err != nil || len(secret) != 16 && len(secret) != 24 && len(secret) != 32 {
			return nil, fmt.Errorf("%s is no key file", path) // quoting it would tell the key
		}
		ks = append(ks, key{idOf(secret), secret})
	}
	if len(ks) == 0 {
		return nil, fmt.Errorf("%s holds no key", path)
	}
	return ks, nil
}

// readOwn reads a regular file that belongs to root or to us and has none of the
// forbidden permissions.
func readOwn(path string, forbidden os.FileMode) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := safe(path, st, forbidden); err != nil {
		return nil, err
	}
	if st.Size() > maxFile {
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	text := make([]byte, st.Size())
	n, err := f.ReadAt(text, 0)
	if n < len(text) {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return text, nil
}

func safe(path string, st os.FileInfo, forbidden os.FileMode) error {
	if !st.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", path)
	}
	if st.Mode().Perm()&forbidden != 0 {
		return fmt.Errorf("%s has mode %#o: others could read or change it; chmod 0640 or 0600 it", path, st.Mode().Perm())
	}
	if own, ok := st.Sys().(*syscall.Stat_t); ok && own.Uid != 0 && int(own.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to user %d, not to root or to the user mtad runs as", path, own.Uid)
	}
	return nil
}
