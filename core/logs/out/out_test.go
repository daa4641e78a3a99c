package out

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mtad/mtad/sdk/jlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is what tests make destinations of. Waits end at once, but for the
// idle one.
type bench struct {
	t        *testing.T
	dir      string
	budget   int64
	problems chan string
}

func newBench(t *testing.T) *bench {
	return &bench{t: t, dir: t.TempDir(), budget: 1 << 20, problems: make(chan string, 100)}
}

func (b *bench) open(spec string) Destination {
	b.t.Helper()
	d, err := Open(Config{
		Spec: spec, Log: "mainlog", Mode: 0o644, Outbox: filepath.Join(b.dir, "outbox"), Budget: b.budget, Hostname: "mx.example.com",
		Problem: func(text string) { b.problems <- text },
		After: func(d time.Duration) <-chan time.Time {
			if d >= idle && d != longestPause {
				return nil
			}
			return time.After(min(d, time.Millisecond))
		},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return d
}

func (b *bench) close(d Destination) {
	b.t.Helper()
	if err := d.Close(); err != nil {
		b.t.Error(err)
	}
}

func (b *bench) write(d Destination, from, to int) {
	b.t.Helper()
	for i := from; i < to; i++ {
		if _, err := d.Write(fmt.Appendf(nil, "record %d\n", i)); err != nil {
			b.t.Fatal(err)
		}
	}
}

// receiver collects lines.
type receiver struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{}
}

func newReceiver() *receiver { return &receiver{more: make(chan struct{}, 1)} }

func (r *receiver) add(lines ...string) {
	r.mu.Lock()
	r.lines = append(r.lines, lines...)
	r.mu.Unlock()
	select {
	case r.more <- struct{}{}:
	default:
	}
}

// wait waits until every record below n has come, in some order, and gives how
// many came more than once.
func (r *receiver) wait(t *testing.T, n int) (again int) {
	t.Helper()
	limit := time.After(30 * time.Second)
	for {
		r.mu.Lock()
		seen := map[string]int{}
		for _, l := range r.lines {
			seen[l[strings.Index(l, "record "):]]++
		}
		r.mu.Unlock()
		missing := 0
		for i := range n {
			c := seen[fmt.Sprintf("record %d", i)]
			if c == 0 {
				missing++
			}
			again += max(0, c-1)
		}
		if missing == 0 {
			return again
		}
		again = 0
		select {
		case <-r.more:
		case <-limit:
			t.Fatalf("%d of %d records are missing; got %q", missing, n, r.lines)
		}
	}
}

func TestFileTakesRecordsAndRotates(t *testing.T) {
	b := newBench(t)
	name := filepath.Join(b.dir, "logs", "mainlog.ec")
	d := b.open("file://" + name)
	b.write(d, 0, 1)
	if err := os.Rename(name, name+".1"); err != nil {
		t.Fatal(err)
	}
	b.write(d, 1, 2)
	if err := d.Reopen(); err != nil {
		t.Fatal(err)
	}
	b.write(d, 2, 3)
	b.close(d)
	for name, want := range map[string]string{name + ".1": "record 0\nrecord 1\n", name: "record 2\n"} {
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := d.Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a closed file: %v", err)
	}
}

func TestJLogDestinationKeepsToItsBudget(t *testing.T) {
	b := newBench(t)
	b.budget = 4000
	dir := filepath.Join(b.dir, "bounces.jlog")
	d := b.open("jlog://" + dir + "=>billing")
	n := 0
	for ; n < 1000; n++ {
		if _, err := d.Write(fmt.Appendf(nil, "record %d\n", n)); errors.Is(err, ErrBudget) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	have, err := jlog.Look(dir)
	if err != nil || have.Bytes > b.budget || n < 50 {
		t.Fatalf("%d records in %d bytes, %v", n, have.Bytes, err)
	}
	r, err := jlog.Open(dir, "billing")
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		rec, err := r.Next()
		if err != nil || string(rec.Data) != fmt.Sprintf("record %d\n", i) {
			t.Fatalf("record %d: %q, %v", i, rec.Data, err)
		}
		if err := r.Checkpoint(rec.ID); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	j := d.(*journal)
	j.k.now = func() time.Time { return time.Now().Add(time.Hour) }
	if _, err := d.Write([]byte("record\n")); err != nil {
		t.Errorf("after a reader made room: %v", err)
	}
	b.close(d)
}

// TestHTTP: batches come whole, with a key that tells a repetition; a server
// that fails gets them again, and a restart goes on where it was.
func TestHTTP(t *testing.T) {
	b, got := newBench(t), newReceiver()
	var mu sync.Mutex
	down, keys := true, map[string]int{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if user, password, _ := r.BasicAuth(); user != "me" || password != "secret" || r.Header.Get("X-Log") != "mainlog" {
			t.Errorf("header %v", r.Header)
		}
		if keys[r.Header.Get("Idempotency-Key")]++; down {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		got.add(strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")...)
	}))
	defer srv.Close()
	spec := strings.Replace(srv.URL, "http://", "http://me:secret@", 1) + "/in"
	d := b.open(spec)
	b.write(d, 0, 1)
	if text := <-b.problems; !strings.Contains(text, "mainlog: records cannot be delivered") || strings.Contains(text, "secret") {
		t.Errorf("problem %q", text)
	}
	b.close(d)
	d = b.open(spec)
	mu.Lock()
	down = false
	mu.Unlock()
	b.write(d, 1, 1200)
	if again := got.wait(t, 1200); again > 0 {
		t.Errorf("%d records came twice", again)
	}
	b.close(d)
	repeated := 0
	for _, n := range keys {
		repeated += n - 1
	}
	if len(keys) == 0 || repeated == 0 && len(keys) < 3 {
		t.Errorf("keys %v", keys)
	}
}

// frames reads RFC 6587 octet-counted messages until the connection ends.
func frames(c net.Conn, most int, got *receiver) {
	r := bufio.NewReader(c)
	for n := 0; n < most; n++ {
		head, err := r.ReadString(' ')
		if err != nil {
			return
		}
		size, err := strconv.Atoi(strings.TrimSpace(head))
		if err != nil {
			return
		}
		line := make([]byte, size)
		if _, err := io.ReadFull(r, line); err != nil {
			return
		}
		got.add(string(line))
	}
}

// TestSyslogTCP: a daemon that goes away in the middle gets all it did not take.
func TestSyslogTCP(t *testing.T) {
	b, got := newBench(t), newReceiver()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var daemon sync.WaitGroup
	closed := make(chan struct{}, 10)
	daemon.Go(func() {
		for most := 3; ; most = 1 << 30 {
			c, err := l.Accept()
			if err != nil {
				return
			}
			frames(c, most, got)
			c.Close()
			closed <- struct{}{}
		}
	})
	d := b.open("syslog://" + l.Addr().String() + "?proto=tcp&facility=local3&priority=error")
	b.write(d, 0, 3)
	got.wait(t, 3)
	<-closed
	b.write(d, 3, 700)
	got.wait(t, 700)
	b.close(d)
	l.Close()
	daemon.Wait()
	form := regexp.MustCompile(`^<155>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z mx\.example\.com mtad \d+ mainlog - record \d+$`)
	if !form.MatchString(got.lines[0]) {
		t.Errorf("message %q", got.lines[0])
	}
}

func TestSyslogSockets(t *testing.T) {
	b := newBench(t)
	path := filepath.Join(b.dir, "log")
	local, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for spec, conn := range map[string]net.PacketConn{"syslog://" + path: local, "syslog://" + udp.LocalAddr().String(): udp} {
		got := newReceiver()
		var daemon sync.WaitGroup
		daemon.Go(func() {
			buf := make([]byte, 1000)
			for {
				n, _, err := conn.ReadFrom(buf)
				if err != nil {
					return
				}
				got.add(string(buf[:n]))
			}
		})
		d := b.open(spec)
		b.write(d, 0, 5)
		got.wait(t, 5)
		b.close(d)
		conn.Close()
		daemon.Wait()
		if !strings.HasPrefix(got.lines[0], "<22>1 ") { // mail, info
			t.Errorf("%s: %q", spec, got.lines[0])
		}
	}
}

// TestPipe: a program that ends without reading is started again, and gets what
// it did not read.
func TestPipe(t *testing.T) {
	b := newBench(t)
	program, result := filepath.Join(b.dir, "program"), filepath.Join(b.dir, "result")
	script := "#!/bin/sh\nif [ ! -e \"$1\" ]; then touch \"$1\"; exit 1; fi\nwhile read line; do echo \"$WHO $line\" >> \"$1\"; done\n"
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	d := b.open("pipe://" + program + "?arg1=" + result + "&env1=WHO=me")
	b.write(d, 0, 50)
	deadline := time.Now().Add(30 * time.Second)
	var text string
	for !strings.Contains(text, "me record 49\n") {
		if time.Now().After(deadline) {
			t.Fatalf("it got %q", text)
		}
		read, _ := os.ReadFile(result)
		text = string(read)
	}
	b.close(d)
	for i := range 50 {
		if !strings.Contains(text, fmt.Sprintf("me record %d\n", i)) {
			t.Errorf("record %d is missing", i)
		}
	}
}

func TestSpecsThatAreRefused(t *testing.T) {
	for spec, want := range map[string]string{
		"jlog:///x":                     "subscriber",
		"ftp://x/y":                     "cannot go to ftp://",
		"pipe://program":                "full path",
		"http:///x":                     "wants a host",
		"syslog://?facility=nonsense":   `no facility "nonsense"`,
		"syslog://h?priority=loud":      `no priority "loud"`,
		"syslog://h?proto=carrier":      "udp or tcp",
		"https://me:sec%ret@example/ x": "not followed by a URL",
	} {
		if err := Check(spec); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "sec%ret") {
			t.Errorf("%s: %v", spec, err)
		}
	}
	for _, spec := range []string{"/var/log/x", "x.ec", "syslog://?facility=mail&priority=error", "cluster:///x=>a", "jlog:///x?subscribers=a,b=>"} {
		if err := Check(spec); err != nil {
			t.Errorf("%s: %v", spec, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("syslog://h:1?proto=tcp")
	f.Add("jlog://x=>y")
	f.Fuzz(func(t *testing.T, spec string) {
		if t1, err := parse(spec); err == nil && t1.path == "" && t1.url == nil && spec != "" && !strings.HasSuffix(strings.ToLower(spec), "file://") {
			t.Errorf("%q goes nowhere", spec)
		}
	})
}
