package smtpd

import (
	"testing"
	"time"
)

// A client that goes silent in the middle of AUTH is in the acctlog.
func TestSilenceInAuth(t *testing.T) {
	o := withUsers(t)
	o.IdleTime = time.Second
	r := start(t, o, nil)
	r.dial().talk(hello + "C: AUTH LOGIN\nS: ^334\nS: ^421 4\\.4\\.2\nEOF")
	if got := r.log.accounts; len(got) != 1 || !got[0].TimedOut || got[0].OK || got[0].Peer == "" || got[0].Listener != "127.0.0.1:0" {
		t.Errorf("the acctlog has %+v", got)
	}
}
