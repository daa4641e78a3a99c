package scriptlet

import (
	"fmt"
	"strings"
)

// The console's command for the Lua threads, by both of the names that the
// original's change logs call it.
const (
	cmdThreads     = "scriptlet threads stats"
	cmdThreadsToo  = "scriptlet thread stats"
	threadStatsRow = "%-12s %10v %10v %10v\n"
)

// threadCounts is how an interpreter came by its Lua threads: those of calls
// and those of coroutines. Its lock guards them.
type threadCounts struct{ created, reused int64 }

// threadStats is a row for each interpreter of the generation.
func (g *generation) threadStats() string {
	var b strings.Builder
	fmt.Fprintf(&b, threadStatsRow, "INTERPRETER", "CREATED", "REUSED", "SPARE")
	for _, in := range g.interpreters {
		counts, spare := in.countThreads()
		fmt.Fprintf(&b, threadStatsRow, fmt.Sprint(in.index+1), counts.created, counts.reused, spare)
	}
	return b.String()
}

// countThreads reads the counts. A script that spins hands the lock over when
// somebody waits for it.
func (in *interpreter) countThreads() (counts threadCounts, spare int) {
	in.waiters.Add(1)
	in.mu.Lock()
	in.waiters.Add(-1)
	defer in.mu.Unlock()
	return in.counts, len(in.idle)
}
