package api

import (
	"testing"

	"github.com/mtad/mtad/sdk"
)

func TestContextKeys(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateDataSpool)
	w.run(`core = msys.core; msg:context_set(M, "second", "2")`)
	w.is("k second nil nil", `local a = core.ec_message_context_firstkey(msg, M); local b = core.ec_message_context_nextkey(msg, M, a)
		return a, b, core.ec_message_context_nextkey(msg, M, b), core.ec_message_context_nextkey(msg, M, "none")`)
	w.is("ehlo_domain", `return core.ec_message_context_firstkey(msg, C)`)
	w.is("k=v", `local s = core.string_new(); s:write("k="); core.dict_stringprint(msg.vctx_mess, "k", s); core.dict_stringprint(msg.vctx_mess, "none", s); return tostring(s)`)
	w.raises("bad context type", `core.ec_message_context_firstkey(msg, 9)`)
	w.raises("ec_string expected", `core.dict_stringprint(msg.vctx_mess, "k", msg)`)
}
