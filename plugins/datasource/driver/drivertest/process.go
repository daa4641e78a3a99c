package drivertest

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Process is a server that a test may stop, start again, and pause. It says a
// line with the word ready when it takes connections.
type Process struct {
	t       testing.TB
	program string
	args    []string
	ready   string
	// listens is where it takes connections a little after it said so; "": at once.
	listens string
	cmd     *exec.Cmd
}

// quietPort is a free port below those that the system gives to clients, so that
// it stays free while the server is down.
func quietPort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 10000 + rand.IntN(20000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// Start starts the server and waits until it takes connections.
func (p *Process) Start() {
	p.t.Helper()
	p.cmd = exec.Command(p.program, p.args...)
	p.cmd.Dir = "/"
	output, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd.Stderr = p.cmd.Stdout
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	var said strings.Builder
	ready := make(chan bool, 1)
	go func() { // ends with the server, whose output it reads
		lines := bufio.NewScanner(output)
		for waiting := true; lines.Scan(); {
			if waiting {
				said.WriteString(lines.Text() + "\n")
			}
			if waiting && strings.Contains(lines.Text(), p.ready) {
				waiting = false
				ready <- true
			}
		}
		close(ready)
	}()
	if !<-ready {
		p.t.Fatalf("%s did not start:\n%s", p.program, said.String())
	}
	p.reach()
}

// reach waits for the server's socket.
func (p *Process) reach() {
	if p.listens == "" {
		return
	}
	deadline := time.After(time.Minute)
	for again := time.NewTicker(5 * time.Millisecond); ; {
		if c, err := net.Dial("tcp", p.listens); err == nil {
			c.Close()
			again.Stop()
			return
		}
		select {
		case <-again.C:
		case <-deadline:
			p.t.Fatalf("%s does not listen", p.program)
		}
	}
}

// Stop ends the server, if it runs.
func (p *Process) Stop() {
	if p.cmd == nil {
		return
	}
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Error(err)
	}
	_ = p.cmd.Wait() // killed, which is an error
	p.cmd = nil
}

// Pause has the server answer nothing until Resume. A stopped process has
// stopped when its parent is told so, not when the signal is sent: until then
// its threads answer.
func (p *Process) Pause() {
	p.t.Helper()
	p.signal(syscall.SIGSTOP)
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(p.cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || !status.Stopped() {
			p.t.Fatalf("%s did not stop: %v, status %#x", p.program, err, status)
		}
		return
	}
}

// Resume lets a paused server go on.
func (p *Process) Resume() { p.signal(syscall.SIGCONT) }

func (p *Process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}
