package sdk

import "context"

// Heartbeater is the further power of a module whose life is more than that of
// its process. The core asks once a second; a module that has not answered for
// five seconds is killed and started again. So Heartbeat takes what a hook needs
// to run at all (the scriptlet: the Lua lock of every interpreter) and gives it
// back at once. A module without it is alive as long as its transport answers.
type Heartbeater interface {
	Heartbeat(ctx context.Context) error
}
