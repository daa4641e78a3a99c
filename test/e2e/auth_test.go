package e2e

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// authScript is a scheme of its own for LOGIN and for consoles, and both hooks
// of AUTH.
func authScript() mtatest.Script {
	return script("authenticate", `
local auth = {};
function auth:authenticate(file, params, user, password)
  if user == "error" then error("no idea"); end
  if (user == "lua" or user == "late") and password == "letmein" then return msys.core.EC_AUTH_OK; end
  return msys.core.EC_AUTH_FAIL;
end
function auth:enumGroups(user)
  if user == "lua" then return { "operators" }; end
  return msys.core.EC_AUTH_FAIL;
end
function mod:init()
  msys.registerAuth("myscheme", auth);
  return true;
end
function mod:core_pre_esmtp_auth(ac, mc, vctx)
  local user = vctx:get(msys.core.VCTX_CONN, "auth_user");
  if user == "banned" then vctx:set_code(535, "5.7.8 not you"); return msys.core.EC_AUTH_FAIL; end
  if user == "vip" then return msys.core.EC_AUTH_OK; end
  return -1;
end
function mod:core_validate_auth(vctx, info, status)
  print(info.auth_user .. " by " .. info.auth_name .. " " .. vctx:get(msys.core.VCTX_CONN, "auth_status") .. " " .. tostring(status == msys.core.EC_AUTH_OK));
  if info.auth_user == "late" then vctx:set_code(550, "5.7.1 not at this hour"); end
  return msys.core.VALIDATE_CONT;
end
function mod:validate_mailfrom(str, ac, vctx)
  print(msys.expandMacro("mail of %{vctx_conn:auth_user||nobody}, relays %{vctx_conn:can_relay||no}, wrong %{vctx_conn:conntrol_bad_commands||0}"));
  return msys.core.VALIDATE_CONT;
end
`)
}

// users is a datasource with the SHA-1 of anna's password.
func users(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "users.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{
		"CREATE TABLE users (name TEXT PRIMARY KEY, password TEXT)",
		"INSERT INTO users VALUES ('anna', '906072001efddf3e11e6d2b5782f4777fe038739')",
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf(`datasource "users" {
  uri = ["sqlite:%s"]
}
auth_ds {
  scheme "db" {
    authenticate {
      query            = "SELECT password FROM users WHERE name = :user"
      cache            = "users"
      map              = { user = "%%%%{username}" }
      returns_password = true
      type             = "sha1_hex"
    }
  }
}
`, file)
}

const authListener = `tls_certificate           = "@DIR@/cert.pem"
  enable_authentication     = true
  authplainparameters       = { uri = "db://", log_authentication = "true" }
  authloginparameters       = { uri = "myscheme://x", log_authentication = "true" }
  authcrammd5parameters     = { uri = "file://@DIR@/passwd" }
  authscramsha256parameters = { uri = "file://@DIR@/passwd" }
`

// acctLog has the server write one.
const acctLog = "ec_logger \"accounts\" {\n acctlog = \"@DIR@/acctlog.ec\"\n}\n"

// TestAuth: AUTH by a datasource, a script and a file, under TLS and not, what
// policy sees of it, and what is logged.
func TestAuth(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{
		Next: sink, Scripts: []mtatest.Script{authScript()}, Listener: authListener, Global: users(t) + acctLog,
		Files: map[string]string{"cert.pem": mtatest.Certificate(t), "passwd": "anna:geheim\n"},
	})
	s.PlayFile(t, "testdata/auth.smtp")
	if got := sink.Wait(t, "authenticated@example.com"); !strings.Contains(got.Data, " with ESMTPSA ") {
		t.Errorf("arrived:\n%s", got.Data)
	}
	want := []string{
		"anna by PLAIN fail false", "anna by PLAIN pass true", "mail of anna, relays true, wrong 2",
		"lua by LOGIN pass true", "mail of lua, relays true, wrong 0", "banned by LOGIN fail false", "late by LOGIN pass true",
		"vip by LOGIN pass true", "mail of vip, relays true, wrong 0", "lua by LOGIN fail false", "error by LOGIN error false",
	}
	s.Eventually("what the scripts print", func() string {
		if err := subsequence(s.Printed(), want); err != nil {
			return err.Error()
		}
		return ""
	})
	s.Logged("paniclog.ec", "authenticate error: ")
	for _, record := range []string{"@anna@0\n", "@anna@1\n", "@lua@1\n", "@late@0\n"} {
		s.Logged("acctlog.ec", record)
	}
	for _, log := range []string{"paniclog.ec", "acctlog.ec", "rejectlog.ec", "stderr"} {
		for _, secret := range []string{"geheim", "letmein", "AGFubmEAZ2VoZWlt", "bGV0bWVpbg"} {
			if strings.Contains(s.Log(log), secret) {
				t.Errorf("%s holds %q", log, secret)
			}
		}
	}
}

// TestImplicitTLS: TLS from the first byte, AUTH in it.
func TestImplicitTLS(t *testing.T) {
	t.Parallel()
	s := mtatest.Start(t, mtatest.Config{
		Listener: authListener, Listen: "use_ssl = true", Global: users(t), Scripts: []mtatest.Script{authScript()},
		Files: map[string]string{"cert.pem": mtatest.Certificate(t), "passwd": "anna:geheim\n"},
	})
	s.Play(t, `
		TLS
		S: 220
		C: EHLO client.test
		S: (?s)250-.*AUTH SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN$
		C: STARTTLS
		S: 503
		C: AUTH PLAIN AGFubmEAZ2VoZWlt
		S: 235
		C: MAIL FROM:<a@example.org>
		S: 250
		C: RCPT TO:<b@elsewhere.test>
		S: 250`)
	// What is no handshake ends the connection without a word in the clear.
	s.Play(t, "ON clear\nC: EHLO client.test\nCLOSED")
}

// TestConsoleLogin: a console over TCP says who it is, and gives the orders that
// its roles allow.
func TestConsoleLogin(t *testing.T) {
	endpoint := fmt.Sprintf("127.0.0.1:%d", mtatest.FreePort(t))
	s := mtatest.Start(t, mtatest.Config{Scripts: []mtatest.Script{authScript()}, Global: acctLog + fmt.Sprintf(`control_listener {
  listen %q {
    authloginparameters     = { uri = "myscheme://", log_authentication = "true" }
    enable_authorization    = true
    authorizationparameters = { uri = "myscheme://" }
  }
}
authorization {
  role "operators" {
    allow = ["^version$", "^summary"]
  }
}
`, endpoint)})
	console := func(password, who string, words ...string) (string, int) {
		t.Setenv("MTAD_PASSWORD", password)
		out, errs, exit := mtatest.Run(t, append([]string{"console", who + endpoint}, words...)...)
		return out + errs, exit
	}
	for _, c := range []struct {
		password, who, command string
		exit                   int
		says                   string
	}{
		{"letmein", "lua@", "version", 0, "mtad version"},
		{"letmein", "lua@", "shutdown", 1, "Not Authorized for this command"},
		{"wrong", "lua@", "version", 1, "is not let in"},
		{"letmein", "", "version", 1, "Authorization required for console session"},
		{"", "lua@", "version", 1, "Authorization required for console session"},
		{"letmein", "late@", "version", 1, "Not Authorized for this command"},
	} {
		if out, exit := console(c.password, c.who, c.command); exit != c.exit || !strings.Contains(out, c.says) {
			t.Errorf("%s%s with %q: exit %d, %q", c.who, c.command, c.password, exit, out)
		}
	}
	if out, exit := s.Console("version"); exit != 0 {
		t.Errorf("by the socket: exit %d, %q", exit, out)
	}
	for _, record := range []string{"@lua@1\n", "@lua@0\n", "@lua@1@version@operators\n", "@lua@0@shutdown\n", "@late@0@version\n", "/control@@"} {
		s.Logged("acctlog.ec", record)
	}
	if strings.Contains(s.Log("acctlog.ec")+s.Log("paniclog.ec"), "letmein") {
		t.Error("a log holds the password")
	}
}

// TestCheckOfAuth: what `mtad check` says about AUTH.
func TestCheckOfAuth(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config mtatest.Config
		args   []string
		says   string
	}{
		"always_allow is an open relay": {mtatest.Config{Listen: "always_allow = true\n auth_without_tls = true\n authplainparameters = { uri = \"file:///x\" }"}, nil, "relays for everybody (always_allow"},
		"a mechanism that there is not": {mtatest.Config{Listen: "smtp_extensions = [\"AUTH DIGEST-MD5\"]"}, nil, "mtad does not speak AUTH DIGEST-MD5"},
		"an unknown scheme":             {mtatest.Config{Listen: "auth_without_tls = true\n authplainparameters = { uri = \"yours://\" }", Scripts: []mtatest.Script{authScript()}}, []string{"--init"}, `uri = "yours://"`},
		"a console for everybody":       {mtatest.Config{Global: "control_listener {\n listen \"127.0.0.1:2025\" {}\n}"}, nil, "would obey whoever connects"},
	} {
		t.Run(name, func(t *testing.T) {
			s := mtatest.Prepare(t, c.config)
			out, errs, exit := mtatest.Run(t, append([]string{"check", "--conf", s.Conf}, c.args...)...)
			if exit == 0 || !strings.Contains(out+errs, c.says) {
				t.Errorf("exit %d, %q, %q", exit, out, errs)
			}
		})
	}
}
