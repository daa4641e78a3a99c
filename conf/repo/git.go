package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ErrNoGit is the answer where git is not installed.
var ErrNoGit = errors.New("the program git is needed to keep configuration under revision control, and it is not in PATH: install the package git")

// Bounds on one git command: on files here, and with a remote.
const (
	localTime  = time.Minute
	remoteTime = 2 * time.Minute
)

// Login is who we are at an https remote. Over ssh the keys of the user count.
type Login struct{ User, Password string }

// Git runs git. It may be used concurrently.
type Git struct {
	Login Login
	Trace func(line string)               // told of each command (--debug); nil: nobody
	Look  func(string) (string, error)    // finds the program; nil: exec.LookPath
	Limit func(remote bool) time.Duration // bounds a command; nil: 1 and 2 minutes
}

// call is one git command.
type call struct {
	args   []string
	in     string
	index  string // another index than that of the working copy
	author string
	remote bool
}

// Error is a git command that failed.
type Error struct {
	Command string
	Text    string // what git said
	Exit    int    // its status; -1 where it has none
}

// Error is what git said.
func (e *Error) Error() string { return "git " + e.Command + ": " + e.Text }

// fixed are settings that count before anything a user or a repository has
// configured: no hooks and no helpers run, and nothing is converted.
func fixed() []string {
	return []string{
		"core.hooksPath=/dev/null", "core.fsmonitor=false", "core.autocrlf=false", "core.quotePath=false",
		"core.trustctime=false", "core.logAllRefUpdates=false", "commit.gpgSign=false", "gc.auto=0",
		"submodule.recurse=false", "merge.conflictStyle=merge", "advice.detachedHead=false", "credential.helper=",
	}
}

// helper gives git the password. It comes from the environment, which only our
// own user can read; a command line is for everybody.
const helper = `credential.helper=!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$MTAD_GIT_USER" "$MTAD_GIT_PASSWORD"; }; f`

// Clean makes text safe to be shown: the password is not in it.
func (l Login) Clean(text string) string {
	if l.Password == "" {
		return text
	}
	return strings.ReplaceAll(text, l.Password, "***")
}

// run gives what a command wrote to its standard output.
func (g *Git) run(ctx context.Context, dir string, c call) (string, error) {
	look := g.Look
	if look == nil {
		look = exec.LookPath
	}
	program, err := look("git")
	if err != nil {
		return "", ErrNoGit
	}
	ctx, cancel := context.WithTimeout(ctx, g.limit(c.remote))
	defer cancel()
	args := []string{"-C", dir}
	for _, set := range fixed() {
		args = append(args, "-c", set)
	}
	if c.remote && g.Login.Password != "" {
		args = append(args, "-c", helper)
	}
	if g.Trace != nil {
		g.Trace(g.Login.Clean("git " + strings.Join(c.args, " ")))
	}
	cmd := exec.CommandContext(ctx, program, append(args, c.args...)...)
	cmd.Env, cmd.SysProcAttr = g.environment(c), &syscall.SysProcAttr{Setpgid: true}
	// git's own helpers (ssh, remote-https) end with it.
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(c.in), &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), g.failed(ctx, cmd, c, errs.String(), err)
	}
	return out.String(), nil
}

func (g *Git) limit(remote bool) time.Duration {
	switch {
	case g.Limit != nil:
		return g.Limit(remote)
	case remote:
		return remoteTime
	}
	return localTime
}

// maxSaid bounds what is kept of git's messages.
const maxSaid = 4096

func (g *Git) failed(ctx context.Context, cmd *exec.Cmd, c call, said string, err error) error {
	e := &Error{Command: c.args[0], Text: g.Login.Clean(strings.TrimSpace(said)), Exit: -1}
	if cmd.ProcessState != nil {
		e.Exit = cmd.ProcessState.ExitCode()
	}
	if ctx.Err() != nil {
		return fmt.Errorf("git %s: %w after %s", c.args[0], ctx.Err(), g.limit(c.remote))
	}
	if e.Text == "" {
		e.Text = err.Error()
	}
	e.Text = e.Text[:min(len(e.Text), maxSaid)]
	return e
}

// passed are the variables of the environment that git gets. GIT_DIR and its
// like would point it elsewhere.
func passed() []string {
	return []string{
		"PATH", "HOME", "TMPDIR", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSH_COMMAND", "GIT_SSH",
		"http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "ALL_PROXY", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL",
	}
}

func (g *Git) environment(c call) []string {
	env := []string{
		"LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_LITERAL_PATHSPECS=1", "GIT_ALLOW_PROTOCOL=file:git:ssh:http:https",
		"GIT_ASKPASS=/bin/false", "SSH_ASKPASS=/bin/false", "GIT_OPTIONAL_LOCKS=0",
		"GIT_COMMITTER_NAME=" + author(c.author), "GIT_COMMITTER_EMAIL=" + author(c.author) + "@" + shortHost(),
		"GIT_AUTHOR_NAME=" + author(c.author), "GIT_AUTHOR_EMAIL=" + author(c.author) + "@" + shortHost(),
	}
	for _, name := range passed() {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	if _, set := os.LookupEnv("GIT_SSH_COMMAND"); !set && c.remote {
		env = append(env, "GIT_SSH_COMMAND=ssh -o BatchMode=yes -o ConnectTimeout=20")
	}
	if c.index != "" {
		env = append(env, "GIT_INDEX_FILE="+c.index)
	}
	if c.remote && g.Login.Password != "" {
		env = append(env, "MTAD_GIT_USER="+g.Login.User, "MTAD_GIT_PASSWORD="+g.Login.Password)
	}
	return env
}

// author is a name that git takes.
func author(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == '<' || r == '>' || r == 0x7f {
			return -1
		}
		return r
	}, name)
	if name = strings.TrimSpace(name); name == "" {
		return "mtad"
	}
	return name
}

// shortHost is the unqualified name of this machine.
func shortHost() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	name, _, _ = strings.Cut(name, ".")
	return name
}

// CheckRemote says what is wrong with a remote that a user names.
func CheckRemote(remote string) error {
	switch {
	case remote == "":
		return errors.New("which repository? name a path, ssh://user@host/path or https://host/path")
	case strings.HasPrefix(remote, "-"), strings.ContainsAny(remote, "\n\x00"), strings.Contains(remote, "::"):
		return fmt.Errorf("%q is no repository", remote)
	}
	if _, rest, ok := strings.Cut(remote, "://"); ok {
		host, _, _ := strings.Cut(rest, "/")
		if login, _, ok := strings.Cut(host, "@"); ok && strings.Contains(login, ":") {
			return errors.New("a password in the address would be kept in the clear: use --username and --password")
		}
	}
	return nil
}

// absolute makes a remote that is a path independent of where we are.
func absolute(remote string) string {
	if strings.Contains(remote, ":") {
		return remote
	}
	if abs, err := filepath.Abs(remote); err == nil {
		return abs
	}
	return remote
}
