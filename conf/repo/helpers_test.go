package repo

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// Nobody's own settings count.
	if err := os.Setenv("GIT_CONFIG_GLOBAL", "/dev/null"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// all is a submission of everything.
func all(author string) Submission {
	yes := func(string) bool { return true }
	return Submission{Message: "by " + author, Author: author, Add: yes, Delete: yes}
}

// pair is two working copies of one repository, which holds f with five lines.
func pair(t *testing.T) (a, b *Copy) {
	t.Helper()
	t.Parallel()
	a, err := Bootstrap(t.Context(), &Git{}, Start{Root: filepath.Join(t.TempDir(), "conf"), Cluster: "default", Author: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	write(t, a, "default/f", "1\n2\n3\n4\n5\n")
	if done, err := a.Commit(t.Context(), all("alice")); err != nil || done.Number != 2 {
		t.Fatalf("%+v %v", done, err)
	}
	b, err = Bootstrap(t.Context(), &Git{}, Start{Root: filepath.Join(t.TempDir(), "conf"), Cluster: "default", Remote: filepath.Join(filepath.Dir(a.Root), localRepo)})
	if err != nil {
		t.Fatal(err)
	}
	return a, b
}

func write(t *testing.T, c *Copy, name, text string) {
	t.Helper()
	path := filepath.Join(c.Root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	// Into the file that is there, as some editors do.
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, c *Copy, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.Root, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

func commit(t *testing.T, c *Copy) Submitted {
	t.Helper()
	done, err := c.Commit(t.Context(), all("alice"))
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func pull(t *testing.T, c *Copy, u Update) Updated {
	t.Helper()
	done, err := c.Pull(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// changes is eccfg status in one line.
func changes(t *testing.T, c *Copy) string {
	t.Helper()
	list, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, ch := range list {
		out = append(out, string(ch.Kind)+" "+ch.Path)
	}
	return strings.Join(out, ", ")
}

// git runs git in a directory.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// tidy fails if a command left something beside the working copy.
func tidy(t *testing.T, c *Copy) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(c.Root))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		switch e.Name() {
		case filepath.Base(c.Root), BootName, localRepo, ".conf.lock", ".conf.state":
		default:
			t.Errorf("%s is left", e.Name())
		}
	}
}

var errBroken = errors.New("broken")

func refuse(context.Context, string) error { return errBroken }
