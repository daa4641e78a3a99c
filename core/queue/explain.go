package queue

import "time"

// GateKind is a reason why mail does not go out at this moment.
type GateKind uint8

// The kinds, in the order in which they are met.
const (
	GatePolicy      GateKind = iota // policy has to bind it first
	GateHeld                        // an operator suspended it
	GateClosed                      // its binding cannot be used
	GateSuspended                   // suspend_delivery
	GateUnreached                   // no connection could be made: the lane backs off
	GateProbe                       // its next hop could not be reached: one connection tries it
	GateDelayed                     // all of it waits for its next attempt
	GateServer                      // server_max_outbound_connections are open
	GateShare                       // a connection limit that it shares with other lanes is reached
	GateHost                        // a limit of the host it goes to is reached
	GateConnections                 // max_outbound_connections are busy
	GateBusy                        // its connections are busy, and there is too little mail for another
	GateConnectRate                 // outbound_throttle_connections
	GateMessageRate                 // outbound_throttle_messages
)

// Gate is one reason.
type Gate struct {
	Kind  GateKind
	Until time.Time // when it opens; zero: nobody knows
	Hold  *Hold     // of GateHeld
	Share Share     // of GateShare and GateHost
	Why   string    // of GateClosed
}

// Explain gives a lane as it is, with its gates. A lane that holds nothing has
// those that mail would meet. ahead is how many messages the rate has to let
// pass before the one that is meant.
func (q *Queue) Explain(key Lane, ahead int) LaneView {
	v := LaneView{Lane: key}
	q.figures.each(func(k Lane, n Figures) {
		if k == key {
			v.Figures = n
		}
	})
	hold := q.holdOf(key)
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lanes[key]
	if l == nil {
		l = &lane{q: q, key: key}
	}
	v.Active, v.Delayed, v.Delivering, v.Connections = l.active()+l.taken, len(l.delayed), l.taken, l.workers
	v.Gates = l.gates(q.Clock.Now(), hold, ahead)
	return v
}

// gates are what holds the lane. The caller holds mu.
func (l *lane) gates(now time.Time, hold *Hold, ahead int) []Gate {
	var out []Gate
	o := l.opts()
	if l.suspended() {
		out = append(out, Gate{Kind: GatePolicy, Until: l.nextDue()})
	}
	if hold != nil {
		out = append(out, Gate{Kind: GateHeld, Until: hold.Until, Hold: hold})
	}
	if why := l.q.closed(l.key); why != "" {
		out = append(out, Gate{Kind: GateClosed, Why: why})
	}
	switch own := l.q.OptionsFor(l.key); {
	case own.Hold != nil:
		out = append(out, Gate{Kind: GateHeld, Until: own.Hold.Until, Hold: own.Hold})
	case own.Suspend:
		out = append(out, Gate{Kind: GateSuspended})
	}
	if now.Before(l.blocked) {
		out = append(out, Gate{Kind: GateUnreached, Until: l.blocked})
	}
	if now.Before(l.held) {
		out = append(out, Gate{Kind: GateHost, Until: l.held, Share: l.heldBy})
	}
	if next := l.nextDue(); l.active()+l.taken == 0 && next.After(now) && !l.suspended() {
		out = append(out, Gate{Kind: GateDelayed, Until: next})
	}
	out = append(out, l.fullShares()...)
	if l.active() > 0 && l.probing() {
		out = append(out, Gate{Kind: GateProbe})
	}
	if l.active() > 0 && l.workers > 0 && len(l.idle) == 0 {
		switch {
		case l.workers >= int(o.MaxConnections):
			out = append(out, Gate{Kind: GateConnections})
		case l.workers*perWorker >= l.active():
			out = append(out, Gate{Kind: GateBusy})
		}
	}
	if d := o.Connections.When(now, 1); d > 0 && l.workers < int(o.MaxConnections) {
		out = append(out, Gate{Kind: GateConnectRate, Until: now.Add(d)})
	}
	if o.Messages == nil {
		return out
	}
	if d := o.Messages.When(now, l.batches(ahead, int(o.MaxBatch))...); d > 0 {
		out = append(out, Gate{Kind: GateMessageRate, Until: now.Add(d)})
	}
	return out
}

// nextDue is when the first of the delayed messages is due; zero where there is
// none.
func (l *lane) nextDue() time.Time {
	if len(l.delayed) == 0 {
		return time.Time{}
	}
	return time.UnixMilli(l.delayed[0].due)
}

// batches are the sizes of those that go out up to the one with the due message
// that so many are ahead of. What is not there is taken to come one by one.
func (l *lane) batches(ahead, limit int) (sizes []int) {
	for _, f := range []fifo{l.high, l.normal} {
		for f.len() > 0 && ahead >= 0 {
			n := batchLength(&f, limit)
			f.head += n
			ahead -= n
			sizes = append(sizes, n)
		}
	}
	for ; ahead >= 0; ahead-- {
		sizes = append(sizes, 1)
	}
	return sizes
}
