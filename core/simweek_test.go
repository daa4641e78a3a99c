package core

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/test/simnet"
)

// workload is mail that comes in evenly over a time, and the world it goes to.
type workload struct {
	seed     uint64
	messages int
	domains  int
	during   time.Duration
	limited  bool // with simLimits
}

// The limits of the simulated server.
const (
	simServerMax = 60
	simLaneMax   = 6
	simExpiry    = 8 * time.Hour
	// What d0.test and d1.test may get: so many recipients a minute, and so
	// many connections.
	simRate, simConnects = 4, 2
)

const simConfig = `
message_expiration = %d
tls = "ifavailable"
binding "b1" { bind_address = "192.0.2.1" }
binding "b2" { bind_address = "192.0.2.2" }
`

// simLimits are what one message meets because of others.
const simLimits = `
server_max_outbound_connections = %d
max_outbound_connections = %d
binding "b3" {
  bind_address = "192.0.2.3"
  max_recipients_per_batch = 3
  max_deliveries_per_connection = 5
}
domain "d0.test" {
  outbound_throttle_messages = "%d/60"
}
domain "d28.test" {
  outbound_throttle_connections = "%d/60"
  max_recipients_per_batch = 1
  idle_timeout = 1
}
`

// run plays a workload to its end and gives its log.
func (w *workload) run(t *testing.T) []string {
	t.Helper()
	net := simnet.New(w.seed)
	domains := net.World(w.domains)
	net.Host(&simnet.Host{Name: "mx.senders.test", Addr: simnet.Address(1 << 20), Domain: "senders.test", Latency: 3 * time.Millisecond})
	net.Name("senders.test", &simnet.Zone{MX: []simnet.MX{{Preference: 1, Host: "mx.senders.test"}}})
	net.Host(&simnet.Host{Name: "d28.test", Addr: simnet.Address(1<<20 + 1), Domain: "d28.test", Latency: 3 * time.Millisecond})
	config := fmt.Sprintf(simConfig, int(simExpiry.Seconds()))
	if w.limited {
		config += fmt.Sprintf(simLimits, simServerMax, simLaneMax, simRate, simConnects) + "server_reserve_outbound_connections = 0\n"
	} else {
		config += putNothingOff
	}
	s := simulate(t, net, config)
	s.start()
	time.AfterFunc(w.during/4, func() { s.orders(queue.Lane{Domain: "d1.test"}, w.during/4) })
	time.AfterFunc(w.during/3, func() { s.orders(queue.Lane{Binding: "b2"}, w.during/12) })
	w.inject(s, domains)
	s.pass(simExpiry + time.Hour) // and what bounces
	s.pass(simExpiry)
	s.nothingLeft()
	s.endsOnce()
	if w.limited {
		s.limits()
	}
	s.stop()
	return s.history()
}

// orders has an operator suspend lanes.
func (s *simulation) orders(lane queue.Lane, d time.Duration) {
	if err := s.queue.Suspend(queue.Hold{Lane: lane}, d); err != nil {
		s.t.Error(err)
	}
}

// inject queues the mail, each at a moment of its own. One domain in five gets
// most of it.
func (w *workload) inject(s *simulation, domains []simnet.Domain) {
	bindings := []string{"default", "b1", "b2"}
	if w.limited {
		bindings = append(bindings, "b3")
	}
	for i := 0; i < w.messages; {
		l := letter{sender: fmt.Sprintf("s%d@senders.test", i), binding: bindings[s.net.Draw(len(bindings), "binding", i)], priority: uint8(s.net.Draw(10, "priority", i) / 9)}
		among := len(domains)
		if s.net.Draw(5, "large", i) > 0 {
			among = max(29, among/5)
		}
		d := domains[s.net.Draw(among, "domain", i)]
		recipients := 1
		if w.limited { // which of several comes first into its queue is free
			recipients += max(0, s.net.Draw(12, "recipients", i)-8)
		}
		for range recipients {
			l.recipients = append(l.recipients, fmt.Sprintf("r%d@%s", i, d.Name))
			i++
		}
		s.inject(l)
		step := w.during * time.Duration(len(l.recipients)) / time.Duration(w.messages)
		<-time.After(step + time.Duration(s.net.Draw(1e6, "moment", i)))
	}
}

// nothingLeft: no mail, no connection and no lane remains.
func (s *simulation) nothingLeft() {
	s.t.Helper()
	active, delayed, damaged, connections := s.queue.Totals()
	if active+delayed+damaged+connections > 0 {
		s.t.Errorf("left: %d active, %d delayed, %d damaged, %d connections", active, delayed, damaged, connections)
	}
	if n := len(s.courier.Connections()) + s.net.All().Open; n > 0 {
		s.t.Errorf("%d connections are open", n)
	}
	spooled := 0
	if err := s.spool.Each(func(string, []byte) error { spooled++; return nil }); err != nil || spooled > 0 {
		s.t.Errorf("%d messages are in the spool, %v", spooled, err)
	}
}

// Fields of the mainlog (reference/logs.md).
const (
	fieldTime, fieldID, fieldKind, fieldDomain, fieldStage, fieldRetries = 0, 1, 4, 5, 9, 10
)

// fate is how a message went by the mainlog.
type fate struct {
	recipient          string
	taken, failed      int
	tries, unconfirmed int // unconfirmed: the reply to the final dot was lost
}

func (s *simulation) fates() map[string]*fate {
	all := map[string]*fate{}
	for _, r := range s.records() {
		f := all[r[fieldID]]
		if f == nil {
			f = &fate{}
			all[r[fieldID]] = f
		}
		switch r[fieldKind] {
		case "R":
			f.recipient = r[5] + "@" + r[6]
		case "D":
			f.taken++
		case "P":
			f.failed++
		case "T":
			f.tries++
			if r[fieldStage] == strconv.Itoa(int(logs.StageReadingConfirmation)) {
				f.unconfirmed++
			}
		}
	}
	return all
}

// endsOnce: each message has one end in the log, and the hosts took it as often
// as the log says, but for copies whose last reply was lost.
func (s *simulation) endsOnce() {
	s.t.Helper()
	to := map[string]*fate{} // bounces may have one recipient
	for id, f := range s.fates() {
		if f.taken+f.failed != 1 || f.recipient == "" {
			s.t.Errorf("%s for %s: %d deliveries, %d failures", id, f.recipient, f.taken, f.failed)
		}
		all := to[f.recipient]
		if all == nil {
			all = &fate{}
			to[f.recipient] = all
		}
		all.taken, all.failed, all.unconfirmed = all.taken+f.taken, all.failed+f.failed, all.unconfirmed+f.unconfirmed
	}
	delivered, failed, lost := 0, 0, 0
	for recipient, f := range to {
		at := s.net.Receipt(recipient)
		if at.Accepted-at.Lost != f.taken || at.Lost > f.unconfirmed {
			s.t.Errorf("%s: %d delivered, %d unconfirmed by the log; the hosts: %+v", recipient, f.taken, f.unconfirmed, at)
		}
		delivered, failed, lost = delivered+f.taken, failed+f.failed, lost+at.Lost
	}
	s.t.Logf("%d delivered, %d failed, %d taken without our knowing", delivered, failed, lost)
	if delivered == 0 || failed == 0 || lost == 0 {
		s.t.Error("the workload is not mixed")
	}
}

// limits: at no moment were there more connections, and in no minute more of
// what is limited, than the configuration allows.
func (s *simulation) limits() {
	s.t.Helper()
	if n := s.net.All().Most; n > simServerMax || n < simLaneMax {
		s.t.Errorf("%d connections at once, %d are allowed", n, simServerMax)
	}
	for name, l := range s.net.Lanes() {
		if l.Most > simLaneMax {
			s.t.Errorf("%s: %d connections at once, %d are allowed", name, l.Most, simLaneMax)
		}
	}
	var recipients, dialled, all []time.Time
	for name, l := range s.net.Lanes() {
		all = append(all, l.Dialled...)
		switch domain, _, _ := strings.Cut(name, " "); domain {
		case "d0.test":
			recipients = append(recipients, l.Recipients...)
		case "d28.test":
			dialled = append(dialled, l.Dialled...)
		}
	}
	s.herd(all)
	s.rate("d0.test: recipients", recipients, simRate)
	s.rate("d28.test: connections", dialled, simConnects)
}

// herd: also when a suspension ends, no second sees more connections begin than
// may be open at once.
func (s *simulation) herd(at []time.Time) {
	s.t.Helper()
	slices.SortFunc(at, time.Time.Compare)
	first, most := 0, 0
	for i := range at {
		for at[i].Sub(at[first]) >= time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	s.t.Logf("%d connections were tried, at most %d in a second", len(at), most)
	if most > simServerMax {
		s.t.Errorf("%d connections in a second", most)
	}
}

// rate: a limit of n a minute lets n through at once, and then one each 1/n
// minute; 5 s are for what the way takes.
func (s *simulation) rate(what string, at []time.Time, n int) {
	s.t.Helper()
	slices.SortFunc(at, time.Time.Compare)
	for i := 2*n + 1; i < len(at); i++ {
		if d := at[i].Sub(at[i-2*n-1]); d < time.Minute-5*time.Second {
			s.t.Errorf("%s: %d within %s at %s, the rate is %d a minute", what, 2*n+2, d, at[i].Sub(s.began), n)
			return
		}
	}
	if len(at) < 2*n {
		s.t.Errorf("%s: only %d", what, len(at))
	}
}

// history is the mainlog by recipient and time, without ids.
func (s *simulation) history() []string {
	recipients := map[string]string{}
	var out []string
	for _, r := range s.records() {
		if r[fieldKind] == "R" {
			recipients[r[fieldID]] = r[5] + "@" + r[6]
		}
		out = append(out, recipients[r[fieldID]]+" "+r[fieldTime]+" "+strings.Join(r[fieldKind:], "@"))
	}
	slices.Sort(out)
	return out
}

// TestSimulatedDay plays a day of mixed mail: every message ends once, and limits
// hold. MTAD_SIM_DAYS=7 makes it a week with 200,000 messages.
func TestSimulatedDay(t *testing.T) {
	w := workload{seed: 7, messages: 5000, domains: 150, during: 24 * time.Hour, limited: true}
	if n, err := strconv.Atoi(os.Getenv("MTAD_SIM_DAYS")); err == nil {
		w.messages, w.domains, w.during = n*200_000/7, 3000, time.Duration(n)*24*time.Hour
	}
	synctest.Test(t, func(t *testing.T) { w.run(t) })
}

// TestOneSeedOneLog: without limits that messages share, where whoever comes
// first decides, one seed gives one log but for ids and the order of a moment.
func TestOneSeedOneLog(t *testing.T) {
	w := workload{seed: 11, messages: 600, domains: 80, during: 12 * time.Hour}
	var first, second []string
	synctest.Test(t, func(t *testing.T) { first = w.run(t) })
	synctest.Test(t, func(t *testing.T) { second = w.run(t) })
	for i := range min(len(first), len(second)) {
		if first[i] != second[i] {
			t.Fatalf("one seed, two logs, from line %d of %d, %d on:\n%s\n%s", i, len(first), len(second), first[i], second[i])
		}
	}
	if len(first) != len(second) {
		t.Errorf("one seed, logs of %d and %d lines", len(first), len(second))
	}
}
