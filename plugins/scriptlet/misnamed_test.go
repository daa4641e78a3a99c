package scriptlet

import (
	"strings"
	"testing"
)

func TestMisnamedFunctionsAreWarnedOf(t *testing.T) {
	w := scripted(t, head+`
function msys.core.string_newer() return 1 end
function mod:validate_ehlo(str, ac, vctx)
  if false then
    local n = msys.core.string_nwe()
    msys.core.string_newer()
    msys.core.something_else_entirely()
    msys.nowhere.string_nwe()
  end
  return msys.core.VALIDATE_CONT
end`+foot)
	var got []string
	for _, p := range w.sub.Warnings {
		if strings.Contains(p.Text, "has no function") {
			got = append(got, p.String())
		}
	}
	const want = `script.lua:7: msys.core has no function "string_nwe"; did you mean "string_new"?`
	if len(got) != 1 || !strings.Contains(got[0], want) {
		t.Errorf("%q, want %s", got, want)
	}
}
