package bounce

import (
	"context"
	"strconv"
	"time"

	"github.com/mtad/mtad/core/logs"
	classes "github.com/mtad/mtad/sdk/bounce"
)

// DelayOptions say when a sender hears of a delay (reference/modules.tsv,
// delay_dsn). They count where a delay_dsn scope is.
type DelayOptions struct {
	Generate bool          `opt:"generate_delay_dsn" default:"false" scopes:"binding,binding_group,domain,global" help:"Tell the sender of mail that is delayed; needs the scope delay_dsn."`
	First    time.Duration `opt:"delay_dsn_retry_interval" default:"3600" unit:"seconds" scopes:"binding,binding_group,domain,global" help:"Age of a message at its first notice; each further one comes after twice the time."`
	Longest  time.Duration `opt:"delay_dsn_max_retry_interval" default:"43200" unit:"seconds" scopes:"binding,binding_group,domain,global" help:"Longest time between two notices."`
}

// varDelays counts, in a message's context, the notices of delay it had.
const varDelays = "delay_dsn_sent"

// due is how many notices a message of an age should have had.
func (o *DelayOptions) due(age time.Duration) int {
	if o.First <= 0 {
		return 0
	}
	n, wait := 0, o.First
	for age >= wait && n < 1000 {
		age -= wait
		n++
		if wait *= 2; o.Longest > 0 && wait > o.Longest {
			wait = max(o.Longest, o.First)
		}
	}
	return n
}

// Delay tells the sender of a delay where one is due, and notes it in the
// message's context. Notices that were missed because nothing was tried are one.
func (g *Generator) Delay(ctx context.Context, a *logs.Attempt, o *DelayOptions) error {
	if !o.Generate {
		return nil
	}
	sent, _ := a.Message.Context.Get(varDelays)
	had, _ := strconv.Atoi(sent)
	due := o.due(a.Now.Sub(a.Message.Received))
	if due <= had {
		return nil
	}
	a.Message.Context.Set(varDelays, strconv.Itoa(due))
	return g.Tell(ctx, a, classes.Delayed)
}
