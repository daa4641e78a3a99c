package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// pager shows answers through $PAGER, or less, once it is switched on
// (reference/console.tsv, \pager).
type pager struct{ on bool }

func (p *pager) toggle(s *streams) {
	p.on = !p.on
	fmt.Fprintf(s.out, "# pager %s\n", map[bool]string{true: "on", false: "off"}[p.on])
}

// open gives where an answer goes, and what ends it. Without a pager that can be
// started the answer goes straight out.
func (p *pager) open(s *streams) (out io.Writer, done func()) {
	if !p.on {
		return s.out, func() {}
	}
	cmd := exec.Command("/bin/sh", "-c", cmp.Or(os.Getenv("PAGER"), "less"))
	cmd.Stdout, cmd.Stderr = s.out, s.err
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(s.err, err)
		return s.out, func() {}
	}
	return &leavable{in}, func() {
		_ = in.Close()
		_ = cmd.Wait() // how a pager was left says nothing
	}
}

// leavable takes what nobody reads any more: a pager may be left in the middle.
type leavable struct{ w io.Writer }

// Write is part of io.Writer.
func (l *leavable) Write(p []byte) (int, error) {
	if _, err := l.w.Write(p); err != nil {
		return len(p), nil
	}
	return len(p), nil
}
