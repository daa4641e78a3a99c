package scan

import (
	"context"
	"fmt"
	"time"

	"github.com/mtad/mtad/sdk"
)

// Counters is the part of sdk.Host that counts, for modules in whichever process.
type Counters interface {
	Counter(ctx context.Context, op sdk.CounterOp) (int64, error)
}

// Unit is what a scan looked at.
type Unit string

// The units.
const (
	Messages Unit = "messages"
	Parts    Unit = "parts"
)

const (
	countPath = "/antivirus/" + EngineClamAV + "/"
	viruses   = "viruses"
	micros    = "_us" // behind a Unit: microseconds of all its scans
)

// Count counts a scan of clamav that gave a verdict.
func Count(ctx context.Context, c Counters, u Unit, v Verdict, took time.Duration) {
	add := func(name string, n int64) {
		// A figure that is lost is no reason to refuse mail.
		_, _ = c.Counter(ctx, sdk.CounterOp{Kind: sdk.CounterAdd, Path: countPath + name, Delta: n, Relaxed: true})
	}
	add(string(u), 1)
	add(string(u)+micros, took.Microseconds())
	if v.Status == Infected {
		add(viruses, 1)
	}
}

// Stats are the figures of clamav as the console shows them (reference/console.tsv,
// antivirus:<i> stats).
func Stats(ctx context.Context, c Counters) (string, error) {
	var err error
	read := func(name string) int64 {
		n, failure := c.Counter(ctx, sdk.CounterOp{Kind: sdk.CounterRead, Path: countPath + name})
		if failure != nil {
			err = failure
		}
		return n
	}
	mean := func(u Unit) string {
		n := read(string(u))
		if n == 0 {
			return "nanms"
		}
		return fmt.Sprintf("%.3fms", float64(read(string(u)+micros))/float64(n)/1000)
	}
	text := fmt.Sprintf("%s\n  Messages checked:   %d\n  MIME parts checked: %d\n  Viruses detected:   %d\n  Viruses cured:      0\n  Avg. time/message   %s\n  Avg. time/MIME part %s\n",
		EngineClamAV, read(string(Messages)), read(string(Parts)), read(viruses), mean(Messages), mean(Parts))
	return text, err
}
