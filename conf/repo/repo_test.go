package repo

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCommitAndPull(t *testing.T) {
	a, b := pair(t)
	if got := read(t, b, "default/f"); got != "1\n2\n3\n4\n5\n" {
		t.Fatalf("%q", got)
	}
	if _, err := a.Commit(t.Context(), all("alice")); !errors.Is(err, ErrNothing) || err.Error() != "Nothing to commit" {
		t.Errorf("%v", err)
	}
	write(t, a, "default/f", "1\n2\n3\n4\nfive\n")
	write(t, a, "node1/g", "g\n")
	done := commit(t, a)
	want := []Change{{Modified, "default/f"}, {Added, "node1/g"}}
	if d := cmp.Diff(want, done.Changes); d != "" || done.Number != 3 {
		t.Errorf("revision %s\n%s", done, d)
	}
	if got := git(t, a.Root, "log", "-1", "--format=%an %s"); got != "alice by alice" {
		t.Errorf("%q", got)
	}
	used := false
	got := pull(t, b, Update{Use: func(context.Context) error { used = true; return nil }})
	if !got.Changed || got.From.Number != 2 || got.To.Number != 3 || !used {
		t.Errorf("%+v, used: %v", got, used)
	}
	if read(t, b, "default/f") != "1\n2\n3\n4\nfive\n" || read(t, b, "node1/g") != "g\n" || changes(t, b) != "" {
		t.Errorf("%q", changes(t, b))
	}
	if got := pull(t, b, Update{}); got.Changed {
		t.Errorf("%+v", got)
	}
	history, err := b.History(t.Context(), 10)
	if err != nil || len(history) != 3 || history[0].Number != 3 || history[2].Message != "Initial import" || history[2].Author != "admin" {
		t.Errorf("%+v %v", history, err)
	}
	tidy(t, a)
	tidy(t, b)
}

// TestLocalChangesSurvive: what does not overlap is merged, and files that the
// repository does not know stay the same files: a server may have them open.
func TestLocalChangesSurvive(t *testing.T) {
	a, b := pair(t)
	write(t, b, "default/f", "one\n2\n3\n4\n5\n")
	write(t, b, "default/cache.db", "x")
	write(t, b, "default/added", "a\n")
	git(t, b.Root, "add", "default/added")
	open, err := os.OpenFile(filepath.Join(b.Root, "default/cache.db"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	write(t, a, "default/f", "1\n2\n3\n4\nfive\n")
	write(t, a, "default/new", "n\n")
	commit(t, a)
	if got := pull(t, b, Update{}); !got.Changed || len(got.Conflicts) > 0 {
		t.Errorf("%+v", got)
	}
	if got := read(t, b, "default/f"); got != "one\n2\n3\n4\nfive\n" {
		t.Errorf("%q", got)
	}
	if _, err := open.WriteString("y"); err != nil || read(t, b, "default/cache.db") != "xy" {
		t.Errorf("an open file was left behind: %q %v", read(t, b, "default/cache.db"), err)
	}
	if got := changes(t, b); got != "A default/added, M default/f, ? default/cache.db" {
		t.Errorf("%s", got)
	}
}

// TestConflicts: refused, mine, theirs and by hand, for lines that overlap, for a
// file that one side deleted, and for one that both added.
func TestConflicts(t *testing.T) {
	for _, c := range []struct {
		name         string
		ours, theirs func(t *testing.T, c *Copy)
		file         string
		mine, yours  string
	}{
		{"overlap", func(t *testing.T, c *Copy) { write(t, c, "default/f", "1\n2\nmine\n4\n5\n") },
			func(t *testing.T, c *Copy) { write(t, c, "default/f", "1\n2\ntheirs\n4\n5\n") },
			"default/f", "1\n2\nmine\n4\n5\n", "1\n2\ntheirs\n4\n5\n"},
		{"deleted there", func(t *testing.T, c *Copy) { write(t, c, "default/f", "mine\n") },
			func(t *testing.T, c *Copy) {
				if err := c.Delete(t.Context(), []string{"default/f"}); err != nil {
					t.Fatal(err)
				}
			}, "default/f", "mine\n", ""},
		{"deleted here", func(t *testing.T, c *Copy) {
			if err := c.Delete(t.Context(), []string{"default/f"}); err != nil {
				t.Fatal(err)
			}
		}, func(t *testing.T, c *Copy) { write(t, c, "default/f", "theirs\n") }, "default/f", "", "theirs\n"},
		{"added by both", func(t *testing.T, c *Copy) { write(t, c, "default/n", "mine\n") },
			func(t *testing.T, c *Copy) { write(t, c, "default/n", "theirs\n") }, "default/n", "mine\n", "theirs\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := pair(t) // in parallel
			c.theirs(t, a)
			commit(t, a)
			c.ours(t, b)
			before := changes(t, b)
			var conflict *ConflictError
			used := func(context.Context) error { t.Error("the server was told of a conflict"); return nil }
			_, err := b.Pull(t.Context(), Update{Use: used})
			if !errors.As(err, &conflict) || len(conflict.Paths) != 1 || conflict.Paths[0] != c.file {
				t.Fatalf("%v", err)
			}
			if read(t, b, c.file) != c.mine || changes(t, b) != before {
				t.Errorf("refused, but %q", changes(t, b))
			}
			head, err := b.Head(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for prefer, want := range map[Prefer]string{Mine: c.mine, Theirs: c.yours} {
				d := clone(t, b)
				if done := pull(t, d, Update{Prefer: prefer, Use: used}); !done.Changed || len(done.Conflicts) != 1 || done.From != head {
					t.Errorf("%+v", done)
				}
				if got := read(t, d, c.file); got != want {
					t.Errorf("%v: %q", prefer, got)
				}
				if prefer == Theirs && changes(t, d) != "" {
					t.Errorf("local changes are left: %s", changes(t, d))
				}
			}
			resolveByHand(t, b, c.file)
		})
	}
}

// clone is a second copy of a working copy, local changes included.
func clone(t *testing.T, c *Copy) *Copy {
	t.Helper()
	root := filepath.Join(t.TempDir(), "conf")
	if err := c.disk.Clone(c.Root, root); err != nil {
		t.Fatal(err)
	}
	return &Copy{Root: root, git: c.git, disk: c.disk}
}

// resolveByHand pulls with --manual, and resolves.
func resolveByHand(t *testing.T, b *Copy, file string) {
	t.Helper()
	pull(t, b, Update{Prefer: Manual, Check: refuse})
	if got := changes(t, b); got != "C "+file {
		t.Fatalf("%s", got)
	}
	var open *UnresolvedError
	if _, err := b.Commit(t.Context(), all("bob")); !errors.As(err, &open) {
		t.Errorf("commit: %v", err)
	}
	if strings.Contains(read(t, b, file), "<<<<<<< ") {
		if err := b.Resolve(t.Context(), []string{file}, false); err == nil || !strings.Contains(err.Error(), "marks") {
			t.Errorf("resolved with marks: %v", err)
		}
	}
	back := clone(t, b)
	if err := back.Resolve(t.Context(), []string{file}, true); err != nil || changes(t, back) != "" {
		t.Errorf("resolve --revert: %v %s", err, changes(t, back))
	}
	write(t, b, file, "both\n")
	if err := b.Resolve(t.Context(), []string{file}, false); err != nil {
		t.Fatal(err)
	}
	if done := commit(t, b); done.Number != 4 {
		t.Errorf("%+v", done)
	}
}

func TestCommitRefuses(t *testing.T) {
	a, b := pair(t)
	write(t, a, "default/f", "x\n")
	s := all("alice")
	s.Check = func(_ context.Context, dir string) error {
		text, err := os.ReadFile(filepath.Join(dir, "default/f"))
		if err != nil || string(text) != "x\n" {
			t.Errorf("the check sees %q %v", text, err)
		}
		return errBroken
	}
	if _, err := a.Commit(t.Context(), s); !errors.Is(err, errBroken) {
		t.Errorf("%v", err)
	}
	if changes(t, a) != "M default/f" {
		t.Errorf("%s", changes(t, a))
	}
	commit(t, a)
	write(t, b, "default/g", "y\n")
	if _, err := b.Commit(t.Context(), all("bob")); !errors.Is(err, ErrBehind) {
		t.Errorf("a commit on an old revision: %v", err)
	}
	if changes(t, b) != "? default/g" {
		t.Errorf("%s", changes(t, b))
	}
	// What is not asked for is left.
	write(t, a, "default/h", "z\n")
	if done, err := a.Commit(t.Context(), Submission{}); !errors.Is(err, ErrNothing) || len(done.Left) != 1 {
		t.Errorf("%+v %v", done, err)
	}
	tidy(t, a)
}

// TestCommitBelow: --wc limits a commit, and what is outside stays local.
func TestCommitBelow(t *testing.T) {
	a, _ := pair(t)
	write(t, a, "default/f", "x\n")
	write(t, a, "global/g", "y\n")
	below, err := Open(filepath.Join(a.Root, "global"), a.git)
	if err != nil || below.Under != "global" {
		t.Fatalf("%+v %v", below, err)
	}
	if done := commit(t, below); len(done.Changes) != 1 || done.Changes[0].Path != "global/g" {
		t.Errorf("%+v", done.Changes)
	}
	if got := changes(t, a); got != "M default/f" {
		t.Errorf("%s", got)
	}
}

func TestDeleteRevertStatus(t *testing.T) {
	a, _ := pair(t)
	write(t, a, "default/dir/x", "x\n")
	write(t, a, "default/dir/y", "y\n")
	commit(t, a)
	if err := a.Delete(t.Context(), []string{"default/dir"}); err != nil {
		t.Fatal(err)
	}
	write(t, a, "default/f", "changed\n")
	if err := os.Remove(filepath.Join(a.Root, "default/.gitignore")); err != nil {
		t.Fatal(err)
	}
	write(t, a, "-new file", "n\n")
	if got := changes(t, a); got != "! default/.gitignore, D default/dir/x, D default/dir/y, M default/f, ? -new file" {
		t.Errorf("%s", got)
	}
	undone, err := a.Revert(t.Context(), []string{"default"})
	if err != nil || len(undone) != 4 {
		t.Errorf("%v %v", undone, err)
	}
	if got := changes(t, a); got != "? -new file" || read(t, a, "default/dir/y") != "y\n" {
		t.Errorf("%s", got)
	}
	for _, name := range []string{"../x", "/etc/passwd", ".git/config", ".git"} {
		if err := a.Delete(t.Context(), []string{name}); err == nil || !strings.Contains(err.Error(), "not in the working copy") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := a.Delete(t.Context(), []string{"-new file"}); err == nil || !strings.Contains(err.Error(), "not in the repository") {
		t.Errorf("%v", err)
	}
	if done := commit(t, a); done.Changes[0].Path != "-new file" {
		t.Errorf("%+v", done)
	}
}

func TestRollback(t *testing.T) {
	a, b := pair(t)
	write(t, a, "default/f", "bad\n")
	write(t, a, "default/g", "bad\n")
	commit(t, a)
	two, err := a.Find(t.Context(), "2")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Rollback(t.Context(), two, Submission{Check: refuse}); !errors.Is(err, errBroken) {
		t.Errorf("%v", err)
	}
	done, err := a.Rollback(t.Context(), two, Submission{Author: "carol"})
	if err != nil || done.Number != 4 {
		t.Fatalf("%+v %v", done, err)
	}
	if _, err := a.Rollback(t.Context(), two, Submission{}); !errors.Is(err, ErrNothing) {
		t.Errorf("again: %v", err)
	}
	for _, c := range []*Copy{a, b} {
		if pull(t, c, Update{}); read(t, c, "default/f") != "1\n2\n3\n4\n5\n" || read(t, c, "default/g") != "" {
			t.Errorf("%q %q", read(t, c, "default/f"), read(t, c, "default/g"))
		}
	}
	if got := git(t, b.Root, "log", "-1", "--format=%an: %s"); got != "carol: Roll back to revision 2" {
		t.Errorf("%s", got)
	}
	for _, name := range []string{"9", "0", "-1", "--all", "x", "HEAD;ls"} {
		if _, err := a.Find(t.Context(), name); err == nil || !strings.Contains(err.Error(), "there is no revision") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPut(t *testing.T) {
	a, b := pair(t)
	source := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(source, []byte("put\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if done, err := a.Put(t.Context(), source, "global/put", Submission{Author: "dave"}); err != nil || done.Number != 3 {
		t.Errorf("%+v %v", done, err)
	}
	if _, err := a.Put(t.Context(), source, "global/put", Submission{}); !errors.Is(err, ErrNothing) {
		t.Errorf("%v", err)
	}
	for _, target := range []string{"../x", "/x", ".git/x", ""} {
		if _, err := a.Put(t.Context(), source, target, Submission{}); err == nil {
			t.Errorf("put to %q", target)
		}
	}
	if pull(t, b, Update{}); read(t, b, "global/put") != "put\n" {
		t.Error("it did not arrive")
	}
	write(t, b, "default/unknown", "u\n")
	write(t, b, "default/f", "local\n")
	first, err := b.PutRunning(t.Context(), "n1", "hostname = \"x\"\n", Submission{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.PutRunning(t.Context(), "n1", "hostname = \"x\"\n", Submission{}); !errors.Is(err, ErrNothing) {
		t.Errorf("%v", err)
	}
	if second, err := b.PutRunning(t.Context(), "n1", "hostname = \"y\"\n", Submission{}); err != nil || second == first {
		t.Errorf("%v %v", second, err)
	}
	bare := filepath.Join(filepath.Dir(a.Root), localRepo)
	for name, want := range map[string]string{"default/unknown": "u", "default/f": "local", "running.conf": `hostname = "y"`} {
		if got := git(t, bare, "show", "running/n1:"+name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if done := pull(t, a, Update{}); done.To.Number != 3 {
		t.Errorf("the nodes follow it: %+v", done)
	}
}

func TestBootstrap(t *testing.T) {
	a, _ := pair(t)
	if _, err := Bootstrap(t.Context(), a.git, Start{Root: a.Root}); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("%v", err)
	}
	boot, err := ReadBoot(filepath.Join(filepath.Dir(a.Root), BootName))
	if err != nil || boot.Cluster != "default" || !boot.Reload {
		t.Errorf("%+v %v", boot, err)
	}
	remote := filepath.Join(filepath.Dir(a.Root), localRepo)
	full := filepath.Join(t.TempDir(), "conf")
	if err := errors.Join(os.Mkdir(full, 0o700), os.WriteFile(filepath.Join(full, "x"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := Bootstrap(t.Context(), a.git, Start{Root: full, Remote: remote}); err == nil || !strings.Contains(err.Error(), "holds files") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(full, ".git")); err == nil {
		t.Error("a bootstrap that failed left a .git")
	}
	for _, remote := range []string{"--upload-pack=touch /tmp/x", "ext::sh -c id", "https://u:secret@host/x", "-x"} {
		_, err := Bootstrap(t.Context(), a.git, Start{Root: filepath.Join(t.TempDir(), "conf"), Remote: remote})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", remote, err)
		}
	}
	if _, err := Open(t.TempDir(), a.git); err == nil || !strings.Contains(err.Error(), "eccfg bootstrap") {
		t.Errorf("%v", err)
	}
}

func TestWithoutGit(t *testing.T) {
	g := &Git{Look: func(string) (string, error) { return "", exec.ErrNotFound }}
	_, err := Bootstrap(t.Context(), g, Start{Root: filepath.Join(t.TempDir(), "conf")})
	if !errors.Is(err, ErrNoGit) {
		t.Errorf("%v", err)
	}
}

func TestTargets(t *testing.T) {
	root := t.TempDir()
	if _, err := Targets(root); !errors.Is(err, ErrNoMain) {
		t.Errorf("%v", err)
	}
	for _, name := range []string{"default/ecelerity.conf", "n1/mtad.conf", "n2/other.conf", "global/x", ".git/config"} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Targets(root)
	want := []Target{{"", root + "/default/ecelerity.conf"}, {"n1", root + "/n1/mtad.conf"}, {"n2", root + "/default/ecelerity.conf"}}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Error(err, d)
	}
	if d := cmp.Diff([]string{"/c/global", "/c/default"}, SearchPath("/c", "../x")); d != "" {
		t.Error(d)
	}
}
