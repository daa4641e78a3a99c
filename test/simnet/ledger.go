package simnet

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Receipt is what the hosts know of a recipient.
type Receipt struct {
	Visits   int       // RCPT commands
	Accepted int       // copies that a host took
	Lost     int       // of them, those whose 250 nobody heard
	First    time.Time // the first visit
}

// Lane is how the ledger knows "domain source address".
type Lane struct {
	Open, Most int // connections now, and at once; those being made included
	Made       int
	Dialled    []time.Time
	Recipients []time.Time
}

type ledger struct {
	mu       sync.Mutex
	receipts map[string]*Receipt
	lanes    map[string]*Lane
	all      Lane // of everybody; without times
}

func newLedger() ledger {
	return ledger{receipts: map[string]*Receipt{}, lanes: map[string]*Lane{}}
}

func (l *ledger) lane(name string) *Lane {
	if l.lanes[name] == nil {
		l.lanes[name] = &Lane{}
	}
	return l.lanes[name]
}

func (l *Lane) add() {
	l.Open++
	l.Most = max(l.Most, l.Open)
}

func (l *ledger) dialled(lane string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	x := l.lane(lane)
	x.Dialled = append(x.Dialled, time.Now())
	x.add()
	l.all.add()
}

// settledDial ends a dial; a connection that was made is counted by opened.
func (l *ledger) settledDial(lane string) { l.gone(lane) }

func (l *ledger) opened(lane string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	x := l.lane(lane)
	x.Made++
	x.Open++ // the dial that it was ends at once: no new maximum
	l.all.Made++
	l.all.Open++
}

func (l *ledger) gone(lane string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lane(lane).Open--
	l.all.Open--
}

// visited counts a RCPT and gives its number.
func (l *ledger) visited(lane, recipient string) *Receipt {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.receipts[recipient]
	if r == nil {
		r = &Receipt{First: time.Now()}
		l.receipts[recipient] = r
	}
	r.Visits++
	x := l.lane(lane)
	x.Recipients = append(x.Recipients, time.Now())
	seen := *r
	return &seen
}

// took counts copies.
func (l *ledger) took(recipients []string, lost bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range recipients {
		l.receipts[name].Accepted++
		if lost {
			l.receipts[name].Lost++
		}
	}
}

// Receipt is what the hosts know of a recipient.
func (n *Net) Receipt(recipient string) Receipt {
	n.ledger.mu.Lock()
	defer n.ledger.mu.Unlock()
	if r := n.ledger.receipts[recipient]; r != nil {
		return *r
	}
	return Receipt{}
}

// Lanes are the figures of each "domain source".
func (n *Net) Lanes() map[string]Lane {
	n.ledger.mu.Lock()
	defer n.ledger.mu.Unlock()
	out := map[string]Lane{}
	for name, l := range n.ledger.lanes {
		x := *l
		x.Dialled, x.Recipients = slices.Clone(l.Dialled), slices.Clone(l.Recipients)
		out[name] = x
	}
	return out
}

// All is the figures of all lanes together, without times.
func (n *Net) All() Lane {
	n.ledger.mu.Lock()
	defer n.ledger.mu.Unlock()
	return n.ledger.all
}

// Recipients are those that hosts have seen, in order.
func (n *Net) Recipients() []string {
	n.ledger.mu.Lock()
	defer n.ledger.mu.Unlock()
	return slices.Sorted(maps.Keys(n.ledger.receipts))
}
