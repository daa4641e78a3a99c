package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// TestLargeBodiesInBoundedMemory: patterns run over bodies of 50 MiB, the next hop
// gets the edits and nothing else changes, and no process grows with the body.
func TestLargeBodiesInBoundedMemory(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Scripts: []mtatest.Script{script("large", `
function mod:validate_data_spool(msg)
  print("found", msg:body_match("(a) SECRET")[1], msg:raw_match("(?m)^Subject: (\\w+)")[1])
  print("replaced", msg:body_replace("SECRET", "XXX"), msg:get_message_size())
  return msys.core.VALIDATE_CONT
end
function mod:validate_data_spool_each_rcpt(msg)
  if msg:rcptto():find("^b@") then msg:body_replace("(?m)^the last line", "for b only") end
  return msys.core.VALIDATE_CONT
end
`)}})
	size := 50 << 20
	if mtatest.Race { // ten times the CPU, and the script's time is bounded
		size = 1200 << 10
	}
	lines := size / 80
	text := strings.Repeat(strings.Repeat("x", 78)+"\r\n", lines/2) + "a SECRET word\r\n" + strings.Repeat(strings.Repeat("y", 78)+"\r\n", lines/2) + "the last line\r\n"
	before := s.Memory()
	if err := s.Submit("s@client.test", "Subject: large\r\n\r\n"+text, "a@example.com", "b@example.com"); err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(text, "SECRET", "XXX", 1)
	for rcpt, body := range map[string]string{"a@example.com": want, "b@example.com": strings.Replace(want, "the last line", "for b only", 1)} {
		if got := sink.Wait(t, rcpt).Body(); got != body {
			t.Errorf("%s got %d bytes, want %d", rcpt, len(got), len(body))
		}
	}
	s.Logged("paniclog.ec", "found\ta\tlarge")
	s.Logged("paniclog.ec", "replaced\ttrue")
	after := s.Memory()
	for name, size := range after {
		if grown := size - before[name]; grown > 40<<20 && !mtatest.Race {
			t.Errorf("%s grew by %d MiB", name, grown>>20)
		}
	}
}

// TestScriptsWriteFiles: the published way to log from a script, in a pool of its
// own, to a text file and to a jlog.
func TestScriptsWriteFiles(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	dir := t.TempDir()
	s := mtatest.Start(t, mtatest.Config{Next: sink, Global: "threadpool \"LUA_TXT_LOGS\" {\n  concurrency = 10\n}",
		Scripts: []mtatest.Script{script("files", fmt.Sprintf(`
local FLAGS = msys.core.O_CREAT | msys.core.O_APPEND | msys.core.O_WRONLY
local jlog = msys.core.io_wrapper_open("jlog://%[1]s/j=>master", FLAGS, 0660)
function mod:validate_data_spool(msg)
  local line = "This,Is,A,Test,Line\n"
  msys.runInPool("LUA_TXT_LOGS", function()
    local f = msys.core.io_wrapper_open("%[1]s/log.csv", FLAGS, 0644)
    f:write(line, #line)
    f = nil
    print("written")
  end, true)
  local body = msg:raw()
  jlog:write(body, #body)
  print(pcall(msys.runInPool, "NO_SUCH_POOL", function() end))
  return msys.core.VALIDATE_CONT
end
`, dir))}})
	submit(t, s, "sender@client.test", "rcpt@example.com")
	sink.Wait(t, "rcpt@example.com")
	s.Logged("paniclog.ec", "written")
	s.Logged("paniclog.ec", `there is no thread pool "NO_SUCH_POOL"`)
	text, err := os.ReadFile(filepath.Join(dir, "log.csv"))
	if err != nil || string(text) != "This,Is,A,Test,Line\n" {
		t.Errorf("the log has %q, %v", text, err)
	}
	segment, err := os.ReadFile(filepath.Join(dir, "j", "00000000"))
	if err != nil || !strings.Contains(string(segment), "\r\n\r\n") {
		t.Errorf("the jlog has %d bytes, %v", len(segment), err)
	}
}

// TestAScriptDelaysADomain: what is due for a domain is put off with the note,
// from the manual's kind of console command.
func TestAScriptDelaysADomain(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Retry: 3600, Global: "suspend_delivery = true", Scripts: []mtatest.Script{script("slow", `
msys.registerControl("put off", function(cc)
  local dr = msys.core.dns_get_domain(cc.argv[2])
  print(tostring(msys.core.mail_queue_delay_domain(dr, "451 4.4.1 [internal] manually delayed domain")), dr.domain)
end)
function mod:validate_data(msg) return msys.core.VALIDATE_CONT end
`)}})
	submit(t, s, "sender@client.test", "rcpt@example.com")
	out, exit := s.Console("put", "off", "example.com")
	if exit != 0 || !strings.Contains(out, "nil\texample.com") {
		t.Errorf("exit %d, %q", exit, out)
	}
	s.Eventually("the message is delayed", func() string {
		out, _ := s.Console("summary")
		for _, line := range strings.Split(out, "\n") {
			if strings.HasPrefix(line, "Delayed Queue Size") && strings.HasSuffix(strings.TrimSpace(line), "1") {
				return ""
			}
		}
		return out
	})
}
