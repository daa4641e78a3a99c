package out

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/mtad/mtad/sdk/jlog"
)

// pipe hands records to a program's standard input, a line each. A record has
// arrived when the program has read it (manual, pipe_io: argN, envN, clear_env).
type pipe struct {
	path  string
	args  []string
	env   []string
	after func(time.Duration) <-chan time.Time

	cmd   *exec.Cmd
	stdin *os.File
	gone  chan struct{} // closed when the program has ended
}

// Times of a program, and of a peer: how long a batch may lie unread, how often
// that is looked at, and how long an end may take.
const (
	takeTime = 30 * time.Second
	takeLook = 5 * time.Millisecond
	endTime  = 5 * time.Second
)

var errGone = errors.New("the other side has ended")

func newPipe(t target, c *Config) (*pipe, error) {
	p := &pipe{path: t.url.Path, env: os.Environ(), after: c.After}
	if !filepath.IsAbs(p.path) {
		return nil, errors.New("pipe:// wants a program's full path: pipe:///usr/bin/program")
	}
	if t.query.Get("clear_env") == "1" {
		p.env = nil
	}
	for n := 1; t.query.Has(fmt.Sprintf("arg%d", n)); n++ {
		p.args = append(p.args, t.query.Get(fmt.Sprintf("arg%d", n)))
	}
	for n := 1; t.query.Has(fmt.Sprintf("env%d", n)); n++ {
		p.env = append(p.env, t.query.Get(fmt.Sprintf("env%d", n)))
	}
	return p, nil
}

// start runs the program.
func (p *pipe) start() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	cmd := exec.Command(p.path, p.args...)
	cmd.Env, cmd.Stdin = p.env, r
	if err := cmd.Start(); err != nil {
		return errors.Join(err, w.Close())
	}
	p.cmd, p.stdin, p.gone = cmd, w, make(chan struct{})
	go func(gone chan struct{}) {
		_ = cmd.Wait() // its end is what counts
		close(gone)
	}(p.gone)
	return nil
}

func (p *pipe) carry(ctx context.Context, batch []jlog.Record) error {
	if p.cmd == nil {
		if err := p.start(); err != nil {
			return err
		}
	}
	if err := p.stdin.SetWriteDeadline(time.Now().Add(takeTime)); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = p.stdin.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := p.stdin.Write(joined(batch)); err != nil {
		return err
	}
	return taken(ctx, p.stdin, unread, p.gone, p.after)
}

// joined are the records one after the other, each with its LF.
func joined(batch []jlog.Record) []byte {
	var all []byte
	for _, r := range batch {
		all = append(all, r.Data...)
		if !strings.HasSuffix(string(r.Data), "\n") {
			all = append(all, '\n')
		}
	}
	return all
}

// drop ends the program: its input ends, and where that is not enough, it.
func (p *pipe) drop() {
	if p.cmd == nil {
		return
	}
	_ = p.stdin.Close()
	select {
	case <-p.gone:
	case <-time.After(endTime):
		_ = p.cmd.Process.Kill() // it may just have ended
		<-p.gone
	}
	p.cmd = nil
}
