package sdk

import "github.com/mtad/mtad/sdk/smtp"

// Verdict is what a module says at the end of a phase (reference/lua-api.tsv,
// VALIDATE_*).
type Verdict uint8

// The verdicts.
const (
	Continue Verdict = iota // VALIDATE_CONT: ask the next script and module
	Done                    // VALIDATE_DONE: skip the rest of this phase
	Again                   // VALIDATE_AGAIN: ask this module once more, later
)

// Phase is one hook to run. Copy is the index into State.Copies for hooks whose
// target is a copy.
type Phase struct {
	Hook Hook
	Copy int
	Line string // the protocol line: "EHLO x\r\n", "MAIL FROM:<a@b>", a log hook's note
	// Address is the sender of validate_mailfrom and the candidate of
	// validate_rcptto: several RCPTs may be phases of one call, and Enter puts
	// each one's address into the state before its phase.
	Address smtp.Address
	// Number is what the callout gets as a number: the state of core_log_rejection
	// (MC_STATE_*), the action of core_post_generate_rfc3464_message, the error of
	// core_log_client_connection_failure, 1 for bounces that are enabled.
	Number int64
	// Attempt is what core_log_delivery_v1 and the hooks of failures tell of; nil
	// elsewhere.
	Attempt *Attempt
}

// Call asks a module to run one or more consecutive phases on a snapshot. The
// module owns the State it is given.
type Call struct {
	Generation  uint64
	Transaction uint64 // counts within the session; 0 before MAIL FROM
	Phases      []Phase
	State       *State
	Reply       *smtp.Reply // the reply chosen so far for the first phase; nil: none
	SplitIDs    []string    // ids for Split, needed before the first phase of a copy; nil if already split
}

// PhaseResult is a module's answer for one phase. Changes are in the order they
// were made; Reply is the last set_code, nil if none.
type PhaseResult struct {
	Verdict Verdict
	Reply   *smtp.Reply
	Changes []Change
	Failed  bool         // the policy failed (error, limit): Reply says what the client gets
	Scripts []ScriptTime // the callouts that ran, in order; nil where the module keeps no time
}

// Answer is a module's answer to a call: one result for each phase that ran,
// in order. It is shorter than Call.Phases where a phase ended the run: by
// Again, a refusing reply, a failure or a changed recipient list.
type Answer struct {
	Results []PhaseResult
}

// SessionEnd says that a session's context is gone for one generation: the
// module runs validate_dealloc for it and forgets its self tables.
type SessionEnd struct {
	Session    uint64
	Generation uint64
}

// EndsRun reports whether a phase that was answered with r ends a run of phases
// in one call (the core decides what comes next).
func (r *PhaseResult) EndsRun() bool {
	if r.Verdict == Again || r.Failed || r.Reply.Refuses() {
		return true
	}
	for i := range r.Changes {
		switch r.Changes[i].Kind {
		case RecipientAdd, RecipientRemove, RecipientReplace, DisconnectSet, BindingGroupSet:
			return true
		}
	}
	return false
}
