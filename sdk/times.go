package sdk

import "time"

// ScriptTime is how long a callout of one script took in a phase, waits included,
// and whether it failed. The core makes metrics of it.
type ScriptTime struct {
	Script string // as it registered itself
	Took   time.Duration
	Failed bool
}
