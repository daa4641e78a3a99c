package credential

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// Account is what a password is for: the key of a store
// (reference/datasource.md §2).
type Account struct{ Facility, Host, User string }

// canonical: names of hosts and facilities do not care about case.
func (a Account) canonical() Account {
	return Account{strings.ToLower(a.Facility), strings.ToLower(a.Host), a.User}
}

func (a Account) compare(b Account) int {
	return cmp.Or(cmp.Compare(a.Facility, b.Facility), cmp.Compare(a.Host, b.Host), cmp.Compare(a.User, b.User))
}

// bound is what a sealed password is tied to: moved to another account, it cannot
// be opened.
func (a Account) bound() []byte {
	return fmt.Appendf(nil, "mtad credential 1\x00%d:%s%d:%s%d:%s", len(a.Facility), a.Facility, len(a.Host), a.Host, len(a.User), a.User)
}

// Files are a store and its key, each a path.
type Files struct{ Store, Key string }

// Where the files are if nobody says otherwise.
const (
	DefaultStore = "/etc/mtad/credentials.db"
	DefaultKey   = "/etc/mtad/credentials.key"
)

// ErrNone is for an account that a store does not have.
var ErrNone = errors.New("there is no such credential")

// entry is one sealed password.
type entry struct {
	Facility string `json:"facility"`
	Host     string `json:"hostname"`
	User     string `json:"username"`
	Key      string `json:"key"`    // the id of the key that opens it
	Sealed   []byte `json:"sealed"` // nonce, ciphertext and tag of AES-GCM
}

func (e *entry) account() Account { return Account{e.Facility, e.Host, e.User} }

// store is the file.
type store struct {
	Version     int     `json:"version"`
	Credentials []entry `json:"credentials"`
}

const version = 1

func readStore(path string) (*store, error) {
	text, err := readOwn(path, 0o022)
	if err != nil {
		return nil, err
	}
	s := &store{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(s); err != nil {
		return nil, fmt.Errorf("%s is no credential store: %w", path, err)
	}
	if s.Version != version {
		return nil, fmt.Errorf("%s: a store of version %d; mtad knows %d", path, s.Version, version)
	}
	return s, nil
}

func (s *store) find(a Account) *entry {
	a = a.canonical()
	for i := range s.Credentials {
		if s.Credentials[i].account() == a {
			return &s.Credentials[i]
		}
	}
	return nil
}

func (e *entry) open(ks keys) (string, error) {
	k, ok := ks.find(e.Key)
	if !ok {
		return "", fmt.Errorf("the credential of %s at %s was sealed with another key", e.User, e.Host)
	}
	gcm, err := k.aead()
	if err != nil {
		return "", err
	}
	if len(e.Sealed) < gcm.NonceSize() {
		return "", fmt.Errorf("the credential of %s at %s is damaged", e.User, e.Host)
	}
	nonce, sealed := e.Sealed[:gcm.NonceSize()], e.Sealed[gcm.NonceSize():]
	text, err := gcm.Open(nil, nonce, sealed, e.account().bound())
	if err != nil {
		return "", fmt.Errorf("the credential of %s at %s is damaged", e.User, e.Host)
	}
	return string(text), nil
}

func seal(a Account, password string, k key) (entry, error) {
	a = a.canonical()
	gcm, err := k.aead()
	if err != nil {
		return entry{}, err
	}
	nonce := make([]byte, gcm.NonceSize())
	_, _ = rand.Read(nonce) // it never fails
	return entry{a.Facility, a.Host, a.User, k.id, gcm.Seal(nonce, nonce, []byte(password), a.bound())}, nil
}

// Get gives the password for an account; ErrNone: there is none.
func (f Files) Get(a Account) (string, error) {
	ks, err := readKeys(f.Key)
	if err != nil {
		return "", err
	}
	s, err := readStore(f.Store)
	if err != nil {
		return "", err
	}
	e := s.find(a)
	if e == nil {
		return "", ErrNone
	}
	return e.open(ks)
}

// List gives the accounts in order. It needs no key.
func (f Files) List() ([]Account, error) {
	s, err := readStore(f.Store)
	if err != nil {
		return nil, err
	}
	var out []Account
	for i := range s.Credentials {
		out = append(out, s.Credentials[i].account())
	}
	slices.SortFunc(out, Account.compare)
	return out, nil
}

// CreateStore makes an empty store; one that is there stays.
func (f Files) CreateStore() error {
	return f.locked(func() error {
		if _, err := os.Lstat(f.Store); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is there already", f.Store)
		}
		return f.save(&store{Version: version, Credentials: []entry{}})
	})
}

// Set stores a password, in the place of one that is there.
func (f Files) Set(a Account, password string) error {
	if a.Facility == "" || a.Host == "" || a.User == "" || password == "" {
		return errors.New("a credential needs facility, hostname, username and password")
	}
	return f.locked(func() error {
		ks, err := readKeys(f.Key)
		if err != nil {
			return err
		}
		s, err := readStore(f.Store)
		if err != nil {
			return err
		}
		sealed, err := seal(a, password, ks[0])
		if err != nil {
			return err
		}
		if e := s.find(a); e != nil {
			*e = sealed
		} else {
			s.Credentials = append(s.Credentials, sealed)
		}
		return f.save(s)
	})
}

// Delete forgets a password; ErrNone: there is none.
func (f Files) Delete(a Account) error {
	return f.locked(func() error {
		s, err := readStore(f.Store)
		if err != nil {
			return err
		}
		e := s.find(a)
		if e == nil {
			return ErrNone
		}
		gone := *e
		s.Credentials = slices.DeleteFunc(s.Credentials, func(x entry) bool { return x.account() == gone.account() })
		return f.save(s)
	})
}

// CreateKey makes a new key of that many bytes, and seals a store that is there
// anew with it. Readers never meet a store that their key does not open: while it
// is sealed, the key file holds both keys. Cut off, it can be repeated.
func (f Files) CreateKey(size int) error {
	fresh, err := newKey(size)
	if err != nil {
		return err
	}
	return f.locked(func() error {
		old, err := readKeys(f.Key)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		s, err := readStore(f.Store)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if s != nil && len(s.Credentials) > 0 {
			if err := f.rotate(s, old, fresh); err != nil {
				return err
			}
		}
		return write(f.Key, keys{fresh}.text())
	})
}

func (f Files) rotate(s *store, old keys, fresh key) error {
	for i := range s.Credentials {
		e := &s.Credentials[i]
		text, err := e.open(old)
		if err != nil {
			return err
		}
		if *e, err = seal(e.account(), text, fresh); err != nil {
			return err
		}
	}
	if err := write(f.Key, append(slices.Clone(old), fresh).text()); err != nil {
		return err
	}
	return f.save(s)
}

func (f Files) save(s *store) error {
	slices.SortFunc(s.Credentials, func(a, b entry) int { return a.account().compare(b.account()) })
	text, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return err
	}
	return write(f.Store, append(text, '\n'))
}
