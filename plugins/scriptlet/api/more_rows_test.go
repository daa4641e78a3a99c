package api

import (
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

func TestMathx(t *testing.T) {
	w := newWorld(t)
	w.is("5 -2 3 4 true true false 2", `local x = require("mathx")
return x.hypot(3, 4), x.trunc(-2.7), x.cbrt(27), x.rint(4.5), x.isnan(0/0), x.signbit(-1), x.isfinite(1/0), x.log2(4)`)
	w.raises("bad argument #2 to 'hypot'", `require("mathx").hypot(1)`)
}

func TestSendEmail(t *testing.T) {
	w := newWorld(t)
	send := `require("msys.policyeditor").send_email({}, {}, { from = "a@x.test", to = "b@x.test", subject = "hello\nBcc: c@x.test", body = "text", throttle = %s })`
	w.run(strings.ReplaceAll(send, "%s", "nil"))
	w.run(strings.ReplaceAll(send, "%s", "60"))
	w.run(strings.ReplaceAll(send, "%s", "60"))
	got := w.host.Injected()
	if len(got) != 2 {
		t.Fatalf("%d messages, want the one without a throttle and the first with one", len(got))
	}
	head := string(got[0].Header)
	if !strings.Contains(head, "Subject: hello Bcc: c@x.test\r\n") || strings.Contains(head, "\r\nBcc:") || got[0].Sender != "a@x.test" || len(got[0].Recipients) != 1 || !strings.Contains(string(got[0].Body.Inline), "text") {
		t.Errorf("%+v\n%s", got[0], head)
	}
	w.raises("parameter body is missing", `msys.policyeditor.send_email({}, {}, { from = "a@x.test", to = "b@x.test", subject = "s" })`)
}

func TestSessionState(t *testing.T) {
	for h, want := range map[sdk.Hook]float64{
		sdk.ValidateConnect: 0, sdk.ValidateEHLO: 2, sdk.ValidateMailFrom: 4, sdk.ValidateRcptTo: 6, sdk.ValidateRcptToList: 8, sdk.ValidateData: 9, sdk.ValidateDataSpool: 11,
	} {
		if got := sessionState(h); got != lua.LNumber(want) {
			t.Errorf("%s: %s, want %v", h, got, want)
		}
	}
}
