package api

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

func TestAcceptConstruct(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateConnect)
	w.is("192.0.2.1:4711 127.0.0.1:25 00/00-00001-CONN 2 nil", `return tostring(ac.remote_addr), tostring(ac.local_addr), tostring(ac.conn_id), ac.protocol, ac.hostname`)
	w.is("true peer.test", `vctx:set(C, "reverse_dns", "peer.test"); return ac.protocol == msys.core.P_ESMTP, ac.hostname`)
	w.raises("accept_construct has no field 'x'", `ac.x = 1`)
	w.frame.State.Conn.Peer = netip.MustParseAddrPort("[2001:db8::1]:99")
	w.is("2001:db8::1.99 true", `return tostring(ac.remote_addr), msys.core.ec_sockaddr_family(ac.remote_addr) == msys.core.AF_INET6`)
	w.frame.State.Conn.Peer = netip.MustParseAddrPort("[::ffff:192.0.2.7]:99")
	w.is("192.0.2.7:99 true", `return ac.remote_addr .. "", msys.core.ec_sockaddr_family(ac.remote_addr) == msys.core.AF_INET`)
	w.raises("sockaddr expected, got string", `msys.core.ec_sockaddr_family("127.0.0.1")`)
	w.frame.State.Conn.Peer = netip.AddrPort{}
	w.is("nil", `return ac.remote_addr`)
}

func TestMessageConstruct(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateData)
	w.run(`mc = msys.core.accept_construct_get_message_construct(ac)`)
	w.is("message_construct Grüße 3 0 2 192.0.2.1 mx.test", `return msys.type(mc), mc.message:header("Subject")[1], mc.connection_message_count, mc.connection_rcpt_count,
		mc.message_rcpt_count, mc.peer_address, mc.banner_hostname`)
	w.is("true v 127.0.0.1:25", `return mc.ctx == vctx, mc.ctx:get(M, "k"), tostring(mc.ac.local_addr)`)
	w.is("nil", `return mc.nothing`)
	w.frame.State.Message = nil
	w.is("nil 0", `return mc.message, mc.message_rcpt_count`)
	w.raises("accept_construct expected, got nil", `msys.core.accept_construct_get_message_construct(nil)`)
}

func TestCapabilities(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateEHLO)
	w.run(`ac:esmtp_capability_add("X-POLICY 1"); ac:esmtp_capability_remove("PIPELINING")`)
	want := []sdk.Change{{Kind: sdk.CapabilitySet, Name: "X-POLICY 1"}, {Kind: sdk.CapabilityDelete, Name: "PIPELINING"}}
	if diff := cmp.Diff(want, w.frame.Changes); diff != "" {
		t.Error(diff)
	}
	w.raises("cannot be a capability", `ac:esmtp_capability_add("A\r\n250 B")`)
	w.frame.State.Conn.Protocol = sdk.ProtocolREST
	w.raises("capabilities are announced in SMTP only; this session is rest", `ac:esmtp_capability_add("X")`)
	newMailWorld(t, sdk.ValidateMailFrom).raises("in the reply to EHLO; this is validate_mailfrom", `ac:esmtp_capability_add("X")`)
}

func TestECString(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateMailFrom)
	w.is("LINE\r\n 6 6 LINE\r\n ec_string", `return tostring(str), #str, str.len, str.buffer, msys.type(str)`)
	w.is("<LINE\r\n> true", `return "<" .. str .. ">", str == str`)
	w.run(`s = msys.core.string_new()`)
	w.is("a@x.test", `local line = msys.core.string_new(); line:set("RCPT TO:<a@x.test>"); return msys.pcre.match(line, "<(.*)>")[1]`)
	w.is("nil 0 ", `return s.buffer, #s, tostring(s)`)
	w.is("abcdef", `s:set("abc"); s:write("defghi", 3); return tostring(s)`)
	w.is("abcdef!x", `msys.core.stringwrite(s, "!", 1); s:write("x"); return s.buffer`)
	w.raises("bad argument #1 to 'set' (string expected, got no value)", `s:set()`)
	w.raises("field 'len' of ec_string cannot be set", `s.len = 1`)
	w.raises("would be longer than", `local b = ("x"):rep(2^20); for i = 1, 100 do s:write(b) end`)
	w.raises("attempt to call", `str:find("x")`)
}

func TestListNode(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateRcptToList)
	w.is("2 a@relay.test,b@relay.test list_node 2", `return #list, tostring(list), msys.type(list), #vctx:recipient_list()`)
}

func TestCoreConstants(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateConnect)
	w.is("true true 1 2", `local c = msys.core; return c.VCTX_MESS == c.ECMESS_CTX_MESS, c.VCTX_CONN == c.ECMESS_CTX_CONN, c.VCTX_MESS, c.VCTX_CONN`)
	w.is("0 1 2 0 1 2 3 6 0 23", `local c = msys.core; return c.VALIDATE_CONT, c.VALIDATE_DONE, c.VALIDATE_AGAIN, c.EC_HOOK_CONT, c.EC_HOOK_DONE, c.EC_HOOK_RETRY,
		c.ECTP_COMPLETE_CALLBACK, c.ECTP_COMPLETE_CALLBACK_SCHED, c.MC_STATE_START, c.MC_STATE_COUNT`)
	w.is("2 1 3 0", `local c = msys.core; return c.P_ESMTP, c.P_INTERNAL, c.EC_MIME_TE_QUOTED_PRINTABLE, c.EC_MIME_TE_7BIT`)
	w.is("1251200446", `return msys.core.get_now_ts()`)
	w.is("relay.test nil", `return msys.core.dns_get_domain("Relay.Test").domain, msys.core.dns_get_domain("no name")`)
	w.is("unknown unknown", `return msys.core.protocol_string(99), msys.core.protocol_string(-1)`)
	seen := map[string]bool{}
	for _, c := range coreConstants() {
		if seen[c.Name] || c.Value == lua.LNil || c.Doc == "" {
			t.Errorf("constant %s", c.Name)
		}
		seen[c.Name] = true
	}
}

func TestHookArgs(t *testing.T) {
	for hook, script := range map[sdk.Hook]string{
		sdk.CoreValidateAccept:      `return msys.type(ac), msys.type(vctx)`,
		sdk.ValidateEHLO:            `return msys.type(ac), msys.type(vctx), tostring(str) == "LINE\r\n" and "str"`,
		sdk.ValidateRcptTo:          `return msys.type(ac), msys.type(vctx), msys.type(msg) == "ec_message" and #str == 6 and "str"`,
		sdk.ValidateData:            `return msys.type(ac), msys.type(vctx), msg:rcptto()`,
		sdk.CorePreMsgEachRcpt:      `return msys.type(ac), "validate_context", msg:rcptto()`,
		sdk.ValidateSetBinding:      `return "accept_construct", "validate_context", msg:rcptto()`,
		sdk.CoreLogReception:        `return msys.type(ac), "validate_context", now.tv_sec, note, len, msg:rcptto()`,
		sdk.CoreLogDelivery:         `return "accept_construct", "validate_context", tostring(now), note, len, dr.domain, msg.delivered`,
		sdk.CoreLogPermanentFailure: `return "accept_construct", "validate_context", now.tv_usec, msg.delivered`,
		sdk.CoreLogRejection:        `return msys.type(ac), msys.type(vctx), phase, text, args`,
		sdk.ValidateDealloc:         `return "accept_construct", "validate_context"`,
	} {
		want := map[sdk.Hook]string{
			sdk.ValidateEHLO: " str", sdk.ValidateRcptTo: " str", sdk.ValidateData: " a@relay.test", sdk.CorePreMsgEachRcpt: " a@relay.test",
			sdk.ValidateSetBinding: " a@relay.test", sdk.CoreLogReception: " 1251200446 LINE\r\n 6 a@relay.test",
			sdk.CoreLogDelivery: " 1251200446 LINE\r\n 6 relay.test 1", sdk.CoreLogPermanentFailure: " 0 2", sdk.CoreLogRejection: " 0 LINE\r\n nil",
		}[hook]
		newMailWorld(t, hook).is("accept_construct validate_context"+want, script)
	}
	for _, info := range sdk.Hooks[1:] {
		newMailWorld(t, info.Hook)
	}
}

func TestAuthArguments(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateMailFrom)
	for status, want := range map[string]string{"pass": "EC_AUTH_OK", "fail": "EC_AUTH_FAIL", "error": "EC_AUTH_ERROR", "": "EC_AUTH_ERROR"} {
		s := sampleState()
		s.Conn.Context = sdk.Dict{{Key: "auth_status", Value: status}, {Key: "auth_user", Value: "bob"}}
		w.enter(s, sdk.CoreValidateAuth)
		w.is("true bob", `return status == msys.core.`+want+`, info.auth_user`)
	}
}

func TestArgumentsWithoutASession(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateMailFrom)
	s := sampleState()
	s.Conn = sdk.Conn{}
	w.enter(s, sdk.CoreFinalValidation)
	w.is("nil v", `return ac, vctx:get(M, "k")`)
	w.frame.Phase.Line = ""
	w.enter(s, sdk.CoreFinalValidation)
	s.Message = nil
	s.Copies = nil
	w.enter(s, sdk.CoreLogDelivery)
	w.is("nil nil", `return msg, dr`)
}

func BenchmarkHookArgs(b *testing.B) {
	w := newMailWorld(b, sdk.ValidateData)
	b.ReportAllocs()
	for b.Loop() {
		HookArgs(w.env, w.L, w.frame)
	}
}

func BenchmarkHeader(b *testing.B) {
	w := newMailWorld(b, sdk.ValidateData)
	fn, err := w.L.LoadString(`for i = 1, 1000 do local h = msg:header("To") end`)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		w.L.Push(fn)
		w.L.Call(0, 0)
	}
}
