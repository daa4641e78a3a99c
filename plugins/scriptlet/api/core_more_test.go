package api

import (
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk"
)

func TestContextKeys(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.is("k,two,", `msg:context_set(M, "two", 2) local all, k = "", msys.core.ec_message_context_firstkey(msg, M)
		while k do all = all .. k .. "," k = msys.core.ec_message_context_nextkey(msg, M, k) end return all`)
	w.is("nil", `return msys.core.ec_message_context_nextkey(msg, M, "nope")`)
	w.is("<v", `local s = msys.core.string_new() s:set("<") msys.core.dict_stringprint(msg.vctx_mess, "k", s)
		msys.core.dict_stringprint(msg.vctx_mess, "nope", s) return tostring(s)`)
	w.is("0", `return msys.core.scheduler_for_domain("x.test")`)
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
