package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/test/mtatest"
	"github.com/mtad/mtad/test/need"
)

// marker is what our signature finds.
const marker = "MTAD-TEST-VIRUS-4711"

// clamd starts a clamd with one signature of our own, and gives its address. It
// takes streams of 64 KiB at the most.
func clamd(t *testing.T) string {
	t.Helper()
	program := need.Program(t, "clamd")
	dir := t.TempDir()
	addr := fmt.Sprintf("127.0.0.1:%d", mtatest.FreePort(t))
	_, port, _ := strings.Cut(addr, ":")
	for name, text := range map[string]string{
		"db/mtad.ndb": fmt.Sprintf("Mtad.Test:0:*:%x\n", marker),
		"clamd.conf":  "DatabaseDirectory " + dir + "/db\nTCPSocket " + port + "\nTCPAddr 127.0.0.1\nForeground yes\nStreamMaxLength 64K\nMaxThreads 2\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program, "-c", filepath.Join(dir, "clamd.conf"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // it was killed
	})
	mtatest.Within(t, 60*time.Second, "clamd to listen", func() string {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return err.Error()
		}
		c.Close()
		return ""
	})
	return addr
}

// spamd starts what speaks SPAMC: a message is spam by its word SPAM, has a score of
// 4 by LIKELY, and is not answered by SILENT.
func spamd(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			answerSpamc(c)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String()
}

func answerSpamc(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	in := textproto.NewReader(r)
	if line, err := in.ReadLine(); err != nil || line != "SYMBOLS SPAMC/1.5" {
		fmt.Fprintf(c, "SPAMD/1.0 76 EX_PROTOCOL Bad header line: %s\r\n", line)
		return
	}
	header, _ := in.ReadMIMEHeader()
	n, _ := strconv.Atoi(header.Get("Content-length"))
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return
	}
	verdict := "False ; 0.5 / 5.0"
	switch text := string(body); {
	case strings.Contains(text, "SILENT"):
		return
	case strings.Contains(text, "SPAM"):
		verdict = "True ; 7.1 / 5.0"
	case strings.Contains(text, "LIKELY"):
		verdict = "False ; 4.0 / 5.0"
	}
	fmt.Fprintf(c, "SPAMD/1.1 0 EX_OK\r\nContent-length: 12\r\nSpam: %s\r\n\r\nRULE_A,RULE_B", verdict)
}

// rspamd starts what answers as rspamd does: the words SPAM, SOFT and LIKELY, and
// SILENT for none.
func rspamd(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		action, score := "no action", 0.5
		switch text := string(body); {
		case err != nil, r.URL.Path != "/checkv2", r.Header.Get("Ip") == "", r.Header.Get("Password") != "secret", strings.Contains(text, "SILENT"):
			http.Error(w, "no", http.StatusInternalServerError)
			return
		case strings.Contains(text, "SPAM"):
			action, score = "reject", 20
		case strings.Contains(text, "SOFT"):
			action, score = "soft reject", 6
		case strings.Contains(text, "LIKELY"):
			action, score = "add header", 4
		}
		fmt.Fprintf(w, `{"action": %q, "score": %g, "required_score": 15, "symbols": {"B_RULE": {}, "A_RULE": {}}}`, action, score)
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}
