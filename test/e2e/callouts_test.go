package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// everyCallout prints each documented callout with the type and text of its
// arguments (reference/lua-api.tsv, kind "hook").
func everyCallout() mtatest.Script {
	body := `local function show(name, ...)
  local out = {};
  for i = 1, select("#", ...) do
    local v = select(i, ...);
    out[#out + 1] = type(v);
  end
  print(name .. "(" .. table.concat(out, ",") .. ")");
end
function mod:init(...) show("init", ...); return true; end
function mod:deinit(...) show("deinit", ...); return true; end
function mod:validate_dealloc(...) show("validate_dealloc", ...); end
`
	for _, name := range []string{
		"validate_connect", "validate_ehlo", "validate_mailfrom", "validate_rcptto", "validate_rcptto_list",
		"validate_rcptto_list_final", "validate_data", "validate_data_spool", "validate_data_spool_each_rcpt",
		"validate_set_binding",
	} {
		body += fmt.Sprintf("function mod:%s(...) show(%q, ...); return msys.core.VALIDATE_CONT; end\n", name, name)
	}
	return script("every", body)
}

// TestEveryCallout: the thirteen callouts, in the documented order, with the
// documented arguments, for one and for three recipients.
func TestEveryCallout(t *testing.T) {
	t.Parallel()
	for _, rcpts := range [][]string{{"a@example.com"}, {"a@example.com", "b@example.com", "c@example.com"}} {
		t.Run(fmt.Sprintf("%d recipients", len(rcpts)), func(t *testing.T) {
			sink := mtatest.NewSink(t)
			s := mtatest.Start(t, mtatest.Config{Next: sink, Scripts: []mtatest.Script{everyCallout()}})
			submit(t, s, "from@example.org", rcpts...)
			s.Logged("paniclog.ec", "validate_dealloc")
			s.Term()
			want := []string{
				"init()", "validate_connect(userdata,userdata)", "validate_ehlo(userdata,userdata,userdata)",
				"validate_mailfrom(userdata,userdata,userdata)",
			}
			want = append(want, times("validate_rcptto(userdata,userdata,userdata,userdata)", len(rcpts))...)
			want = append(want, "validate_rcptto_list(userdata,userdata)", "validate_rcptto_list_final(userdata,userdata)",
				"validate_data(userdata,userdata,userdata)", "validate_data_spool(userdata,userdata,userdata)")
			want = append(want, times("validate_data_spool_each_rcpt(userdata,userdata,userdata)", len(rcpts))...)
			want = append(want, times("validate_set_binding(userdata)", len(rcpts))...)
			want = append(want, "validate_dealloc()", "deinit()")
			if got := s.Printed(); strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

func times(line string, n int) (out []string) {
	for range n {
		out = append(out, line)
	}
	return out
}

// TestArgumentsSayWhatTheyAre: tostring of what callouts get.
func TestArgumentsSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Scripts: []mtatest.Script{script("args", `
function mod:validate_connect(ac, vctx)
  print("peer " .. tostring(ac.remote_addr));
  return msys.core.VALIDATE_CONT;
end
function mod:validate_ehlo(str, ac, vctx)
  print("ehlo [" .. tostring(str):gsub("\r\n$", "") .. "] " .. #tostring(str));
  return msys.core.VALIDATE_CONT;
end
function mod:validate_mailfrom(str, ac, vctx)
  print("mail [" .. tostring(str) .. "]");
  return msys.core.VALIDATE_CONT;
end
function mod:validate_rcptto(msg, str, ac, vctx)
  print("rcpt [" .. tostring(str) .. "] " .. msg:rcptto() .. " from " .. msg:mailfrom());
  return msys.core.VALIDATE_CONT;
end
function mod:validate_data_spool_each_rcpt(msg, ac, vctx)
  print("copy " .. msg:rcptto() .. " " .. msg:header("Subject")[1]);
  return msys.core.VALIDATE_CONT;
end
function mod:validate_set_binding(msg)
  print("bind " .. msg:rcptto() .. " id " .. tostring(msg.id));
  return msys.core.VALIDATE_CONT;
end
`)}})
	submit(t, s, "from@example.org", "a@example.com", "b@example.com")
	s.Term()
	got := s.Printed()
	if !strings.HasPrefix(got[0], "peer 127.0.0.1:") {
		t.Errorf("ac.remote_addr is %q", got[0])
	}
	if !strings.HasPrefix(got[1], "ehlo [EHLO client.test] ") {
		t.Errorf("the EHLO line is %q", got[1])
	}
	if err := subsequence(got, []string{
		"mail [MAIL FROM:<from@example.org>]",
		"rcpt [RCPT TO:<a@example.com>] a@example.com from from@example.org",
		"rcpt [RCPT TO:<b@example.com>] b@example.com from from@example.org",
		"copy a@example.com test", "copy b@example.com test",
	}); err != nil {
		t.Error(err)
	}
	records, err := mtatest.MainLog(s.Log("mainlog.ec"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if r.Type == 'R' && count(got, "bind "+r.RcptLocal+"@"+r.RcptDomain+" id "+r.Message) != 1 {
			t.Errorf("the message for %s has id %s in the mainlog, and another in validate_set_binding:\n%s", r.RcptLocal, r.Message, strings.Join(got, "\n"))
		}
	}
}

// verdicts has the first of two scripts give the verdict that the client names
// in EHLO.
func verdicts() []mtatest.Script {
	return []mtatest.Script{
		script("first", `
function mod:validate_ehlo(str, ac, vctx)
  local want = tostring(str):match("EHLO (%w+)");
  self.calls = (self.calls or 0) + 1;
  print("first " .. want .. " " .. self.calls);
  if want == "again" and self.calls < 3 then return msys.core.VALIDATE_AGAIN; end
  if want == "done" then return msys.core.VALIDATE_DONE; end
  if want == "reject" then vctx:set_code(550, "not you"); return msys.core.VALIDATE_DONE; end
  if want == "rejectcont" then vctx:set_code(550, "not you either"); return msys.core.VALIDATE_CONT; end
  if want == "nothing" then return; end
  return msys.core.VALIDATE_CONT;
end
function mod:validate_mailfrom(str, ac, vctx) print("first mail"); return msys.core.VALIDATE_CONT; end
`),
		script("second", `
function mod:validate_ehlo(str, ac, vctx) print("second ehlo"); return msys.core.VALIDATE_CONT; end
function mod:validate_mailfrom(str, ac, vctx) print("second mail"); return msys.core.VALIDATE_CONT; end
`),
	}
}

// printed leaves out what is said of verdicts that are none.
func printed(s *mtatest.Server) (out []string) {
	for _, line := range s.Printed() {
		if !strings.Contains(line, "none of msys.core.VALIDATE_CONT") {
			out = append(out, line)
		}
	}
	return out
}

// TestVerdicts: CONT goes on, DONE ends its phase only, AGAIN calls the same
// callout again before any later script, whatever is no verdict counts as CONT
// and is reported.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	s := mtatest.Start(t, mtatest.Config{Scripts: verdicts()})
	for _, c := range []struct {
		ehlo, reply string
		printed     []string
	}{
		{"cont", "250", []string{"first cont 1", "second ehlo", "first mail", "second mail"}},
		{"done", "250", []string{"first done 1", "first mail", "second mail"}},
		{"again", "250", []string{"first again 1", "first again 2", "first again 3", "second ehlo", "first mail", "second mail"}},
		{"reject", "550 .*not you$", []string{"first reject 1"}},
		{"rejectcont", "550 .*not you either$", nil},
		{"nothing", "250", []string{"first nothing 1", "second ehlo", "first mail", "second mail"}},
	} {
		t.Run(c.ehlo, func(t *testing.T) {
			before := len(printed(s))
			dialogue := "S: 220 \nC: EHLO " + c.ehlo + "\nS: " + c.reply + "\n"
			if c.reply == "250" {
				dialogue += "C: MAIL FROM:<a@example.org>\nS: 250 \n"
			}
			s.Play(t, dialogue+"C: QUIT\nS: 221 \nCLOSED")
			if c.printed == nil {
				return
			}
			s.In(t).Eventually("the callouts", func() string {
				if got := strings.Join(printed(s)[before:], "\n"); got != strings.Join(c.printed, "\n") {
					return got
				}
				return ""
			})
		})
	}
	var codes []string
	for _, p := range mtatest.Panics(s.Log("paniclog.ec")) {
		if strings.HasPrefix(p.Source, "scriptlet-") {
			codes = append(codes, p.Source+": "+p.Text)
		}
	}
	if err := subsequence(codes, []string{"scriptlet-00147: validate_ehlo error: (null)", "scriptlet-00239: first error: (null)"}); err != nil {
		t.Error(err)
	}
}

// TestSetCodeRejects: vctx:set_code decides, whatever the callout returns, in
// every phase that has a vctx.
func TestSetCodeRejects(t *testing.T) {
	t.Parallel()
	body := `local verdict = { cont = msys.core.VALIDATE_CONT, done = msys.core.VALIDATE_DONE };
local function judge(phase, vctx)
  local want = vctx:get(msys.core.VCTX_CONN, "want");
  local at, gives = tostring(want):match("(%w+)%-(%w+)");
  if at == phase then
    vctx:set_code(553, "no " .. phase .. " today");
    return verdict[gives];
  end
  return msys.core.VALIDATE_CONT;
end
function mod:validate_ehlo(str, ac, vctx)
  vctx:set(msys.core.VCTX_CONN, "want", tostring(str):match("EHLO (%S+)"));
  return judge("ehlo", vctx);
end
function mod:validate_mailfrom(str, ac, vctx) return judge("mailfrom", vctx); end
function mod:validate_rcptto(msg, str, ac, vctx) return judge("rcptto", vctx); end
function mod:validate_rcptto_list(node, vctx) return judge("list", vctx); end
function mod:validate_rcptto_list_final(node, vctx) return judge("final", vctx); end
function mod:validate_data(msg, ac, vctx) return judge("data", vctx); end
function mod:validate_data_spool(msg, ac, vctx) return judge("spool", vctx); end
function mod:validate_data_spool_each_rcpt(msg, ac, vctx) return judge("each", vctx); end
`
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Scripts: []mtatest.Script{script("judge", body)}})
	lines := []string{"EHLO ", "MAIL FROM:<a@example.org>", "RCPT TO:<b@example.com>", "DATA", "Subject: x\r\n\r\nx\r\n."}
	positive := []string{"250", "250", "250", "354", "250"}
	for phase, at := range map[string]int{"ehlo": 0, "mailfrom": 1, "rcptto": 2, "list": 3, "final": 3, "data": 4, "spool": 4, "each": 4} {
		for _, gives := range []string{"cont", "done", "nothing"} {
			t.Run(phase+" "+gives, func(t *testing.T) {
				dialogue := "S: 220 \n"
				for i, line := range lines[:at+1] {
					if i == 0 {
						line += phase + "-" + gives
					}
					dialogue += "C: " + strings.ReplaceAll(line, "\r\n", "\nC: ") + "\n"
					if i < at {
						dialogue += "S: " + positive[i] + "\n"
					}
				}
				s.Play(t, dialogue+"S: 553[ -].*no "+phase+" today$\nC: QUIT\nS: 221 ")
			})
		}
	}
	if got := sink.Messages(); len(got) > 0 {
		t.Errorf("%d refused messages were delivered", len(got))
	}
	rejections, err := mtatest.RejectLog(s.Log("rejectlog.ec"))
	if err != nil {
		t.Fatal(err)
	}
	if len(rejections) != 24 {
		t.Errorf("%d rejectlog records for 24 rejections", len(rejections))
	}
	for _, r := range rejections {
		if r.Code != 553 || r.Module != "scriptlet" || !strings.Contains(r.Text, "today") {
			t.Errorf("%+v", r)
		}
	}
}

// TestSetCodeAtConnect: the same where there is nothing but a connection.
func TestSetCodeAtConnect(t *testing.T) {
	t.Parallel()
	s := mtatest.Start(t, mtatest.Config{Scripts: []mtatest.Script{script("no", `
function mod:validate_connect(ac, vctx)
  vctx:set_code(554, "nobody comes in");
  return msys.core.VALIDATE_CONT;
end
`)}})
	s.Play(t, "S: 554[ -].*nobody comes in$")
	rejections, err := mtatest.RejectLog(s.Log("rejectlog.ec"))
	if err != nil || len(rejections) != 1 || rejections[0].Code != 554 {
		t.Errorf("rejectlog %+v, %v", rejections, err)
	}
}
