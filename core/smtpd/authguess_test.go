package smtpd

import (
	"net/netip"
	"testing"
	"time"

	"github.com/mtad/mtad/sdk/option"
)

// A failure's reply is held back, as long for a user who is unknown; an error and
// a success are not.
func TestFailedAuthWaits(t *testing.T) {
	o := withUsers(t)
	o.FailureDelay = 7 * time.Second
	r := start(t, o, nil)
	r.dial().talk(hello + "C: AUTH PLAIN " + bad() + "\nS: ^535 5\\.7\\.8 Authentication credentials invalid$\nC: AUTH PLAIN " +
		b64("\x00nobody\x00x") + "\nS: ^535 5\\.7\\.8 Authentication credentials invalid$\nC: AUTH PLAIN =\nS: ^501\nC: AUTH PLAIN " + good() + "\nS: ^235")
	if n := len(r.waits); n != 2 {
		t.Fatalf("%d replies were held back, want 2", n)
	}
	for range 2 {
		if d := <-r.waits; d != o.FailureDelay {
			t.Errorf("held back for %s", d)
		}
	}
}

// An address that failed too often is not heard, in a new session either, even
// with the right password.
func TestGuessesOfAnAddressAreLimited(t *testing.T) {
	o := withUsers(t)
	o.FailureRate = option.Throttle{Count: 3, Seconds: 3600}
	r := start(t, o, nil)
	for range 3 {
		r.dial().talk(hello + "C: AUTH PLAIN " + bad() + "\nS: ^535\nC: QUIT\nS: ^221")
	}
	for _, said := range []string{good(), bad()} {
		r.dial().talk(hello + "C: AUTH PLAIN " + said + "\nS: ^421 4\\.7\\.0 too many failed authentications from your address\nEOF")
	}
	r.dial().talk(hello + oneMessage) // mail that needs no AUTH
	s := &session{srv: r.srv, p: r.profile.Load()}
	s.entry.info.Peer = netip.MustParseAddrPort("192.0.2.1:1")
	if r.srv.guesses.spent(s, o.FailureRate) {
		t.Error("another address is refused too")
	}
}
