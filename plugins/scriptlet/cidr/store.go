package cidr

import (
	"context"
	"sync"
	"time"

	"github.com/mtad/mtad/sdk"
)

// Kind is where a list comes from.
type Kind uint8

// The kinds of msys.cidr.define.
const (
	Empty Kind = iota
	RBLDNSD
	Datasource
)

// Spec says what a list is. Two definitions that are equal are one list.
type Spec struct {
	Name    string
	Kind    Kind
	Source  string // of RBLDNSD: a file's path
	Record  Record // of RBLDNSD
	Refresh time.Duration

	// Of Datasource: its name, the query, and the columns, "" for the default.
	Cache, Query               string
	NetworkColumn, ValueColumn string
}

// Ask runs a query for a list.
type Ask func(ctx context.Context, cache, query string) (*sdk.Rows, error)

// Config is what a Store needs; all of it is set.
type Config struct {
	Now func() time.Time
	// AfterFunc calls f on a goroutine of its own after d; stop keeps it from
	// being called.
	AfterFunc func(d time.Duration, f func()) (stop func() bool)
}

// Store has every list that a generation of the configuration uses.
type Store struct {
	Config
	ctx    context.Context // ends with the store
	cancel context.CancelFunc

	mu      sync.Mutex
	lists   map[Spec]*List
	closed  bool
	running sync.WaitGroup
}

// NewStore makes an empty store. It must be closed.
func NewStore(c Config) *Store {
	s := &Store{Config: c, lists: map[Spec]*List{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Source is how a list gets its data, and whom it tells of problems. It is that
// of the newest generation that uses the list.
type Source struct {
	Ask     Ask
	Problem func(text string)
}

// Open gives the list of a definition. One that is new is read, which takes a
// while; what goes wrong with that is told, and the list is empty until it can
// be read. Release gives it back.
func (s *Store) Open(ctx context.Context, spec Spec, from Source) (l *List, isNew bool) {
	s.mu.Lock()
	l = s.lists[spec]
	if isNew = l == nil; isNew {
		l = &List{store: s, spec: spec, busy: make(chan struct{}, 1)}
		s.lists[spec] = l
	}
	l.users++
	l.from = from
	s.mu.Unlock()
	if isNew {
		err := l.load(ctx, false)
		l.arm(err)
	}
	return l, isNew
}

// Close ends the store: no list is read any more.
func (s *Store) Close() {
	s.mu.Lock()
	s.closed = true
	for _, l := range s.lists {
		l.disarm()
	}
	s.mu.Unlock()
	s.cancel()
	s.running.Wait()
}

// Settle waits for the readings that are under way.
func (s *Store) Settle() { s.running.Wait() }

// spawn runs f on a goroutine that Close waits for.
func (s *Store) spawn(f func()) {
	if s.enter() {
		go func() {
			defer s.running.Done()
			f()
		}()
	}
}

func (s *Store) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running.Add(1)
	return true
}
