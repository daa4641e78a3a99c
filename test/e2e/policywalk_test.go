package e2e

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mtad/mtad/test/mtatest"
)

// TestPolicyWalk runs docs/howto-policy.md as it is printed: every sh block in one
// shell, and the text block behind it is what was to be seen. Only paths, the port
// and times are others.
func TestPolicyWalk(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/howto-policy.md")
	if err != nil {
		t.Fatal(err)
	}
	w := newWalk(t)
	blocks := regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 30 {
		t.Fatalf("%d blocks only", len(blocks))
	}
	for i, b := range blocks {
		switch b[1] {
		case "console":
			w.serve(b[2])
		case "sh":
			got := w.run(b[2])
			want := ""
			if i+1 < len(blocks) && blocks[i+1][1] == "text" {
				want = blocks[i+1][2]
			}
			if !matches(got, want) {
				t.Fatalf("%s\nprints:\n%s\nand the page says:\n%s", b[2], got, want)
			}
		case "text":
		default:
			t.Errorf("a block in %q", b[1])
		}
	}
}

// walk is a shell in a world of its own.
type walk struct {
	t      *testing.T
	prefix string
	in     io.Writer
	out    *bufio.Reader
	paths  *strings.Replacer
}

func newWalk(t *testing.T) *walk {
	prefix, err := os.MkdirTemp("", "walk") // a socket's path must stay short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(prefix) })
	for _, dir := range []string{"tmp", "bin"} {
		if err := os.Mkdir(filepath.Join(prefix, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(mtatest.Binary(t), filepath.Join(prefix, "bin/mtad")); err != nil {
		t.Fatal(err)
	}
	w := &walk{t: t, prefix: prefix}
	port := mtatest.FreePort(t)
	root := prefix + "/opt/msys"
	// Nobody but root may listen on port 25.
	layout := fmt.Sprintf(`{ mtad layout --prefix %s && sed -i 's/:25"/:%d"/' %s/ecelerity/etc/conf/default/ecelerity.conf; }`, prefix, port, root)
	w.paths = strings.NewReplacer("mtad layout", layout, "/opt/msys", root, "/var/log/ecelerity", prefix+"/var/log/ecelerity",
		"/tmp/2025", prefix+"/tmp/2025", "127.0.0.1/25", fmt.Sprintf("127.0.0.1/%d", port))
	w.start()
	return w
}

func (w *walk) env() []string {
	return append(os.Environ(), "PATH="+filepath.Join(w.prefix, "bin")+":"+os.Getenv("PATH"), "LC_ALL=C", "GIT_CONFIG_GLOBAL=/dev/null", "TMPDIR="+filepath.Join(w.prefix, "tmp"))
}

func (w *walk) start() {
	w.t.Helper()
	cmd := exec.Command("bash", "--norc", "--noprofile")
	cmd.Env = w.env()
	in, err := cmd.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.in, w.out = in, bufio.NewReader(out)
	w.t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait() // its status is that of the last command
	})
}

// run gives what a block prints, with the page's paths and times.
func (w *walk) run(block string) string {
	w.t.Helper()
	const end = "@@end of block@@"
	// Its own input is not the commands'.
	if _, err := io.WriteString(w.in, "{\n"+w.paths.Replace(block)+"\n} 2>&1 </dev/null; echo '"+end+"'\n"); err != nil {
		w.t.Fatal(err)
	}
	var got strings.Builder
	for {
		line, err := w.out.ReadString('\n')
		if err != nil {
			w.t.Fatalf("the shell ended: %v\n%s", err, got.String())
		}
		if strings.HasPrefix(line, end) {
			break
		}
		got.WriteString(line)
	}
	text := strings.ReplaceAll(got.String(), w.prefix, "")
	return regexp.MustCompile(`(?m)^\d{10}:`).ReplaceAllString(text, "1251200446:")
}

// serve starts the server.
func (w *walk) serve(block string) {
	w.t.Helper()
	serveHere(w.t, w.prefix, w.env(), strings.Fields(w.paths.Replace(block))...)
}

// serveHere runs a server until the end of the test, and waits until it is ready.
func serveHere(t *testing.T, dir string, env []string, words ...string) {
	t.Helper()
	stderr := filepath.Join(dir, "stderr")
	f, err := os.Create(stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stderr, cmd.Env = f, env
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		if err := <-exited; err != nil {
			t.Errorf("the server ends with %v", err)
		}
		if text, err := os.ReadFile(stderr); err != nil || strings.Contains(string(text), "DATA RACE") {
			t.Errorf("%v\n%s", err, text)
		}
	})
	mtatest.Within(t, 2*time.Minute, "the server to be ready", func() string {
		text, err := os.ReadFile(stderr)
		if err != nil || !strings.Contains(string(text), "mtad: ready") {
			return "stderr: " + string(text)
		}
		return ""
	})
}

// matches compares lines; "..." on a line of its own is any number of them.
func matches(got, want string) bool {
	var pattern strings.Builder
	pattern.WriteString(`\A`)
	for _, line := range strings.SplitAfter(want, "\n") {
		if line == "...\n" {
			pattern.WriteString(`(?s:.*?)`)
			continue
		}
		pattern.WriteString(regexp.QuoteMeta(line))
	}
	return regexp.MustCompile(pattern.String() + `\z`).MatchString(got)
}
