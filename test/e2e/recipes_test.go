package e2e

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// recipes are scripts of examples/policies/recipes as they are.
func recipes(t *testing.T, names ...string) []mtatest.Script {
	t.Helper()
	var list []mtatest.Script
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join("../../examples/policies/recipes", name+".lua"))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, mtatest.Script{Name: name, Text: string(text)})
	}
	return list
}

const alternative = "From: Shop <news@shop.test>\r\nTo: someone\r\nSubject: hi\r\nX-Mailer: desk 7\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/mixed; boundary=x\r\n\r\n" +
	"--x\r\nContent-Type: text/plain\r\n\r\nplain\r\n" +
	"--x\r\nContent-Type: text/html\r\n\r\n<html><body>rich</body></html>\r\n" +
	"--x\r\nContent-Type: text/plain; name=a.txt\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nattached\r\n--x--\r\n"

// TestOutboundRecipes: a customer's mail gets its binding and a return path for
// each recipient, loses what tells of us, and has the footer of its reader.
func TestOutboundRecipes(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{
		Relay: []string{"example.com", "far.test"}, Next: sink, Scripts: recipes(t, "customer_binding", "headers", "footer"),
		Global:   "binding \"shop\" {}\ndatasource \"customers\" {\n uri = [\"sqlite:@DIR@/customers.db\"]\n no_cache = true\n}\n",
		Listener: `relay_hosts = ["127.0.0.1"]`,
		Files: map[string]string{"fill.lua": `require("msys.db")
msys.registerControl("fill", function(cc)
  msys.db.execute("customers", "INSERT INTO outbound VALUES ('shop.test', 'shop', 'bounces.shop.test'), ('odd.test', 'nowhere', 'b.odd.test')")
  print("filled")
end)`},
		Scriptlet: "script \"fill\" {\n source = \"fill\"\n}\n",
	})
	if out, exit := s.Console("fill"); exit != 0 || !strings.Contains(out, "filled") {
		t.Fatalf("%d %s", exit, out)
	}
	if err := s.Submit("news@Shop.test", alternative, "near@example.com", "reader@far.test"); err != nil {
		t.Fatal(err)
	}
	for to, want := range map[string]struct{ from, footer, not string }{
		"near@example.com": {"bounce+near=example.com@bounces.shop.test", "Internal: do not forward.", "Example Ltd"},
		"reader@far.test":  {"bounce+reader=far.test@bounces.shop.test", "Example Ltd. Not the addressee?", "Internal"},
	} {
		got := sink.Wait(t, to)
		if got.From != want.from || got.Header("X-Mailer") != "" || got.Header("X-Entity-ID") == "" || got.Header("Subject") != "hi" {
			t.Errorf("%s: from %s\n%s", to, got.From, got.Data)
		}
		body := got.Body()
		if strings.Count(body, want.footer) != 2 || strings.Contains(body, want.not) {
			t.Errorf("%s has the footer %d times:\n%s", to, strings.Count(body, want.footer), body)
		}
		if !strings.Contains(body, "rich<p>"+want.footer) || !strings.HasSuffix(strings.TrimSpace(body), "attached\r\n--x--") {
			t.Errorf("%s: the footer is at the wrong place:\n%s", to, body)
		}
	}
	s.Logged("mainlog.ec", "@esmtp@default@shop")
	if err := s.Submit("x@odd.test", content, "near2@example.com"); err != nil {
		t.Fatal(err)
	}
	if err := s.Submit("x@stranger.test", content, "near3@example.com"); err != nil {
		t.Fatal(err)
	}
	if got := sink.Wait(t, "near3@example.com"); got.From != "x@stranger.test" {
		t.Errorf("a stranger's sender became %s", got.From)
	}
	s.Logged("paniclog.ec", "there is no binding nowhere")
}

// TestInboundRecipes: what comes in is marked, read for words, and counted.
func TestInboundRecipes(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Scripts: recipes(t, "headers", "keywords", "rate_limit")})
	mail := func(subject, body string) string { return "Subject: " + subject + "\r\n\r\n" + body + "\r\n" }
	for to, m := range map[string]string{
		"clean@example.com":  mail("[external] again", "The lottery commission met."),
		"tagged@example.com": mail("=?utf-8?q?Jackpot?=", "Nothing else."),
	} {
		if err := s.Submit("a@far.test", m, to); err != nil {
			t.Fatal(err)
		}
	}
	clean, tagged := sink.Wait(t, "clean@example.com"), sink.Wait(t, "tagged@example.com")
	if clean.Header("X-Keywords") != "" || clean.Header("Subject") != "[external] again" {
		t.Errorf("%s", clean.Data)
	}
	if tagged.Header("X-Keywords") != "6 (lottery)" || tagged.Header("Subject") != "[external] Jackpot" {
		t.Errorf("%s", tagged.Data)
	}
	fraud := mail("Your jackpot", "We =\r\nwire $ 4,000 =\r\nto you. Urgent, please reply")
	err := s.Submit("a@far.test", "Content-Transfer-Encoding: quoted-printable\r\n"+fraud, "fraud@example.com")
	if err == nil || !strings.Contains(err.Error(), "550 5.7.1 this looks like an advance fee fraud (lottery, transfer, urgent)") {
		t.Errorf("%v", err)
	}
	// The limit is 5 a minute; the minute may end once while this goes on.
	c := open(t, s)
	refused := false
	for range 15 {
		if reply := cmd(t, c, "MAIL FROM:<a@far.test>"); strings.HasPrefix(reply, "451 4.7.1 you may send 5 messages a minute") {
			refused = true
			break
		}
		say(t, c, "RSET", "250")
	}
	if !refused {
		t.Error("nothing limits the client")
	}
}

// greeting connects from an address of the loopback, and gives what the server
// says first.
func greeting(t *testing.T, s *mtatest.Server, from string) string {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.Dial("tcp", s.SMTP)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// TestDNSBLRecipe: lists add up and take away, and their sum is kept.
func TestDNSBLRecipe(t *testing.T) {
	t.Parallel()
	listed := func(zone string, last ...int) (records string) {
		for _, n := range last {
			records += fmt.Sprintf("%d.0.0.127.%s. 60 IN A 127.0.0.4\n", n, zone)
		}
		return records
	}
	zone := listed("bl.dnsbl.test", 2, 3) + listed("suspects.dnsbl.test", 4) + listed("wl.dnsbl.test", 3) +
		"5.0.0.127.suspects.dnsbl.test. 60 IN A 127.0.0.9\n"
	s := mtatest.Start(t, mtatest.Config{
		DNS: mtatest.NewDNS(t, mtatest.Zone{Text: zone}), Scripts: recipes(t, "dnsbl"),
		Global: "datasource \"scores\" {\n uri = [\"sqlite:@DIR@/scores.db\"]\n no_cache = true\n}\n",
	})
	for _, c := range []struct{ from, says, log string }{
		{"127.0.0.2", "554 5.7.1 your address is listed; see https://dnsbl.test/127.0.0.2", "127.0.0.2 has 10 points (asked)"},
		{"127.0.0.2", "554 5.7.1 your address is listed", "127.0.0.2 has 10 points (cached)"},
		{"127.0.0.3", "220 ", "127.0.0.3 has 0 points (asked)"},
		{"127.0.0.4", "220 ", "127.0.0.4 has 5 points (asked)"},
		{"127.0.0.5", "220 ", "127.0.0.5 has 0 points (asked)"},
		{"127.0.0.5", "220 ", "127.0.0.5 has 0 points (cached)"},
	} {
		if got := greeting(t, s, c.from); !strings.HasPrefix(got, c.says) {
			t.Errorf("%s: %s", c.from, got)
		}
		s.Logged("paniclog.ec", "dnsbl: "+c.log)
	}
}
