package api

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// msg:listener_addr and msg:reception_peer: nil is as "all", and IPv6 has a dot
// before the port.
func TestPeerFlags(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateData)
	for _, name := range []string{"listener_addr", "reception_peer"} {
		w.is("true true string string", `local all = msg:`+name+`("all"); return msg:`+name+`(nil) == all, msg:`+name+`() == all, type(msg:`+name+`("port")), type(all)`)
		w.raises(`"ip", "port" or "all" expected, got "host"`, `msg:`+name+`("host")`)
		w.raises("bad argument #1 to '"+name+"' (string expected, got table)", `msg:`+name+`({})`)
	}
	m := w.frame.State.Message
	m.RecvFrom, m.RecvVia = netip.MustParseAddrPort("[2001:db8::1]:4711"), netip.AddrPort{}
	w.is("2001:db8::1 4711 2001:db8::1.4711 2001:db8::1.4711", `return msg:reception_peer("ip"), msg:reception_peer("port"), msg:reception_peer(), tostring(msg.recv_from)`)
	w.is("[][][] nil", `return "[" .. msg:listener_addr() .. "][" .. msg:listener_addr("ip") .. "][" .. msg:listener_addr("port") .. "]", msg.recv_via`)
}

func TestGetEnvelope2Forms(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpoolEachRcpt)
	w.run(`c = msys.core
		function of(flags) local a, b = c.string_new(), c.string_new(); msg:get_envelope2(flags, a, b); return "[" .. tostring(a) .. "][" .. tostring(b) .. "]" end`)
	w.is("[sender][relay.test] [a][relay.test]", `return of(c.EC_MSG_ENV_FROM), of(c.EC_MSG_ENV_TO)`)
	w.is("[sender@relay.test][] [a@relay.test][]", `return of(c.EC_MSG_ENV_FROM | c.EC_MSG_ENV_COMPLETE), of(c.EC_MSG_ENV_COMPLETE | c.EC_MSG_ENV_TO)`)
	for _, flags := range []string{"c.EC_MSG_ENV_FROM | c.EC_MSG_ENV_TO", "0", "c.EC_MSG_ENV_COMPLETE"} {
		w.raises("needs either EC_MSG_ENV_FROM or EC_MSG_ENV_TO", `of(`+flags+`)`)
	}
	w.frame.Message().Sender, w.frame.Message().Recipient = "", `"a@b"+tag@X.test`
	w.is(`[][] [][] ["a@b"+tag][X.test]`, `return of(c.EC_MSG_ENV_FROM), of(c.EC_MSG_ENV_FROM | c.EC_MSG_ENV_COMPLETE), of(c.EC_MSG_ENV_TO)`)
	w.is("0 nil", `local a, b = c.string_new(), c.string_new(); local r = select("#", msg:get_envelope2(c.EC_MSG_ENV_FROM, a, b)); return r, a.buffer`)
	w.raises("bad argument #2 to 'get_envelope2'", `msg:get_envelope2(c.EC_MSG_ENV_FROM)`)
}

// A routing domain that is set for the transaction counts for every recipient.
func TestRoutingDomainOfTheBatch(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateRcptTo)
	w.frame.State.Message.Recipient = "x@Relay.TEST"
	w.is("relay.test out.test out.test", `require "msys.extended.message_routing"; local was = msg:routing_domain(); return was, msg:routing_domain("Out.Test"), msg:routing_domain()`)
	s := w.replayed(sampleState())
	s.Split([]string{"id-a", "id-b"})
	for _, c := range s.Copies {
		if c.RoutingDomain != "out.test" {
			t.Errorf("%s goes to %q", c.Recipient, c.RoutingDomain)
		}
	}
	w = newMailWorld(t, sdk.ValidateSetBinding)
	w.is("relay.test b.test", `return msg:routing_domain(), msg:routing_domain("b.test")`)
	w.enter(sampleState(), sdk.CoreLogDelivery)
	w.is("relay.test", `return msg:routing_domain()`)
	w.raises("msg:routing_domain: a message cannot be changed any more in core_log_delivery_v1", `msg:routing_domain("x.test")`)
	w.raises("bad argument #1 to 'routing_domain' (string expected, got table)", `msg:routing_domain({})`)
}

func TestContextRows(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.is("string 1 string 1.5 false", `msg:context_set(M, "i", 1); msg:context_set(M, "f", 1.5); msg:context_set(M, "b", false)
		return type(msg:context_get(M, "i")), msg:context_get(M, "i"), type(msg:context_get(M, "f")), msg:context_get(M, "f"), msg:context_get(M, "b")`)
	w.is("number 1 number 0", `local a, b = msg:context_exists(M, "i"), msg:context_exists(M, "none"); return type(a), a, type(b), b`)
	w.is("1  1", `msg:context_set(M, "e", ""); local e, s = msg:context_exists_and_get(M, "e"); return e, s, msg:context_exists(M, "e")`)
	w.is("string", `return type(msg:context_get(M, "never"))`)
	w.is("1 0 nil 0", `local d = msg:context_delete(M, "i"); local e, s = msg:context_exists_and_get(M, "i"); return d, e, s, msg:context_delete(M, "i")`)
	w.is("new old", `msg:context_set(M, "two", "old"); msg:context_set(C, "two", "x"); msg:context_set(C, "two", "new"); return msg:context_get(C, "two"), msg:context_get(M, "two")`)
	w.is("true true", `return msys.core.ECMESS_CTX_MESS == msys.core.VCTX_MESS, msys.core.ECMESS_CTX_CONN == msys.core.VCTX_CONN`)
	w.is("a\x00b", `msg:context_set(M, "nul", "a\0b"); return msg:context_get(M, "nul")`)
	for _, f := range []string{"context_get", "context_exists", "context_exists_and_get", "context_delete"} {
		w.raises("bad argument #1 to '"+f+"' (number expected, got string)", `msg:`+f+`("mess", "k")`)
		w.raises("bad argument #2 to '"+f+"' (string expected, got no value)", `msg:`+f+`(M)`)
		w.raises("bad context type 9", `msg:`+f+`(9, "k")`)
	}
	w.raises("bad context type 0", `msg:context_set(0, "k", "v")`)
}

func TestMessageCodeRows(t *testing.T) {
	for script, want := range map[string]string{
		`msg:code("421", "Too much spam.")`:        "421 Too much spam.",
		`msg:code(0, "554 5.1.2 No Valid Domain")`: "554 5.1.2 No Valid Domain",
		`msg:code(551, "5.1.3 rcptto is invalid")`: "551 5.1.3 rcptto is invalid",
		`msg:code(550, "one\ntwo\nthree")`:         "550-one\r\n550-two\r\n550 three",
		`msg:code(550, "one\r\ntwo\r\n")`:          "550-one\r\n550 two",
		`msg:code(0, "550-one\r\n550 two")`:        "550-one\r\n550 two",
		`msg:code(0, "550 one\r\ntwo")`:            "550-one\r\n550 two",
		`msg:code(550, "550-one\r\n550 two")`:      "550-one\r\n550 two",
		`msg:code(550, "5.7.1 one\r\n5.7.1 two")`:  "550-5.7.1 one\r\n550 5.7.1 two",
		`msg:code(nil, "452 4.2.2 full")`:          "452 4.2.2 full",
		`msg:set_code(452, "4.2.2 full")`:          "452 4.2.2 full",
		`msg:set_code(0, "452 4.2.2 full")`:        "452 4.2.2 full",
	} {
		w := newMailWorld(t, sdk.ValidateDataSpoolEachRcpt)
		w.run(script)
		for _, get := range []string{"code", "get_code"} {
			if got := w.run(`return msg:` + get + `()`); got[0] != want {
				t.Errorf("%s: %s gives %q, want %q", script, get, got[0], want)
			}
		}
	}
	w := newMailWorld(t, sdk.ValidateData)
	w.is("string  0", `local was = msg:code(); return type(was), was, select("#", msg:set_code(450, "x"))`)
	w.raises("600 is not a reply code", `msg:code(600, "x")`)
	w.raises("does not begin with a reply code", `msg:code(0)`)
	w.raises("bad argument #1 to 'code'", `msg:code({})`)
}

func TestDiscardGoesOn(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.is("0 1", `local n = select("#", msg:discard()); msg:header("X-Later", "1"); return n, msg:header("X-Later")[1]`)
	w.run(`msg:discard("554 5.7.2 second")`)
	if got := w.replayed(sampleState()).Message.Discard; got.String() != "554 5.7.2 second" {
		t.Errorf("got %s", got)
	}
	w.raises("bad argument #1 to 'discard' (string expected, got table)", `msg:discard({})`)
}

// The size follows what a script changes.
func TestSizeRow(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool).content("A: b\r\n", "body\r\n")
	w.is("number true", `local n = msg:get_message_size(); return type(n), n == #msg:raw()`)
	w.is("true true", `msg:header("C", "d"); local a = msg:get_message_size() == #msg:raw(); msg:body("longer body\r\n"); return a, msg:get_message_size() == #msg:raw()`)
	w.is("smtp", `return msg:get_delivery_method()`)
}

func TestSenderAndRecipientRows(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateRcptTo)
	w.frame.State.Message.Recipient = "new@relay.test"
	w.is("new@relay.test", `return msg:rcptto()`)
	w.raises("the recipient can be changed from validate_data_spool_each_rcpt on", `msg:rcptto("x@y.test")`)
	w.is("s@x.test s@x.test", `return msg:mailfrom("s@x.test"), msg:mailfrom()`)
	w = newMailWorld(t, sdk.ValidateSetBinding)
	w.is("q@x.test s@x.test", `return msg:rcptto("q@x.test"), msg:mailfrom("s@x.test")`)
	if s := w.replayed(sampleState()); s.Copies[1].Recipient != "b@relay.test" || s.Copies[1].Sender != "sender@relay.test" {
		t.Errorf("the other copy has %s from %s", s.Copies[1].Recipient, s.Copies[1].Sender)
	}
	w.raises("is not an envelope address", `msg:rcptto("")`)
	w.raises("bad argument #1 to 'mailfrom' (string expected, got boolean)", `msg:mailfrom(true)`)
}

// A copy is deep: what is done to one of the two does not show in the other.
func TestCopyIsDeep(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpoolEachRcpt).multipart()
	w.run(`copy = msg:copy(); second = copy:copy()
		copy:header("X-Copy", "1"); copy:mime(false).parts:text("changed"); copy:context_set(M, "k", "copy"); copy:mailfrom("copy@x.test"); copy:rcptto("copy@y.test")
		msg:header("X-Mine", "1"); msg:context_set(M, "mine", "1")`)
	w.is("1 0 copy v copy@x.test sender@relay.test copy@y.test a@relay.test", `return #copy:header("X-Copy"), #msg:header("X-Copy"), copy:context_get(M, "k"), msg:context_get(M, "k"),
		copy:mailfrom(), msg:mailfrom(), copy:rcptto(), msg:rcptto()`)
	w.is("changed café SECRET café SECRET 0 0", `return copy:text()[1], msg:text()[1], second:text()[1], #copy:header("X-Mine"), #second:header("X-Copy")`)
	w.is("client.test false", `return copy:context_get(C, "ehlo_domain"), copy == msg`)
	w.is(" nil", `return copy:code(), copy:binding()`)
	if got := string(w.frame.Message().Body.Inline); got != sampleMultipart {
		t.Errorf("the message's body is %q", got)
	}
}

func TestInjectRow(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateSetBinding)
	w.is("0", `return select("#", msg:copy():inject("<>", " a@x.test ,b@y.test,"))`)
	in := w.frame.Changes[0].Injection
	if in.Sender != "" || len(in.Recipients) != 2 || in.Recipients[0] != smtp.Address("a@x.test") || in.Recipients[1] != "b@y.test" {
		t.Errorf("from %q to %q", in.Sender, in.Recipients)
	}
	w.raises("bad argument #1 to 'inject' (string expected, got nil)", `msg:copy():inject(nil, "a@b.test")`)
	w.raises("is not an envelope address", `msg:copy():inject("a@b.test", "c d@e.test")`)
	if in := w.frame.Changes; len(in) != 1 || strings.Contains(string(in[0].Injection.Header), "\n.") {
		t.Errorf("%d changes", len(in))
	}
}
