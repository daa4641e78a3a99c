package crash

import (
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// kill kills a module's process.
func kill(t *testing.T, s *mtatest.Server, module string) mtatest.Process {
	t.Helper()
	var p mtatest.Process
	s.Eventually("the module "+module, func() string {
		var ok bool
		if p, ok = s.Module(module); !ok {
			return fmt.Sprint(s.Processes())
		}
		return ""
	})
	if err := syscall.Kill(p.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	return p
}

// asks looks each sender up.
func asks() mtatest.Script {
	return mtatest.Script{Name: "asks", Text: `require("msys.core");
require("msys.extended.message");
require("msys.extended.vctx");
require("msys.db");
local mod = {};
function mod:validate_mailfrom(str, ac, vctx)
  local row = msys.db.fetch_row("db", "SELECT ? AS n", { tostring(str) }, { nocache = true });
  if not row or row.n ~= tostring(str) then vctx:set_code(550, "the database lies"); end
  return msys.core.VALIDATE_CONT;
end
msys.registerModule("asks", mod);
`}
}

// TestDatasourceKilled: while the datasource module dies and comes back, scripts
// that ask it fail for now, and no session sees worse.
func TestDatasourceKilled(t *testing.T) {
	t.Parallel()
	s := mtatest.Start(t, mtatest.Config{
		Global: "datasource \"db\" {\n  uri = [\"sqlite:@DIR@/db\"]\n}", Scripts: []mtatest.Script{asks()},
	})
	const sessions, asked = 8, 150
	var wg sync.WaitGroup
	failures := make([]int, sessions)
	for k := range sessions {
		wg.Go(func() {
			for n := range asked {
				r, err := ask(s, k, n)
				if err != nil || r != 250 && r/100 != 4 {
					t.Errorf("session %d: %d, %v", k, r, err)
				}
				if r != 250 {
					failures[k]++
				}
			}
		})
	}
	for range 3 {
		p := kill(t, s, "datasource")
		s.Eventually("another process", func() string {
			if now, ok := s.Module("datasource"); !ok || now.PID == p.PID {
				return "not there"
			}
			return ""
		})
	}
	wg.Wait()
	sum := 0
	for _, n := range failures {
		sum += n
	}
	t.Logf("%d of %d questions failed for now", sum, sessions*asked)
	s.Logged("paniclog.ec", ":datasource: module died (pid ")
	s.Eventually("an answer", func() string {
		if r, err := ask(s, 0, 0); r != 250 {
			return fmt.Sprint(r, err)
		}
		return ""
	})
}

// ask opens a session and gives the reply code to its MAIL.
func ask(s *mtatest.Server, k, n int) (int, error) {
	c, err := mtatest.Dial(s.SMTP)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if err := c.Hello(); err != nil {
		return 0, err
	}
	r, err := c.Cmd(fmt.Sprintf("MAIL FROM:<u%d-%d@example.org>", k, n))
	return r.Code, err
}

// numbered answers MAIL with its number.
func numbered(n int) mtatest.Script {
	return mtatest.Script{Name: "numbered", Text: fmt.Sprintf(`require("msys.core");
require("msys.extended.vctx");
local mod = {};
function mod:init() return true; end
function mod:validate_mailfrom(str, ac, vctx)
  vctx:set_code(550, "number %d");
  return msys.core.VALIDATE_CONT;
end
msys.registerModule("numbered", mod);
`, n)}
}

// TestModuleKilledDuringReloads: a reload meets a module that dies as success
// or as a refusal, never as a half; the next one works.
func TestModuleKilledDuringReloads(t *testing.T) {
	t.Parallel()
	s := mtatest.Start(t, mtatest.Config{Scripts: []mtatest.Script{numbered(0)}})
	current := 0
	for n := 1; n <= 5; n++ {
		s.Configure(func(c *mtatest.Config) { c.Scripts = []mtatest.Script{numbered(n)} })
		var wg sync.WaitGroup
		wg.Go(func() { kill(t, s, "scriptlet") })
		out, exit := s.Console("config", "reload")
		wg.Wait()
		switch {
		case exit == 0:
			current = n
		case exit == 1 && strings.HasSuffix(out, "Reconfigure failed\n"):
		default:
			t.Errorf("reload %d: exit %d\n%s", n, exit, out)
		}
		s.Eventually(fmt.Sprintf("answers of number %d", current), func() string { return answers(s, current) })
	}
	s.Configure(func(c *mtatest.Config) { c.Scripts = []mtatest.Script{numbered(99)} })
	if out, exit := s.Console("config", "reload"); exit != 0 {
		t.Errorf("the last reload: exit %d\n%s", exit, out)
	}
	s.Eventually("answers of number 99", func() string { return answers(s, 99) })
}

// answers reports what MAIL is answered with unless it is the number's text.
func answers(s *mtatest.Server, n int) string {
	c, err := mtatest.Dial(s.SMTP)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	if err := c.Hello(); err != nil {
		return err.Error()
	}
	r, err := c.Cmd("MAIL FROM:<a@example.org>")
	if err != nil || r.String() != fmt.Sprintf("550 number %d", n) {
		return fmt.Sprintf("%q %v", r, err)
	}
	return ""
}
