package scriptlet

import (
	"context"
	"testing"

	"github.com/mtad/mtad/sdk"
)

// An answer says which scripts ran, and whether they failed.
func TestScriptTimes(t *testing.T) {
	for body, failed := range map[string]bool{"return msys.core.VALIDATE_CONT;": false, `error("no");`: true} {
		w, err := setup{scripts: map[string]string{"script": `require("msys.core"); local mod = {};
function mod:validate_data_spool(msg, ac, vctx) ` + body + ` end
msys.registerModule("registered", mod);`}}.prepare(t)
		if err != nil {
			t.Fatal(err)
		}
		w.m.Commit(1)
		a, err := w.m.Call(context.Background(), hookCall(sdk.Phase{Hook: sdk.ValidateDataSpool}))
		if err != nil || len(a.Results) != 1 || len(a.Results[0].Scripts) != 1 {
			t.Fatalf("%v %+v", err, a)
		}
		if s := a.Results[0].Scripts[0]; s.Script != "registered" || s.Failed != failed || s.Took <= 0 {
			t.Errorf("%s: %+v", body, s)
		}
	}
}
