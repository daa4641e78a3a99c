package e2e

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// told is a script that prints each callout with the types of its arguments, and
// gives the answers that body assigns.
func told(body string, callouts ...string) mtatest.Script {
	text := `local answers = {};
local function show(name, ...)
  local out = {};
  for i = 1, select("#", ...) do out[#out + 1] = msys.type((select(i, ...))); end
  print(name .. "(" .. table.concat(out, ",") .. ")");
end
`
	for _, name := range callouts {
		text += fmt.Sprintf("function mod:%s(...) show(%q, ...); if answers[%q] then return answers[%q](...); end; return 0; end\n", name, name, name, name)
	}
	return script("told", text+body)
}

// bindings has two bindings in a group, which say their names in EHLO.
const bindings = `binding_group "pool" {
  binding "b1" { ehlo_hostname = "b1.test" }
  binding "b2" { ehlo_hostname = "b2.test" }
}
`

// TestHooksOfAMessagesWay: the callouts of reception, enqueueing and delivery, in
// their order and with their arguments; those that log come beside them.
func TestHooksOfAMessagesWay(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Global: bindings, Scripts: []mtatest.Script{told(`
function answers.validate_set_binding(msg) msg:binding_group("pool"); return 0; end
function answers.core_binding_group_choose_binding(msg, group) return msys.core.config_get_binding_id_from_name("b2"); end
function answers.core_post_validate_set_binding(msg) print("bound to " .. msg:binding() .. " of " .. msg:binding_group()); end
function answers.core_get_received_header_text(msg, mc, ac, ctx, response)
  response:set("Received: from policy\nby me (for " .. msg:mailfrom() .. ")"); return 1;
end
`, "core_validate_accept", "validate_connect", "core_validate_connect", "core_get_received_header_text", "validate_data",
		"core_pre_msg_each_rcpt", "validate_data_spool_each_rcpt", "core_validate_data_spool_each_rcpt",
		"core_post_validate_data_spool_each_rcpt_v1", "core_post_msg_each_rcpt", "validate_set_binding",
		"core_binding_group_choose_binding", "core_post_validate_set_binding", "core_final_validation2",
		"core_final_validation", "core_post_final_validation", "core_config_get_message_routing_domain",
		"core_ec_message_enqueue", "core_log_reception_v1", "core_log_attempt_v1", "outbound_smtp_auth_config",
		"core_log_client_connection_success", "core_log_delivery_v1")}})
	submit(t, s, "from@example.org", "a@example.com")
	got := sink.Wait(t, "a@example.com")
	s.Logged("paniclog.ec", "core_log_delivery_v1(")
	s.Term()
	if got.Helo != "b2.test" || !strings.HasPrefix(got.Data, "Received: from policy\r\n\tby me (for from@example.org)\r\n") {
		t.Errorf("EHLO %s, %s", got.Helo, got.Data)
	}
	const msg, ac, vctx = "ec_message", "accept_construct", "validate_context"
	each := "(" + msg + "," + ac + "," + vctx + ")"
	for _, want := range [][]string{{
		"core_validate_accept(" + ac + "," + vctx + ")", "validate_connect(" + ac + "," + vctx + ")", "core_validate_connect(" + ac + "," + vctx + ")",
		"core_get_received_header_text(" + msg + ",message_construct," + ac + "," + vctx + ",ec_string)", "validate_data" + each,
		"core_pre_msg_each_rcpt(" + msg + "," + ac + ")", "validate_data_spool_each_rcpt" + each, "core_validate_data_spool_each_rcpt" + each,
		"core_post_validate_data_spool_each_rcpt_v1" + each, "core_post_msg_each_rcpt" + each, "validate_set_binding(" + msg + ")",
		"core_binding_group_choose_binding(" + msg + ",string)", "core_post_validate_set_binding(" + msg + ")", "bound to b2 of pool",
		"core_final_validation2" + each, "core_final_validation" + each, "core_post_final_validation" + each,
		"core_config_get_message_routing_domain(nil," + msg + ",ec_string)", "core_ec_message_enqueue(" + msg + ",timeval)",
		"outbound_smtp_auth_config" + each,
	}, {
		"core_log_reception_v1(" + ac + "," + msg + ",timeval,nil,number)", "core_log_attempt_v1(" + msg + ",domain_record,timeval,nil,number)",
		"core_log_delivery_v1(" + msg + ",domain_record,timeval,string,number)",
	}, {
		"core_log_client_connection_success(sockaddr,domain_record,number,timeval)",
	}} {
		if err := subsequence(s.Printed(), want); err != nil {
			t.Error(err)
		}
	}
}

// TestRoutingAndEnqueueing: policy picks the queue, and keeps or refuses what it
// will not have queued.
func TestRoutingAndEnqueueing(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Relay: []string{"example.com", "gate.test"}, Scripts: []mtatest.Script{script("router", `
function mod:core_config_get_message_routing_domain(cs, m, buff)
  if m:rcptto():match("^gate") then buff:set("gate.test"); return #buff; end
  return 0;
end
function mod:core_ec_message_enqueue(msg, now)
  if msg:rcptto():match("^mine") then return msys.core.EC_MESSAGE_ENQUEUE_HOOK_OK; end
  if msg:rcptto():match("^bad") then return msys.core.EC_MESSAGE_ENQUEUE_HOOK_ERR; end
  return msys.core.EC_MESSAGE_ENQUEUE_HOOK_CONT;
end
function mod:core_log_rejection(now, ac, ctx, phase, format, args)
  print("rejected " .. tostring(ac.remote_addr):match("^[%d.]+") .. " " .. tostring(phase == msys.core.MC_STATE_ASYNC_BODY_RESPONSE) .. " " .. format .. " " .. type(args));
end
function mod:core_log_delivery_v1(msg, dr, now, note, len) print("through " .. dr.domain .. ": " .. msg:body()); end
`)}})
	submit(t, s, "from@example.org", "gate@example.com")
	submit(t, s, "from@example.org", "mine@example.com")
	if err := s.Submit("from@example.org", content, "bad@example.com"); err == nil || !strings.Contains(err.Error(), "451 4.3.0") {
		t.Errorf("enqueueing failed, and the client sees %v", err)
	}
	sink.Wait(t, "gate@example.com")
	s.Logged("paniclog.ec", "through gate.test: Hello.")
	s.Logged("rejectlog.ec", "[internal] taken by core_ec_message_enqueue")
	s.Logged("paniclog.ec", "rejected 127.0.0.1 true 451 4.3.0 temporary issue, please retry your message later nil")
	s.Term()
	if got := len(sink.Messages()); got != 1 {
		t.Errorf("%d messages went out", got)
	}
}

// TestHooksOfFailures: before a retry, whether and what is bounced, and a next hop
// that is not there.
func TestHooksOfFailures(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	sink.AtRcpt("later@example.com", "451 4.2.1 come back")
	sink.AtRcpt("never@example.com", "550 5.1.1 no")
	sink.AtRcpt("quiet@example.com", "550 5.1.1 no")
	s := mtatest.Start(t, mtatest.Config{
		Next: sink, Relay: []string{"example.com", "client.test"},
		Global: "relay_hosts = [\"127.0.0.1\"]\n" + fmt.Sprintf("domain \"nobody.test\" {\n gateway = \"127.0.0.1\"\n remote_smtp_port = %d\n}\n", mtatest.FreePort(t)),
		Scripts: []mtatest.Script{script("failures", `
function mod:core_pre_mailq_message_requeue(msg, now)
  local n = tonumber(msg:context_get(msys.core.ECMESS_CTX_MESS, "tries")) or 0;
  msg:context_set(msys.core.ECMESS_CTX_MESS, "tries", n + 1);
  print("requeue " .. msg:rcptto() .. " " .. n .. " " .. tostring(now.tv_sec > 0));
end
function mod:core_generate_bounces(mess, enabled)
  print("bounce for " .. mess:rcptto() .. "? " .. enabled.value);
  if mess:rcptto():match("^quiet") then enabled.value = 0; return msys.core.GENERATE_BOUNCES_HOOK_OK; end
  return msys.core.GENERATE_BOUNCES_HOOK_CONT;
end
function mod:core_post_generate_rfc3464_message(orig, bounce, action)
  bounce:header("X-For", orig:rcptto() .. " " .. orig:header("Subject")[1] .. " " .. tostring(action == msys.core.FAILED));
end
function mod:core_log_client_connection_failure(addr, err, dr, slot, now)
  print("no connection for " .. dr.domain .. " " .. tostring(tostring(addr):match("^127.0.0.1:%d+$") ~= nil) .. " "
    .. tostring(err & msys.core.CONN_ERROR_CONNECT ~= 0) .. " " .. slot .. " " .. tostring(now.tv_sec > 0));
end
function mod:core_log_permanent_failure_v1(msg, dr, now, note, len) print("failed " .. msg:rcptto() .. " " .. note .. " " .. msg:body()); end
`)}})
	submit(t, s, "me@client.test", "later@example.com")
	submit(t, s, "me@client.test", "never@example.com")
	submit(t, s, "me@client.test", "quiet@example.com")
	submit(t, s, "me@client.test", "x@nobody.test")
	if got := sink.Wait(t, "me@client.test"); got.Header("X-For") != "never@example.com test true" || got.From != "" {
		t.Errorf("the bounce is %+v", got)
	}
	for _, want := range []string{
		"requeue later@example.com 0 true", "requeue later@example.com 1 true", "bounce for never@example.com? 1", "bounce for quiet@example.com? 1",
		"no connection for nobody.test true true 0 true", "failed quiet@example.com 550 5.1.1 no Hello.",
	} {
		s.Logged("paniclog.ec", want)
	}
	sink.Accept("later@example.com")
	sink.Wait(t, "later@example.com")
	s.Term()
	if got := len(sink.Messages()); got != 2 {
		t.Errorf("%d messages went out, not one and one bounce", got)
	}
}

// TestAHookThatHangsHoldsUpNoLane: mail behind a message whose requeue hook takes
// its time goes out meanwhile.
func TestAHookThatHangsHoldsUpNoLane(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	sink.AtRcpt("later@example.com", "451 4.2.1 come back")
	s := mtatest.Start(t, mtatest.Config{Next: sink, Global: "max_outbound_connections = 1\n", Scripts: []mtatest.Script{script("slow", `
function mod:core_pre_mailq_message_requeue(msg, now)
  print("hanging");
  require("msys.extended.vctx"); thread.sleep(3600);
end
`)}})
	submit(t, s, "from@example.org", "later@example.com")
	s.Logged("paniclog.ec", "hanging")
	for i := range 3 {
		submit(t, s, "from@example.org", fmt.Sprintf("next%d@example.com", i))
		sink.Wait(t, fmt.Sprintf("next%d@example.com", i))
	}
	sink.Accept("later@example.com")
	sink.Wait(t, "later@example.com") // the hook's deadline is over by then
	s.Logged("paniclog.ec", "core_pre_mailq_message_requeue")
}

// TestSessionAbort: a client that hangs up without QUIT, and only that.
func TestSessionAbort(t *testing.T) {
	t.Parallel()
	s := mtatest.Start(t, mtatest.Config{Scripts: []mtatest.Script{script("abort", `
function mod:core_server_esmtp_session_abort(ac) print("aborted " .. tostring(ac.remote_addr)); end
`)}})
	c := open(t, s)
	say(t, c, "QUIT", "221")
	c.Close()
	plain, err := net.Dial("tcp", s.SMTP)
	if err != nil {
		t.Fatal(err)
	}
	greeting := make([]byte, 3)
	if _, err := plain.Read(greeting); err != nil {
		t.Fatal(err)
	}
	plain.Close()
	s.Logged("paniclog.ec", "aborted "+plain.LocalAddr().String())
	s.Term()
	if got := len(s.Printed()); got != 1 {
		t.Errorf("%d sessions were aborted: %q", got, s.Printed())
	}
}

// TestMailLoop: by count of Received fields, refused or left to policy.
func TestMailLoop(t *testing.T) {
	t.Parallel()
	looped := strings.Repeat("Received: from a by b; Tue, 25 Aug 2009 11:40:46 +0000\r\n", 4) + content
	for code, want := range map[int]string{554: "554 5.4.6 mail loop detected", 250: "550 5.7.1 seen 4"} {
		s := mtatest.Start(t, mtatest.Config{
			Global: fmt.Sprintf("mail_loop \"loops\" {\n max_received_headers = 3\n code = %d\n}\n", code),
			Scripts: []mtatest.Script{script("loop", `
function mod:validate_data(msg, ac, vctx)
  local n = vctx:get(msys.core.VCTX_CONN, "mail_loop_header_count");
  if n ~= "" then vctx:set_code(550, "5.7.1 seen " .. n); end
  return msys.core.VALIDATE_CONT;
end
`)}})
		if err := s.Submit("a@example.org", looped, "b@example.com"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("code %d: %v", code, err)
		}
	}
}
