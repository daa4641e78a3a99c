package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mtad/mtad/plugins/datasource/driver/drivertest"
	"github.com/mtad/mtad/test/mtatest"
)

// clerk fills and shows a table at the console's word.
func clerk() mtatest.Script {
	return script("clerk", `
require("msys.db");
local function tell(ok, err) if ok then print("done") else print("failed: " .. tostring(err)) end end
msys.registerControl("fill", function()
  tell(msys.db.execute("customers", "CREATE TABLE accounts (name VARCHAR(50) PRIMARY KEY, code INTEGER, note TEXT) CHARACTER SET utf8mb4"));
  for _, r in ipairs({ { "alice", 250, "gold" }, { "o'brien", 251, "it's fine" }, { "bob", 252, "é" } }) do
    tell(msys.db.execute("customers", "INSERT INTO accounts VALUES (?, ?, :note)", { r[1], r[2], note = r[3] }));
  end
end)
msys.registerControl("show", function()
  local row, err = msys.db.fetch_row("customers", "SELECT code, NULL AS nothing, COUNT(*) FROM accounts WHERE name = $who", { who = "alice" }, { raise_error = false, nocache = true });
  if not row then print("failed: " .. err) return end
  print(type(row.code), row.code == "250", row.nothing, row["COUNT(*)"]);
end)
function mod:validate_connect(ac, vctx) return msys.core.VALIDATE_CONT end
`)
}

// TestMariaDB: the script of the other databases, on MariaDB; its server going
// away and coming back.
func TestMariaDB(t *testing.T) {
	t.Parallel()
	db := drivertest.NewMariaDB(t)
	s := mtatest.Start(t, mtatest.Config{
		Global:  fmt.Sprintf("datasource \"customers\" {\n uri = [%q]\n cache_size = 200\n}\n", db.URI),
		Scripts: []mtatest.Script{clerk(), customers()},
	})
	say := func(want string, words ...string) {
		t.Helper()
		if out, exit := s.Console(words...); exit != 0 || !strings.Contains(out, want) {
			t.Errorf("%q: exit %d, %q, want %q", words, exit, out, want)
		}
	}
	say("done\ndone\ndone\ndone\n", "fill")
	s.PlayFile(t, "testdata/customers.smtp")
	s.Eventually("what was found", func() string {
		got := s.Printed()
		for _, line := range []string{"found alice 250 gold", "found o'brien 251 it's fine", "found bob 252 é", "in all 3"} {
			if count(got, line) == 0 {
				return strings.Join(got, "\n")
			}
		}
		return ""
	})
	say("string\ttrue\tnil\t1\n", "show")
	db.Stop()
	say("failed: prepare: 2003: failed to connect: ", "show")
	if !strings.Contains(s.Log("paniclog.ec"), "failed to connect: ") {
		t.Error("the paniclog does not say that the database is down")
	}
	// One that was asked for is in the cache; another cannot be asked for.
	s.Play(t, "S: 220\nC: EHLO a\nS: 250\nC: MAIL FROM:<a@example.org>\nS: 250\nC: RCPT TO:<alice@example.com>\nS: 250\nC: RCPT TO:<carol@example.com>\nS: 4\\d\\d")
	db.Start()
	say("string\ttrue\tnil\t1\n", "show")
}

// TestCodeOfPermanentFailure: in the log hook a message has the reply that was
// logged, not that of the attempt before.
func TestCodeOfPermanentFailure(t *testing.T) {
	t.Parallel()
	next := mtatest.NewSink(t)
	next.Down()
	s := mtatest.Start(t, mtatest.Config{Next: next, Global: "message_expiration = 1", Scripts: []mtatest.Script{script("why", `
function mod:core_log_transient_failure_v1(msg, dr, now, note, len) print("later", msg:get_code() == note, note) return 0 end
function mod:core_log_permanent_failure_v1(msg, dr, now, note, len) print("never", msg:get_code(), note) return 0 end
`)}})
	if err := s.Submit("", "Subject: x\r\n\r\nhi\r\n", "a@example.com"); err != nil {
		t.Fatal(err)
	}
	const code = "554 5.4.7 [internal] exceeded max time without delivery"
	s.Eventually("the failures", func() string {
		got := strings.Join(s.Printed(), "\n")
		if !strings.Contains(got, "later\ttrue\t451 ") || !strings.Contains(got, "never\t"+code+"\t"+code) {
			return got
		}
		return ""
	})
}
