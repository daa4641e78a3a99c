package e2e

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mtad/mtad/plugins/datasource/driver/drivertest"
	"github.com/mtad/mtad/test/mtatest"
)

// waiting has MAIL FROM wait as its local part says.
func waiting() mtatest.Script {
	return script("waiting", `
require("msys.db");
function mod:validate_ehlo(str, ac, vctx) self.greeted = 1; return msys.core.VALIDATE_CONT; end
function mod:validate_mailfrom(str, ac, vctx)
  local how, n = tostring(str):match("<(%a+)(%d*)@");
  if how == "dns" then
    local got, err = msys.dnsLookup("n" .. n .. ".slow.test", "A");
    if not got or got[1] ~= "192.0.2.1" then vctx:set_code(550, tostring(err)); end
  elseif how == "sleep" then
    msys.sleep(2);
  elseif how == "db" then
    local row = msys.db.fetch_row("pg", "SELECT 1 AS one, pg_sleep(2) FROM (SELECT $1::text) q", { n });
    if not row or tostring(row.one) ~= "1" then vctx:set_code(550, "no row"); end
  end
  return msys.core.VALIDATE_CONT;
end
`)
}

// crowd is many sessions that have said EHLO.
type crowd []*mtatest.Conn

func gather(t *testing.T, s *mtatest.Server, n int) crowd {
	t.Helper()
	all := make(crowd, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() {
			c, err := mtatest.Dial(s.SMTP)
			if err == nil {
				err = c.Hello()
			}
			all[i], errs[i] = c, err
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { all[i].Close() })
	}
	return all
}

// wait sends a MAIL of each session at once, calls meanwhile, and gives how
// long it took until all were answered with 250.
func (all crowd) wait(t *testing.T, how string, meanwhile func()) time.Duration {
	t.Helper()
	began := time.Now()
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, c := range all {
		wg.Go(func() { errs[i] = c.Want(250, fmt.Sprintf("MAIL FROM:<%s%d@example.org>", how, i)) })
	}
	meanwhile()
	wg.Wait()
	took := time.Since(began)
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range all {
		if err := c.Want(250, "RSET"); err != nil {
			t.Fatal(err)
		}
	}
	return took
}

// latency measures hooks of one session for a while.
func latency(t *testing.T, s *mtatest.Server, during time.Duration) (median, worst time.Duration) {
	t.Helper()
	c := open(t, s)
	defer c.Close()
	var took []time.Duration
	for end := time.Now().Add(during); time.Now().Before(end); {
		began := time.Now()
		say(t, c, "MAIL FROM:<quick@example.org>", "250")
		took = append(took, time.Since(began))
		say(t, c, "RSET", "250")
		<-time.After(5 * time.Millisecond) // a pace, not a wait for something
	}
	slices.Sort(took)
	return took[len(took)/2], took[len(took)-1]
}

// thousand is how many sessions wait at once, goal what memory they may take, in
// MiB. What the garbage collector leaves lying around differs from run to run,
// so the best of a few servers counts.
const (
	thousand = 1000
	goal     = 20
	servers  = 4
)

// use is the memory of processes, in MiB.
type use map[string]float64

func memory(s *mtatest.Server) use {
	out := use{}
	for name, bytes := range s.Memory() {
		out[name] = float64(bytes) / (1 << 20)
	}
	return out
}

// sum is that of the core and the scriptlet module: the others have no part.
func (u use) sum() float64 { return u["core"] + u["scriptlet"] }

func (u use) worse(v use) use {
	if v.sum() > u.sum() {
		return v
	}
	return u
}

// String is for messages.
func (u use) String() string {
	return fmt.Sprintf("core %.1f scriptlet %.1f", u["core"], u["scriptlet"])
}

// TestSuspension: a thousand sessions that wait two seconds each, in a DNS
// lookup or in msys.sleep, wait together: the time is one wait's, the memory
// little, and other sessions go on.
func TestSuspension(t *testing.T) {
	dns := mtatest.NewDNS(t, mtatest.Zone{
		Text: "*.slow.test. 0 IN A 192.0.2.1", Delay: map[string]time.Duration{".slow.test.": 2 * time.Second},
	})
	for _, how := range []string{"dns", "sleep"} {
		t.Run(how, func(t *testing.T) {
			least := math.Inf(1)
			for n := 0; n < servers && least > goal; n++ {
				t.Run("", func(t *testing.T) { least = min(least, waitTogether(t, dns, how)) })
				if mtatest.Race { // ten times the CPU and memory
					return
				}
			}
			if least > goal {
				t.Errorf("at least %.1f MiB more than idle, goal %d", least, goal)
			}
		})
	}
}

// waitTogether gives the memory, in MiB, that a thousand sessions of a new
// server need for waiting.
func waitTogether(t *testing.T, dns *mtatest.DNS, how string) float64 {
	t.Helper()
	s := mtatest.Start(t, mtatest.Config{DNS: dns, Global: "dns_udp_rcvbuf_size = 4194304", Scripts: []mtatest.Script{waiting()}})
	// What a first call costs once, code pages and pools, is not the crowd's.
	gather(t, s, 10).wait(t, "sleep", func() { latency(t, s, time.Second) })
	all := gather(t, s, thousand)
	idle := memory(s)
	grown := wave(t, s, all, how) - idle.sum()
	t.Logf("memory %.1f MiB above idle (%s)", grown, idle)
	return grown
}

// wave makes all wait once, checks the time it takes them and others, and gives
// the most memory that was seen meanwhile, in MiB.
func wave(t *testing.T, s *mtatest.Server, all crowd, how string) float64 {
	t.Helper()
	most := use{}
	var median, worst time.Duration
	took := all.wait(t, how, func() {
		var wg sync.WaitGroup
		wg.Go(func() { median, worst = latency(t, s, 1500*time.Millisecond) })
		for range 15 {
			<-time.After(100 * time.Millisecond) // samples, spread over the wait
			most = most.worse(memory(s))
		}
		wg.Wait()
	})
	t.Logf("%d sessions took %.2f s; memory at most %s; others' hooks median %s, worst %s", thousand, took.Seconds(), most, median, worst)
	if took < 2*time.Second {
		t.Errorf("they did not wait: %s", took)
	}
	if mtatest.Race {
		return most.sum()
	}
	if took > 4*time.Second {
		t.Errorf("%d sessions that wait 2 s took %s", thousand, took)
	}
	if median > 50*time.Millisecond {
		t.Errorf("other sessions' hooks take %s", median)
	}
	return most.sum()
}

// TestSuspensionInADatabase: the same with a query, as many as the datasource
// has connections.
func TestSuspensionInADatabase(t *testing.T) {
	uri := drivertest.Postgres(t)
	s := mtatest.Start(t, mtatest.Config{
		Global: fmt.Sprintf("datasource \"pg\" { uri = [%q] }", uri), Scripts: []mtatest.Script{waiting()},
	})
	const sessions = 50
	var median, worst time.Duration
	all := gather(t, s, sessions)
	took := all.wait(t, "db", func() { median, worst = latency(t, s, 1500*time.Millisecond) })
	t.Logf("%d queries of 2 s took %.2f s; others' hooks median %s, worst %s", sessions, took.Seconds(), median, worst)
	if took < 2*time.Second || took > 10*time.Second {
		t.Errorf("%d queries of 2 s took %s: they should wait together", sessions, took)
	}
}

// TestRunawayScript: a script that spins delays others little, is stopped by
// its budget, and the paniclog says which script, where and which limit.
func TestRunawayScript(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Scripts: []mtatest.Script{script("spin", `
local function forever() while true do end end
function mod:validate_mailfrom(str, ac, vctx)
  local how = tostring(str):match("<(%w+)");
  if how == "loop" then forever(); end
  if how == "find" then string.find(string.rep("a", 60), string.rep("a?", 60) .. string.rep("a", 61)); end
  if how == "recurse" then local function f() return 1 + f(); end f(); end
  if how == "memory" then local t = {}; for i = 1, 1e9 do t[i] = { i, i, i }; end end
  if how == "pcall" then while true do pcall(forever); end end
  return msys.core.VALIDATE_CONT;
end
function mod:validate_data(msg, ac, vctx)
  if msg:mailfrom():match("^late") then forever(); end
  return msys.core.VALIDATE_CONT;
end
`)}})
	for how, limit := range map[string]string{
		"loop": "limit of 250 ms", "find": "limit of 250 ms", "pcall": "limit of 250 ms", "memory": "limit", "recurse": "overflow",
	} {
		t.Run(how, func(t *testing.T) {
			before := len(mtatest.Panics(s.Log("paniclog.ec")))
			s.Play(t, "S: 220\nC: EHLO a\nS: 250\nC: MAIL FROM:<"+how+"@example.org>\nS: 421 4\\.3\\.0\nCLOSED")
			s.In(t).Eventually("the reason in the paniclog", func() string {
				for _, p := range mtatest.Panics(s.Log("paniclog.ec"))[before:] {
					if strings.Contains(p.Text, "spin.lua:") && strings.Contains(p.Text, limit) {
						return ""
					}
				}
				return "no entry names spin.lua, a line and " + limit
			})
		})
	}
	t.Run("after DATA", func(t *testing.T) {
		err := s.Submit("late@example.org", content, "b@example.com")
		if err == nil || !strings.Contains(err.Error(), "451 4.3.0") {
			t.Errorf("the client sees %v", err)
		}
	})
	t.Run("others", func(t *testing.T) {
		c := open(t, s)
		if err := c.Send("MAIL FROM:<loop@example.org>"); err != nil {
			t.Fatal(err)
		}
		median, worst := latency(t, s, 200*time.Millisecond)
		t.Logf("beside a spinning script hooks take %s, at worst %s", median, worst)
		if median > 100*time.Millisecond {
			t.Errorf("median %s", median)
		}
		if r, err := c.Reply(); err != nil || r.Code != 421 {
			t.Errorf("the spinning session sees %q, %v", r, err)
		}
	})
}
