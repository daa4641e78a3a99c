package smtpd

import "net/netip"

// Visits is told who comes and goes. It is called on the session's goroutine and
// must not wait.
type Visits interface {
	// Connected is called once for each connection, whether or not there is room
	// for it.
	Connected(peer netip.Addr)
	// Opened is called for a connection that there is room for, and Closed at the
	// end of that session.
	Opened(peer netip.Addr)
	Closed(peer netip.Addr)
}

// noVisits is nobody.
type noVisits struct{}

func (noVisits) Connected(netip.Addr) {}
func (noVisits) Opened(netip.Addr)    {}
func (noVisits) Closed(netip.Addr)    {}
