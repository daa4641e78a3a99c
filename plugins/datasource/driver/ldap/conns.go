package ldap

import (
	"sync"
	"time"

	ldap3 "github.com/go-ldap/ldap/v3"

	"github.com/mtad/mtad/plugins/datasource/driver"
)

// key is what connections must have in common to be used for each other's
// queries (manual, ds_core, LDAP).
type key struct {
	scheme, host, bind, password string
}

// conns are the idle connections of a datasource.
type conns struct {
	keep driver.Keep
	now  func() time.Time

	mu     sync.Mutex
	idle   []kept // the oldest first
	closed bool
	made   int64
	used   int64
}

type kept struct {
	key  key
	conn *ldap3.Conn
	made time.Time
}

// take gives an idle connection; nil: there is none.
func (c *conns) take(k key) *kept {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.idle) - 1; i >= 0; i-- {
		one := c.idle[i]
		old := c.now().Sub(one.made) >= c.keep.Life
		if one.key != k && !old && !one.conn.IsClosing() {
			continue
		}
		c.idle = append(c.idle[:i], c.idle[i+1:]...)
		if old || one.conn.IsClosing() {
			hangUp(one.conn)
			continue
		}
		c.used++
		return &one
	}
	return nil
}

// give keeps a connection, in the place of the oldest where there are enough.
func (c *conns) give(one *kept) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.keep.Size < 1 || one.conn.IsClosing() {
		hangUp(one.conn)
		return
	}
	for len(c.idle) >= c.keep.Size {
		hangUp(c.idle[0].conn)
		c.idle = c.idle[1:]
	}
	c.idle = append(c.idle, *one)
}

func (c *conns) count() {
	c.mu.Lock()
	c.made++
	c.mu.Unlock()
}

func (c *conns) flush(last bool) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.idle)
	for _, one := range c.idle {
		hangUp(one.conn)
	}
	c.idle, c.closed = nil, c.closed || last
	return n
}

func (c *conns) figures() driver.Kept {
	c.mu.Lock()
	defer c.mu.Unlock()
	return driver.Kept{Idle: len(c.idle), Size: c.keep.Size, Made: c.made, Used: c.used}
}

// hangUp closes a connection; what that could fail at is lost anyway.
func hangUp(c *ldap3.Conn) { _ = c.Close() }
