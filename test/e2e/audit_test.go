package e2e

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// auditor limits sessions and counts, as published policy does.
func auditor() mtatest.Script {
	return script("auditor", `
require("msys.audit"); require("msys.audit_series"); require("msys.gauge_cache"); require("msys.pbp"); require("msys.extended.ac");
function mod:init()
  msys.audit_series.define("rcpts", "cidr", 300, 12, { persist = true });
  msys.audit_series.define("senders", "string", 300, 12);
  msys.gauge_cache.define("domains", 10, 600);
  return true;
end
function mod:validate_connect(ac, vctx)
  if msys.audit.inbound_session_count("/32", "SMTP") > 2 or ac:pbp_inbound_session_count_service("SMTP", "/0") > 2 then
    return vctx:pbp_disconnect(421, "4.7.0 too many, you have made " .. msys.audit.connections("600,2"));
  end
  return msys.core.VALIDATE_CONT;
end
function mod:validate_rcptto(msg, str, ac, vctx)
  msys.audit_series.add("rcpts", ac);
  msys.audit_series.add("senders", { key = msg:mailfrom(), count = 2 });
  msys.gauge_cache.inc("domains", "example.com");
  if msys.audit_series.count("rcpts", { key = "/24", startv = 0, endv = 11 }) > 3 then
    vctx:set_code(452, "4.5.3 that is number " .. msys.audit_series.count("rcpts", { key = ac, endv = 11 }));
  end
  return msys.core.VALIDATE_CONT;
end
function mod:validate_data_spool(msg, ac, vctx)
  print("senders " .. msys.audit_series.count("senders", msg:mailfrom()) .. " gauge " .. msys.gauge_cache.get("domains", "example.com"));
  return msys.core.VALIDATE_CONT;
end
`)
}

const inboundAudit = `inbound_audit {
  monitors      = ["600,2", "3600,1"]
  serialize_dir = "@DIR@/kept"
}`

// TestAudit: connections, receptions and rejections are counted by network for
// scripts and the console; series survive a reload, and a persistent one a
// restart.
func TestAudit(t *testing.T) {
	t.Parallel()
	s := mtatest.Start(t, mtatest.Config{Next: mtatest.NewSink(t), Scripts: []mtatest.Script{auditor()}, Global: inboundAudit, Scriptlet: "interpreters = 2"})
	submit(t, s, "a@example.org", "one@example.com")
	submit(t, s, "a@example.org", "two@example.com")
	s.Eventually("the second message's count", func() string {
		if got := strings.Join(s.Printed(), "\n"); !strings.Contains(got, "senders 4 gauge 2") {
			return got
		}
		return ""
	})
	reload(t, s)
	first := open(t, s)
	open(t, s)
	say(t, first, "MAIL FROM:<a@example.org>", "250")
	say(t, first, "RCPT TO:<three@example.com>", "250")
	say(t, first, "RCPT TO:<four@example.com>", "452 4.5.3 that is number 4")
	if c, err := mtatest.Dial(s.SMTP); err == nil {
		t.Cleanup(func() { c.Close() })
		if err := c.Hello(); err == nil || !strings.Contains(err.Error(), "4.7.0 too many, you have made 5") {
			t.Errorf("a third session: %v", err)
		}
	}
	out, exit := s.Console("inbound_audit", "show", "ip", "127.0.0.0/8")
	for _, line := range []string{"Connections 600/0: 5", "Receptions 600/0: 2", "Rejections 600/0: 2", "Rejections 3600/1: 0"} {
		if exit != 0 || !strings.Contains(out, line+"\n") {
			t.Errorf("show ip lacks %q (exit %d):\n%s", line, exit, out)
		}
	}
	if out, exit := s.Console("inbound_audit", "count_cidr", "127.0.0.1", "rcpts", "300,12", "0", "11"); exit != 0 || out != "4\n" {
		t.Errorf("count_cidr: exit %d\n%s", exit, out)
	}
	s.Term()
	s.Launch()
	if out, exit := s.Console("inbound_audit", "count_cidr", "127.0.0.0/8", "rcpts", "300,12", "0", "11"); exit != 0 || out != "4\n" {
		t.Errorf("count_cidr after a restart: exit %d\n%s", exit, out)
	}
	c := open(t, s)
	say(t, c, "MAIL FROM:<a@example.org>", "250")
	say(t, c, "RCPT TO:<five@example.com>", "452 4.5.3 that is number 5")
}

// TestCIDRLists: a list is looked up while it is read anew, and one that cannot
// be read stays as it is.
func TestCIDRLists(t *testing.T) {
	t.Parallel()
	s := mtatest.Prepare(t, mtatest.Config{Scripts: []mtatest.Script{script("lists", `
require("msys.cidr");
function mod:init()
  msys.cidr.define("bl", { type = "rbldnsd", source = "@DIR@/bl.txt", value = "txt", interpolate = true, default_value = "" });
  msys.cidr.define("customers", { type = "datasource", cachename = "lists", query = "SELECT net, note FROM customers", value_column = "note" });
  return true;
end
function mod:validate_mailfrom(str, ac, vctx)
  vctx:set_code(550, "bl=" .. msys.cidr.query("bl") .. " customers=" .. tostring(msys.cidr.query("customers", "192.0.2.77")));
  return msys.core.VALIDATE_CONT;
end
`)}, Global: "datasource \"lists\" {\n  uri = [\"sqlite:@DIR@/lists.db\"]\n  max_rows = -1\n}"})
	s.Write("bl.txt", "127.0.0.0/8 :4:listed, see http://bl.test/$\n")
	db, err := sql.Open("sqlite", filepath.Join(s.Dir, "lists.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec("CREATE TABLE customers (net TEXT, note TEXT); INSERT INTO customers VALUES ('192.0.2.0/24', 'gold')")
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	s.Launch()
	asks := func(want string) {
		t.Helper()
		c := open(t, s)
		defer c.Close()
		if got := cmd(t, c, "MAIL FROM:<a@example.org>"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	asks("550 bl=listed, see http://bl.test/127.0.0.1 customers=gold")
	if out, exit := s.Console("cidrdb", "list"); exit != 0 || !strings.HasPrefix(out, "bl [refresh in ") || !strings.Contains(out, "customers [refresh in ") {
		t.Errorf("cidrdb list: exit %d\n%s", exit, out)
	}
	s.Write("bl.txt", "127.0.0.1 again\n")
	if out, exit := s.Console("cidrdb", "reload", "bl"); exit != 0 {
		t.Errorf("cidrdb reload: exit %d\n%s", exit, out)
	}
	asks("550 bl=again customers=gold")
	if err := os.Remove(filepath.Join(s.Dir, "bl.txt")); err != nil {
		t.Fatal(err)
	}
	reload(t, s)
	asks("550 bl=again customers=gold")
	s.Logged("paniclog.ec", "CIDR list bl cannot be read, it stays as it is")
}
