package api

import (
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk"
)

func TestSchedulerForDomain(t *testing.T) {
	newMailWorld(t, sdk.ValidateDataSpool).is("0", `return msys.core.scheduler_for_domain("x.test")`)
}

func TestPrependHeaders(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.run(`msys.core.rfc2822_prepend_headers(msg, "X-Seen: yes\nX-Two: a\r\n b\r\n")`)
	if h := string(w.frame.Message().Header); h != "X-Seen: yes\r\nX-Two: a\r\n b\r\n"+sampleHeader {
		t.Errorf("got %q", h)
	}
	for _, bad := range []string{"", "no header", "X: a\\n\\nbody", " folded: x"} {
		w.raises("is no text of header lines", `msys.core.rfc2822_prepend_headers(msg, "`+bad+`")`)
	}
	if strings.Count(string(w.frame.Message().Header), "X-Seen") != 1 {
		t.Error("a refused text changed the header")
	}
}
