package e2e

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/plugins/datasource/driver/drivertest"
	"github.com/mtad/mtad/plugins/datasource/driver/mysql"
	"github.com/mtad/mtad/plugins/datasource/driver/pgsql"
	"github.com/mtad/mtad/test/mtatest"
)

// entries are what the manual's directory holds.
const entries = `dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: uid=alice,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: alice
cn: alice
sn: a
employeeNumber: 250
description: gold
userPassword: open
`

// TestDatasourceManual runs the examples of docs/datasource.md: its configuration,
// on servers of the test's own, and each of its Lua texts, which must print what
// stands behind the arrows. Its directory lets a user in over SMTP, its aliases
// rewrite recipients, and no password shows anywhere.
func TestDatasourceManual(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/datasource.md")
	if err != nil {
		t.Fatal(err)
	}
	here := dataServers(t)
	config, lua := here.of(blocks(string(page), "hcl")), blocks(string(page), "lua")
	if len(lua) < 7 {
		t.Fatalf("%d examples in Lua only", len(lua))
	}
	next := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: next, Global: strings.Join(config, "\n"), Scripts: []mtatest.Script{examples(here.of(lua))},
		Listener: "enable_authentication = true\n auth_without_tls = true\n authplainparameters = { uri = \"ecauth://\" }"})
	for i, text := range lua {
		var want []string
		for _, m := range arrow.FindAllStringSubmatch(text, -1) {
			want = append(want, m[1])
		}
		out, exit := s.Console(fmt.Sprintf("example%d", i))
		if got := strings.Split(strings.TrimSpace(strings.ReplaceAll(out, "\t", " ")), "\n"); exit != 0 || !slices.Equal(got, want) {
			t.Errorf("exit %d, %q, want %q\n%s", exit, got, want, text)
		}
	}
	t.Run("auth", func(t *testing.T) { bindOverSMTP(t, s) })
	t.Run("alias", func(t *testing.T) { aliases(t, s, next) })
	t.Run("console", func(t *testing.T) { showsNoPassword(t, s, here.passwords) })
}

var (
	fenced = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")
	arrow  = regexp.MustCompile(`(?m)^--> (.*)$`)
)

func blocks(page, language string) (out []string) {
	for _, m := range fenced.FindAllStringSubmatch(page, -1) {
		if m[1] == language {
			out = append(out, m[2])
		}
	}
	return out
}

// examples makes a console command of each text.
func examples(lua []string) mtatest.Script {
	body := "require(\"msys.db\");\n"
	for i, text := range lua {
		body += fmt.Sprintf("msys.registerControl(\"example%d\", function()\n%s\nend)\n", i, arrow.ReplaceAllString(text, ""))
	}
	return script("examples", body+"function mod:validate_connect(ac, vctx) return msys.core.VALIDATE_CONT end\n")
}

// manual says what stands here for the names that the manual uses.
type manual struct {
	*strings.Replacer
	passwords []string
}

func (m manual) of(texts []string) (out []string) {
	for _, text := range texts {
		out = append(out, m.Replace(text))
	}
	return out
}

func dataServers(t *testing.T) manual {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"networks.csv": "10.0.0.0/8,inside\n192.0.2.0/24,\"test, net\"\n", "accounts.csv": "name,code\nalice,250\n", "alice.txt": "gold \xe9",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lite := filepath.Join(dir, "customers.db")
	db, err := sql.Open("sqlite", lite)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, db)
	if db, err = sql.Open("sqlite", lite); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`CREATE TABLE aliases (address TEXT, expansion TEXT); INSERT INTO aliases VALUES ('team@example.com', 'alice@example.com'),
		('team@example.com', 'more@example.com'), ('more@example.com', 'bob@example.com'), ('more@example.com', 'team@example.com'), ('loop@example.com', 'loop@example.com')`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	pg, maria := drivertest.Postgres(t), drivertest.NewMariaDB(t)
	for uri, d := range map[string]driver.Driver{pg: pgsql.Driver{}, maria.URI: mysql.Driver{}} {
		_, rest, _ := strings.Cut(uri, ":")
		p, err := d.Open(driver.Config{Rest: rest})
		if err != nil {
			t.Fatal(err)
		}
		drivertest.Fill(context.Background(), t, p)
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	ldap, redis := drivertest.NewSlapd(t, entries), drivertest.NewRedis(t)
	withoutPassword, _, _ := strings.Cut(redis.URI, ";password=")
	const named = ";port=5432;dbname=mail;user=mtad;password=secret"
	return manual{strings.NewReplacer(
		"/var/lib/mtad/customers.db", lite, "pgsql:host=pg1.example.com"+named, pg, "pgsql:host=pg2.example.com"+named, pg,
		"mysql:host=db.example.com;port=3306;dbname=mail;user=mtad;password=secret", maria.URI,
		"ldap.example.com:389", fmt.Sprintf("127.0.0.1:%d", ldap.Port), "x-bindpw=secret", "x-bindpw="+drivertest.LDAPPassword,
		"/etc/mtad/lists", dir, "redis:host=redis.example.com;port=6379;password=secret", redis.URI, "redis:host=redis.example.com;port=6379", withoutPassword,
		"http://api.example.com:8080", service(t), "/etc/mtad/credentials.", vault(t)+"/credentials.",
	), []string{drivertest.LDAPPassword, "ectest;password=ectest"}}
}

// vault makes a store with the commands of the manual.
func vault(t *testing.T) string {
	dir := t.TempDir()
	credmgr := filepath.Join(dir, "credmgr")
	if err := os.Symlink(mtatest.Binary(t), credmgr); err != nil {
		t.Fatal(err)
	}
	files := []string{"-d", dir + "/credentials.db", "-k", dir + "/credentials.key"}
	account := []string{"--facility=redis", "--username=default"}
	run := func(stdin, want string, args ...string) {
		t.Helper()
		out, errs, exit := mtatest.RunAs(t, credmgr, stdin, append(args, files...)...)
		if exit != 0 || !strings.Contains(out, want) {
			t.Errorf("credmgr %q: exit %d, %q %q", args, exit, out, errs)
		}
	}
	run("", "", "create_db")
	run("", "", "create_key", "--key_size=16")
	run("", "", append([]string{"set_cred", "-h", "127.0.0.1", "-p", "other"}, account...)...)
	run(drivertest.RedisPassword+"\n", "", append([]string{"set_cred", "-h127.0.0.1"}, account...)...)
	run("", "redis        127.0.0.1                        default\n", "get_cred")
	run("", "default "+drivertest.RedisPassword+"\n", "get_cred", "-P")
	run("", "", "create_key")
	run("", drivertest.RedisPassword+"\n", append([]string{"get_cred", "--hostname=127.0.0.1"}, account...)...)
	run("x\n", "", "set_cred", "--facility=f", "--username=u", "--hostname=gone")
	run("", "", "del_cred", "--facility=f", "--username=u", "--hostname=gone")
	return dir
}

func service(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/accounts/alice" || r.URL.RawQuery != "fields="+url.QueryEscape("code,note") {
			http.NotFound(w, r)
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"code": 250, "note": "gold"})
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// bindOverSMTP: AUTH by the directory.
func bindOverSMTP(t *testing.T, s *mtatest.Server) {
	for password, code := range map[string]string{"open": "235", "wrong": "535"} {
		c := open(t, s)
		say(t, c, plain(password), code)
	}
}

// plain is alice's AUTH PLAIN.
func plain(password string) string {
	return "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00alice\x00"+password))
}

// aliases: what comes to the list goes to its members, once each.
func aliases(t *testing.T, s *mtatest.Server, next *mtatest.Sink) {
	c := open(t, s)
	say(t, c, plain("open"), "235")
	if err := c.Mail("a@example.org", content, "team@example.com", "bob@example.com", "other@example.com"); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"alice@example.com", "bob@example.com", "other@example.com"} {
		next.Wait(t, to)
	}
	for _, to := range []string{"team@example.com", "more@example.com"} {
		if got := next.For(to); len(got) != 0 {
			t.Errorf("%s got %d messages", to, len(got))
		}
	}
	if got := next.For("bob@example.com"); len(got) != 1 {
		t.Errorf("bob got %d messages", len(got))
	}
	say(t, c, "MAIL FROM:<>", "250")
	say(t, c, "RCPT TO:<loop@example.com>", "550 5.4.6")
	say(t, c, "RCPT TO:<team@example.com>", "250")
	say(t, c, "RCPT TO:<team@example.com>", "250")
}

// showsNoPassword: neither the console nor a log does, and statistics are there.
func showsNoPassword(t *testing.T, s *mtatest.Server, passwords []string) {
	all := s.Log("paniclog.ec")
	for _, words := range []string{"config showrecurse", "config show datasource directory", "config get datasource directory uri", "config eval datasource mysqldb uri", "ds_core stats", "ds_core stats --json"} {
		out, exit := s.Console(strings.Fields(words)...)
		if exit != 0 {
			t.Errorf("%s: exit %d, %s", words, exit, out)
		}
		all += out
	}
	for _, want := range []string{"x-bindpw=********", "password=********", "customers\n", `"name": "customers"`} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not there", want)
		}
	}
	for _, password := range passwords {
		if strings.Contains(all, password) {
			t.Errorf("the password %q shows", password)
		}
	}
	if out, exit := s.Console("ds_ldap", "show", "connection", "cache", "stats"); exit != 0 || !strings.Contains(out, "directory") {
		t.Errorf("exit %d, %s", exit, out)
	}
	if out, exit := s.Console("ds_core", "flush", "customers", "--json"); exit != 0 || !strings.Contains(out, `"cache": "customers"`) {
		t.Errorf("exit %d, %s", exit, out)
	}
}
