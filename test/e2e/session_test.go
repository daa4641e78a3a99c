package e2e

import (
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// TestSelf: a table for each session and script, fresh at first, shared by the
// script's callouts, and still there in validate_dealloc.
func TestSelf(t *testing.T) {
	t.Parallel()
	keep := func(name string) mtatest.Script {
		return script(name, `
mod.constant = "from the module";
function mod:validate_ehlo(str, ac, vctx)
  local keys = 0;
  for k in pairs(self) do keys = keys + 1; end
  print("`+name+` ehlo keys " .. keys .. " constant " .. self.constant);
  self.who = tostring(str):match("EHLO (%S+)");
  return msys.core.VALIDATE_CONT;
end
function mod:validate_mailfrom(str, ac, vctx)
  self.mails = (self.mails or 0) + 1;
  print("`+name+` mail " .. self.who .. " " .. self.mails);
  return msys.core.VALIDATE_CONT;
end
function mod:validate_dealloc() print("`+name+` gone " .. tostring(self.who) .. " " .. tostring(self.mails)); end
`)
	}
	s := mtatest.Start(t, mtatest.Config{Scripts: []mtatest.Script{keep("x"), keep("y")}})
	s.Play(t, `
		S: 220
		C: EHLO one
		S: 250
		ON b
		S: 220
		C: EHLO two
		S: 250
		C: MAIL FROM:<a@example.org>
		S: 250
		ON a
		C: MAIL FROM:<a@example.org>
		S: 250
		C: RSET
		S: 250
		C: MAIL FROM:<a@example.org>
		S: 250
		C: QUIT
		S: 221
		CLOSED
		ON b
		C: QUIT
		S: 221
		CLOSED`)
	s.Term()
	got := s.Printed()
	for _, name := range []string{"x", "y"} {
		if n := count(got, name+" ehlo keys 0 constant from the module"); n != 2 {
			t.Errorf("%s: self began empty %d times, not 2", name, n)
		}
		if err := subsequence(got, []string{name + " mail two 1", name + " mail one 1", name + " mail one 2"}); err != nil {
			t.Error(err)
		}
		for _, line := range []string{name + " gone one 2", name + " gone two 1"} {
			if count(got, line) != 1 {
				t.Errorf("%q is there %d times, not once:\n%s", line, count(got, line), strings.Join(got, "\n"))
			}
		}
	}
}

// TestDeallocOnlyWhereTheModuleRan: a session in which no callout of a script
// ran ends without its validate_dealloc.
func TestDeallocOnlyWhereTheModuleRan(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Scripts: []mtatest.Script{script("late", `
function mod:validate_data(msg, ac, vctx) print("data"); return msys.core.VALIDATE_CONT; end
function mod:validate_dealloc() print("gone"); end
`)}})
	s.Play(t, "S: 220\nC: EHLO a\nS: 250\nC: MAIL FROM:<a@example.org>\nS: 250\nC: QUIT\nS: 221\nCLOSED")
	submit(t, s, "a@example.org", "b@example.com")
	s.Play(t, "S: 220\nC: EHLO a\nS: 250\nC: QUIT\nS: 221\nCLOSED")
	s.Term()
	if got := strings.Join(s.Printed(), " "); got != "data gone" {
		t.Errorf("printed %q, want data and gone once", got)
	}
}

// TestContexts: the connection's variables live as long as the connection, the
// message's until RSET, the next MAIL or the end of the message; a copy's are
// its own; names are shared by all scripts.
func TestContexts(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Scripts: []mtatest.Script{
		script("writes", `
function mod:validate_ehlo(str, ac, vctx)
  vctx:set(msys.core.VCTX_CONN, "c", "conn");
  return msys.core.VALIDATE_CONT;
end
function mod:validate_mailfrom(str, ac, vctx)
  print("before", vctx:get(msys.core.VCTX_CONN, "c"), "[" .. tostring(vctx:get(msys.core.VCTX_MESS, "m")) .. "]");
  vctx:set(msys.core.VCTX_MESS, "m", tostring(str):match("<(%w+)@"));
  return msys.core.VALIDATE_CONT;
end
function mod:validate_data_spool_each_rcpt(msg, ac, vctx)
  print("copy begins", "[" .. tostring(msg:context_get(msys.core.ECMESS_CTX_MESS, "own")) .. "]");
  msg:context_set(msys.core.ECMESS_CTX_MESS, "own", msg:rcptto());
  return msys.core.VALIDATE_CONT;
end
`),
		script("reads", `
function mod:validate_rcptto(msg, str, ac, vctx)
  print("rcpt", vctx:get(msys.core.VCTX_CONN, "c"), vctx:get(msys.core.VCTX_MESS, "m"));
  return msys.core.VALIDATE_CONT;
end
function mod:validate_set_binding(msg)
  print("bind", msg:context_get(msys.core.ECMESS_CTX_CONN, "c"), msg:context_get(msys.core.ECMESS_CTX_MESS, "m"), msg:context_get(msys.core.ECMESS_CTX_MESS, "own"));
  return msys.core.VALIDATE_CONT;
end
`)}})
	s.PlayFile(t, "testdata/contexts.smtp")
	s.Term()
	var got []string
	for _, line := range s.Printed() {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	empty := "before conn []"
	if count(got, "before conn [nil]") > 0 {
		empty = "before conn [nil]"
	}
	want := []string{
		empty, "rcpt conn first", // RSET
		empty, "rcpt conn second", "rcpt conn second",
		strings.Replace(empty, "before conn", "copy begins", 1), strings.Replace(empty, "before conn", "copy begins", 1),
		"bind conn second a@example.com", "bind conn second b@example.com",
		empty, "rcpt conn third", // after a message
		empty, // a new connection
	}
	for i := range got {
		got[i] = strings.Replace(got[i], "copy begins [nil]", "copy begins []", 1)
	}
	for i := range want {
		want[i] = strings.Replace(want[i], "copy begins [nil]", "copy begins []", 1)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
