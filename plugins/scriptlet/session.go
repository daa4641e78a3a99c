package scriptlet

import (
	"context"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

// session is what a generation keeps of one SMTP session: the interpreter it
// belongs to, and the self tables of the scripts that ran for it.
type session struct {
	in *interpreter

	mu    sync.Mutex // held while a call of the session runs
	self  []*lua.LTable
	ran   []bool // by registration.index
	tls   *lua.LTable
	ended bool
}

// session finds or begins a session. Sessions are dealt to the interpreters in
// turn. Number 0 is no session: it gets one for the single call.
func (g *generation) session(id uint64) *session {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s := g.sessions[id]; s != nil {
		return s
	}
	s := &session{in: g.interpreters[int(g.dealt)%len(g.interpreters)]}
	g.dealt++
	if id != 0 {
		g.sessions[id] = s
	}
	return s
}

// end forgets a session, and says whether some validate_dealloc must run.
func (g *generation) end(id uint64) (*session, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.sessions[id]
	if s == nil {
		return nil, false
	}
	delete(g.sessions, id)
	return s, len(s.in.hooks[sdk.ValidateDealloc]) > 0
}

// selfFor is the session's own table of a script: empty, so that pairs shows
// session data only, and falling back to the registered table
// (reference/lua-api-notes.md 1).
func (s *session) selfFor(reg *registration) *lua.LTable {
	s.grow(reg.index)
	t := s.self[reg.index]
	if t == nil {
		t = s.in.base.CreateTable(0, 4)
		t.Metatable = reg.selfMeta
		s.self[reg.index] = t
	}
	return t
}

func (s *session) grow(index int) {
	if index < len(s.self) {
		return
	}
	n := len(s.in.registrations)
	s.self = append(s.self, make([]*lua.LTable, n-len(s.self))...)
	s.ran = append(s.ran, make([]bool, n-len(s.ran))...)
}

// mark records that a script ran for the session: only then does its
// validate_dealloc run.
func (s *session) mark(reg *registration) {
	s.grow(reg.index)
	s.ran[reg.index] = true
}

// dealloc runs validate_dealloc of the scripts that ran for the session.
func (s *session) dealloc(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.ended = true
	in := s.in
	r := in.begin(ctx, in.limits)
	r.sess = s
	t := in.enter(r)
	for _, c := range in.hooks[sdk.ValidateDealloc] {
		if c.reg.index >= len(s.ran) || !s.ran[c.reg.index] {
			continue
		}
		r.rearm(in.limits)
		if _, err := t.call(c.fn, s.selfFor(c.reg)); err != nil {
			in.gen.reportError(sdk.ValidateDealloc.String(), c.reg.name, err)
			t = in.thread(r)
		}
	}
	in.leave(r, t)
}
