package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// originals is an installation of the original: a main file in etc/conf/default,
// a file for all nodes in etc/conf/global, and a script.
var originals = map[string]string{
	"original/etc/conf/default/ecelerity.conf": `# Gateway for example.com
Hostname = mx.test
Spoolbase = "@DIR@/spool"
resolv_conf = @DIR@/resolv.conf
Relay_Domains = ( example.com *.example.com )
relay_hosts = ( "127.0.0.1/32"    # ourselves
                "::1/128" )
Security { user = ecuser group = ecuser }
ESMTP_Listener {
  Listen "@SMTP@" { Max_Message_Size = 1000000 }
}
Control_Listener {
  Listen "@DIR@/control" { File_Mode = 0660 }
}
ec_logger "main"
{
  mainlog = @DIR@/mainlog.ec   paniclog = @DIR@/paniclog.ec
  rejectlog = "@DIR@/rejectlog.ec"
  log_receptions = on
}
bounce_logger "main" { bouncelog = "@DIR@/bouncelog.ec" }
include "bindings.conf"
ds_core {}
Datasource "customers" {
  uri = ( "sqlite:@DIR@/customers.db" )
  cache_life = 60
}
alerting {}
scriptlet "scriptlet" {
  # the console's commands
  script "boot" { source = "msys.boot" }
  script "bind" { source = "scripts/bind" }
}
`,
	"original/etc/conf/global/bindings.conf": `Retry_Interval = "1"
Binding customer-1 {
  EHLO_Hostname = "out.test"
  Domain example.com { Outbound_Throttle_Messages = 600/1 }
}
Domain "/^(.*\.)?example\.com$/" { Gateway = @HOST@ Remote_SMTP_Port = @PORT@ }
`,
	"original/etc/conf/default/scripts/bind.lua": `require("msys.core");
require("msys.db");
local mod = {};
function mod:validate_set_binding(msg)
  msys.db.execute("customers", "CREATE TABLE IF NOT EXISTS seen (rcpt TEXT)", {});
  msg:binding("customer-1");
  return msys.core.VALIDATE_CONT;
end
msys.registerModule("bind", mod);
`,
	"resolv.conf": "nameserver 127.0.0.1\n",
}

// TestMigratedInstallation: what mtad migrate makes of an installation is
// served, and a message goes through it by its script's binding. What the
// migration leaves open has its line.
func TestMigratedInstallation(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Prepare(t, mtatest.Config{})
	fill := strings.NewReplacer("@SMTP@", s.SMTP, "@HOST@", sink.Host, "@PORT@", fmt.Sprint(sink.Port))
	for name, text := range originals {
		s.Write(name, fill.Replace(text))
	}
	from, to := filepath.Join(s.Dir, "original"), filepath.Join(s.Dir, "new")
	main := filepath.Join(from, "etc/conf/default/ecelerity.conf")

	out, errs, exit := mtatest.Run(t, "migrate", from, "--out", to)
	if exit != 1 || errs != "" || !strings.Contains(out, main+":8: unconverted: Security: ") ||
		!strings.Contains(out, main+":23: unneeded: ds_core: ") || !strings.Contains(out, "\n1 open.\n") {
		t.Errorf("exit %d, %s\n%s", exit, errs, out)
	}
	s.Conf = filepath.Join(to, "ecelerity.conf")
	if out, errs, exit := mtatest.Run(t, "check", "--conf", s.Conf); exit != 0 || out != "Configuration valid\n" {
		t.Fatalf("exit %d\n%s%s", exit, out, errs)
	}
	hcl, err := os.ReadFile(s.Conf)
	if err != nil || !strings.Contains(string(hcl), "# ourselves") || !strings.Contains(string(hcl), "# the console's commands") {
		t.Errorf("comments are lost: %v\n%s", err, hcl)
	}

	s.Launch()
	submit(t, s, "sender@client.test", "rcpt@example.com")
	if got := sink.Wait(t, "rcpt@example.com"); got.Helo != "out.test" {
		t.Errorf("the next hop was greeted with %q", got.Helo)
	}
	s.Logged("mainlog.ec", "@D@")
	if log := s.Log("mainlog.ec"); !strings.Contains(log, "customer-1") {
		t.Errorf("delivered by another binding:\n%s", log)
	}
}

// TestConvertCommand: the streams and exit statuses of mtad convert.
func TestConvertCommand(t *testing.T) {
	t.Parallel()
	s := mtatest.Prepare(t, mtatest.Config{})
	s.Write("a.conf", "Retry_Interval = 60\ninclude \"b.conf\"\n")
	s.Write("b.conf", "Use_Mmap = true\n")
	a, b := filepath.Join(s.Dir, "a.conf"), filepath.Join(s.Dir, "b.conf")
	finding := b + ":1: unneeded: Use_Mmap: "

	out, errs, exit := mtatest.Run(t, "convert", a)
	if exit != 1 || !strings.HasPrefix(out, "retry_interval = 60\n") || !strings.Contains(errs, finding) || !strings.Contains(errs, "note: idle_time is not set") {
		t.Errorf("exit %d\n%s%s", exit, out, errs)
	}
	out, errs, exit = mtatest.Run(t, "convert", a, "--json")
	if exit != 1 || errs != "" || !strings.Contains(out, `"hcl": "retry_interval = 60\n`) || !strings.Contains(out, `"kind": "unneeded"`) {
		t.Errorf("exit %d\n%s%s", exit, out, errs)
	}
	out, errs, exit = mtatest.Run(t, "convert", a, "-o", filepath.Join(s.Dir, "new"))
	made, err := os.ReadFile(filepath.Join(s.Dir, "new", "b.conf"))
	if exit != 1 || out != "" || !strings.Contains(errs, finding) || err != nil || !strings.Contains(string(made), "#   Use_Mmap = true") {
		t.Errorf("exit %d, %v\n%s%s%s", exit, err, out, errs, made)
	}
	if _, errs, exit = mtatest.Run(t, "convert", a, "-o", s.Dir); exit != 2 || !strings.Contains(errs, "would overwrite the original") {
		t.Errorf("exit %d, %s", exit, errs)
	}
	s.Write("b.conf", "Max_Retry_Interval = 3600\n")
	if _, _, exit = mtatest.Run(t, "convert", a); exit != 0 {
		t.Errorf("exit %d where all is converted", exit)
	}
	if _, errs, exit = mtatest.Run(t, "convert", filepath.Join(s.Dir, "none.conf")); exit != 2 || !strings.Contains(errs, "none.conf") {
		t.Errorf("exit %d, %s", exit, errs)
	}
}
