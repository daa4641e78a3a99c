package mtatest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Bounds of what a test waits for. They are generous: a machine may be slow,
// and only a failing test waits this long.
const (
	startTime = 60 * time.Second
	stopTime  = 60 * time.Second
	waitTime  = 30 * time.Second
)

// Server is an mtad under test. Its methods are for the test's goroutine, but
// those that say otherwise.
type Server struct {
	Dir     string // its files: mtad.conf, spool, logs, scripts
	SMTP    string // address of the SMTP listener
	Control string // the console's socket
	Conf    string // the configuration's path

	t      testing.TB
	config Config
	env    []string
	cmd    *exec.Cmd
	exited chan struct{}
	killed bool
}

// Start writes the configuration and starts a server, which ends with the
// test. A panic, a data race or a process that stays behind fails the test.
func Start(t testing.TB, c Config) *Server {
	t.Helper()
	s := Prepare(t, c)
	s.Launch()
	return s
}

// Prepare is Start without starting: for configurations that are checked, or
// changed first.
func Prepare(t testing.TB, c Config) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "mtad") // a socket's path must stay short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &Server{Dir: dir, t: t, config: c, SMTP: fmt.Sprintf("127.0.0.1:%d", FreePort(t))}
	s.Control, s.Conf = filepath.Join(dir, "control"), filepath.Join(dir, "mtad.conf")
	s.Mkdir("tmp")
	s.env = append(os.Environ(), "TMPDIR="+filepath.Join(dir, "tmp"), "GORACE=log_path="+filepath.Join(dir, "race"))
	for name, text := range c.Files {
		s.Write(name, text)
	}
	for _, script := range c.Scripts {
		s.Write(script.Name+".lua", script.Text)
	}
	s.Write("mtad.conf", c.render(t, dir, s.SMTP))
	return s
}

// In gives the same server for the use of a subtest. It is not to be launched.
func (s *Server) In(t testing.TB) *Server {
	same := *s
	same.t = t
	return &same
}

// FreePort gives a TCP and UDP port that nobody has. It lies below those that
// the system gives to clients, so that it stays free while a server restarts.
func FreePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 10000 + rand.IntN(20000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		l.Close()
		u, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		u.Close()
		return port
	}
	t.Fatal("no free port")
	return 0
}

// Launch starts the server, again after it was stopped, and waits until it is
// ready.
func (s *Server) Launch() {
	s.t.Helper()
	stderr, err := os.OpenFile(s.path("stderr"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer stderr.Close()
	before := strings.Count(s.Stderr(), readyLine)
	cmd := exec.Command(Binary(s.t), "serve", "--conf", s.Conf)
	cmd.Stderr, cmd.Env = stderr, s.env
	// A session of its own: by it we find its processes, whoever their parent is.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // its status is in cmd.ProcessState
		close(exited)
	}()
	if s.cmd == nil {
		s.t.Cleanup(s.finish)
	}
	s.cmd, s.exited, s.killed = cmd, exited, false
	s.within(startTime, "the server to be ready", func() string {
		select {
		case <-exited:
			s.t.Fatalf("the server ended (%v):\n%s", cmd.ProcessState, s.Stderr())
		default:
		}
		if strings.Count(s.Stderr(), readyLine) == before {
			return "not ready: " + tail(s.Stderr(), 5)
		}
		return ""
	})
}

const readyLine = "mtad: ready"

// Kill9 ends the server's core as a crash would; its modules are left to
// themselves. Kill9 returns when all processes are gone.
func (s *Server) Kill9() {
	s.t.Helper()
	s.killed = true
	s.Signal(syscall.SIGKILL)
	<-s.exited
	s.nobodyLeft()
}

// Signal sends the core a signal. It may be called from any goroutine.
func (s *Server) Signal(sig syscall.Signal) {
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Errorf("signal %v: %v", sig, err)
	}
}

// Term stops the server with SIGTERM, waits for its end, and gives its exit
// status.
func (s *Server) Term() int {
	s.t.Helper()
	s.Signal(syscall.SIGTERM)
	return s.Wait()
}

// Wait waits for the end of the server and of its modules, and gives its exit
// status.
func (s *Server) Wait() int {
	s.t.Helper()
	select {
	case <-s.exited:
	case <-time.After(stopTime):
		s.t.Errorf("the server does not stop; its goroutines:\n%s", s.goroutines())
		s.killAll()
		<-s.exited
	}
	s.nobodyLeft()
	return s.cmd.ProcessState.ExitCode()
}

// goroutines has the core dump its goroutines, which ends it.
func (s *Server) goroutines() string {
	before := len(s.Stderr())
	s.Signal(syscall.SIGQUIT)
	select {
	case <-s.exited:
	case <-time.After(5 * time.Second):
	}
	return s.Stderr()[before:]
}

// Running reports whether the core runs.
func (s *Server) Running() bool {
	select {
	case <-s.exited:
		return false
	default:
		return true
	}
}

// finish stops the server at the end of the test, and fails the test for what
// must never happen.
func (s *Server) finish() {
	if s.Running() {
		if code := s.Term(); code != 0 {
			s.t.Errorf("after SIGTERM the server exits with %d", code)
		}
	}
	for _, name := range append(s.raceLogs(), "stderr", "paniclog.ec") {
		text := s.read(name)
		for _, bad := range []string{"DATA RACE", "\npanic: ", "\nfatal error: ", "[recovered]"} {
			if at := strings.Index("\n"+text, bad); at >= 0 {
				s.t.Errorf("%s in %s:\n%s", strings.TrimSpace(bad), name, clip(("\n" + text)[at:], 6000))
			}
		}
	}
	if s.t.Failed() {
		s.t.Logf("stderr ends:\n%s\npaniclog ends:\n%s", tail(s.Stderr(), 30), tail(s.Log("paniclog.ec"), 60))
	}
}

func (s *Server) raceLogs() []string {
	found, err := filepath.Glob(s.path("race.*"))
	if err != nil {
		s.t.Error(err)
	}
	for i := range found {
		found[i] = filepath.Base(found[i])
	}
	return found
}

// nobodyLeft fails the test if processes outlive the core.
func (s *Server) nobodyLeft() {
	s.t.Helper()
	if problem := poll(5*time.Second, func() string {
		if left := s.Processes(); len(left) > 0 {
			return fmt.Sprintf("%d processes stay behind: %v", len(left), left)
		}
		return ""
	}); problem != "" {
		s.t.Error(problem)
		s.killAll()
	}
}

func (s *Server) killAll() {
	for _, p := range s.Processes() {
		// It may be gone by now.
		_ = syscall.Kill(p.PID, syscall.SIGKILL)
	}
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func clip(text string, most int) string { return text[:min(len(text), most)] }
