package cidr

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// List is a list of networks, read again from time to time.
type List struct {
	store *Store
	spec  Spec
	table atomic.Pointer[Table]
	busy  chan struct{} // held while the list is being read; guards file
	file  os.FileInfo   // the file as it was read last

	// The store's lock guards these.
	users int
	from  Source
	due   time.Time
	stop  func() bool
}

// retryTime is when a list that could not be read is tried again.
const retryTime = time.Minute

// Name is the name that scripts give the list.
func (l *List) Name() string { return l.spec.Name }

// Lookup finds the value of the longest network that holds addr.
func (l *List) Lookup(addr netip.Addr) (value string, ok bool) { return l.table.Load().Lookup(addr) }

// HasValues reports a list whose networks have values; the others are just in
// it.
func (l *List) HasValues() bool { return l.spec.Kind == RBLDNSD || l.spec.ValueColumn != "" }

// Due is when the list is read next; zero: never by itself.
func (l *List) Due() time.Time {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	return l.due
}

// Reload reads the list now, even where its file has not changed. Lookups go on
// with what there was.
func (l *List) Reload(ctx context.Context) error {
	err := l.load(ctx, true)
	l.arm(err)
	return err
}

// Renew reads the list in the background: a new configuration, whose datasources
// may be others, uses it as well.
func (l *List) Renew() { l.store.spawn(l.refresh) }

func (l *List) refresh() {
	err := l.load(l.store.ctx, false)
	l.arm(err)
}

// Release gives the list back. It ends with its last user.
func (l *List) Release() {
	s := l.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.users--; l.users == 0 {
		l.disarm()
		delete(s.lists, l.spec)
	}
}

// arm sets the time of the next reading.
func (l *List) arm(failed error) {
	if l.spec.Refresh <= 0 || l.spec.Kind == Empty {
		return
	}
	wait := l.spec.Refresh
	if failed != nil {
		wait = min(wait, retryTime)
	}
	s := l.store
	s.mu.Lock()
	defer s.mu.Unlock()
	l.disarm()
	if l.users == 0 || s.closed {
		return
	}
	l.due = s.Now().Add(wait)
	l.stop = s.AfterFunc(wait, func() { s.spawn(l.refresh) })
}

// disarm takes the next reading back. The store's lock is held.
func (l *List) disarm() {
	if l.stop != nil {
		l.stop()
	}
	l.stop, l.due = nil, time.Time{}
}

// load reads the list and puts it in the place of the old one. What is wrong is
// told here; the old one stays then.
func (l *List) load(ctx context.Context, force bool) error {
	select {
	case l.busy <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-l.busy }()
	l.store.mu.Lock()
	from := l.from
	l.store.mu.Unlock()
	table, skipped, err := l.read(ctx, from.Ask, force)
	if err != nil {
		what := "it stays as it is"
		if l.table.Load() == nil {
			what = "it is empty"
		}
		from.Problem(fmt.Sprintf("CIDR list %s cannot be read, %s: %s", l.spec.Name, what, err))
		return err
	}
	if text := skipped.String(); text != "" {
		from.Problem(fmt.Sprintf("CIDR list %s: %s", l.spec.Name, text))
	}
	if table != nil {
		l.table.Store(table)
	}
	return nil
}

// read reads the list; the table is nil where it has not changed.
func (l *List) read(ctx context.Context, ask Ask, force bool) (*Table, Skipped, error) {
	switch l.spec.Kind {
	case RBLDNSD:
		return l.readFile(force)
	case Datasource:
		rows, err := ask(ctx, l.spec.Cache, l.spec.Query)
		if err != nil {
			return nil, Skipped{}, err
		}
		return FromRows(rows, l.spec.NetworkColumn, l.spec.ValueColumn)
	}
	return nil, Skipped{}, nil
}

var errNotRegular = errors.New("it is not a regular file")

func (l *List) readFile(force bool) (*Table, Skipped, error) {
	// Opening a pipe would wait for its writer.
	f, err := os.OpenFile(l.spec.Source, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, Skipped{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, Skipped{}, err
	case !info.Mode().IsRegular():
		return nil, Skipped{}, errNotRegular
	case !force && l.file != nil && os.SameFile(info, l.file) && info.ModTime().Equal(l.file.ModTime()) && info.Size() == l.file.Size():
		return nil, Skipped{}, nil
	}
	table, skipped, err := ReadRBLDNSD(f, l.spec.Record)
	if err == nil {
		l.file = info
	}
	return table, skipped, err
}
