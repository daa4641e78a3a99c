package adaptive

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/mtad/mtad/core/queue"
)

// saved is the state's file.
type saved struct {
	Lanes []savedLane          `json:"lanes"`
	Ages  map[string]time.Time `json:"first_use_of_bindings"`
}

type savedLane struct {
	Group      string             `json:"binding_group"`
	Binding    string             `json:"binding"`
	Domain     string             `json:"domain"`
	Suspension *Suspension        `json:"suspension,omitempty"`
	Blackhole  *Suspension        `json:"blackhole,omitempty"`
	Adapted    map[string]Adapted `json:"adapted,omitempty"`
}

func (e *Engine) path() string {
	if e.settings == nil || e.settings.dir == "" {
		return ""
	}
	return filepath.Join(e.settings.dir, "adaptive.json")
}

// load reads the state of the run before; a file that cannot be read is as
// none. The caller holds mu.
func (e *Engine) load() {
	path := e.path()
	if path == "" {
		return
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var s saved
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		e.c.Problem(fmt.Sprintf("the state of adaptive delivery cannot be read, it begins empty: %v", err))
		return
	}
	now := e.c.Clock.Now()
	for _, l := range s.Lanes {
		key := queue.Lane{Group: l.Group, Binding: l.Binding, Domain: l.Domain}
		st := &state{suspension: l.Suspension, blackhole: l.Blackhole, adapted: l.Adapted, seen: now, raised: now}
		if st.adapted == nil {
			st.adapted = map[string]Adapted{}
		}
		st.expire(now)
		e.lanes[key] = st
		for _, on := range []*Suspension{st.suspension, st.blackhole} {
			if on != nil {
				e.c.Clock.AfterFunc(on.Until.Sub(now)+time.Millisecond, func() { e.c.Changed(key) })
			}
		}
	}
	for binding, at := range s.Ages {
		e.ages[binding] = at
	}
}

// save writes the state where it has changed: to a new file that takes the old
// one's place. The caller holds mu.
func (e *Engine) save() {
	path := e.path()
	if path == "" || !e.dirty {
		return
	}
	s := saved{Lanes: []savedLane{}, Ages: e.ages}
	for key, st := range e.lanes {
		if st.suspension != nil || st.blackhole != nil || len(st.adapted) > 0 {
			s.Lanes = append(s.Lanes, savedLane{key.Group, key.Binding, key.Domain, st.suspension, st.blackhole, st.adapted})
		}
	}
	if err := write(path, &s); err != nil {
		e.c.Problem(fmt.Sprintf("the state of adaptive delivery cannot be written: %v", err))
		return
	}
	e.dirty = false
}

func write(path string, s *saved) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
