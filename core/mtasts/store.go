package mtasts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/idna"

	"github.com/mtad/mtad/core/dns"
	"github.com/mtad/mtad/sdk"
)

const (
	// maxDomains bounds the policies in memory, and on disk.
	maxDomains = 20_000
	// refreshAfter is when a policy is fetched again although its id stands (RFC
	// 8461 §10.2 has daily checks).
	refreshAfter = 24 * time.Hour
	// retryAfter spares a web server that failed (RFC 8461 §3.3: five minutes or
	// more).
	retryAfter = 10 * time.Minute
)

// Store finds the policies of domains. Its fields are set once, before its first
// use. It is safe for concurrent use.
type Store struct {
	Resolver dns.Resolver
	// Fetch gets a domain's policy; it has a timeout of its own.
	Fetch func(ctx context.Context, domain string) ([]byte, error)
	// Dir is where policies are kept over a restart; "": nowhere.
	Dir     func() string
	Now     func() time.Time
	Problem func(text string)

	mu      sync.Mutex
	domains map[string]*entry
	onDisk  int // files that were written, so that a flood of domains is bounded
}

// entry is what is known of one domain. Its lock is held while it is looked up,
// so that many connections to a domain ask once.
type entry struct {
	mu     sync.Mutex
	loaded bool
	policy *Policy
	next   time.Time // not fetched again before
	failed error     // why the last fetch came to nothing
}

// Policy is the policy of a domain, nil where it has none that counts. The error
// says that there should be one and what is wrong; the policy that comes with it
// is an older one that has not expired (RFC 8461 §5.1).
func (s *Store) Policy(ctx context.Context, domain string) (*Policy, error) {
	name, ok := fileName(domain)
	if !ok {
		return nil, nil
	}
	e := s.entry(name)
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.loaded {
		e.policy, e.loaded = s.load(name), true
	}
	now := s.Now()
	id := s.record(ctx, name)
	if e.policy.expired(now) {
		e.policy = nil
	}
	current := e.policy != nil && (id == "" || id == e.policy.ID) && now.Sub(e.policy.Fetched) < refreshAfter
	switch {
	case current || id == "" && e.policy == nil:
		return e.counts(), nil
	case now.Before(e.next):
		return e.counts(), e.failed
	}
	e.failed = s.refresh(ctx, name, id, e)
	return e.counts(), e.failed
}

// counts is the policy, unless it says that there is none (RFC 8461 §5).
func (e *entry) counts() *Policy {
	if e.policy == nil || e.policy.Mode == None {
		return nil
	}
	return e.policy
}

// fileName is a domain in A-labels, fit for the name of a file.
func fileName(domain string) (string, bool) {
	name, err := idna.Lookup.ToASCII(strings.TrimSuffix(domain, "."))
	name = strings.ToLower(name)
	return name, err == nil && name != "" && len(name) <= 253 && name[0] != '.' &&
		strings.Contains(name, ".") && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") == ""
}

func (s *Store) entry(name string) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.domains[name]; e != nil {
		return e
	}
	if s.domains == nil || len(s.domains) >= maxDomains {
		s.domains = map[string]*entry{} // what counts is on disk
	}
	e := &entry{}
	s.domains[name] = e
	return e
}

// record is the id that the DNS gives; "" where it announces no policy, or where
// nobody answers (RFC 8461 §3.1: several records are none).
func (s *Store) record(ctx context.Context, name string) string {
	a, err := s.Resolver.Lookup(ctx, sdk.DNSQuery{Name: "_mta-sts." + name, Type: "TXT"})
	if err != nil {
		return ""
	}
	var ids []string
	for _, r := range a.Records {
		if id, ok := recordID(r.Value); ok {
			ids = append(ids, id)
		}
	}
	if len(ids) != 1 {
		return ""
	}
	return ids[0]
}

// refresh fetches a policy. An older one stays where that fails.
func (s *Store) refresh(ctx context.Context, name, id string, e *entry) error {
	e.next = s.Now().Add(retryAfter)
	text, err := s.Fetch(ctx, name)
	if err != nil {
		return err
	}
	p, err := Parse(text)
	if err != nil {
		return err
	}
	if p.Domain, p.ID, p.Fetched = name, id, s.Now(); id == "" && e.policy != nil {
		p.ID = e.policy.ID // the record is away, the policy is not
	}
	fresh := e.policy == nil
	e.policy = p
	s.save(p, fresh)
	return nil
}

// Refresh forgets when a domain's policy was fetched, so that the next delivery
// fetches it.
func (s *Store) Refresh(domain string) bool {
	name, ok := fileName(domain)
	if !ok {
		return false
	}
	e := s.entry(name)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.next = time.Time{}
	if e.policy != nil {
		stale := *e.policy
		stale.ID = ""
		e.policy = &stale
	}
	return true
}

// Known are the policies in memory.
func (s *Store) Known() []Policy {
	s.mu.Lock()
	var entries []*entry
	for _, e := range s.domains {
		entries = append(entries, e)
	}
	s.mu.Unlock()
	var out []Policy
	for _, e := range entries {
		if !e.mu.TryLock() {
			continue // it is being looked up
		}
		if e.policy != nil {
			out = append(out, *e.policy)
		}
		e.mu.Unlock()
	}
	return out
}

// load reads the policy that an earlier run kept.
func (s *Store) load(name string) *Policy {
	dir := s.Dir()
	if dir == "" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			s.Problem(fmt.Sprintf("MTA-STS policy of %s: %v", name, err))
		}
		return nil
	}
	p := &Policy{}
	if err := json.Unmarshal(text, p); err != nil || p.Domain != name {
		s.Problem(fmt.Sprintf("MTA-STS policy of %s: the file in %s is damaged: %v", name, dir, err))
		return nil
	}
	return p
}

// save keeps a policy for later runs. It is replaced as a whole: a crash leaves
// the old one or the new one.
func (s *Store) save(p *Policy, fresh bool) {
	dir := s.Dir()
	s.mu.Lock()
	if fresh {
		s.onDisk++
	}
	full := s.onDisk > maxDomains
	s.mu.Unlock()
	if dir == "" || full {
		return
	}
	if err := write(dir, p); err != nil {
		s.Problem(fmt.Sprintf("MTA-STS policy of %s cannot be kept: %v", p.Domain, err))
	}
}

func write(dir string, p *Policy) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, p.Domain))
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
