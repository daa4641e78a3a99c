package repo

import "fmt"

// Health counts what a server did since it started.
type Health struct {
	Accepted     int64 // messages
	Temporary    int64 // replies 4xx to commands and messages
	Permanent    int64 // replies 5xx
	ScriptErrors int64
}

// minus is what came since an earlier count.
func (h Health) minus(before Health) Health {
	return Health{h.Accepted - before.Accepted, h.Temporary - before.Temporary, h.Permanent - before.Permanent, h.ScriptErrors - before.ScriptErrors}
}

// events is what the rates refer to.
func (h Health) events() int64 { return max(h.Accepted+h.Temporary+h.Permanent, h.ScriptErrors) }

// What counts as a jump: so many, so much more often than before.
const (
	leastErrors   = 5
	errorShare    = 0.05
	errorFactor   = 3
	leastReplies  = 20
	replyIncrease = 0.25
	replyFactor   = 2
)

// Jump compares what happened under a new revision with what happened before it,
// and says what has become worse; "" is nothing. Script errors count from the
// fifth, refusals from the twentieth, and those only where there was mail before,
// as some servers refuse most of what they get.
func Jump(before, after Health) string {
	share := func(n, of int64) float64 { return float64(n) / float64(max(of, 1)) }
	was, is := share(before.ScriptErrors, before.events()), share(after.ScriptErrors, after.events())
	if after.ScriptErrors >= leastErrors && is >= errorShare && is >= errorFactor*was {
		return fmt.Sprintf("%d script errors in %d events, before it %d in %d", after.ScriptErrors, after.events(), before.ScriptErrors, before.events())
	}
	for _, kind := range []struct {
		name       string
		was, isNow int64
	}{{"4xx", before.Temporary, after.Temporary}, {"5xx", before.Permanent, after.Permanent}} {
		was, is := share(kind.was, before.events()), share(kind.isNow, after.events())
		if before.events() >= leastReplies && kind.isNow >= leastReplies && is >= was+replyIncrease && is >= replyFactor*was {
			return fmt.Sprintf("%d replies %s in %d events, before it %d in %d", kind.isNow, kind.name, after.events(), kind.was, before.events())
		}
	}
	return ""
}
