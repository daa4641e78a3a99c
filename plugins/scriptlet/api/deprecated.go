package api

// Deprecated is what to call instead of a function that the original's manual
// calls deprecated, by its full name; "" for any other.
func Deprecated(name string) string {
	return map[string]string{
		"msys.policyeditor.get_header":         "msg:header(name)[1]",
		"msys.policyeditor.del_header":         `msg:header(name, "")`,
		"msys.policyeditor.get_mailfrom":       "msg:mailfrom()",
		"msys.policyeditor.get_rcptto":         "msg:rcptto()",
		"msys.policyeditor.get_mess_recv_from": "msg:reception_peer()",
		"msys.policyeditor.get_mess_recv_via":  "msg:listener_addr()",
		"msys.policyeditor.get_variable":       "a local",
		"msys.policyeditor.set_variable":       "a local",
		"msys.policyeditor.pcre_match":         "msys.pcre.match(subject, pattern)",
		"msys.policyeditor.send_email":         "msg:build and msg:inject of a message from msys.core.ec_message_new",
		"msys.policyeditor.send_trap":          "msys.snmpTrap",
		"msys.policyeditor.set_binding":        "msg:binding(name)",
		"msys.policyeditor.set_binding_group":  "msg:binding_group(name)",
		"msys.policyeditor.vctx_conn_get":      "vctx:get(msys.core.VCTX_CONN, key)",
		"msys.policyeditor.vctx_conn_set":      "vctx:set(msys.core.VCTX_CONN, key, value)",
		"msys.policyeditor.vctx_mess_get":      "vctx:get(msys.core.VCTX_MESS, key)",
		"msys.policyeditor.vctx_mess_set":      "vctx:set(msys.core.VCTX_MESS, key, value)",
		"msys.shareGet":                        "a global",
	}[name]
}
