package api

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mail"
)

const sampleReport = "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.remote.test\r\n\r\n" +
	"Final-Recipient: rfc822; x@y.test\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 no such user\r\n--b--\r\n"

func (w *mailWorld) report() *mailWorld {
	m := w.frame.State.Message
	m.Header = []byte("Content-Type: multipart/report; boundary=b\r\n")
	m.Body = sdk.Body{Size: int64(len(sampleReport)), Inline: []byte(sampleReport)}
	return w
}

func TestBounceClassify(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool).report()
	w.run(`require "msys.bounce"`)
	w.is("10 BC_HARD_INVALID_RECIPIENT Invalid Recipient x@y.test", `return msys.bounce.classify(msg)`)
	w.is("24 BC_SOFT_TIMEOUT Timeout", `return msys.bounce.classify_smtp_response("554 5.4.7 [internal] exceeded max time without delivery", "y.test")`)
	w.is("1 BC_UNDETERMINED Undetermined", `return msys.bounce.classify_smtp_response("this domain is no longer used")`)
	w.is("Spam Content 54", `return msys.bounce.bounce_code[52], msys.bounce["bounce_code.54"]`)
	w.is("1 nil", `local m = msys.core.ec_message_new() m:build({Subject = "hello"}, {["text/plain"] = "hi"}, {})
		local code, symbol, text, rcpt = msys.bounce.classify(m) return code, rcpt`)
	newMailWorld(t, sdk.ValidateRcptTo).raises("no content before validate_data",
		`require "msys.bounce" msys.bounce.classify(msys.core.accept_construct_get_message_construct(ac).message)`)
}

func TestDeliveryStatus(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool).report()
	w.run(`require "msys.rfc3464"`)
	w.is("5.1.1 dns; mx.remote.test failed x 1", `local s = msys.rfc3464.extract_delivery_status(msg)
		return s["Status"], s["Reporting-MTA"], s[1].Action, s[1]["Final-Recipient"]:match("; (%w)"), #s`)
	w.is("nil", `local m = msys.core.ec_message_new() m:build({Subject = "hello"}, {["text/plain"] = "hi"}, {}) return msys.rfc3464.extract_delivery_status(m)`)
	w.run(`msg:code(550, "5.2.1 gone\nfor good")`)
	w.is("rfc822; a@relay.test failed 5.2.1 dns; mx.test", `local s = msys.rfc3464.compute_delivery_status(msg, msys.core.FAILED)
		return s["Final-Recipient"], s.Action, s.Status, s["Reporting-MTA"]`)
	w.is("true", `local s = msys.rfc3464.compute_delivery_status_string(msg, msys.core.DELAYED)
		return s:find("Reporting-MTA: dns; mx.test\r\n", 1, true) == 1 and s:find("\r\n\r\nFinal-Recipient: ", 1, true) ~= nil and s:find("Action: delayed\r\n", 1, true) ~= nil`)
	w.is("Action: delayed\r\nStatus: 4.0.0\r\nDiagnostic-Code: smtp; 450 busy\r\n", `return msys.rfc3464.compute_delivery_status_string("450 busy")`)
	w.raises("9 is no action", `msys.rfc3464.create_mdn(msg, 9)`)
	w.raises("ec_message or string expected", `msys.rfc3464.compute_delivery_status_string(1)`)
}

func TestNotification(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpoolEachRcpt)
	w.run(`require "msys.rfc3464" require "msys.bounce"`)
	w.is("delayed rfc822; a@relay.test", `local s = msys.rfc3464.extract_delivery_status(msys.rfc3464.create_mdn(msg, msys.core.DELAYED)) return s.Action, s["Final-Recipient"]`)
	w.is("1", `return msys.rfc3464.send_mdn(msg, msys.core.FAILED)`)
	in := w.frame.Changes[0].Injection
	if in.Sender != "" || len(in.Recipients) != 1 || in.Recipients[0] != "sender@relay.test" {
		t.Errorf("sent from %q to %q", in.Sender, in.Recipients)
	}
	root := mail.ParseMIME(in.Header, in.Body.Inline)
	if parts := root.Children(); len(parts) != 3 || !strings.Contains(string(parts[2].Body()), "X-Custom: first") {
		t.Errorf("%d parts", len(parts))
	}
	w.is("0", `msg:mailfrom("") return msys.rfc3464.send_mdn(msg, msys.core.FAILED)`)
}

func TestDelayDomain(t *testing.T) {
	w := newWorld(t)
	w.is("nil", `return msys.core.mail_queue_delay_domain(msys.core.dns_get_domain("Relay.Test"), "451 4.4.1 [internal] manually\ndelayed")`)
	if diff := cmp.Diff([]string{"relay.test: 451 4.4.1 [internal] manually delayed"}, w.host.Delayed()); diff != "" {
		t.Error(diff)
	}
	w.raises("domain_record expected", `msys.core.mail_queue_delay_domain("relay.test", "x")`)
}

func TestPools(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateConnect)
	w.config.Pools = []string{"LUA_TXT_LOGS"}
	w.run(`require "msys.threadpool"`)
	w.is("true 1 2", `return msys.runInPool("IO", function() return 1, 2 end)`)
	w.is("false no", `return msys.runInPool(1, function() error("no", 0) end)`)
	w.is("", `return msys.runInPool("LUA_TXT_LOGS", function() end, true)`)
	w.raises(`there is no thread pool "NoSuch"`, `msys.runInPool("NoSuch", function() end)`)
	w.raises(`there is no thread pool "42"`, `msys.runInPool(42, function() end)`)
	w.is("11 1 IO 100 nil SwapIn", `local t = msys.threadpool return t.count(), t.find("io"), t.find(1), t.find("LUA_TXT_LOGS"), t.find("x"), t.find(t.ECTP_CLASS_SWAPIN)`)
	w.is("2 IO 1 nil", `local t = msys.threadpool return t.stat("IO").invocations, t.stat(1).name, t.stat("LUA_TXT_LOGS").job_num_queued, t.stat("x")`)
	w.is("true", `return tostring(msys.threadpool.stat("IO")):find("invocations=2", 1, true) ~= nil`)
}
