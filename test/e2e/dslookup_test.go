package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mtad/mtad/test/mtatest"
)

// lookups is how many a console command does; a Lua call may not run for long.
const lookups = 1000

// lookup asks for the same row again and again, at the console's word.
func lookup() mtatest.Script {
	return script("lookup", fmt.Sprintf(`
require("msys.db");
msys.registerControl("lookup", function()
  for i = 1, %d do
    local row = msys.db.fetch_row("numbers", "SELECT ? AS n", { 7 });
    if tostring(row.n) ~= "7" then error("wrong row") end
  end
  print("done");
end)
function mod:validate_connect(ac, vctx) return msys.core.VALIDATE_CONT end
`, lookups))
}

// BenchmarkCachedLookup measures what a lookup in a datasource's cache costs: from
// Lua to the core, to the datasource module, and back; in processor time of all
// processes (cpu-us/lookup). At a time is how many scripts ask at once; with the
// datasource in the core there is one hop less.
func BenchmarkCachedLookup(b *testing.B) {
	for _, isolation := range []string{"process", "core"} {
		s := mtatest.Start(b, mtatest.Config{Scripts: []mtatest.Script{lookup()},
			Global: fmt.Sprintf("datasource \"numbers\" {\n uri = [\"sqlite::memory:\"]\n isolation = %q\n}\n", isolation)})
		for _, askers := range []int{1, 20} {
			b.Run(fmt.Sprintf("%s/%d", isolation, askers), func(b *testing.B) { cachedLookup(b, s, askers) })
		}
	}
}

func cachedLookup(b *testing.B, s *mtatest.Server, askers int) {
	round := func() {
		var wg sync.WaitGroup
		for range askers {
			wg.Go(func() {
				if out, exit := s.Console("lookup"); exit != 0 || out != "done\n" {
					b.Errorf("exit %d, %q", exit, out)
				}
			})
		}
		wg.Wait()
	}
	round()
	before, done := processorTime(s), 0
	for b.Loop() {
		round()
		done += askers * lookups
	}
	b.ReportMetric(float64((processorTime(s)-before).Microseconds())/float64(done), "cpu-us/lookup")
}

// processorTime is the time that all of the server's processes have had.
func processorTime(s *mtatest.Server) (sum time.Duration) {
	for _, p := range s.Processes() {
		sum += p.CPU
	}
	return sum
}
