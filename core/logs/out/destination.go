package out

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mtad/mtad/sdk/jlog"
)

// Destination takes records, each a line with its LF. It is safe for concurrent
// use.
type Destination interface {
	// Write takes a record; when it returns, a crash of the process does not
	// lose it.
	Write(record []byte) (int, error)
	// Reopen goes on in a new file, after a rotation.
	Reopen() error
	Close() error
}

// Config is what a destination is made of.
type Config struct {
	Spec     string      // a path, file://, jlog://, cluster://, pipe://, syslog://, http://, https://
	Log      string      // "mainlog"
	Mode     os.FileMode // of files that are made
	Outbox   string      // directory of the outboxes
	Budget   int64       // bytes that a jlog or an outbox may take
	Hostname string      // of syslog records
	// Problem is told where records cannot be delivered, and when they can
	// again.
	Problem func(string)
	// After is the clock's; nil: time.After.
	After func(time.Duration) <-chan time.Time
}

// ErrBudget is the error of a record for which there is no room any more.
var ErrBudget = errors.New("the records that wait take all the disk space they may")

// target is a Spec that was understood.
type target struct {
	scheme string
	path   string     // of file and jlog
	url    *url.URL   // of the others
	names  []string   // subscribers of a jlog
	query  url.Values // of the others
}

// Check says what is wrong with a Spec; nil: nothing.
func Check(spec string) error {
	t, err := parse(spec)
	if err == nil && t.url != nil {
		_, err = newCarrier(t, &Config{})
	}
	return err
}

func parse(spec string) (target, error) {
	scheme, rest, ok := strings.Cut(spec, "://")
	if !ok {
		return target{scheme: "file", path: spec}, nil
	}
	switch scheme = strings.ToLower(scheme); scheme {
	case "file":
		return target{scheme: scheme, path: rest}, nil
	case "jlog", "cluster": // reference/logs.md: cluster is an alias
		dir, names := jlog.Split(rest)
		if dir == "" || len(names) == 0 {
			return target{}, fmt.Errorf("%s://: name a directory and a subscriber, jlog:///PATH=>NAME: without one nothing is ever removed", scheme)
		}
		return target{scheme: "jlog", path: dir, names: names}, nil
	case "pipe", "syslog", "http", "https":
		u, err := url.Parse(spec)
		if err != nil {
			return target{}, fmt.Errorf("%s:// is not followed by a URL", scheme) // the error would quote a password
		}
		return target{scheme: scheme, url: u, query: u.Query()}, nil
	}
	return target{}, fmt.Errorf("logs cannot go to %s://; there are file, jlog, pipe, syslog, http and https", scheme)
}

// Open makes a destination.
func Open(c Config) (Destination, error) {
	t, err := parse(c.Spec)
	if err != nil {
		return nil, err
	}
	if c.After == nil {
		c.After = time.After
	}
	if c.Problem == nil {
		c.Problem = func(string) {}
	}
	switch t.scheme {
	case "file":
		return openFile(t.path, c.Mode)
	case "jlog":
		return openJLog(&c, t.path, t.names)
	}
	carrier, err := newCarrier(t, &c)
	if err != nil {
		return nil, err
	}
	return openOutbox(&c, carrier)
}

// newCarrier makes what hands records over.
func newCarrier(t target, c *Config) (carrier, error) {
	switch t.scheme {
	case "pipe":
		return newPipe(t, c)
	case "syslog":
		return newSyslog(t, c)
	}
	return newPost(t, c)
}

// kept is a jlog that keeps to a budget.
type kept struct {
	*jlog.Writer
	dir    string
	budget int64
	used   int64
	looked time.Time // when used was measured
	now    func() time.Time
}

// minSegments is how many segments fit a budget at least: only whole ones are
// removed.
const minSegments = 8

// lookAgain is how often a full jlog is measured anew.
const lookAgain = time.Second

func keep(dir string, c *Config, subscribers []string) (*kept, error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), openTime)
	defer cancel()
	o := jlog.Options{Mode: c.Mode, Segment: jlog.SegmentLimit}
	if c.Budget > 0 {
		o.Segment = uint32(min(int64(o.Segment), max(1, c.Budget/minSegments)))
	}
	w, err := jlog.CreateWith(ctx, dir, o, subscribers...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	k := &kept{Writer: w, dir: dir, budget: c.Budget, now: time.Now}
	if err := k.measure(); err != nil {
		_ = w.Close() // it is not used
		return nil, err
	}
	return k, nil
}

const openTime = 10 * time.Second

func (k *kept) measure() error {
	have, err := jlog.Look(k.dir)
	if err != nil {
		return fmt.Errorf("%s: %w", k.dir, err)
	}
	k.used, k.looked = have.Bytes, k.now()
	return nil
}

// write appends a record if there is room.
func (k *kept) write(p []byte) (int, error) {
	if need := int64(len(p)) + recordOverhead; k.budget > 0 && k.used+need > k.budget {
		if k.now().Sub(k.looked) < lookAgain {
			return 0, ErrBudget
		}
		if err := k.measure(); err != nil {
			return 0, err
		}
		if k.used+need > k.budget {
			return 0, ErrBudget
		}
	}
	n, err := k.Writer.Write(p)
	if err == nil {
		k.used += int64(len(p)) + recordOverhead
	}
	return n, err
}

// recordOverhead is a message's header in a jlog, and its place in a reader's
// index.
const recordOverhead = 24
