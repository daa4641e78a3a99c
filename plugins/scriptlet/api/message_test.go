package api

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

func TestMessageContext(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.is("v  1 0", `return msg:context_get(M, "k"), msg:context_get(M, "none"), msg:context_exists(M, "k"), msg:context_exists(M, "none")`)
	w.is("1 v 0 nil", `local a, b = msg:context_exists_and_get(M, "k"); local c, d = msg:context_exists_and_get(M, "none"); return a, b, c, d`)
	w.is("1 string 17", `local r = msg:context_set(M, "n", 17); return r, type(msg:context_get(M, "n")), msg:context_get(M, "n")`)
	w.is("true", `msg:context_set(M, "b", true); return msg:context_get(M, "b")`)
	w.is("0 ", `return msg:context_set(M, "nil", nil), msg:context_get(M, "nil")`)
	w.is("1 0 0", `return msg:context_delete(M, "n"), msg:context_delete(M, "n"), msg:context_exists(M, "n")`)
	w.is("client.test", `return msg:context_get(C, "ehlo_domain")`)
	w.is("x x", `msys.core.ec_message_context_set(msg, M, "f", "x"); return msg:context_get(M, "f"), msys.core.ec_message_context_get(msg, M, "f")`)
	w.raises("bad context type 3", `msg:context_get(3, "k")`)
	w.raises("bad argument #2 to 'context_get' (string expected, got nil)", `msg:context_get(M, nil)`)
	if v, _ := w.replayed(sampleState()).Message.Context.Get("f"); v != "x" {
		t.Error("the change was not recorded")
	}
}

func TestMessageContextIsPerCopy(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpoolEachRcpt)
	w.is("a@relay.test tag", `msg:context_set(M, "tag", "tag"); msg:context_set(C, "tag", "c"); return msg:rcptto(), msg:context_get(M, "tag")`)
	s := w.replayed(sampleState())
	if _, ok := s.Copies[1].Context.Get("tag"); ok || len(s.Message.Context) != 1 {
		t.Error("the other copy has it too")
	}
	if v, _ := s.Copies[0].ConnContext.Get("tag"); v != "c" {
		t.Error("the copy's connection context lacks it")
	}
}

func TestMessageFields(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpoolEachRcpt)
	w.is("id-a 00/00-01974-BATCH 00/00-00001-CONN message_id", `return tostring(msg.id), msg.batch_id .. "", tostring(msg.conn_id), msys.type(msg.id)`)
	w.is("2 192.0.2.1:4711 127.0.0.1:25 0 0 0", `return msg.recv_method, tostring(msg.recv_from), tostring(msg.recv_via), msg.num_retries, msg.bounce, msg.delivered`)
	w.is("-1 1251200446 5", `return msg.binding_slot, msg.creation_time.tv_sec, msg.creation_time.tv_usec`)
	w.is("true false true", `return msg.id == msg.id, msg.id == msg.batch_id, msg == msys.core.accept_construct_get_message_construct(ac).message`)
	w.is("0 1", `local was = msg.priority; msg.priority = 1; return was, msg.priority`)
	w.raises("msg.priority can be 0 or 1, not 2", `msg.priority = 2`)
	w.raises("msg.priority can be 0 or 1, not x", `msg.priority = "x"`)
	w.raises("field 'id' of ec_message cannot be set", `msg.id = "x"`)
	w.raises("ec_message has no field 'nothing'", `msg.nothing = 1`)
	w.is("nil", `return msg.nothing`)
	if s := w.replayed(sampleState()); s.Copies[0].Priority != 1 || s.Copies[1].Priority != 0 {
		t.Error("the priority was not recorded")
	}
	w.is(w.size(), `return msg:get_message_size()`)
	w.is("false", `return msg:is_mcmt()`)
	w.is("esmtp", `return msys.core.protocol_string(msg.recv_method)`)
}

func (w *mailWorld) size() string { return strconv.FormatInt(w.frame.Message().Size(), 10) }

func TestMessageOutlivesNothing(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateData)
	w.run(`kept, ctx, conn, list = msg, vctx, ac, msg.vctx_mess; part = msg:mime()`)
	w.frame.Phase.Hook = sdk.ValidateDataSpool
	w.is("v client.test", `return kept:context_get(M, "k"), ctx:get(C, "ehlo_domain")`)
	other := sampleState()
	other.Conn.Session = 8
	w.enter(other, sdk.ValidateData)
	for _, use := range []string{`kept:header("Subject")`, `kept:context_set(M, "k", 1)`, `return kept.id`, `kept.priority = 1`, `part:text()`, `msys.core.dict_iter2(list)`} {
		w.raises("message is no longer valid", use)
	}
	w.raises("validation context is no longer valid", `ctx:get(M, "k")`)
	w.raises("connection is no longer valid", `return conn.conn_id`)
	w.frame = nil
	w.raises("message is no longer valid", `kept:mailfrom()`)
	w.raises("validation context is no longer valid", `ctx.code = 421`)
}

func TestEnvelope(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpoolEachRcpt)
	w.is("sender@relay.test a@relay.test", `return msg:mailfrom(), msg:rcptto()`)
	w.is("verp@relay.test new@x.test", `return msg:mailfrom("<verp@relay.test>"), msg:rcptto("new@x.test")`)
	w.is("[]", `return "[" .. msg:mailfrom("") .. "]"`)
	for _, bad := range []string{"x", "a@", "@b", "a b@c", "a@b\\r\\nRCPT TO:<x@y>", "a@b>", "a@b c", strings.Repeat("a", 400) + "@b.test", "a,b@c"} {
		w.raises("is not an envelope address", `msg:rcptto("`+bad+`")`)
	}
	w.is(`"a b"@c.test`, `return msg:rcptto('"a b"@c.test')`)
	s := w.replayed(sampleState())
	if s.Copies[0].Sender != "" || s.Copies[0].Recipient != `"a b"@c.test` || s.Copies[1].Sender != "sender@relay.test" {
		t.Errorf("got %q %q", s.Copies[0].Sender, s.Copies[0].Recipient)
	}
	w.enter(sampleState(), sdk.ValidateDataSpool)
	w.is("a@relay.test", `return msg:rcptto()`)
	w.raises("the recipient can be changed from validate_data_spool_each_rcpt on; this is validate_data_spool", `msg:rcptto("x@y.test")`)
	w.enter(sampleState(), sdk.CoreLogDelivery)
	w.raises("msg:mailfrom: a message cannot be changed any more in core_log_delivery_v1", `msg:mailfrom("x@y.test")`)
}

func TestGetEnvelope2(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateSetBinding)
	w.run(`core = msys.core; a, b = core.string_new(), core.string_new()`)
	w.is("sender relay.test 6", `msg:get_envelope2(core.EC_MSG_ENV_FROM, a, b); return tostring(a), b.buffer, #a`)
	w.is("a@relay.test nil", `msg:get_envelope2(core.EC_MSG_ENV_TO + core.EC_MSG_ENV_COMPLETE, a, b); return a.buffer, b.buffer`)
	w.is("a@relay.test", `local c = core.string_new(); msg:get_envelope2(core.EC_MSG_ENV_TO | core.EC_MSG_ENV_COMPLETE, c); return tostring(c)`)
	w.raises("needs either EC_MSG_ENV_FROM or EC_MSG_ENV_TO", `msg:get_envelope2(3, a, b)`)
	w.raises("bad argument #2 to 'get_envelope2' (ec_string expected, got string)", `msg:get_envelope2(1, "x", b)`)
}

func TestAddresses(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateData)
	w.is("127.0.0.1 25 127.0.0.1:25 127.0.0.1:25", `return msg:listener_addr("ip"), msg:listener_addr("port"), msg:listener_addr("all"), msg:listener_addr()`)
	w.is("192.0.2.1 4711 192.0.2.1:4711", `return msg:reception_peer("ip"), msg:reception_peer("port"), msg:reception_peer()`)
	w.raises(`"ip", "port" or "all" expected`, `msg:listener_addr("name")`)
}

func TestBinding(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateSetBinding)
	w.is("nil b1 b1 1", `local was = msg:binding(); return was, msg:binding("b1"), msg:binding(), msg.binding_slot`)
	w.is("nil nil b1 default", `return msg:binding("nope"), msg:binding(""), msg:binding(), msg:binding("default")`)
	w.is("nil pool pool", `return msg:binding_group("nope"), msg:binding_group("pool"), msg:binding_group()`)
	w.is("1 -1 -1 b2 nil nil 2 0", `local c = msys.core
		return c.config_get_binding_id_from_name("b1"), c.config_get_binding_id_from_name(""), c.config_get_binding_id_from_name("x"),
			c.config_get_binding_name_from_id(2), c.config_get_binding_name_from_id(3), c.config_get_binding_name_from_id(-1),
			c.config_get_binding_group_size("pool"), c.config_get_binding_group_size("x")`)
	if m := w.replayed(sampleState()).Copies[0]; m.Binding != "" || m.BindingGroup != "pool" { // the core picks one of the group
		t.Errorf("got %q, %q", m.Binding, m.BindingGroup)
	}
	w.enter(sampleState(), sdk.ValidateDataSpoolEachRcpt)
	w.is("nil", `return msg:binding()`)
	w.raises("msg:binding can be set in validate_set_binding only; this is validate_data_spool_each_rcpt", `msg:binding("b1")`)
	w.raises("msg:binding_group can be set in validate_set_binding only", `msg:binding_group("pool")`)
	w.raises("the script's own", `msg:copy():binding("b1")`)
}

func TestRoutingDomain(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpoolEachRcpt)
	w.is("relay.test gateway.test gateway.test", `local was = msg:routing_domain(); return was, msg:routing_domain("GateWay.test"), msg:routing_domain()`)
	for _, bad := range []string{"", "a b", "a@b", "a\\nb", strings.Repeat("x", 300)} {
		w.raises("is not a domain", `msg:routing_domain("`+bad+`")`)
	}
	if got := w.replayed(sampleState()).Copies[0].RoutingDomain; got != "gateway.test" {
		t.Errorf("got %q", got)
	}
}

func TestDiscard(t *testing.T) {
	for arg, want := range map[string]string{
		``: "550 5.7.0 discarded by policy", `"551 5.7.9 gone"`: "551 5.7.9 gone",
		`"no code"`: "550 5.7.1 [internal] discarded by policy", `"550 Bounce message processed"`: "550 Bounce message processed",
	} {
		w := newMailWorld(t, sdk.ValidateData)
		w.is("on", `msg:discard(`+arg+`); return "on"`)
		if got := w.replayed(sampleState()).Message.Discard; got.String() != want {
			t.Errorf("discard(%s) gave %s", arg, got)
		}
	}
	for _, h := range []sdk.Hook{sdk.ValidateRcptTo, sdk.CorePostMsgEachRcpt} {
		newMailWorld(t, h).run(`msg:discard()`)
	}
	newMailWorld(t, sdk.ValidateSetBinding).raises("msg:discard: not in validate_set_binding", `msg:discard()`)
}

func TestMessageCode(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateData)
	w.is(" 421 Too much spam.", `return msg:get_code(), msg:code("421", "Too much spam.")`)
	w.is("550 5.1.1 no such user", `return msg:code(0, "550 5.1.1 no such user")`)
	w.is("550-one\r\n550 two", `msg:code(550, "one\r\ntwo"); return msg:code()`)
	w.is("450 later", `msg:set_code(450, "later"); return msg:get_code()`)
	w.raises(`"no code" does not begin with a reply code`, `msg:code(0, "no code")`)
	w.raises("99 is not a reply code (200 to 599)", `msg:set_code(99, "x")`)
	if got := w.replayed(sampleState()).Message.Reply; got.Code != 450 {
		t.Errorf("got %v", got)
	}
	newMailWorld(t, sdk.ValidateSetBinding).raises("cannot be set in validate_set_binding", `msg:code(421, "x")`)
	w = newMailWorld(t, sdk.CoreLogTransientFailure)
	w.is("LINE\r\n 450 x", `local was = msg:get_code(); msg:set_code(450, "x"); return was, msg:get_code()`)
}

func TestMessageDicts(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpoolEachRcpt)
	w.is("ehlo_domain=client.test connection_message_count=3 0", `
		local d, out = msg.vctx_conn, {}
		local iter = msys.core.dict_iter2(d)
		local rc, k, v = msys.core.dict_next(d, iter)
		while rc == 1 do out[#out+1] = k .. "=" .. v; rc, k, v = msys.core.dict_next(d, iter) end
		return out[1], out[2], rc`)
	w.is("0", `local d = msg.vctx_mess; local i = msys.core.dict_iter2(d); msys.core.dict_iter2_free(d, i); return (msys.core.dict_next(d, i))`)
	w.is("new 1 0", `local d = msg.vctx_mess; msys.core.dict_add_key_value(d, "n", "new")
		local got = msg:context_get(M, "n"); return got, msys.core.dict_key_delete(d, "n"), msys.core.dict_key_delete(d, "n")`)
	w.raises("dict expected", `msys.core.dict_iter2({})`)
}

func TestCopyAndInject(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpoolEachRcpt)
	w.run(`local c = msg:copy(); c:header("X-Copy", "1"); c:context_set(M, "secondary", "yes"); c:inject("x@y.test", "p@q.test, <r@s.test>,"); msg:context_set(M, "after", 1)`)
	if n := len(w.frame.Changes); n != 2 {
		t.Fatalf("%d changes", n)
	}
	in := w.frame.Changes[0].Injection
	if diff := cmp.Diff([]smtp.Address{"p@q.test", "r@s.test"}, in.Recipients); diff != "" || in.Sender != "x@y.test" {
		t.Errorf("%s %s", in.Sender, diff)
	}
	if string(in.Header) != sampleHeader+"X-Copy: 1\r\n" || string(in.Body.Inline) != w.body() || string(w.frame.Message().Header) != sampleHeader {
		t.Errorf("header %q", in.Header)
	}
	if v, _ := in.Context.Get("secondary"); v != "yes" {
		t.Errorf("context %v", in.Context)
	}
	for script, want := range map[string]string{
		`msg:inject("", "")`: "0 recipients", `msg:inject("x", "a@b.test")`: `"x" is not an envelope address`,
		`msys.core.ec_message_new():inject("", "a@b.test")`:  "an empty message cannot be sent",
		`msg:inject("", ("a@b.test,"):rep(1001))`:            "1001 recipients",
		`msg:inject("", "a@b.test, c@d.test\r\nDATA")`:       "is not an envelope address",
		`local m = msg:copy(); m.priority = 3`:               "msg.priority",
		`msg:inject("a@b.test")`:                             "bad argument #2 to 'inject'",
		`msg:copy():build({}, {})`:                           "needs an empty message",
		`msys.core.ec_message_new():build({["a b"]="x"},{})`: `"a b" cannot be the name of a header`,
	} {
		w.raises(want, script)
	}
}

func TestInjectByHandle(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.host.Bodies = map[uint64][]byte{5: []byte(strings.Repeat("x", 20000))}
	w.frame.State.Message.Body = sdk.Body{Size: 20000, Handle: 5}
	w.run(`msg:inject("", "a@b.test")`)
	w.run(`msg:body_match("x"); msg:inject("", "a@b.test")`)
	w.run(`msg:body("new"); msg:inject("", "a@b.test")`)
	var got []sdk.Body
	for _, c := range w.frame.Changes {
		if c.Injection != nil {
			got = append(got, c.Injection.Body)
		}
	}
	want := []sdk.Body{{Size: 20000, Handle: 5}, {Size: 20000, Handle: 5}, {Size: 5, Inline: []byte("new\r\n"), Changed: true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestInjectOutsideOfCalls(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateData)
	w.frame = nil
	w.run(`local m = msys.core.ec_message_new(nil); m:build({Subject = "x"}, {["text/plain"] = "hello"}); m:inject("", "a@b.test")`)
	got := w.host.Injected()
	if len(got) != 1 || !strings.Contains(string(got[0].Header), "Subject: x\r\n") || w.waits != 1 {
		t.Errorf("injected %d, %d waits", len(got), w.waits)
	}
}

func TestBuild(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.run(`
		new = msys.core.ec_message_new()
		new:build({Subject = "built", To = "a@b.test", ["X-Many"] = {"1", "2"}},
			{["text/html"] = "<b>hi</b>", ["text/plain"] = "hi"},
			{{type = "text/csv", name = "./dir/a.csv", headers = "X-A: 1\r\nX-B: 2", content = "1,2"}, {content = msg}})`)
	w.is("built 1 2 1.0", `local m = new:header("X-Many"); return new:header("Subject")[1], m[1], m[2], new:header("MIME-Version")[1]`)
	w.is("1 1 0", `return #new:header("Date"), #new:header("Message-ID"), new.recv_method - msys.core.P_INTERNAL`)
	w.is("hi <b>hi</b> 1,2", `local t = new:text(); return t[1], t[2], t[3]`)
	w.is("multipart/mixed multipart/alternative text/plain text/html text/csv message/rfc822", `
		local p, out = new:mime(), {}
		while p do out[#out+1] = p:content_type().mimetype; p = p.thread end
		return table.concat(out, " ")`)
	w.is("a.csv 2", `local p = new:mime().parts.next; return p:content_type().filename, p:header("X-B")[1]`)
	w.run(`new:inject("", "a@b.test")`)
	for script, want := range map[string]string{
		`msys.core.ec_message_new():build({}, {}, {{content = {}}})`: "needs a content",
		`msys.core.ec_message_new():build({}, {}, {"x"})`:            "an attachment is a table",
		`msys.core.ec_message_new():build({}, {"x"})`:                "the parts are a table of content types and texts",
		`msys.core.ec_message_new():build({}, {}, {{content = ac}})`: "cannot be a accept_construct",
	} {
		w.raises(want, script)
	}
}

func TestForward(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.run(`msg:forward("me@x.test", "you@y.test,and@z.test", "see below", "FYI")`)
	in := w.frame.Changes[0].Injection
	if len(in.Recipients) != 2 || !strings.HasPrefix(string(in.Header), "From: me@x.test\r\nTo: you@y.test,and@z.test\r\nSubject: FYI\r\n") {
		t.Errorf("got %q", in.Header)
	}
	if !strings.Contains(string(in.Body.Inline), "Content-Type: message/rfc822; name=\"Attached Message\"\r\n\r\n"+sampleHeader+"\r\nthe SECRET word") {
		t.Errorf("got %q", in.Body.Inline)
	}
}

func TestMessageNew(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.is("1251200446 100 nil 0", `local new = msys.core.ec_message_new; return new().creation_time.tv_sec, new(100).creation_time.tv_sec, new().id, new().priority`)
	w.is("a@b.test c@d.test x", `local m = msys.core.ec_message_new(); return m:mailfrom("a@b.test"), m:rcptto("c@d.test"), m:routing_domain("x")`)
	w.is("v v", `local m = msys.core.ec_message_new(); m:context_set(M, "k", "v"); m:context_set(C, "k", "v"); return m:context_get(M, "k"), m:context_get(C, "k")`)
}

// What a phase records must bring the core to the state that the script saw.
func TestChangesReplay(t *testing.T) {
	for _, hook := range []sdk.Hook{sdk.ValidateDataSpool, sdk.ValidateDataSpoolEachRcpt} {
		w := newMailWorld(t, hook)
		w.run(`
			msg:header("X-New", {"ä", "b"}); msg:header("X-Custom", ""); msg:header("X-Top", "t", "prepend"); msg:header("X-End", "e", "append")
			msg:text_replace("SECRET", "x\228x"); msg:text_replace("word", "WORD"); msg:header("X-Later", "1")
			msg:mime(false):header("X-Part", "p"); msg:mailfrom("n@x.test"); msg:discard(); msg:context_set(M, "a", "b")
			vctx:set(C, "c", "d"); msg.priority = 1`)
		if diff := cmp.Diff(w.frame.State, w.replayed(sampleState()), cmpopts.EquateComparable(w.frame.State.Conn.Peer)); diff != "" {
			t.Errorf("%s: %s", hook, diff)
		}
	}
}

func TestBodyEditsAreRecordedOnce(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.run(`for i = 1, 50 do msg:text_replace("word", "word") end`)
	if n := len(w.frame.Changes); n != 1 {
		t.Errorf("%d changes", n)
	}
}
