package scriptlet

import (
	"context"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/dialect"
	"github.com/mtad/mtad/sdk"
)

// sources reads and compiles each script once in a generation. All interpreters
// share the prototypes.
type sources struct {
	host    sdk.Host
	runtime *dialect.Runtime

	mu    sync.Mutex
	units map[string]*unit
}

// unit is one script's source, compiled.
type unit struct {
	once     sync.Once
	source   *sdk.Source
	proto    *lua.FunctionProto
	problems []sdk.Problem // it does not compile
	err      error         // it was not found
}

func newSources(host sdk.Host, rt *dialect.Runtime) *sources {
	return &sources{host: host, runtime: rt, units: make(map[string]*unit)}
}

// canonical is the name under which a script is known: "a/b" and "a.b" are
// one. Absolute paths stay as they are.
func canonical(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	return strings.ReplaceAll(name, "/", ".")
}

// unit reads and compiles a script, or gives what became of it the first time.
// The Lua lock must not be held.
func (s *sources) unit(ctx context.Context, name string) *unit {
	key := canonical(name)
	s.mu.Lock()
	u := s.units[key]
	if u == nil {
		u = new(unit)
		s.units[key] = u
	}
	s.mu.Unlock()
	u.once.Do(func() { u.load(ctx, s, name) })
	if u.err != nil {
		s.forget(key)
	}
	return u
}

// forget keeps scripts that are not there from filling memory, where a script
// makes up their names.
func (s *sources) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.units) > maxMissing {
		delete(s.units, key)
	}
}

func (u *unit) load(ctx context.Context, s *sources, name string) {
	u.source, u.err = s.host.Source(ctx, name)
	if u.err == nil {
		u.proto, u.problems = dialect.Compile(u.source.Path, u.source.Text, s.runtime)
	}
}

// all gives every script that was read, in no order.
func (s *sources) all() []*unit {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*unit, 0, len(s.units))
	for _, u := range s.units {
		if u.source != nil {
			list = append(list, u)
		}
	}
	return list
}
