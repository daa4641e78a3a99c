package e2e

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// tellTLS prints the TLS session of each delivery and failure.
func tellTLS() mtatest.Script {
	return script("telltls", `
local text = "%{outbound_tls:outbound_tls} %{outbound_tls:outbound_tls_type} %{outbound_tls:local_ip} " ..
  "[%{outbound_tls:outbound_tls_protocol} %{outbound_tls:outbound_tls_cipher_algbits}/%{outbound_tls:outbound_tls_cipher_usebits}] " ..
  "%{outbound_tls:outbound_tls_verified} %{outbound_tls:outbound_tls_issuer} %{outbound_tls:outbound_tls_subject} " ..
  "at %{custom_logger:S} %{custom_logger:s}, %{custom_logger:H}";
local function tell(what, msg)
  print(what .. " " .. msg:rcptto() .. ": " .. msys.expandMacro(text) .. " suite=" .. tostring(msys.expandMacro("%{outbound_tls:outbound_tls_cipher}") ~= ""));
end
function mod:core_log_delivery_v1(msg) tell("delivered", msg); end
function mod:core_log_transient_failure_v1(msg) tell("put off", msg); end
function mod:core_log_permanent_failure_v1(msg) tell("failed", msg); end
function mod:core_log_reception_v1(ac, msg) tell("received", msg); end
`)
}

// TestLogCalloutsTellOfTLS: what the log callouts of deliveries and failures see of
// the connection, with TLS, without, and where none was made.
func TestLogCalloutsTellOfTLS(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	pem := certificate(t)
	second := mtatest.Start(t, mtatest.Config{
		Next: sink, Files: map[string]string{"mx.pem": pem}, Listener: `tls_certificate = "@DIR@/mx.pem"`,
		Scripts: []mtatest.Script{script("choose", `
function mod:validate_rcptto(msg, str, ac, vctx)
  if msg:rcptto():match("^later") then vctx:set_code(450, "4.2.1 later"); end
  if msg:rcptto():match("^never") then vctx:set_code(550, "5.1.1 never"); end
  return msys.core.VALIDATE_CONT;
end
`)}})
	_, port, err := net.SplitHostPort(second.SMTP)
	if err != nil {
		t.Fatal(err)
	}
	first := mtatest.Start(t, mtatest.Config{
		Relay: []string{"example.com", "clear.test", "gone.test"}, Files: map[string]string{"ca.pem": pem}, Retry: 60,
		Scripts: []mtatest.Script{tellTLS()},
		Global: fmt.Sprintf(`tls = "ifavailable"
tls_verify = "host"
tls_ca     = "@DIR@/ca.pem"
domain "example.com" {
  gateway          = "127.0.0.1"
  remote_smtp_port = %s
}
domain "clear.test" {
  gateway          = "127.0.0.1"
  remote_smtp_port = %d
}
domain "gone.test" {
  gateway          = "127.0.0.1"
  remote_smtp_port = %d
}`, port, sink.Port, mtatest.FreePort(t))})
	for _, rcpt := range []string{"u@example.com", "later@example.com", "never@example.com", "u@clear.test", "u@gone.test"} {
		submit(t, first, "", rcpt)
	}
	const secured = ": TLS ifavailable 127.0.0.1 [TLSv1.3 128/128] verified mx.test mx.test at "
	for _, want := range []string{
		"received u@example.com:    [ /]    at 22 , 127.0.0.1 suite=false",
		"delivered u@example.com" + secured + "9 reading confirmation, 127.0.0.1 suite=true",
		"put off later@example.com" + secured + "5 after RCPT TO, 127.0.0.1 suite=true",
		"failed never@example.com" + secured + "5 after RCPT TO, 127.0.0.1 suite=true",
		"delivered u@clear.test: SMTP no 127.0.0.1 [ /]    at 9 reading confirmation, 127.0.0.1 suite=false",
		"put off u@gone.test: unknown no  [ /]    at 0 while not connected,  suite=false",
	} {
		first.Logged("paniclog.ec", want)
	}
	if got := sink.Wait(t, "u@example.com"); !strings.Contains(got.Data, "with ESMTPS") {
		t.Errorf("no hop says ESMTPS:\n%s", got.Data)
	}
}

// TestNameOfThePeer: reverse_dns and fcdns_status are what fcdns_check found; macros
// and the rejectlog have them, and so does the message in each later callout. %PG is
// the group of the listener's pathway.
func TestNameOfThePeer(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink,
		DNS:      mtatest.NewDNS(t, mtatest.Zone{Text: "1.0.0.127.in-addr.arpa. 60 IN PTR client.test.\nclient.test. 60 IN A 127.0.0.1\n"}),
		Listener: `pathway = "inbound"`,
		Global: `
pathway_group "outside" {
  pathway "inbound" {}
}`,
		Scripts: []mtatest.Script{script("names", `
require("msys.pbp");
local text = "%{vctx_conn:reverse_dns}|%{vctx_conn:fcdns_status}|%{p}|%{custom_logger:P}|%{custom_logger:PG}";
function mod:validate_connect(ac, vctx)
  print("before " .. msys.expandMacro("%{vctx_conn:reverse_dns}|%{vctx_conn:fcdns_status}"));
  local ok, rdns, fdns = msys.pbp.fcdns_check(ac, vctx);
  print("check", ok, rdns, fdns);
  return msys.core.VALIDATE_CONT;
end
function mod:validate_rcptto(msg, str, ac, vctx)
  if msg:rcptto():match("^no") then vctx:set_code(550, "5.7.1 not " .. vctx:get(msys.core.VCTX_CONN, "reverse_dns")); end
  return msys.core.VALIDATE_CONT;
end
function mod:core_log_rejection(now, ac, vctx) print("refused " .. msys.expandMacro(text)); end
function mod:core_log_delivery_v1(msg) print("delivered " .. msys.expandMacro(text)); end
`)}})
	submit(t, s, "a@example.org", "u@example.com")
	sink.Wait(t, "u@example.com")
	if err := s.Submit("a@example.org", content, "no@example.com"); err == nil || !strings.Contains(err.Error(), "not client.test") {
		t.Errorf("refused: %v", err)
	}
	const names = "client.test|true|client.test|inbound|outside"
	for _, want := range []string{"before |", "check\ttrue\tnil\tnil", "delivered " + names, "refused " + names} {
		s.Logged("paniclog.ec", want)
	}
	s.Logged("rejectlog.ec", "reverse_dns=client.test")
	rejected, err := mtatest.RejectLog(s.Log("rejectlog.ec"))
	if err != nil || len(rejected) != 1 || rejected[0].Pathway != "inbound" || rejected[0].Group != "outside" || rejected[0].Conn["fcdns_status"] != "true" {
		t.Errorf("%v %+v", err, rejected)
	}
}
