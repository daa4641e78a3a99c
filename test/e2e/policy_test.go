package e2e

import (
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"

	"github.com/mtad/mtad/test/mtatest"
)

// policy is a server with the default policy whose every setting is on
// (testdata/default_policy). Each case has a network of its own, 127.0.N.0/24,
// so that none uses up another's limits.
type policy struct {
	*mtatest.Server
	sink *mtatest.Sink
	db   *sql.DB
}

// networks is how many networks have reverse DNS: 127.0.1.0/24 and on, four
// hosts each.
const networks = 60

func policyZone() string {
	var b strings.Builder
	for n := 1; n <= networks; n++ {
		if n == whitelisted || n == customer || n == nameless {
			continue
		}
		for host := 1; host <= 4; host++ {
			fmt.Fprintf(&b, "%d.%d.0.127.in-addr.arpa. 60 IN PTR h%d.test.\nh%d.test. 60 IN A 127.0.%d.%d\n", host, n, n, n, n, host)
		}
	}
	return strings.ReplaceAll(b.String(), fmt.Sprintf("PTR h%d.test.", liar), "PTR liar.test.") + `
liar.test. 60 IN A 192.0.2.1
1.7.0.127.bl.test. 60 IN A 127.0.0.2
1.8.0.127.bl.test. 60 IN A 127.255.255.254
1.9.0.127.bl.test. 60 IN A 192.0.2.1
1.10.0.127.txt.bl.test. 60 IN TXT "spam source"
1.2.0.127.bl.test. 60 IN A 127.0.0.2
ok.test. 60 IN MX 10 mx.ok.test.
old.test. 60 IN A 192.0.2.1
null.test. 60 IN MX 0 .
`
}

// The networks that are more than a number.
const (
	whitelisted = 2
	customer    = 3
	nameless    = 4
	liar        = 5
	listed      = 6 // whitelisted too
	onnet       = 20
)

func encoded(t *testing.T, e encoding.Encoding, text string) string {
	t.Helper()
	out, err := e.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func testdata(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata/default_policy", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// bypass is a script that ends a phase before the policy is asked.
const bypass = "scriptlet \"scriptlet\" {\n script \"bypass\" {\n source = \"bypass\"\n }\n}\n"

// startPolicy starts the server of the cases.
func startPolicy(t *testing.T) *policy {
	t.Helper()
	dns, sink := mtatest.NewDNS(t, mtatest.Zone{Text: policyZone()}), mtatest.NewSink(t)
	gateway := fmt.Sprintf("domain \"far.test\" {\n gateway = %q\n remote_smtp_port = %d\n}\n", sink.Host, sink.Port)
	s := mtatest.Prepare(t, mtatest.Config{
		Next: sink, DNS: dns,
		Global: gateway + bypass + fmt.Sprintf(`include "default_policy" {
  path = "default_policy.conf"
}
inbound_audit {
  serialize_dir = "@DIR@/kept"
}
antivirus "default_policy" {
  clamav "clamav" {
    daemon = %q
  }
}
spamassassin {
  daemon = %q
}
rspamd {
  daemon   = %q
  password = "secret"
}
datasource "lists" {
  uri      = ["sqlite:@DIR@/lists.db"]
  no_cache = true
}
`, clamd(t), spamd(t), rspamd(t)),
		Listener: `auth_without_tls    = true
  authplainparameters = { uri = "file://@DIR@/passwd" }`,
		Files: map[string]string{
			"dp_config.lua":     strings.ReplaceAll(testdata(t, "dp_config.lua"), "@DNS@", dns.Addr),
			"custom_policy.lua": testdata(t, "custom_policy.lua"),
			"passwd":            "anna:geheim\n",
			"bypass.lua":        script("bypass", "function mod:validate_rcptto(msg) return msg:rcptto() == \"bypass@far.test\" and msys.core.VALIDATE_DONE or msys.core.VALIDATE_CONT; end\n").Text,
			"white.txt":         "127.0.2.0/24 :ok\n127.0.6.0/24 :ok\n",
			"black.txt":         "127.0.11.1\n",
			"own.txt":           "127.0.12.1 nobody\n127.0.13.1 let in\n",
			"everybody.txt":     "0.0.0.0/0\n",
			"onnet.txt":         "127.0.20.0/24 :ours\n",
			"words.txt":         "cheap pills\nwire transfer|Überweisung\n",
			"words.gbk":         encoded(t, simplifiedchinese.GBK, "发票\n"),
			"words.latin1":      encoded(t, charmap.ISO8859_1, "größe\n"),
			"words.jp":          encoded(t, japanese.ISO2022JP, "当選\n"),
			"words.big5":        encoded(t, traditionalchinese.Big5, "貸款\n"),
		},
	})
	s.Mkdir("kept")
	db, err := sql.Open("sqlite", filepath.Join(s.Dir, "lists.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	for _, statement := range []string{
		"CREATE TABLE whitelist (cidr TEXT)", "INSERT INTO whitelist VALUES ('127.0.3.0/24')",
		"CREATE TABLE mailboxes (address TEXT, domain TEXT, status TEXT)",
		"INSERT INTO mailboxes VALUES ('anna@ds.test', '', 'active'), ('ben@ds.test', '', 'on-leave'), ('carl@ds.test', '', 'suspended'), ('*', 'all.test', 'active')",
		"CREATE TABLE keywords (word TEXT)", "INSERT INTO keywords VALUES ('rolex|replica')",
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	s.Launch()
	return &policy{s, sink, db}
}

// host is an address of a case's network.
func host(n, i int) string { return fmt.Sprintf("127.0.%d.%d", n, i) }

// greeted connects and gives the greeting.
func (p *policy) greeted(t *testing.T, from string) (*mtatest.Conn, string) {
	t.Helper()
	c, err := mtatest.DialFrom(p.SMTP, from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	r, err := c.Reply()
	if err != nil {
		t.Fatalf("%s: %v", from, err)
	}
	return c, r.String()
}

// greets wants a greeting that begins so.
func (p *policy) greets(t *testing.T, from, want string) {
	t.Helper()
	c, got := p.greeted(t, from)
	if !strings.HasPrefix(got, want) {
		t.Errorf("%s is greeted by %q, want %q", from, got, want)
	}
	p.quit(t, c)
}

// quit ends a session, and waits until the server has.
func (p *policy) quit(t *testing.T, c *mtatest.Conn) {
	t.Helper()
	if c.Send("QUIT") == nil {
		_, _ = c.Reply() // a session that was refused says no more
	}
	c.Close()
}

// session is an open one, past EHLO.
func (p *policy) session(t *testing.T, from string) *mtatest.Conn {
	t.Helper()
	c, got := p.greeted(t, from)
	if !strings.HasPrefix(got, "220") {
		t.Fatalf("%s is greeted by %q", from, got)
	}
	say(t, c, "EHLO client.test", "250")
	return c
}

// answer is the reply to the first command of a transaction that is refused, else
// to its content.
func answer(t *testing.T, c *mtatest.Conn, sender, content string, to ...string) string {
	t.Helper()
	var refused *mtatest.Refusal
	err := c.Mail(sender, content, to...)
	if errors.As(err, &refused) {
		return refused.String()
	}
	if err != nil {
		t.Fatal(err)
	}
	return "250"
}

// mail sends a message of a case in a session of its own.
func (p *policy) mail(t *testing.T, from, name, body string, to ...string) string {
	t.Helper()
	c := p.session(t, from)
	defer p.quit(t, c)
	return answer(t, c, "from-"+from+"@ok.test", message(name, body), to...)
}

func message(name, body string) string {
	return "Subject: a case\r\nX-Case: " + name + "\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + body + "\r\n"
}

func begins(t *testing.T, what, got, want string) {
	t.Helper()
	if !strings.HasPrefix(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func (p *policy) logIn(t *testing.T, c *mtatest.Conn, password, want string) {
	t.Helper()
	begins(t, "AUTH", cmd(t, c, "AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00anna\x00"+password))), want)
}

// TestDefaultPolicy meets every setting of dp_config.lua over SMTP.
func TestDefaultPolicy(t *testing.T) {
	t.Parallel()
	p := startPolicy(t)
	for _, c := range policyCases() {
		t.Run(c.name, func(t *testing.T) { c.run(t, &policy{p.In(t), p.sink, p.db}) })
	}
	// A series with persist outlives a restart; the others begin anew.
	p.Term()
	p.Launch()
	c := p.session(t, host(25, 4))
	say(t, c, "MAIL FROM:<>", "421 message rate limit exceeded")
	p.greets(t, host(16, 1), "220")
	p.Write("dp_config.lua", "module(\"msys.dp_config\", package.seeall)\nmsys.dp_config.keyword_filter = { { scan = true, name = \"k\", path = \"/nowhere\" } }\n")
	if out, exit := p.Console("config", "reload"); exit == 0 || !strings.Contains(out, "msys.dp_config.keyword_filter k: /nowhere: no such file") {
		t.Errorf("a file that is not there: exit %d\n%s", exit, out)
	}
}

// policyCase is a case, and what of dp_config.lua it meets.
type policyCase struct {
	name   string
	covers string // "table: setting setting, table: ..."
	run    func(t *testing.T, p *policy)
}

func policyCases() []policyCase {
	return append(append(sessionCases(), envelopeCases()...), contentCases()...)
}
