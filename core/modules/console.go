package modules

import (
	"context"
	"fmt"
	"strings"

	"github.com/mtad/mtad/sdk"
)

// committed gives the modules of the generation that was committed last.
func (m *Manager) committed() []*member {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.current == nil {
		return nil
	}
	return m.current.members
}

// querier finds the module that answers data queries (sdk.CanQuery): of the
// asker's generation, which may still be in preparation, since a script's init
// may need it; else of the one that was committed last.
func (m *Manager) querier(number uint64) unit {
	m.mu.Lock()
	defer m.mu.Unlock()
	asker := m.generations[number]
	if m.newest != nil && m.newest.number == number {
		asker = m.newest
	}
	for _, g := range []*generation{asker, m.current, m.newest} {
		if g == nil {
			continue
		}
		for _, mem := range g.members {
			if mem.unit.info().Powers&sdk.CanQuery != 0 {
				return mem.unit
			}
		}
	}
	return nil
}

// Query asks the module that answers data queries.
func (m *Manager) Query(ctx context.Context, q *sdk.Query) (*sdk.Rows, error) {
	u := m.querier(q.Generation)
	if u == nil {
		return nil, fmt.Errorf("there is no datasource %q, and no other is configured: %w", q.Datasource, sdk.ErrNotSupported)
	}
	return u.query(ctx, q)
}

// Control runs a console command in the module that subscribed to it. Where
// several fit, the longest prefix counts. ErrNoCommand: none fits.
func (m *Manager) Control(ctx context.Context, words []string) (string, error) {
	var found *member
	longest := 0
	for _, mem := range m.committed() {
		for _, prefix := range mem.sub.Controls {
			if n := matches(words, strings.Fields(prefix)); n > longest {
				found, longest = mem, n
			}
		}
	}
	if found == nil {
		return "", ErrNoCommand
	}
	return found.unit.control(ctx, words)
}

// matches gives the length of a prefix that words begin with, 0 if they do not.
func matches(words, prefix []string) int {
	if len(words) < len(prefix) {
		return 0
	}
	for i, p := range prefix {
		if words[i] != p {
			return 0
		}
	}
	return len(prefix)
}

// Controls gives every command prefix of the current generation, for `help`.
func (m *Manager) Controls() []string {
	var out []string
	for _, mem := range m.committed() {
		out = append(out, mem.sub.Controls...)
	}
	return out
}

// List gives the modules of the current generation in order of preparation, as
// `module list` shows them.
func (m *Manager) List() []Status {
	var out []Status
	for _, mem := range m.committed() {
		s := mem.unit.status()
		info := mem.unit.info()
		s.Name, s.Instance, s.Hooks = mem.spec.Name, mem.instance, mem.sub.Hooks
		s.Version, s.Help = info.Version, info.Help
		out = append(out, s)
	}
	return out
}
