package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

func TestVctxVariables(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateMailFrom)
	w.is("client.test  1 0", `return vctx:get(C, "ehlo_domain"), vctx:get(C, "none"), vctx:exists(C, "ehlo_domain"), vctx:exists(M, "none")`)
	w.is("1 v 0 nil", `local a, b = vctx:exists_and_get(M, "k"); local c, d = vctx:exists_and_get(M, "none"); return a, b, c, d`)
	w.is("17 true yes", `vctx:set(M, "n", 17); vctx:set(C, "b", true); vctx:set(C, "s", "yes"); return vctx:get(M, "n"), vctx:get(C, "b"), vctx:get(C, "s")`)
	w.is("client.test", `return vctx:get(msys.core.ECMESS_CTX_CONN, "ehlo_domain")`)
	w.is("0", `return vctx:set(C, "nil", nil)`)
	w.raises("bad context type 0", `vctx:get(0, "k")`)
	w.raises("bad self", `vctx.get(ac, C, "k")`)
	s := w.replayed(sampleState())
	if v, _ := s.Conn.Context.Get("s"); v != "yes" {
		t.Errorf("connection context %v", s.Conn.Context)
	}
	if v, _ := s.Message.Context.Get("n"); v != "17" {
		t.Errorf("message context %v", s.Message.Context)
	}
}

func TestVctxVariablesBeforeMail(t *testing.T) {
	s := sampleState()
	s.Message = nil
	w := newMailWorld(t, sdk.ValidateMailFrom)
	w.enter(s, sdk.ValidateEHLO)
	w.is("1 ", `local r = vctx:set(M, "k", "v"); return r, vctx:get(M, "k")`)
	if logs := w.host.Logs(); len(logs) != 1 || logs[0].Level != sdk.LevelWarning {
		t.Errorf("logged %v", logs)
	}
	w.is("v", `vctx:set(C, "k", "v"); return vctx:get(C, "k")`)
}

func TestVctxVariablesOfCopies(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpoolEachRcpt)
	w.is("a b client.test a", `vctx:set(M, "k", "a"); vctx:set(C, "c", "b")
		return vctx:get(M, "k"), vctx:get(C, "c"), vctx:get(C, "ehlo_domain"), msg:context_get(M, "k")`)
	s := w.replayed(sampleState())
	if v, _ := s.Conn.Context.Get("c"); v != "b" {
		t.Error("the session does not have it")
	}
	if v, _ := s.Copies[0].ConnContext.Get("c"); v != "b" {
		t.Error("the copy does not have it")
	}
	if v, _ := s.Copies[1].Context.Get("k"); v != "v" {
		t.Error("the other copy has it")
	}
}

func TestSetCode(t *testing.T) {
	for script, want := range map[string]string{
		`vctx:set_code(550, "5.7.1 no")`:           "550 5.7.1 no",
		`vctx:set_code("404", "odd")`:              "404 odd",
		`vctx:set_code(421)`:                       "421",
		`vctx:set_code(550, "one\r\ntwo\n")`:       "550 one two",
		`vctx:set_code(550, "550-one\n550 two")`:   "550 one two",
		`vctx:set_code(250, "ok") vctx.code = 451`: "451 ok",
		`vctx.code = "420"`:                        "420",
		`vctx.code = 554 vctx.note = "5.7.0 x"`:    "554 5.7.0 x",
	} {
		w := newMailWorld(t, sdk.ValidateConnect)
		w.run(script)
		if !w.frame.SetCode || w.frame.Reply.String() != want {
			t.Errorf("%s gave %v", script, w.frame.Reply)
		}
	}
	w := newMailWorld(t, sdk.ValidateConnect)
	w.is("0 nil 550 no", `local c, n = vctx.code, vctx.note; vctx:set_code(550, "no"); return c, n, vctx.code, vctx.note`)
	for script, want := range map[string]string{
		`vctx:set_code(20, "x")`: "20 is not a reply code", `vctx:set_code("x", "y")`: "number expected, got string",
		`vctx:set_code(600, "x")`: "600 is not a reply code", `vctx.code = {}`: "vctx.code: a number is expected",
		`vctx.color = 1`: "validate_context has no field 'color'",
	} {
		w.raises(want, script)
	}
	w.frame.Reply = nil
	w.raises("set vctx.code first", `vctx.note = "x"`)
}

func TestDisconnect(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateMailFrom)
	w.run(`vctx:disconnect(421, "4.7.0 Go away")`)
	want := []sdk.Change{{Kind: sdk.DisconnectSet, Number: 421, Value: "4.7.0 Go away"}}
	if diff := cmp.Diff(want, w.frame.Changes); diff != "" || w.frame.Reply.String() != "421 4.7.0 Go away" {
		t.Errorf("%v %s", w.frame.Reply, diff)
	}
	w = newMailWorld(t, sdk.ValidateMailFrom)
	w.is("function", `vctx.disconnect = 0; vctx:set_code(550, "no"); vctx.disconnect = 1; return type(vctx.disconnect)`)
	if diff := cmp.Diff([]sdk.Change{{Kind: sdk.DisconnectSet}}, w.frame.Changes); diff != "" || w.frame.Reply.Code != 550 {
		t.Errorf("%v %s", w.frame.Reply, diff)
	}
	w.run(`vctx.disconnect = true`)
	w.raises("vctx.disconnect: a number is expected", `vctx.disconnect = "x"`)
}

func TestTarpit(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateConnect)
	w.run(`vctx:tarpit(1.5) vctx:tarpit(1e9)`)
	if diff := cmp.Diff([]sdk.Change{{Kind: sdk.TarpitSet, Number: 1500}, {Kind: sdk.TarpitSet, Number: 300000}}, w.frame.Changes); diff != "" {
		t.Error(diff)
	}
	w.raises("a number of seconds is expected", `vctx:tarpit(-1)`)
	w.raises("a number of seconds is expected", `vctx:tarpit(0/0)`)
}

func TestRecipients(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateData)
	w.is("a@relay.test b@relay.test", `local l = vctx:recipient_list(); return l[1], l[2]`)
	w.is("3 c@x.test", `vctx:add_recipient("c@x.test"); local l = vctx:recipient_list(); return #l, l[3]`)
	w.is("b@relay.test d@x.test", `vctx:remove_recipient({"a@relay.test", "c@x.test"}); vctx:add_recipient({"<d@x.test>", "d@x.test"}); return table.concat(vctx:recipient_list(), " ")`)
	w.is("n@x.test m@x.test 1", `local l = vctx:recipient_list({"n@x.test", "m@x.test"}); return l[1], l[2], #vctx:recipient_list("one@x.test")`)
	if diff := cmp.Diff([]smtp.Address{"one@x.test"}, w.replayed(sampleState()).Message.Recipients); diff != "" {
		t.Error(diff)
	}
	w.raises("is not an envelope address", `vctx:add_recipient("nobody")`)
	w.raises("string or table expected, got no value", `vctx:add_recipient()`)
	newMailWorld(t, sdk.ValidateRcptTo).raises("must not be used in validate_rcptto", `vctx:recipient_list()`)
	newMailWorld(t, sdk.ValidateEHLO).raises("there are no recipients in validate_ehlo", `vctx:add_recipient("a@b.test")`)
	newMailWorld(t, sdk.ValidateDataSpoolEachRcpt).raises("the recipient list is final in validate_data_spool_each_rcpt", `vctx:add_recipient("a@b.test")`)
	newMailWorld(t, sdk.ValidateDataSpoolEachRcpt).is("2", `return #vctx:recipient_list()`)
}
