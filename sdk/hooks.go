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
	// What was added later, in the order a message meets them.
	CoreServerESMTPSessionAbort
	CoreGetReceivedHeaderText
	CorePostValidateDataSpoolEachRcpt
	CoreBindingGroupChooseBinding
	CoreConfigGetMessageRoutingDomain
	CoreECMessageEnqueue
	CoreLogAttempt
	CoreLogConnectionSuccess
	CoreLogConnectionFailure
	OutboundSMTPAuthConfig
	CorePreMailqMessageRequeue
	CoreGenerateBounces
	CorePostGenerateRFC3464Message
	CorePreEsmtpAuth // beside AUTH
	hookEnd
)

// HookCount is the number of hooks including HookNone; a table indexed by Hook
// has this length.
const HookCount = int(hookEnd)

// Args says which arguments a callout for the hook gets, in order.
type Args uint8

// The argument lists of the documented callouts.
const (
	ArgsNone          Args = iota // ()
	ArgsAcVctx                    // (ac, vctx)
	ArgsStrAcVctx                 // (str, ac, vctx)
	ArgsMsgStrAcVctx              // (msg, str, ac, vctx)
	ArgsListVctx                  // (list_node, vctx)
	ArgsMsgAcVctx                 // (msg, ac, vctx)
	ArgsMsg                       // (msg)
	ArgsMsgAc                     // (msg, ac)
	ArgsVctxAuth                  // (vctx, auth_info, auth_status)
	ArgsAcMsgNow                  // (ac, msg, now, note, note_len)
	ArgsMsgRecordNow              // (msg, dr, now, note, note_len)
	ArgsRejection                 // (now, ac, ctx, phase, format, args)
	ArgsAc                        // (ac)
	ArgsMsgNow                    // (msg, now)
	ArgsMsgGroup                  // (msg, binding_group)
	ArgsRouting                   // (cs, msg, buff): cs is nil, buff an ec_string to fill
	ArgsReceived                  // (msg, mc, ac, ctx, response): response is an ec_string to fill
	ArgsMsgEnabled                // (mess, enabled): enabled.value is read and written
	ArgsBounce                    // (orig, bounce, action)
	ArgsAddrRecord                // (addr, dr, binding_slot, now)
	ArgsAddrErrRecord             // (addr, err, dr, binding_slot, now)
	ArgsAcMcVctx                  // (ac, mc, vctx)
)

// Log reports the arguments of a log hook: all is decided when it runs, and
// nothing can be changed any more.
func (a Args) Log() bool {
	return a == ArgsAcMsgNow || a == ArgsMsgRecordNow || a == ArgsRejection
}

// Returns is what a callout's return value says where that is no VALIDATE_*. A
// module gives it as a change of its phase, and Done with it: nobody else is
// asked then.
type Returns uint8

// What callouts return.
const (
	ReturnsVerdict Returns = iota // VALIDATE_*; nothing where the hook is void
	ReturnsRefusal                // EC_HOOK_*: DONE refuses, RETRY refuses for now; the phase's Reply
	ReturnsBinding                // a binding's slot; a BindingSet. EC_BINDING_SLOT_UNBOUND is none
	ReturnsRouting                // other than 0: buff is the queue's domain; a RoutingDomainSet
	ReturnsText                   // other than 0: response counts; an AnswerSet with Value
	ReturnsEnqueue                // EC_MESSAGE_ENQUEUE_HOOK_*; an AnswerSet with Number
	ReturnsEnabled                // GENERATE_BOUNCES_HOOK_OK: enabled counts; an AnswerSet with Number 0 or 1
)

// The numbers of a ReturnsEnqueue, those of EC_MESSAGE_ENQUEUE_HOOK_*.
const (
	EnqueueGoOn  = 0
	EnqueueTaken = 1 // the hook has the message: it is not queued
	EnqueueError = 2 // it cannot be queued
)

// The bits of the error of core_log_client_connection_failure.
const (
	ConnErrorConnect = 1 << iota
	ConnErrorNetwork
	ConnErrorTimeout
	ConnErrorBind
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
	Returns Returns
}

// Hooks is the one table of hooks, in order. Hooks[h].Hook == h for every h. A
// new hook is a constant and a row here, its number in module.proto, and the
// place in the core that asks it; all that modules and scripts need to know of
// it is in the row.
var Hooks = [HookCount]HookInfo{
	{Hook: HookNone, Name: "none", Void: true},
	{CoreValidateAccept, "core_validate_accept", ArgsAcVctx, TargetConn, false, true, true, true, ReturnsVerdict},
	{ValidateConnect, "validate_connect", ArgsAcVctx, TargetConn, false, true, true, true, ReturnsVerdict},
	{CoreValidateConnect, "core_validate_connect", ArgsAcVctx, TargetConn, true, false, true, true, ReturnsVerdict},
	{ValidateEHLO, "validate_ehlo", ArgsStrAcVctx, TargetConn, false, true, true, true, ReturnsVerdict},
	{CoreValidateAuth, "core_validate_auth", ArgsVctxAuth, TargetConn, false, true, true, true, ReturnsVerdict},
	{ValidateMailFrom, "validate_mailfrom", ArgsStrAcVctx, TargetTxn, false, true, true, true, ReturnsVerdict},
	{ValidateRcptTo, "validate_rcptto", ArgsMsgStrAcVctx, TargetTxn, false, true, true, true, ReturnsVerdict},
	{ValidateRcptToList, "validate_rcptto_list", ArgsListVctx, TargetTxn, false, true, true, true, ReturnsVerdict},
	{ValidateRcptToListFinal, "validate_rcptto_list_final", ArgsListVctx, TargetTxn, false, true, true, true, ReturnsVerdict},
	{ValidateData, "validate_data", ArgsMsgAcVctx, TargetTxn, false, true, true, false, ReturnsVerdict},
	{ValidateDataSpool, "validate_data_spool", ArgsMsgAcVctx, TargetTxn, false, true, true, false, ReturnsVerdict},
	{CorePreMsgEachRcpt, "core_pre_msg_each_rcpt", ArgsMsgAc, TargetCopy, true, false, true, false, ReturnsVerdict},
	{ValidateDataSpoolEachRcpt, "validate_data_spool_each_rcpt", ArgsMsgAcVctx, TargetCopy, false, true, true, false, ReturnsVerdict},
	{CoreValidateDataSpoolEachRcpt, "core_validate_data_spool_each_rcpt", ArgsMsgAcVctx, TargetCopy, true, false, true, false, ReturnsVerdict},
	{CorePostMsgEachRcpt, "core_post_msg_each_rcpt", ArgsMsgAcVctx, TargetCopy, true, false, true, false, ReturnsVerdict},
	{MsgGenDataSpool, "msg_gen_data_spool", ArgsMsg, TargetCopy, false, true, false, false, ReturnsVerdict},
	{ValidateSetBinding, "validate_set_binding", ArgsMsg, TargetCopy, false, false, true, false, ReturnsVerdict},
	{CorePostValidateSetBinding, "core_post_validate_set_binding", ArgsMsg, TargetCopy, true, false, true, false, ReturnsVerdict},
	{CoreFinalValidation2, "core_final_validation2", ArgsMsgAcVctx, TargetCopy, false, false, true, false, ReturnsRefusal},
	{CoreFinalValidation, "core_final_validation", ArgsMsgAcVctx, TargetCopy, true, false, true, false, ReturnsVerdict},
	{CorePostFinalValidation, "core_post_final_validation", ArgsMsgAcVctx, TargetCopy, true, false, true, false, ReturnsVerdict},
	{CoreLogReception, "core_log_reception_v1", ArgsAcMsgNow, TargetCopy, true, false, false, false, ReturnsVerdict},
	{CoreLogDelivery, "core_log_delivery_v1", ArgsMsgRecordNow, TargetCopy, true, false, false, false, ReturnsVerdict},
	{CoreLogTransientFailure, "core_log_transient_failure_v1", ArgsMsgRecordNow, TargetCopy, true, false, false, false, ReturnsVerdict},
	{CoreLogPermanentFailure, "core_log_permanent_failure_v1", ArgsMsgRecordNow, TargetCopy, true, false, false, false, ReturnsVerdict},
	{CoreLogRejection, "core_log_rejection", ArgsRejection, TargetConn, true, false, false, false, ReturnsVerdict},
	{ValidateDealloc, "validate_dealloc", ArgsNone, TargetConn, true, false, false, false, ReturnsVerdict},
	{CoreServerESMTPSessionAbort, "core_server_esmtp_session_abort", ArgsAc, TargetConn, true, false, false, false, ReturnsVerdict},
	{CoreGetReceivedHeaderText, "core_get_received_header_text", ArgsReceived, TargetTxn, false, false, true, true, ReturnsText},
	{CorePostValidateDataSpoolEachRcpt, "core_post_validate_data_spool_each_rcpt_v1", ArgsMsgAcVctx, TargetCopy, true, false, true, false, ReturnsVerdict},
	{CoreBindingGroupChooseBinding, "core_binding_group_choose_binding", ArgsMsgGroup, TargetCopy, false, false, true, false, ReturnsBinding},
	{CoreConfigGetMessageRoutingDomain, "core_config_get_message_routing_domain", ArgsRouting, TargetCopy, false, false, true, false, ReturnsRouting},
	{CoreECMessageEnqueue, "core_ec_message_enqueue", ArgsMsgNow, TargetCopy, false, false, true, false, ReturnsEnqueue},
	{CoreLogAttempt, "core_log_attempt_v1", ArgsMsgRecordNow, TargetCopy, true, false, false, false, ReturnsVerdict},
	{CoreLogConnectionSuccess, "core_log_client_connection_success", ArgsAddrRecord, TargetConn, true, false, false, false, ReturnsVerdict},
	{CoreLogConnectionFailure, "core_log_client_connection_failure", ArgsAddrErrRecord, TargetConn, true, false, false, false, ReturnsVerdict},
	{OutboundSMTPAuthConfig, "outbound_smtp_auth_config", ArgsMsgAcVctx, TargetCopy, true, false, false, false, ReturnsVerdict},
	{CorePreMailqMessageRequeue, "core_pre_mailq_message_requeue", ArgsMsgNow, TargetCopy, true, false, false, false, ReturnsVerdict},
	{CoreGenerateBounces, "core_generate_bounces", ArgsMsgEnabled, TargetCopy, false, false, false, false, ReturnsEnabled},
	{CorePostGenerateRFC3464Message, "core_post_generate_rfc3464_message", ArgsBounce, TargetCopy, true, false, false, false, ReturnsVerdict},
	{CorePreEsmtpAuth, "core_pre_esmtp_auth", ArgsAcMcVctx, TargetConn, false, false, true, true, ReturnsVerdict},
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

// HookSet is a set of hooks, a bit for each.
type HookSet uint64

// It does not compile with more hooks than a HookSet has bits.
const _ = uint(64 - HookCount)

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
