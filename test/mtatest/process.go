package mtatest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Process is one process of a server.
type Process struct {
	PID, Parent int
	Args        []string
	RSS         int64         // bytes
	CPU         time.Duration // used so far, user and system
}

// String is for messages.
func (p Process) String() string { return fmt.Sprintf("%d %q", p.PID, p.Args) }

// Processes lists the core and its modules, orphans included, zombies not.
func (s *Server) Processes() []Process {
	found, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		s.t.Fatal(err)
	}
	var out []Process
	for _, path := range found {
		if p, ok := process(path, s.cmd.Process.Pid); ok {
			out = append(out, p)
		}
	}
	return out
}

// Module gives the process of a built-in module.
func (s *Server) Module(name string) (Process, bool) {
	for _, p := range s.Processes() {
		if p.Parent == s.cmd.Process.Pid && len(p.Args) > 1 && strings.Contains(strings.Join(p.Args[1:], " "), name) {
			return p, true
		}
	}
	return Process{}, false
}

// Memory is the resident memory of the core, under "core", and of each module
// that is a process, in bytes.
func (s *Server) Memory() map[string]int64 {
	out := map[string]int64{}
	for _, p := range s.Processes() {
		name := "core"
		if p.PID != s.cmd.Process.Pid {
			name = p.Args[len(p.Args)-1]
		}
		out[name] += p.RSS
	}
	return out
}

// Fields of /proc/PID/stat behind the command's name (proc(5)).
const (
	statState   = 0
	statParent  = 1
	statSession = 3
	statUser    = 11
	statSystem  = 12
	statRSS     = 21
	clockTick   = 10 * time.Millisecond // USER_HZ is 100 on every Linux
)

// process reads a process that belongs to a session.
func process(stat string, session int) (Process, bool) {
	b, err := os.ReadFile(stat)
	if err != nil {
		return Process{}, false // it ended meanwhile
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	if len(f) <= statRSS || f[statState] == "Z" || number(f[statSession]) != int64(session) {
		return Process{}, false
	}
	dir := filepath.Dir(stat)
	args, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil {
		return Process{}, false
	}
	return Process{
		PID: int(number(filepath.Base(dir))), Parent: int(number(f[statParent])),
		Args: strings.Split(strings.TrimRight(string(args), "\x00"), "\x00"),
		RSS:  number(f[statRSS]) * int64(os.Getpagesize()),
		CPU:  time.Duration(number(f[statUser])+number(f[statSystem])) * clockTick,
	}, true
}

// number reads a field that the kernel wrote.
func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return -1
	}
	return n
}
