package repo

import (
	"context"
	"errors"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var errCrash = errors.New("crash")

// dying is a machine that stops after some steps: of the disk, and of git.
type dying struct {
	disk
	left int
}

func (d *dying) step() error {
	if d.left--; d.left < 0 {
		return errCrash
	}
	return nil
}

func (d *dying) Clone(from, to string) error {
	if err := d.step(); err != nil {
		// Half of it.
		return errors.Join(err, os.MkdirAll(filepath.Join(to, ".git"), 0o700))
	}
	return d.disk.Clone(from, to)
}

func (d *dying) Sync(dir string) error {
	return errors.Join(d.step(), d.disk.Sync(dir))
}

func (d *dying) Exchange(a, b string) error {
	if err := d.step(); err != nil {
		return err
	}
	return d.disk.Exchange(a, b)
}

func (d *dying) RemoveAll(dir string) error {
	if err := d.step(); err != nil {
		return err
	}
	return d.disk.RemoveAll(dir)
}

func (d *dying) look(name string) (string, error) {
	if err := d.step(); err != nil {
		return "", err
	}
	return exec.LookPath(name)
}

// stride leaves steps out where time is short.
func stride() int {
	if testing.Short() {
		return 5
	}
	return 1
}

// TestCrashWhilePulling stops at every step there is. The files are those of the
// old revision or those of the new one, never some of each, and the next pull
// works and clears up.
func TestCrashWhilePulling(t *testing.T) {
	a, b := pair(t)
	write(t, b, "default/mine", "local\n")
	git(t, b.Root, "add", "default/mine")
	write(t, a, "default/f", "1\n2\n3\n4\nfive\n")
	write(t, a, "default/g", "new\n")
	commit(t, a)
	for n := 0; ; n += stride() {
		c := clone(t, b)
		d := &dying{disk: osDisk{}, left: n}
		dead := &Copy{Root: c.Root, git: &Git{Look: d.look}, disk: d}
		done, err := dead.Pull(t.Context(), Update{})
		if n > 100 {
			t.Fatal("it never ends")
		}
		f, g, mine := read(t, c, "default/f"), read(t, c, "default/g"), read(t, c, "default/mine")
		isOld := f == "1\n2\n3\n4\n5\n" && g == ""
		isNew := f == "1\n2\n3\n4\nfive\n" && g == "new\n"
		head, headErr := c.Head(t.Context())
		if headErr != nil || mine != "local\n" || !isOld && !isNew || isOld && head.Number != 2 || isNew && head.Number != 3 {
			t.Fatalf("after %d steps: revision %v, %q %q %q %v", n, head, f, g, mine, headErr)
		}
		if got := changes(t, c); got != "A default/mine" {
			t.Errorf("after %d steps: %s", n, got)
		}
		pull(t, c, Update{})
		if read(t, c, "default/g") != "new\n" {
			t.Errorf("after %d steps the next pull does not bring the new files", n)
		}
		tidy(t, c)
		if err == nil {
			if n < 10 || !done.Changed {
				t.Errorf("%d steps only: %+v", n, done)
			}
			return
		}
		if !errors.Is(err, errCrash) && !errors.Is(err, ErrNoGit) && !strings.Contains(err.Error(), "no revision") {
			t.Errorf("after %d steps: %v", n, err)
		}
	}
}

// TestCrashWhileCommitting: the repository has the revision or it has not; a pull
// puts the rest right.
func TestCrashWhileCommitting(t *testing.T) {
	a, _ := pair(t)
	write(t, a, "default/f", "new\n")
	bare := filepath.Join(filepath.Dir(a.Root), localRepo)
	for n := 0; ; n += stride() {
		c := clone(t, a)
		d := &dying{disk: osDisk{}, left: n}
		_, err := (&Copy{Root: c.Root, git: &Git{Look: d.look}, disk: d}).Commit(t.Context(), all("alice"))
		pull(t, c, Update{})
		if read(t, c, "default/f") != "new\n" {
			t.Fatalf("after %d steps the change is lost", n)
		}
		if git(t, bare, "rev-list", "--count", "main") == "3" {
			if got := changes(t, c); got != "" {
				t.Errorf("after %d steps: %s", n, got)
			}
			git(t, bare, "update-ref", "refs/heads/main", "main~1")
		} else if got := changes(t, c); got != "M default/f" {
			t.Errorf("after %d steps: %s", n, got)
		}
		if err == nil {
			return
		}
	}
}

// TestServerRefuses: what the server does not take is taken back.
func TestServerRefuses(t *testing.T) {
	a, b := pair(t)
	write(t, a, "default/f", "new\n")
	commit(t, a)
	for _, u := range []Update{
		{Check: refuse},
		{Use: func(context.Context) error {
			if read(t, b, "default/f") != "new\n" {
				t.Error("the server is asked before the files are there")
			}
			return errBroken
		}},
	} {
		done, err := b.Pull(t.Context(), u)
		if !errors.Is(err, errBroken) || done.Changed || done.To.Number != 2 {
			t.Errorf("%+v %v", done, err)
		}
		if read(t, b, "default/f") != "1\n2\n3\n4\n5\n" || changes(t, b) != "" {
			t.Errorf("%q, %s", read(t, b, "default/f"), changes(t, b))
		}
		tidy(t, b)
	}
}

// fakeGit is a program in place of git.
func fakeGit(t *testing.T, script string) *Git {
	t.Helper()
	path := filepath.Join(t.TempDir(), "git")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return &Git{Look: func(string) (string, error) { return path, nil }}
}

func TestGitThatHangs(t *testing.T) {
	g := fakeGit(t, "sleep 1000 & wait")
	g.Limit = func(bool) time.Duration { return 20 * time.Millisecond }
	if _, err := g.run(t.Context(), t.TempDir(), call{args: []string{"status"}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// TestPassword: https asks for it, git gets it, and neither an argument of any
// program nor a message has it.
func TestPassword(t *testing.T) {
	a, _ := pair(t)
	const secret = "p4ss word'$(x)"
	bare := filepath.Join(filepath.Dir(a.Root), localRepo)
	git(t, bare, "config", "http.receivepack", "true")
	backend := &cgi.Handler{
		Path: filepath.Join(git(t, bare, "--exec-path"), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + filepath.Dir(bare), "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=admin"},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "admin" || password != secret {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			http.Error(w, "who are you, "+password, http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	defer server.Close()
	seen := filepath.Join(t.TempDir(), "seen")
	real, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	g := fakeGit(t, `printf '%s\n' "$@" >>`+seen+"\nexec "+real+` "$@"`)
	g.Trace = func(line string) {
		if strings.Contains(line, secret) {
			t.Errorf("shown: %s", line)
		}
	}
	start := Start{Root: filepath.Join(t.TempDir(), "conf"), Remote: server.URL + "/" + localRepo}
	g.Login = Login{"admin", "wrong"}
	if _, err := Bootstrap(t.Context(), g, start); err == nil || strings.Contains(err.Error(), "wrong") {
		t.Errorf("%v", err)
	}
	g.Login.Password = secret
	c, err := Bootstrap(t.Context(), g, start)
	if err != nil {
		t.Fatal(err)
	}
	write(t, c, "default/f", "over http\n")
	if done := commit(t, c); done.Number != 3 {
		t.Errorf("%+v", done)
	}
	for _, file := range []string{seen, filepath.Join(c.Root, ".git/config")} {
		text, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), "origin") || strings.Contains(string(text), "p4ss") {
			t.Errorf("%s: %v\n%s", file, err, text)
		}
	}
}

// TestSSH: the ssh of the user's is asked for nothing, and may not ask.
func TestSSH(t *testing.T) {
	a, _ := pair(t)
	dir := t.TempDir()
	seen := filepath.Join(dir, "seen")
	ssh := "#!/bin/sh\necho \"$@\" >>" + seen + "\nwhile [ $# -gt 1 ]; do shift; done\nexec sh -c \"$1\"\n"
	if err := os.WriteFile(filepath.Join(dir, "ssh"), []byte(ssh), 0o700); err != nil {
		t.Fatal(err)
	}
	real, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	g := fakeGit(t, "PATH="+dir+":$PATH exec "+real+` "$@"`)
	remote := "ssh://admin@far.example" + filepath.Join(filepath.Dir(a.Root), localRepo)
	c, err := Bootstrap(t.Context(), g, Start{Root: filepath.Join(t.TempDir(), "conf"), Remote: remote})
	if err != nil {
		t.Fatal(err)
	}
	write(t, c, "default/f", "over ssh\n")
	commit(t, c)
	if got, err := c.Remote(t.Context()); got != remote || err != nil {
		t.Errorf("%s %v", got, err)
	}
	text, err := os.ReadFile(seen)
	if err != nil || !strings.Contains(string(text), "BatchMode=yes") || !strings.Contains(string(text), "admin@far.example git-receive-pack") {
		t.Errorf("%s %v", text, err)
	}
}
