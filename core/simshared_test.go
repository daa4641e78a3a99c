package core

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/test/simnet"
)

// sharedStates is how many states of what lanes share are tried.
const sharedStates = 30

// TestWhyOfWhatLanesShare: the server's connections that others have, and a
// binding that is suspended.
func TestWhyOfWhatLanesShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(3)
		for i := range 4 * sharedStates {
			h := &simnet.Host{Name: fmt.Sprintf("mx.q%d.test", i), Domain: fmt.Sprintf("q%d.test", i), Addr: simnet.Address(i + 1), Latency: 5 * time.Millisecond}
			if i%4 < 3 {
				h.Latency = time.Duration(20+net.Draw(200, "latency", i)) * time.Second
			}
			net.Host(h)
			net.Name(h.Domain, &simnet.Zone{MX: []simnet.MX{{Preference: 1, Host: h.Name}}})
		}
		s := simulate(t, net, "server_max_outbound_connections = 3\nbinding \"b1\" {\n}\nserver_reserve_outbound_connections = 0\n")
		seen := s.watched()
		s.start()
		defer s.stop()
		for i := range sharedStates {
			if i%3 == 2 {
				s.suspendedBinding(seen, i)
			} else {
				s.allConnectionsTaken(seen, i)
			}
		}
	})
}

// allConnectionsTaken: three slow lanes have the connections, so that the fourth
// gets the first that ends.
func (s *simulation) allConnectionsTaken(seen *watch, i int) {
	s.t.Helper()
	for k := range 3 {
		s.inject(letter{binding: "default", recipients: []string{fmt.Sprintf("r@q%d.test", 4*i+k)}})
	}
	s.pass(time.Duration(1+s.net.Draw(10_000, "wait", i)) * time.Millisecond)
	domain := fmt.Sprintf("q%d.test", 4*i+3)
	s.inject(letter{binding: "default", recipients: []string{"r@" + domain}})
	synctest.Wait()
	e := whyOf(s, domain).Lanes[0]
	if len(e.Reasons) != 1 || e.Next != nil || !slices.Contains(e.Reasons[0].Settings, setting{"Server_Max_Outbound_Connections", "3", "mtad.conf:8"}) {
		s.t.Errorf("%s: next %v, %+v", domain, e.Next, e.Reasons)
	}
	s.pass(2 * time.Hour)
	at := next(seen.attempts[domain], e.now)
	ended := func(k int) bool { // QUIT is given 5 s
		d := at.Sub(next(seen.ends[fmt.Sprintf("q%d.test", 4*i+k)], e.now))
		return d >= 0 && d <= 5*time.Second+slack
	}
	if !ended(0) && !ended(1) && !ended(2) {
		s.t.Errorf("%s: an attempt at %s, asked at %s; ends %v", domain, at, e.now, seen.ends)
	}
}

// suspendedBinding: all of a binding's lanes go on when it does.
func (s *simulation) suspendedBinding(seen *watch, i int) {
	s.t.Helper()
	if err := s.queue.Suspend(queue.Hold{Lane: queue.Lane{Binding: "b1"}}, time.Duration(60+s.net.Draw(4000, "hold", i))*time.Second); err != nil {
		s.t.Fatal(err)
	}
	for k := range 2 {
		s.inject(letter{binding: "b1", recipients: []string{fmt.Sprintf("r@q%d.test", 4*i+k)}})
	}
	s.pass(time.Duration(s.net.Draw(50, "wait", i)) * time.Second)
	a := whyOf(s, "b1")
	if len(a.Lanes) != 2 {
		s.t.Fatalf("%d lanes", len(a.Lanes))
	}
	s.pass(2 * time.Hour)
	for _, e := range a.Lanes {
		if len(e.Reasons) == 0 || e.Reasons[0].Gate != "suspension" || e.Reasons[0].Settings[0].Where != "console" || e.Next == nil {
			s.t.Errorf("%s: %+v", e.Domain, e.Reasons)
		} else if at := next(seen.attempts[e.Domain], e.now); !near(at, *e.Next) {
			s.t.Errorf("%s: an attempt at %s, foretold for %s", e.Domain, at, e.Next)
		}
	}
}
