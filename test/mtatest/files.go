package mtatest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func (s *Server) path(name string) string { return filepath.Join(s.Dir, name) }

// Mkdir makes a directory in the server's.
func (s *Server) Mkdir(name string) {
	s.t.Helper()
	if err := os.MkdirAll(s.path(name), 0o700); err != nil {
		s.t.Fatal(err)
	}
}

// Write puts a file in the server's directory in place at once; @DIR@ in it
// stands for the directory.
func (s *Server) Write(name, text string) {
	s.t.Helper()
	s.Mkdir(filepath.Dir(name))
	text = strings.ReplaceAll(text, "@DIR@", s.Dir)
	if err := os.WriteFile(s.path(name)+".new", []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(s.path(name)+".new", s.path(name)); err != nil {
		s.t.Fatal(err)
	}
}

// Configure changes the configuration, in the file only.
func (s *Server) Configure(change func(*Config)) {
	s.t.Helper()
	change(&s.config)
	for name, text := range s.config.Files {
		s.Write(name, text)
	}
	for _, script := range s.config.Scripts {
		s.Write(script.Name+".lua", script.Text)
	}
	s.Write("mtad.conf", s.config.render(s.t, s.Dir, s.SMTP))
}

// read gives a file's content; "" for one that is not there.
func (s *Server) read(name string) string {
	b, err := os.ReadFile(s.path(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.t.Error(err)
	}
	return string(b)
}

// Log gives a log as it stands: "paniclog.ec", "mainlog.ec", "rejectlog.ec" or
// "bouncelog.ec".
func (s *Server) Log(name string) string { return s.read(name) }

// Stderr is what the server's processes wrote there since the first start.
func (s *Server) Stderr() string { return s.read("stderr") }

// aboutScript matches what the scriptlet module says of a script.
var aboutScript = regexp.MustCompile(`^/\S+\.lua:\d+`)

// Printed gives what scripts printed, in order: the text of the paniclog's
// "scriptlet" entries, but those about scripts.
func (s *Server) Printed() []string {
	var out []string
	for _, e := range Panics(s.Log("paniclog.ec")) {
		if e.Source == "scriptlet" && !aboutScript.MatchString(e.Text) {
			out = append(out, e.Text)
		}
	}
	return out
}

// Console gives the server a command through mtad console.
func (s *Server) Console(words ...string) (output string, exit int) {
	s.t.Helper()
	out, errs, exit := Run(s.t, append([]string{"console", s.Control}, words...)...)
	return out + errs, exit
}

// Eventually waits until the condition gives "", and fails the test with what it
// gives instead after half a minute.
func (s *Server) Eventually(what string, condition func() string) {
	s.t.Helper()
	s.within(waitTime, what, condition)
}

// Logged waits for a text in a log.
func (s *Server) Logged(log, text string) {
	s.t.Helper()
	s.Eventually(text+" in "+log, func() string {
		if !strings.Contains(s.Log(log), text) {
			return "not there"
		}
		return ""
	})
}

func (s *Server) within(limit time.Duration, what string, condition func() string) {
	s.t.Helper()
	Within(s.t, limit, what, condition)
}

// Within is Eventually with a limit of its own.
func Within(t testing.TB, limit time.Duration, what string, condition func() string) {
	t.Helper()
	if problem := poll(limit, condition); problem != "" {
		t.Fatalf("waited %s for %s: %s", limit, what, problem)
	}
}

// poll asks again and again until there is no problem or no time left.
func poll(limit time.Duration, condition func() string) (problem string) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); ; <-tick.C {
		if problem = condition(); problem == "" || time.Now().After(end) {
			return problem
		}
	}
}
