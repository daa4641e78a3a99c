package simnet

import (
	"net/netip"
	"time"
)

// Stage is a point of the dialogue at which something may go wrong.
type Stage uint8

// The stages.
const (
	StageConnect Stage = iota
	StageBanner
	StageEHLO
	StageMail
	StageRcpt
	StageData
	StageBody // in the middle of the content
	StageDot  // the content is there; its reply is not
)

// Kind is what goes wrong.
type Kind uint8

// The kinds.
const (
	Refuse Kind = iota // Text is the reply; at StageConnect the connection is refused
	Drop               // the connection is reset; at StageDot the message is kept
	Hang               // nothing more is said; at StageDot the message is kept
	Mute               // StageDot: 250, then nothing more
)

// Fault is something that goes wrong.
type Fault struct {
	Stage Stage
	Kind  Kind
	Text  string
	// Share is how often, of the hours for the stages up to StageMail, and of a
	// recipient's visits for the others; 1 is always.
	Share float64
	// After is how long the host waits first. With a Text of 250 at StageDot it
	// takes the message, and says so when nobody listens any more.
	After time.Duration
	Until time.Time // no more from then on; zero: for ever
}

// TLS is what a host makes of STARTTLS.
type TLS uint8

// What a host may make of it.
const (
	NoTLS      TLS = iota // it is not offered
	GoodTLS               // a certificate nobody vouches for
	GarbageTLS            // no handshake
	DeadTLS               // the connection ends
)

// Host is an exchanger.
type Host struct {
	Name    string
	Addr    netip.Addr
	Domain  string        // whose it is, for the ledger
	Latency time.Duration // before each reply
	Faults  []Fault

	Connections int           // at once; more get 421. 0: any number
	PerMinute   int           // recipients in a minute; more get 450. 0: any number
	Greylist    time.Duration // a recipient's first visits until then get 451; 0: none
	TLS         TLS

	minute, recipients int // of PerMinute; under Net.mu
	connected          int // under Net.mu
}

// fault is what goes wrong at a stage, nil: nothing. visit is the recipient's at
// this host.
func (n *Net) fault(h *Host, at Stage, recipient string, visit int) *Fault {
	now := time.Now()
	for i := range h.Faults {
		f := &h.Faults[i]
		if f.Stage != at || !f.Until.IsZero() && !now.Before(f.Until) {
			continue
		}
		if at <= StageMail && n.happens(f.Share, h.Name, i, n.hour(now)) ||
			at > StageMail && n.happens(f.Share, h.Domain, i, recipient, visit) {
			return f
		}
	}
	return nil
}

// crowded counts a recipient, and says whether it is one too many of a minute.
func (n *Net) crowded(h *Host) bool {
	if h.PerMinute == 0 {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if minute := int(time.Since(n.began) / time.Minute); minute != h.minute {
		h.minute, h.recipients = minute, 0
	}
	h.recipients++
	return h.recipients > h.PerMinute
}

// enter counts a connection, and says whether it is one too many.
func (n *Net) enter(h *Host) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	h.connected++
	return h.Connections > 0 && h.connected > h.Connections
}

func (n *Net) leave(h *Host) {
	n.mu.Lock()
	defer n.mu.Unlock()
	h.connected--
}
