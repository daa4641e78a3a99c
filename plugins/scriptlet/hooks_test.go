package scriptlet

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk"
)

// hookCall is a call of one hook on a copy of a message from a@x.test to
// b@y.test, which is also the transaction.
func hookCall(p sdk.Phase) *sdk.Call {
	one := func(id string) *sdk.Message {
		return &sdk.Message{ID: id, Sender: "a@x.test", Recipient: "b@y.test", Header: []byte("Subject: " + id + "\r\n"),
			BindingGroup: "pool", Body: sdk.Body{Size: 4, Inline: []byte("hi\r\n")}}
	}
	return &sdk.Call{Generation: 1, Transaction: 1, Phases: []sdk.Phase{p}, State: &sdk.State{
		Conn:    sdk.Conn{Session: 9, ID: "conn", Protocol: sdk.ProtocolESMTP, Peer: netip.MustParseAddrPort("192.0.2.7:25")},
		Message: one("orig"), Copies: []*sdk.Message{one("copy")},
	}}
}

// changesText shows changes as the tests below write them.
func changesText(list []sdk.Change) string {
	var out []string
	for _, c := range list {
		names := map[sdk.ChangeKind]string{
			sdk.AnswerSet: "answer", sdk.BindingSet: "binding", sdk.RoutingDomainSet: "routing", sdk.ContextSet: "set " + c.Name,
			sdk.HeaderAppend: "header " + c.Name, sdk.HeaderReplace: "header " + c.Name,
		}
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %d %s%s", names[c.Kind], c.Number, c.Value, strings.Join(c.Values, ","))))
	}
	return strings.Join(out, "; ")
}

// TestHooksOfTheWayOut: what each callout gets, and what becomes of its answer.
func TestHooksOfTheWayOut(t *testing.T) {
	for _, c := range []struct {
		name    string
		phase   sdk.Phase
		body    string // of the callout, with ... as its arguments
		printed string
		verdict sdk.Verdict
		changes string
		reply   string
	}{
		{"choose", sdk.Phase{Hook: sdk.CoreBindingGroupChooseBinding, Line: "pool"},
			`local msg, group = ...; print(msg:rcptto(), group); return msys.core.config_get_binding_id_from_name("b2");`,
			"b@y.test\tpool", sdk.Done, "binding 0 b2", ""},
		{"choose none", sdk.Phase{Hook: sdk.CoreBindingGroupChooseBinding, Line: "pool"}, `return msys.core.EC_BINDING_SLOT_UNBOUND;`, "", sdk.Continue, "", ""},
		{"routing", sdk.Phase{Hook: sdk.CoreConfigGetMessageRoutingDomain},
			`local cs, msg, buff = ...; print(type(cs), msg:rcptto(), msys.type(buff)); buff:set("Gate.Example.com"); return #buff;`,
			"nil\tb@y.test\tec_string", sdk.Done, "routing 0 gate.example.com", ""},
		{"routing by default", sdk.Phase{Hook: sdk.CoreConfigGetMessageRoutingDomain}, `local cs, msg, buff = ...; buff:set("x.test"); return 0;`, "", sdk.Continue, "", ""},
		{"received", sdk.Phase{Hook: sdk.CoreGetReceivedHeaderText},
			`local msg, mc, ac, ctx, response = ...; print(msg:rcptto(), msys.type(mc), tostring(ac.remote_addr), msys.type(ctx)); response:set("from me"); return 1;`,
			"b@y.test\tmessage_construct\t192.0.2.7:25\tvalidate_context", sdk.Done, "answer 1 from me", ""},
		{"enqueue", sdk.Phase{Hook: sdk.CoreECMessageEnqueue}, `local msg, now = ...; print(msg:rcptto(), now.tv_sec > 0); return msys.core.EC_MESSAGE_ENQUEUE_HOOK_OK;`,
			"b@y.test\ttrue", sdk.Done, "answer 1", ""},
		{"enqueue goes on", sdk.Phase{Hook: sdk.CoreECMessageEnqueue}, `return msys.core.EC_MESSAGE_ENQUEUE_HOOK_CONT;`, "", sdk.Continue, "", ""},
		{"bounces off", sdk.Phase{Hook: sdk.CoreGenerateBounces, Number: 1},
			`local mess, enabled = ...; print(mess:rcptto(), enabled.value, tostring(enabled)); enabled.value = 0; return msys.core.GENERATE_BOUNCES_HOOK_OK;`,
			"b@y.test\t1\t1", sdk.Done, "answer 0", ""},
		{"bounces as configured", sdk.Phase{Hook: sdk.CoreGenerateBounces, Number: 1}, `local mess, enabled = ...; enabled.value = 0; return msys.core.GENERATE_BOUNCES_HOOK_CONT;`, "", sdk.Continue, "", ""},
		{"bounce edited", sdk.Phase{Hook: sdk.CorePostGenerateRFC3464Message},
			`local orig, bounce, action = ...; print(orig:header("Subject")[1], bounce:header("Subject")[1], action == msys.core.FAILED); bounce:header("X-Seen", "yes");`,
			"orig\tcopy\ttrue", sdk.Continue, "header X-Seen 0 yes", ""},
		{"requeue", sdk.Phase{Hook: sdk.CorePreMailqMessageRequeue}, `local msg, now = ...; print(msg:rcptto(), now.tv_sec > 0); msg:context_set(1, "k", "v"); return 0;`,
			"b@y.test\ttrue", sdk.Continue, "set k 0 v", ""},
		{"login", sdk.Phase{Hook: sdk.OutboundSMTPAuthConfig}, `local msg, ac, vctx = ...; print(msys.type(ac), msys.type(vctx)); msg:context_set(msys.core.VCTX_MESS, "outbound_smtp_auth_user", "u");`,
			"accept_construct\tvalidate_context", sdk.Continue, "set outbound_smtp_auth_user 0 u", ""},
		{"attempt", sdk.Phase{Hook: sdk.CoreLogAttempt}, `local msg, dr, now, note, len = ...; print(msg:rcptto(), dr.domain, note, len, msg:body());`, "b@y.test\ty.test\tnil\t0\thi", sdk.Continue, "", ""},
		{"abort", sdk.Phase{Hook: sdk.CoreServerESMTPSessionAbort}, `local ac, more = ...; print(tostring(ac.remote_addr), more);`, "192.0.2.7:25\tnil", sdk.Continue, "", ""},
		{"rejection", sdk.Phase{Hook: sdk.CoreLogRejection, Number: 6, Line: "550 no"},
			`local now, ac, ctx, phase, format, args = ...; print(phase == msys.core.MC_STATE_RCPTTO, format, args);`, "true\t550 no\tnil", sdk.Continue, "", ""},
		{"reject", sdk.Phase{Hook: sdk.CoreFinalValidation2}, `return msys.core.EC_HOOK_DONE;`, "", sdk.Done, "", "550 5.7.1 message refused by policy"},
		{"defer with a text", sdk.Phase{Hook: sdk.CoreFinalValidation2}, `local msg, ac, vctx = ...; vctx:set_code(452, "4.7.0 soon"); return msys.core.EC_HOOK_RETRY;`, "", sdk.Done, "", "452 4.7.0 soon"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, err := setup{scripts: map[string]string{"script": fmt.Sprintf(`local mod = {};
function mod:%s(...)
  %s
end
msys.registerModule("m", mod);`, c.phase.Hook, c.body)}, config: sdk.Config{
				Bindings: []string{"default", "b1", "b2"}, BindingGroups: []sdk.Group{{Name: "pool", Bindings: []string{"b1", "b2"}}},
			}}.prepare(t)
			if err != nil {
				t.Fatal(err)
			}
			w.m.Commit(1)
			a, err := w.m.Call(context.Background(), hookCall(c.phase))
			if err != nil || len(a.Results) != 1 {
				t.Fatalf("%v %+v", err, a)
			}
			r := a.Results[0]
			if got := changesText(r.Changes); got != c.changes || r.Verdict != c.verdict || r.Failed {
				t.Errorf("verdict %d, changes %q, failed %v\n%s", r.Verdict, got, r.Failed, w.host.paniclog())
			}
			if got := strings.TrimPrefix(w.host.printed(), "scriptlet: "); got != c.printed {
				t.Errorf("printed %q, want %q", got, c.printed)
			}
			if c.reply != "" && (r.Reply == nil || r.Reply.String() != c.reply) {
				t.Errorf("reply %v", r.Reply)
			}
		})
	}
}

// TestAnswersThatAreNone: what is no answer counts as none, and the paniclog
// says so.
func TestAnswersThatAreNone(t *testing.T) {
	for hook, body := range map[sdk.Hook]string{
		sdk.CoreBindingGroupChooseBinding:     `return 17;`,
		sdk.CoreConfigGetMessageRoutingDomain: `return 5;`,
		sdk.CoreECMessageEnqueue:              `return 9;`,
		sdk.CoreGenerateBounces:               `return "yes";`,
		sdk.CoreGetReceivedHeaderText:         ``,
		sdk.CoreFinalValidation2:              `return 3;`,
	} {
		w, err := setup{scripts: map[string]string{"script": fmt.Sprintf("local mod = {};\nfunction mod:%s(...)\n%s\nend\nmsys.registerModule('m', mod);", hook, body)}}.prepare(t)
		if err != nil {
			t.Fatal(err)
		}
		w.m.Commit(1)
		a, err := w.m.Call(context.Background(), hookCall(sdk.Phase{Hook: hook}))
		if err != nil || len(a.Results) != 1 || len(a.Results[0].Changes) != 0 || a.Results[0].Failed || a.Results[0].Verdict != sdk.Continue {
			t.Errorf("%s: %v %+v", hook, err, a)
		}
		if !strings.Contains(w.host.paniclog(), hook.String()+" error: (null)") {
			t.Errorf("%s: paniclog %s", hook, w.host.paniclog())
		}
	}
}
