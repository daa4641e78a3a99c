package counter

import "time"

// A counter that was unlinked lives on for those who hold a handle, so long
// after that (reference/lua-api-notes.md 61). Of more than maxUnlinked the ones
// to be forgotten first go early.
const (
	handleLife  = 5 * time.Minute
	maxUnlinked = 10_000
)

// unlinked is a counter that no path names any more.
type unlinked struct {
	*counter
	until time.Time
}

// unlink takes the counter at path out of the index.
func (c *Counters) unlink(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.all[path]
	if k == nil {
		return
	}
	delete(c.all, path)
	now := c.now()
	first := uint64(0)
	for handle, u := range c.unlinked {
		if !now.Before(u.until) {
			delete(c.unlinked, handle)
		} else if first == 0 || u.until.Before(c.unlinked[first].until) {
			first = handle
		}
	}
	if len(c.unlinked) >= maxUnlinked {
		delete(c.unlinked, first)
	}
	c.unlinked[k.handle] = unlinked{k, now.Add(handleLife)}
}

// held is the unlinked counter that handle still stands for, or nil. The lock
// is held.
func (c *Counters) held(handle uint64) *counter {
	u, ok := c.unlinked[handle]
	if !ok || !c.now().Before(u.until) {
		return nil
	}
	return u.counter
}
