package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/reeflective/readline"
	"golang.org/x/term"

	"github.com/mtad/mtad/core/control"
)

// defaultSocket is where the console is looked for when nothing is said.
const defaultSocket = "/run/mtad/control"

// consoleCommand talks to a running server.
type consoleCommand struct {
	Endpoint string   `arg:"" optional:"" env:"CONTROL" default:"/run/mtad/control" help:"A socket's path, host:port, or user@host:port."`
	Command  []string `arg:"" optional:"" passthrough:"" help:"The command and its arguments; without one: a prompt, or commands from standard input."`

	who  visitor
	addr string // Endpoint without the user

	pager pager
}

// Run is called by kong.
func (c *consoleCommand) Run(s *streams) error {
	c.who.user, c.addr = splitUser(c.Endpoint)
	console, err := control.Dial(c.addr, defaultSocket)
	if err != nil {
		return err
	}
	defer func() { _ = console.Close() }()
	if len(c.Command) > 0 {
		return outcome(c.who.run(console, c.Command, s.out, s))
	}
	if f, ok := s.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return c.prompt(console, s)
	}
	return c.batch(console, s)
}

// outcome makes a refused command an exit status: its text was the reply.
func outcome(err error) error {
	if errors.Is(err, control.ErrRefused) {
		return exitError(1)
	}
	return err
}

// batch runs the lines of standard input; the worst of them decides the status.
func (c *consoleCommand) batch(console *control.Console, s *streams) error {
	var worst error
	lines := bufio.NewScanner(s.in)
	for lines.Scan() {
		words, err := control.SplitWords(lines.Text())
		if err != nil {
			return err
		}
		if leaves(words) {
			break
		}
		if err := c.who.run(console, words, s.out, s); errors.Is(err, control.ErrRefused) {
			worst = exitError(1)
		} else if err != nil {
			return err
		}
	}
	return errors.Join(lines.Err(), worst)
}

// prompt is the interactive console, with history and completion.
func (c *consoleCommand) prompt(console *control.Console, s *streams) error {
	names, err := c.commandNames(console, s)
	if err != nil {
		return err
	}
	if err := c.who.run(console, []string{"version"}, prefixed{s.out}, s); err != nil && !errors.Is(err, control.ErrRefused) {
		return err
	}
	shell := readline.NewShell()
	shell.Prompt.Primary(func() string {
		return fmt.Sprintf("%s %s> ", time.Now().Format("15:04:05"), c.Endpoint)
	})
	shell.Completer = func(line []rune, cursor int) readline.Completions {
		return readline.CompleteValues(nextWords(names, string(line[:cursor]))...)
	}
	if home, err := os.UserHomeDir(); err == nil {
		shell.History.AddFromFile("commands", filepath.Join(home, ".mtad_history"))
	}
	for {
		line, err := shell.Readline()
		if errors.Is(err, io.EOF) || errors.Is(err, readline.ErrInterrupt) {
			return nil
		}
		if err != nil {
			return err
		}
		if console, err = c.line(console, s, line); console == nil || err != nil {
			return err
		}
	}
}

// line runs one typed line and gives the console to go on with: another one
// where the server closed an idle connection, none after exit or quit.
func (c *consoleCommand) line(console *control.Console, s *streams, line string) (*control.Console, error) {
	words, err := control.SplitWords(line)
	if err != nil {
		fmt.Fprintln(s.err, err)
		return console, nil
	}
	if len(words) == 0 {
		return console, nil
	}
	if leaves(words) {
		return nil, nil
	}
	if len(words) == 1 && words[0] == "pager" { // \pager, as the original has it, is the same word
		c.pager.toggle(s)
		return console, nil
	}
	// Asked first, so that the command itself never runs twice.
	if err := c.who.run(console, []string{"version"}, io.Discard, s); err != nil && !errors.Is(err, control.ErrRefused) {
		_ = console.Close() // the server has closed it already
		if console, err = control.Dial(c.addr, defaultSocket); err != nil {
			return nil, err
		}
	}
	out, done := c.pager.open(s)
	defer done()
	if err := c.who.run(console, words, out, s); err != nil && !errors.Is(err, control.ErrRefused) {
		return nil, err
	}
	return console, nil
}

// leaves reports the words that end a console.
func leaves(words []string) bool {
	return len(words) == 1 && (words[0] == "exit" || words[0] == "quit")
}

// commandNames is empty for a user who may not ask for help.
func (c *consoleCommand) commandNames(console *control.Console, s *streams) ([]string, error) {
	var b bytes.Buffer
	if err := c.who.run(console, []string{"help", "--names"}, &b, s); errors.Is(err, control.ErrRefused) {
		return []string{"exit", "quit"}, nil
	} else if err != nil {
		return nil, err
	}
	return append(strings.Split(strings.TrimSpace(b.String()), "\n"), "exit", "quit", "pager"), nil
}

// nextWords gives the words that may follow what is typed so far: commands are
// several words long, and completion works on one word at a time.
func nextWords(names []string, typed string) []string {
	done := strings.Fields(typed)
	if len(done) > 0 && !strings.HasSuffix(typed, " ") {
		done = done[:len(done)-1]
	}
	var next []string
	for _, name := range names {
		words := strings.Fields(name)
		if _, flag, ok := strings.Cut(name, " --"); ok && flag != "" {
			if command := strings.TrimSuffix(name, " --"+flag); len(strings.Fields(command)) <= len(done) && strings.HasPrefix(strings.ToLower(typed), command+" ") {
				next = append(next, "--"+flag)
			}
			continue
		}
		if len(words) > len(done) && strings.EqualFold(strings.Join(words[:len(done)], " "), strings.Join(done, " ")) {
			next = append(next, words[len(done)])
		}
	}
	return next
}

// prefixed writes the greeting as a comment, as the original does.
type prefixed struct{ io.Writer }

// Write is part of io.Writer.
func (p prefixed) Write(b []byte) (int, error) {
	if _, err := fmt.Fprintf(p.Writer, "# %s", b); err != nil {
		return 0, err
	}
	return len(b), nil
}
