package luals

import (
	"fmt"
	"strings"

	"github.com/mtad/mtad/sdk"
)

// callouts is the file with the class of a policy's table: write ---@class
// my_policy: msys.policy above `local mod = {}`, and the parameters of its
// callouts have their types.
func callouts() string {
	var b strings.Builder
	b.WriteString(heading(""))
	b.WriteString("---The table that msys.registerModule gets. Name it as the parent of your own:\n" +
		"---```lua\n------@class my_policy: msys.policy\n---local mod = {}\n---```\n---@class msys.policy\n" +
		"---@field init? fun(self: table): boolean At each load, before the configuration counts; anything but true stops it.\n" +
		"---@field deinit? fun(self: table): boolean When the configuration is dropped.\n" +
		"---@field rsrc_setup? fun(self: table): boolean At each load, after init.\n")
	for _, h := range sdk.Hooks[1:] {
		fmt.Fprintf(&b, "---@field %s? fun(self: table%s)%s %s\n", h.Name, arguments(h.Args), verdict(&h), looksAt(h.Target))
	}
	b.WriteString("local policy = {}\n")
	return b.String()
}

func verdict(h *sdk.HookInfo) string {
	if h.Void {
		return ""
	}
	return ": number"
}

func looksAt(t sdk.Target) string {
	switch t {
	case sdk.TargetConn:
		return "Looks at the connection."
	case sdk.TargetTxn:
		return "Looks at the transaction."
	}
	return "Looks at one recipient's copy."
}

// arguments are the typed parameters of a callout behind self.
func arguments(a sdk.Args) string {
	const (
		ac, vctx, msg, str = ", ac: accept_construct", ", vctx: validate_context", ", msg: ec_message", ", str: ec_string"
		note               = ", now: timeval, note: string|nil, note_len: number"
	)
	switch a {
	case sdk.ArgsNone:
		return ""
	case sdk.ArgsAcVctx:
		return ac + vctx
	case sdk.ArgsStrAcVctx:
		return str + ac + vctx
	case sdk.ArgsMsgStrAcVctx:
		return msg + str + ac + vctx
	case sdk.ArgsListVctx:
		return ", list: list_node" + vctx
	case sdk.ArgsMsgAcVctx:
		return msg + ac + vctx
	case sdk.ArgsMsg:
		return msg
	case sdk.ArgsMsgAc:
		return msg + ac
	case sdk.ArgsAcMsgNow:
		return ac + msg + note
	case sdk.ArgsMsgRecordNow:
		return msg + ", dr: domain_record" + note
	}
	return ", ...: any"
}
