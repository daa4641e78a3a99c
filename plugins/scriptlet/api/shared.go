package api

import (
	"errors"
	"maps"
	"slices"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/cidr"
	"github.com/mtad/mtad/sdk"
)

// Shared is what the interpreters of a generation have in common: what init
// defined. init runs in one of them, and all use it.
type Shared struct {
	store *cidr.Store // nil where a configuration is only checked

	mu        sync.Mutex
	committed bool
	closed    bool
	series    map[string]sdk.Series
	caches    map[string]gaugeBounds
	lists     map[string]*cidrList
}

// Bounds of what scripts may define.
const (
	maxDefinitions = 1000
	maxName        = 255 // bytes
)

// NewShared makes an empty Shared on the module's store of lists.
func NewShared(store *cidr.Store) *Shared {
	return &Shared{
		store: store, series: make(map[string]sdk.Series),
		caches: make(map[string]gaugeBounds), lists: make(map[string]*cidrList),
	}
}

// Commit says that the generation is the current one. Lists that it has from the
// one before are read again in the background.
func (s *Shared) Commit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.committed = true
	for _, l := range s.lists {
		if l.List != nil && !l.isNew {
			l.Renew()
		}
	}
}

// Close gives back what was defined.
func (s *Shared) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for name, l := range s.lists {
		if l.List != nil {
			l.Release()
		}
		delete(s.lists, name)
	}
}

// generation is what a list's query goes to: the datasources of the generation
// that is being prepared, later those that are current (0).
func (s *Shared) generation(own uint64) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.committed {
		return 0
	}
	return own
}

// Lists are the CIDR lists, by name.
func (s *Shared) Lists() []*cidr.List {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*cidr.List
	for _, name := range slices.Sorted(maps.Keys(s.lists)) {
		if l := s.lists[name].List; l != nil {
			out = append(out, l)
		}
	}
	return out
}

// define notes a definition in one of the tables.
func define[T any](s *Shared, table map[string]T, name string, value T) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, there := table[name]
	switch {
	case name == "" || len(name) > maxName:
		return errors.New("a name must have 1 to 255 bytes")
	case s.closed:
		return errors.New("the configuration is no longer in force")
	case !there && len(table) >= maxDefinitions:
		return errors.New("there are 1000 of them already")
	}
	table[name] = value
	return nil
}

// defined finds a definition.
func defined[T any](s *Shared, table map[string]T, name string) (T, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := table[name]
	return v, ok
}

// must raises err as an error of the function called what.
func must(L *lua.LState, what string, err error) {
	if err != nil {
		L.RaiseError("%s: %s", what, err.Error())
	}
}
