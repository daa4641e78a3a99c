package sdk

// Hook names one point in a message's way at which modules are asked. Its
// number crosses the process boundary and never changes meaning; new hooks are
// added at the end.
type Hook uint8

// The hooks, in the order a message meets them (reference/lua-api.tsv, kind
// "hook"). HookNone is no hook.
const (
	HookNone Hook = iota
	CoreValidateAccept
	ValidateConnect
	CoreValidateConnect
	ValidateEHLO
	CoreValidateAuth
	ValidateMailFrom
	ValidateRcptTo
	ValidateRcptToList
	ValidateRcptToListFinal
	ValidateData
	ValidateDataSpool
	CorePreMsgEachRcpt
	ValidateDataSpoolEachRcpt
	CoreValidateDataSpoolEachRcpt
	CorePostMsgEachRcpt
	MsgGenDataSpool
	ValidateSetBinding
	CorePostValidateSetBinding
	CoreFinalValidation2
	CoreFinalValidation
	CorePostFinalValidation
	CoreLogReception
	CoreLogDelivery
	CoreLogTransientFailure
	CoreLogPermanentFailure
	CoreLogRejection
	ValidateDealloc
	CorePreEsmtpAuth
	hookEnd
)

// HookCount is the number of hooks including HookNone; a table indexed by Hook
// has this length.
const HookCount = int(hookEnd)

// Args says which arguments a callout for the hook gets, in order.
type Args uint8

// The argument lists of the documented callouts.
const (
	ArgsNone         Args = iota // ()
	ArgsAcVctx                   // (ac, vctx)
	ArgsStrAcVctx                // (str, ac, vctx)
	ArgsMsgStrAcVctx             // (msg, str, ac, vctx)
	ArgsListVctx                 // (list_node, vctx)
	ArgsMsgAcVctx                // (msg, ac, vctx)
	ArgsMsg                      // (msg)
	ArgsMsgAc                    // (msg, ac)
	ArgsVctxAuth                 // (vctx, auth_info, auth_status)
	ArgsAcMsgNow                 // (ac, msg, now, note, note_len)
	ArgsMsgRecordNow             // (msg, dr, now, note, note_len)
	ArgsRejection                // (now, ac, ctx, phase, text)
	ArgsAcMcVctx                 // (ac, mc, vctx)
)

// Target is what a hook looks at, and with it what the changes of its callout
// apply to when they name no other target.
type Target uint8

// The three targets.
const (
	TargetConn Target = iota // the connection
	TargetTxn                // the transaction: the message before the split
	TargetCopy               // one recipient's copy, after the split
)

// HookInfo is a row of the hook table.
type HookInfo struct {
	Hook    Hook
	Name    string // the key in a registered Lua table, and the name in logs
	Args    Args
	Target  Target
	Void    bool // the callout's return value means nothing
	Again   bool // VALIDATE_AGAIN is allowed
	Waiting bool // an SMTP client waits for the outcome
	PreData bool // before DATA: an error answers 421 and closes, else 451
}

// Hooks is the one table of hooks, in order. Hooks[h].Hook == h for every h.
var Hooks = [HookCount]HookInfo{
	{Hook: HookNone, Name: "none", Void: true},
	{CoreValidateAccept, "core_validate_accept", ArgsAcVctx, TargetConn, false, true, true, true},
	{ValidateConnect, "validate_connect", ArgsAcVctx, TargetConn, false, true, true, true},
	{CoreValidateConnect, "core_validate_connect", ArgsAcVctx, TargetConn, true, false, true, true},
	{ValidateEHLO, "validate_ehlo", ArgsStrAcVctx, TargetConn, false, true, true, true},
	{CoreValidateAuth, "core_validate_auth", ArgsVctxAuth, TargetConn, false, true, true, true},
	{ValidateMailFrom, "validate_mailfrom", ArgsStrAcVctx, TargetTxn, false, true, true, true},
	{ValidateRcptTo, "validate_rcptto", ArgsMsgStrAcVctx, TargetTxn, false, true, true, true},
	{ValidateRcptToList, "validate_rcptto_list", ArgsListVctx, TargetTxn, false, true, true, true},
	{ValidateRcptToListFinal, "validate_rcptto_list_final", ArgsListVctx, TargetTxn, false, true, true, true},
	{ValidateData, "validate_data", ArgsMsgAcVctx, TargetTxn, false, true, true, false},
	{ValidateDataSpool, "validate_data_spool", ArgsMsgAcVctx, TargetTxn, false, true, true, false},
	{CorePreMsgEachRcpt, "core_pre_msg_each_rcpt", ArgsMsgAc, TargetCopy, true, false, true, false},
	{ValidateDataSpoolEachRcpt, "validate_data_spool_each_rcpt", ArgsMsgAcVctx, TargetCopy, false, true, true, false},
	{CoreValidateDataSpoolEachRcpt, "core_validate_data_spool_each_rcpt", ArgsMsgAcVctx, TargetCopy, true, false, true, false},
	{CorePostMsgEachRcpt, "core_post_msg_each_rcpt", ArgsMsgAcVctx, TargetCopy, true, false, true, false},
	{MsgGenDataSpool, "msg_gen_data_spool", ArgsMsg, TargetTxn, false, true, false, false},
	{ValidateSetBinding, "validate_set_binding", ArgsMsg, TargetCopy, false, false, true, false},
	{CorePostValidateSetBinding, "core_post_validate_set_binding", ArgsMsg, TargetCopy, true, false, true, false},
	{CoreFinalValidation2, "core_final_validation2", ArgsMsgAcVctx, TargetCopy, false, false, true, false},
	{CoreFinalValidation, "core_final_validation", ArgsMsgAcVctx, TargetCopy, true, false, true, false},
	{CorePostFinalValidation, "core_post_final_validation", ArgsMsgAcVctx, TargetCopy, true, false, true, false},
	{CoreLogReception, "core_log_reception_v1", ArgsAcMsgNow, TargetCopy, true, false, false, false},
	{CoreLogDelivery, "core_log_delivery_v1", ArgsMsgRecordNow, TargetCopy, true, false, false, false},
	{CoreLogTransientFailure, "core_log_transient_failure_v1", ArgsMsgRecordNow, TargetCopy, true, false, false, false},
	{CoreLogPermanentFailure, "core_log_permanent_failure_v1", ArgsMsgRecordNow, TargetCopy, true, false, false, false},
	{CoreLogRejection, "core_log_rejection", ArgsRejection, TargetConn, true, false, false, false},
	{ValidateDealloc, "validate_dealloc", ArgsNone, TargetConn, true, false, false, false},
	{CorePreEsmtpAuth, "core_pre_esmtp_auth", ArgsAcMcVctx, TargetConn, false, false, true, true},
}

// String is the hook's name.
func (h Hook) String() string {
	if int(h) < HookCount {
		return Hooks[h].Name
	}
	return "unknown"
}

// Info is the hook's row of the table.
func (h Hook) Info() HookInfo {
	if int(h) < HookCount {
		return Hooks[h]
	}
	return Hooks[HookNone]
}

// HookByName finds a hook by its name; HookNone if there is none.
func HookByName(name string) Hook {
	for _, info := range Hooks[1:] {
		if info.Name == name {
			return info.Hook
		}
	}
	return hookByAlias(name)
}

// HookSet is a set of hooks.
type HookSet uint64

// Add puts h into the set.
func (s *HookSet) Add(h Hook) { *s |= 1 << h }

// Has reports whether h is in the set.
func (s HookSet) Has(h Hook) bool { return s&(1<<h) != 0 }

// List gives the hooks of the set in table order.
func (s HookSet) List() []Hook {
	var out []Hook
	for _, info := range Hooks[1:] {
		if s.Has(info.Hook) {
			out = append(out, info.Hook)
		}
	}
	return out
}
