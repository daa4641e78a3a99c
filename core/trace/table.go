package trace

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds: tracers at a time, and what one writes at most.
const (
	maxTracers = 20
	MaxBytes   = 10 << 20
)

// About is the connection of a dialogue.
type About struct {
	Outbound bool
	ConnID   string
	Binding  string // outbound
	Domain   string // outbound
	Peer     netip.AddrPort
}

// Filter chooses connections; what is empty counts for any.
type Filter struct {
	Outbound        bool
	Binding, Domain string
	Network         netip.Prefix
}

func (f *Filter) takes(a *About) bool {
	return f.Outbound == a.Outbound && (f.Binding == "" || f.Binding == a.Binding) && (f.Domain == "" || f.Domain == a.Domain) &&
		(!f.Network.IsValid() || f.Network.Contains(a.Peer.Addr().Unmap()))
}

// Line is a line of a trace.
type Line struct {
	Time       time.Time `json:"time"`
	Direction  string    `json:"direction"` // "in" or "out"
	Connection string    `json:"connection"`
	Binding    string    `json:"binding,omitempty"`
	Domain     string    `json:"domain,omitempty"`
	Peer       string    `json:"peer"`
	Side       string    `json:"side"` // C, S, or * for a word of ours
	Text       string    `json:"text"`
}

// String is the line as files and consoles have it.
func (l *Line) String() string {
	where := l.Peer
	if l.Direction == "out" {
		where = l.Binding + " " + l.Domain + " " + l.Peer
	}
	return fmt.Sprintf("%s %s %s %s %s: %s", l.Time.UTC().Format("2006-01-02T15:04:05.000Z07:00"), l.Direction, l.Connection, where, l.Side, l.Text)
}

// Tracer writes the dialogues of some connections.
type Tracer struct {
	ID     int
	Filter Filter
	File   string // "": live

	now  func() time.Time
	gone chan struct{}
	mu   sync.Mutex
	left int64 // bytes that it may still write
	take func(*Line) error
	stop io.Closer // nil: nothing to close
	lost int64     // lines
}

func (t *Tracer) write(a *About, side byte, text string) {
	line := &Line{Time: t.now(), Direction: "in", Connection: a.ConnID, Binding: a.Binding, Domain: a.Domain, Peer: a.Peer.String(), Side: string(side), Text: text}
	if a.Outbound {
		line.Direction = "out"
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	size := int64(len(line.String())) + 1
	if t.left < size || t.take(line) != nil {
		t.lost++
		return
	}
	t.left -= size
}

// Gone is closed when the tracer is removed.
func (t *Tracer) Gone() <-chan struct{} { return t.gone }

// State is how much a tracer may still write, in bytes, and how many lines it
// had to leave out.
func (t *Tracer) State() (left, lost int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.left, t.lost
}

// Table is the tracers there are. It is safe for concurrent use; without tracers
// a connection costs one look.
type Table struct {
	Now func() time.Time

	mu   sync.Mutex
	last int
	list atomic.Pointer[[]*Tracer]
}

// Open gives the dialogue of a new connection; nil: nobody traces it.
func (t *Table) Open(a About) *Dialogue {
	list := t.list.Load()
	if list == nil || len(*list) == 0 {
		return nil
	}
	var d *Dialogue
	for _, tr := range *list {
		if tr.Filter.takes(&a) {
			if d == nil {
				d = &Dialogue{about: a}
			}
			d.tracers = append(d.tracers, tr)
		}
	}
	return d
}

var (
	errTooMany = fmt.Errorf("there are %d tracers already", maxTracers)
	errNoFile  = errors.New("it exists and is no regular file")
	errFull    = errors.New("nobody takes the lines fast enough")
)

// ToFile adds a tracer that writes a file, which only the server's user can
// read.
func (t *Table) ToFile(f Filter, name string) (*Tracer, error) {
	if st, err := os.Lstat(name); err == nil && !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", name, errNoFile)
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	tr := &Tracer{Filter: f, File: name, stop: file, take: func(l *Line) error {
		_, err := file.WriteString(l.String() + "\n")
		return err
	}}
	if err := t.add(tr); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return tr, nil
}

// liveLines is how many lines wait for a console.
const liveLines = 1000

// Live adds a tracer whose lines come out of the channel; those that nobody
// takes in time are left out.
func (t *Table) Live(f Filter) (*Tracer, <-chan *Line, error) {
	ch := make(chan *Line, liveLines)
	tr := &Tracer{Filter: f, take: func(l *Line) error {
		select {
		case ch <- l:
			return nil
		default:
			return errFull
		}
	}}
	return tr, ch, t.add(tr)
}

func (t *Table) add(tr *Tracer) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.List()
	if len(list) >= maxTracers {
		return errTooMany
	}
	t.last++
	tr.ID, tr.left, tr.now, tr.gone = t.last, MaxBytes, t.Now, make(chan struct{})
	list = append(slices.Clip(list), tr)
	t.list.Store(&list)
	return nil
}

// List is the tracers, oldest first.
func (t *Table) List() []*Tracer {
	if list := t.list.Load(); list != nil {
		return *list
	}
	return nil
}

// Remove ends a tracer; false: there is none of that number.
func (t *Table) Remove(id int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.List()
	i := slices.IndexFunc(list, func(tr *Tracer) bool { return tr.ID == id })
	if i < 0 {
		return false
	}
	tr := list[i]
	list = slices.Delete(slices.Clone(list), i, i+1)
	t.list.Store(&list)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.left = 0
	close(tr.gone)
	if tr.stop != nil {
		_ = tr.stop.Close() // what it has is written
	}
	return true
}

// Close ends all of them.
func (t *Table) Close() {
	for _, tr := range t.List() {
		t.Remove(tr.ID)
	}
}
