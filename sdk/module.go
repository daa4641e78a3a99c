package sdk

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/mtad/mtad/sdk/option"
)

// ErrModuleGone is what a call gets that was under way when its module died, or
// that needs a session state which died with it. The client sees a temporary
// failure; nothing is repeated.
var ErrModuleGone = errors.New("module is gone")

// ErrNotSupported is returned by the powers a module does not have.
var ErrNotSupported = errors.New("not supported by this module")

// Module is what every module is. The core calls it through core/modules: from
// another process over sdk/rpc, or directly where isolation is "core".
//
// Prepare, Commit, Abort and Retire are called one at a time. Call may be
// called concurrently, for many sessions, but never twice at once for the same
// session.
type Module interface {
	// Info describes the module; it must not depend on configuration.
	Info() Info
	// Prepare builds generation c.Generation beside the running one and
	// reports everything that is wrong with it. Nothing that anyone sees may
	// change. The error is a *PrepareError where positions are known.
	Prepare(ctx context.Context, host Host, c Config) (Subscription, error)
	// Commit makes a prepared generation the current one. It cannot fail.
	Commit(generation uint64)
	// Abort drops a prepared generation; init's effects are undone (deinit).
	Abort(generation uint64)
	// Retire drops a committed generation after its last transaction.
	Retire(generation uint64)
	// Call runs phases. An error is a failure of the module itself; a policy
	// that fails answers with PhaseResult.Failed.
	Call(ctx context.Context, c *Call) (*Answer, error)
	// SessionsEnded tells of sessions whose context is gone. One way, batched.
	SessionsEnded(ends []SessionEnd)
	// Close ends the module: deinit of every generation, then release.
	Close() error
}

// Querier is the further power of a module that answers data queries.
type Querier interface {
	Query(ctx context.Context, q *Query) (*Rows, error)
}

// Controller is the further power of a module that adds console commands.
type Controller interface {
	// Control runs a console command; words[0] is the command. The text is
	// the whole reply.
	Control(ctx context.Context, words []string) (string, error)
}

// Info describes a module.
type Info struct {
	Name    string        // scope name in the configuration, lower case
	Version string        // of the module
	API     int           // APIVersion it was built with
	Schema  option.Schema // options of its scope
	Help    string        // one sentence for `module list`
	Powers  Powers        // which further interfaces it has
}

// APIVersion is the version of this contract.
const APIVersion = 1

// Powers is a set of further interfaces.
type Powers uint8

// The powers.
const (
	CanQuery Powers = 1 << iota
	CanControl
	CanAuthenticate
)

// Config is what a module prepares a generation from.
type Config struct {
	Generation    uint64
	CheckOnly     bool // `mtad check`: no I/O, no init unless RunInit
	RunInit       bool // run the scripts' init
	Hostname      string
	Scopes        []option.Scope // the module's scopes in file order; several for datasource
	Bindings      []string       // names a script may ask about; index is the slot
	BindingGroups []Group
	Datasources   []string
	Pools         []string // thread pools that the configuration defines, beside the predefined ones
}

// Group is a binding group and its members.
type Group struct {
	Name     string
	Bindings []string
}

// Subscription is what a module wants of a prepared generation.
type Subscription struct {
	Hooks    HookSet
	Controls []string // console command prefixes, e.g. "hello" or "my command"
	Warnings []Problem
	// AuthSchemes are the authentication schemes that it registered.
	AuthSchemes []string
	// AdaptiveRules are registrations of rules for adaptive delivery, in order:
	// each an AdaptiveRules in JSON.
	AdaptiveRules [][]byte
}

// AdaptiveRules is one registration of rules (msys.adaptive.registerRules).
type AdaptiveRules struct {
	Mode  string          `json:"mode"`  // as adaptive.ParseMode reads it
	Rules json.RawMessage `json:"rules"` // as adaptive.Parse reads them
}

// Severity says what a Problem among Subscription.Warnings means for `mtad
// check`. The generation runs all the same.
type Severity uint8

// The severities.
const (
	Fault   Severity = iota // surely not what was meant: the check fails
	Warning                 // may be meant
	Note                    // good to know
)

// Problem is something wrong, and where. Line 0 means no position is known.
type Problem struct {
	Severity     Severity
	File         string
	Line, Column int
	Text         string
	Snippet      string // the source line and a caret below it, or empty
}

// PrepareError is every reason why a generation cannot be. Headline, if there
// is one, is the line the original would print, and comes first.
type PrepareError struct {
	Headline string
	Problems []Problem
}
