package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// collector is a web server for log records.
type collector struct {
	mu   sync.Mutex
	text string
}

func (c *collector) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text += string(b)
}

func (c *collector) has(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Contains(c.text, text)
}

// TestLogDestinations: the JSON stream over HTTP, bounces in a jlog that mtad
// jlog reads, rejections through a program.
func TestLogDestinations(t *testing.T) {
	t.Parallel()
	web, sink := &collector{}, mtatest.NewSink(t)
	srv := httptest.NewServer(web)
	defer srv.Close()
	sink.AtRcpt("bad@example.com", "550 5.1.1 no such user")
	s := mtatest.Prepare(t, mtatest.Config{
		Next: sink,
		Global: `generate_bounces = false
ec_logger "remote" {
  jsonlog = "` + srv.URL + `/records"
  outbox  = "@DIR@/waiting"
}
`,
	})
	conf := s.Log("mtad.conf")
	conf = strings.Replace(conf, `"`+s.Dir+`/bouncelog.ec"`, `"jlog://`+s.Dir+`/bounces.jlog=>billing"`, 1)
	conf = strings.Replace(conf, `"`+s.Dir+`/rejectlog.ec"`, `"pipe:///bin/dd?arg1=status=none&arg2=bs=1&arg3=of=`+s.Dir+`/piped"`, 1)
	s.Write("mtad.conf", conf)
	s.Launch()
	if err := s.Submit("me@example.org", "Subject: x\r\n\r\nbody\r\n", "good@example.com", "bad@example.com"); err != nil {
		t.Fatal(err)
	}
	if err := s.Submit("me@example.org", "Subject: x\r\n\r\nbody\r\n", "who@elsewhere.example"); err == nil {
		t.Fatal("it relays")
	}
	for _, want := range []string{`"type":"R"`, `"type":"D"`, `"type":"P"`, `"log":"bouncelog","type":"B"`, `"log":"rejectlog"`} {
		s.Eventually(want+" over HTTP", func() string {
			if web.has(want) {
				return ""
			}
			return s.Log("paniclog.ec")
		})
	}
	s.Logged("piped", `E=550`)
	if waits, _ := filepath.Glob(filepath.Join(s.Dir, "waiting", "*", "metastore")); len(waits) != 2 {
		t.Errorf("outboxes %q", waits)
	}
	dir := filepath.Join(s.Dir, "bounces.jlog")
	out, _, _ := mtatest.Run(t, "jlog", "ls", dir)
	if !strings.Contains(out, "[subscriber: 'billing' @ 00000000:00000000] ") {
		t.Errorf("ls: %s", out)
	}
	out, _, exit := mtatest.Run(t, "jlog", "read", dir, "billing")
	if exit != 0 || !strings.Contains(out, "@B@bad@example.com@me@example.org@") || !strings.HasSuffix(strings.TrimSpace(out), "550 5.1.1 no such user") {
		t.Errorf("read: %d %s", exit, out)
	}
	if out, _, _ = mtatest.Run(t, "jlog", "read", dir, "billing"); strings.Contains(out, "@B@") {
		t.Errorf("read twice: %s", out)
	}
}

// TestLogFull: with log_full = "refuse" mail is refused while an outcome cannot
// be written, a reload with another destination ends that, and a shutdown is not
// held up.
func TestLogFull(t *testing.T) {
	t.Parallel()
	s := mtatest.Prepare(t, mtatest.Config{})
	conf := strings.Replace(s.Log("mtad.conf"), `"`+s.Dir+`/mainlog.ec"`, "\"/dev/full\"\n  heartbeat = 1\n  log_full = \"refuse\"", 1)
	s.Write("mtad.conf", conf)
	s.Launch()
	s.Logged("paniclog.ec", "mainlog cannot be written: write /dev/full: no space left on device; mail is refused until it can")
	err := s.Submit("me@example.org", "Subject: x\r\n\r\nbody\r\n", "you@example.com")
	if err == nil || !strings.Contains(err.Error(), "452 4.3.1") {
		t.Errorf("a message: %v", err)
	}
	s.Write("mtad.conf", strings.Replace(conf, "/dev/full", s.Dir+"/mainlog.ec", 1))
	if out, exit := s.Console("config", "reload"); exit != 0 {
		t.Fatal(out)
	}
	s.Logged("paniclog.ec", "mainlog is written again; 0 of its records were lost")
	if err := s.Submit("me@example.org", "Subject: x\r\n\r\nbody\r\n", "you@example.com"); err != nil {
		t.Error(err)
	}
	s.Logged("mainlog.ec", "@R@you@example.com@")
	s.Write("mtad.conf", conf)
	if out, exit := s.Console("config", "reload"); exit != 0 {
		t.Fatal(out)
	}
	if exit := s.Term(); exit != 0 {
		t.Errorf("exit status %d", exit)
	}
}
