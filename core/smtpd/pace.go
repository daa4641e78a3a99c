package smtpd

import "time"

// paceGrace is how long a command or content may take whatever its size.
const paceGrace = time.Minute

// pace is how fast the peer sends what it began: a line, or a message's content.
type pace struct {
	least int64     // octets a minute; 0: any pace will do
	began time.Time // zero: nothing was begun
	got   int64
}

// keepPace counts n octets. An idle time alone lets a peer that sends an octet
// now and then hold a session for ever.
func (w *wire) keepPace(n int) error {
	p := &w.pace
	if p.least == 0 || p.began.IsZero() {
		return nil
	}
	p.got += int64(n)
	if slow(time.Since(p.began), p.got, p.least) {
		return errSlow
	}
	return nil
}

// slow reports fewer than least octets a minute.
func slow(took time.Duration, got, least int64) bool {
	return took > paceGrace && float64(got) < float64(least)*took.Minutes()
}

// measure begins to measure the pace; halt ends it.
func (w *wire) measure() {
	if w.pace.least > 0 {
		w.pace.began, w.pace.got = time.Now(), 0
	}
}

func (w *wire) halt() { w.pace.began = time.Time{} }
