package queue

import (
	"slices"

	"github.com/mtad/mtad/sdk/option"
)

// ShareKey names a connection limit: the option, and the scope that sets it as
// the configuration calls it. It is the same after a reload.
type ShareKey struct{ Option, Scope string }

// Share is a limit of connections that lanes have in common
// (scope_max_outbound_connections, server_max_outbound_connections of a binding,
// max_outbound_connections of rolled-up domains).
type Share struct {
	ShareKey
	Limit int
	Pos   option.Pos // where it is set
}

// share is a Share with what it counts. Lanes that find it full wait in line:
// those without any connection first, then those that want more. Queue.mu
// guards it.
type share struct {
	q        *Queue
	key      ShareKey
	limit    int
	open     int
	yielding int // workers that have been told to end for it
	none     line
	more     line
}

// waiting is a lane's place in a line.
type waiting struct {
	lane  *lane
	share *share
}

// line is lanes that wait, the first first. A place that its lane does not know
// any more is void.
type line struct{ places []*waiting }

func (q *line) first() *waiting {
	for len(q.places) > 0 && q.places[0].lane.waits != q.places[0] {
		q.places[0] = nil
		q.places = q.places[1:]
	}
	if len(q.places) == 0 {
		return nil
	}
	return q.places[0]
}

// server is the limit of all connections together.
func (q *Queue) server() *share {
	return q.share(Share{ShareKey: ShareKey{Option: "server_max_outbound_connections"}, Limit: q.MaxConnections()})
}

func (q *Queue) share(is Share) *share {
	s := q.shares[is.ShareKey]
	if s == nil {
		if q.shares == nil {
			q.shares = map[ShareKey]*share{}
		}
		s = &share{q: q, key: is.ShareKey}
		q.shares[is.ShareKey] = s
	}
	s.limit = is.Limit
	return s
}

// room is how many connections there may be for a lane with n of them.
func (s *share) room(n int) int {
	if n == 0 && s.key.Scope == "" && s.q.Reserve != nil {
		return s.limit + s.q.Reserve()
	}
	return s.limit
}

// wanted reports that a lane waits which a worker of one with n connections is
// to make room for: one without any, or one with less than half as many.
func (s *share) wanted(n int) bool {
	if s.none.first() != nil {
		return len(s.none.places) > s.yielding
	}
	at := s.more.first()
	return at != nil && s.yielding == 0 && (n == 0 || at.lane.workers*2 < n)
}

// counted are the shares that the lane's connections count in. They are found
// once a configuration, so that a connection is given back where it was taken.
func (l *lane) counted() []*share {
	if l.shares == nil {
		l.shares = append(l.shares, l.q.server())
		for _, is := range l.opts().Shares {
			l.shares = append(l.shares, l.q.share(is))
		}
	}
	return l.shares
}

func (l *lane) count(n int) {
	for _, s := range l.counted() {
		s.open += n
	}
	l.workers += n
	l.q.workers += n
}

// full is a share that has no place for another connection of the lane now, nil
// where there is none. Where others wait for one, it is their turn first.
func (l *lane) full() *share {
	for _, s := range l.counted() {
		if s.open >= s.room(l.workers) || s.none.first() != nil || l.workers > 0 && s.more.first() != nil {
			return s
		}
	}
	return nil
}

// queue has a lane wait for a place. One connection that is idle makes room.
func (s *share) queue(l *lane) {
	if l.waits != nil {
		return
	}
	l.waits = &waiting{l, s}
	if l.workers > 0 {
		s.more.places = append(s.more.places, l.waits)
	} else {
		s.none.places = append(s.none.places, l.waits)
	}
	s.makeRoom()
}

// feed gives the places that are free to the lanes that wait, one each.
func (s *share) feed() {
	for {
		at := s.none.first()
		from := &s.none
		if at == nil {
			at, from = s.more.first(), &s.more
		}
		if at == nil || s.open >= s.room(at.lane.workers) {
			return
		}
		from.places = from.places[1:]
		at.lane.waits = nil
		at.lane.fed(s)
	}
}

// fed gives a lane that waited its place in a share. Another one may be full,
// and where the rate of connections is used up the lane comes back by itself.
func (l *lane) fed(s *share) {
	for _, other := range l.counted() {
		if other != s && other.open >= other.room(l.workers) {
			other.queue(l)
			return
		}
	}
	now := l.q.Clock.Now()
	l.ripen(now)
	if l.mayStart(now) && !l.begin(now) {
		return
	}
	l.wake()
}

// makeRoom closes the connection of the share that has been idle for longest:
// where all that are allowed are open, one without mail must not keep mail from
// going out.
func (s *share) makeRoom() {
	for e := s.q.resting.Front(); e != nil; e = e.Next() {
		if r := e.Value.(*rest); slices.Contains(r.lane.shares, s) {
			r.close = true
			r.end()
			return
		}
	}
}

// turn is how many batches a connection may serve while other lanes wait for
// its place.
const turn = 20

// yield reports that the worker is to end, so that another lane gets its place.
// One with mail goes on for its turn.
func (w *worker) yield(after int) bool {
	if w.batches < after || w.yields != nil {
		return w.yields != nil
	}
	n := w.lane.workers
	if after == 0 {
		n = 0 // it has no mail: whoever wants more is served
	}
	for _, s := range w.lane.shares {
		if s.open >= s.limit && s.wanted(n) {
			w.yields = s
			s.yielding++
			return true
		}
	}
	return false
}

// renew has all lanes take their options anew, and counts their connections
// where they count now.
func (q *Queue) renew() {
	q.ramp.start(q.Clock.Now())
	for key, s := range q.shares {
		s.open, s.none, s.more = 0, line{}, line{}
		if s.yielding == 0 {
			delete(q.shares, key)
		}
	}
	for _, l := range q.lanes {
		l.options.Store(nil)
		l.shares, l.waits = nil, nil
		for _, s := range l.counted() {
			s.open += l.workers
		}
	}
	for _, l := range q.lanes {
		l.wake()
	}
}

// fullShares are the gates of the limits that the lane waits for.
func (l *lane) fullShares() []Gate {
	var out []Gate
	if l.workers > 0 {
		return out
	}
	for _, is := range append([]Share{{}}, l.opts().Shares...) {
		s := l.q.server()
		kind := GateServer
		if is.Scope != "" {
			s, kind = l.q.share(is), GateShare
		}
		if s.open >= s.room(0) {
			out = append(out, Gate{Kind: kind, Share: is})
		}
	}
	return out
}

// Renew has one lane take its options anew.
func (q *Queue) Renew(key Lane) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lanes[key]
	if l == nil {
		return
	}
	for _, s := range l.shares {
		s.open -= l.workers
	}
	l.options.Store(nil)
	l.shares, l.waits = nil, nil
	for _, s := range l.counted() {
		s.open += l.workers
	}
	l.wake()
}
