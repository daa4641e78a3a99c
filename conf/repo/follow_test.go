package repo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// hand is a clock that is turned by hand.
type hand struct {
	now time.Time
	c   chan time.Time
}

func (h *hand) Now() time.Time                       { return h.now }
func (h *hand) After(time.Duration) <-chan time.Time { return h.c }

// node is a follower in a test.
type node struct {
	*Follower
	*hand
	health  Health
	reloads int
	fails   error // of the next reload
	refuses error // of the next check
	said    []string
}

// follower makes a node of a working copy; boot is its cluster.boot.
func follower(t *testing.T, c *Copy, name, boot string) *node {
	t.Helper()
	if err := os.WriteFile(filepath.Join(filepath.Dir(c.Root), BootName), []byte(boot), 0o600); err != nil {
		t.Fatal(err)
	}
	n := &node{hand: &hand{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), c: make(chan time.Time)}}
	n.Follower = &Follower{
		Root: c.Root, Node: name, Git: c.git, Clock: n.hand,
		Check:  func(context.Context, string) error { return n.refuses },
		Reload: func(context.Context) error { n.reloads++; return n.fails },
		Health: func() Health { return n.health },
		Say:    func(text string) { n.said = append(n.said, text) },
	}
	return n
}

// after lets time pass and has the node look.
func (n *node) after(t *testing.T, d time.Duration) {
	n.now = n.now.Add(d)
	n.turn(t.Context())
}

// stands checks what the repository says of the nodes.
func stands(t *testing.T, c *Copy, name string, revision int, want Standing, text string) {
	t.Helper()
	list, err := c.Nodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if s.Node != name {
			continue
		}
		if s.Revision != revision || s.Standing != want || !strings.Contains(s.Text, text) {
			t.Errorf("%s: %+v", name, s)
		}
		return
	}
	t.Errorf("%s is not among %+v", name, list)
}

// change commits something new.
func change(t *testing.T, c *Copy, text string) Revision {
	t.Helper()
	write(t, c, "default/g", text)
	return commit(t, c).Revision
}

func TestFollow(t *testing.T) {
	a, b := pair(t)
	n := follower(t, b, "n1", "")
	n.turn(t.Context())
	stands(t, a, "n1", 2, Current, "")
	change(t, a, "x\n")
	n.after(t, time.Minute)
	if read(t, b, "default/g") != "x\n" || n.reloads != 1 {
		t.Errorf("%q, %d reloads", read(t, b, "default/g"), n.reloads)
	}
	stands(t, a, "n1", 3, Current, "")
	// Refused by the check, then by the server; tried again after a while.
	change(t, a, "y\n")
	n.refuses = errors.New("line 1: syntax")
	n.after(t, time.Minute)
	stands(t, a, "n1", 3, Refused, "line 1: syntax")
	n.refuses, n.fails = nil, errors.New("init failed")
	n.after(t, time.Minute)
	stands(t, a, "n1", 3, Refused, "line 1: syntax")
	n.after(t, retryAfter)
	stands(t, a, "n1", 3, Refused, "init failed")
	if read(t, b, "default/g") != "x\n" {
		t.Errorf("%q", read(t, b, "default/g"))
	}
	n.fails = nil
	n.after(t, retryAfter)
	stands(t, a, "n1", 4, Current, "")
	change(t, b, "z\n")
	n.after(t, time.Minute)
	stands(t, a, "n1", 5, Current, "by hand")
	said := strings.Join(n.said, "\n")
	for _, want := range []string{"revision 3 is in use, before it 2", "stays at revision 3, refused: line 1: syntax", "refused: init failed", "revision 4 is in use"} {
		if strings.Count(said, want) != 1 {
			t.Errorf("%q is not there once:\n%s", want, said)
		}
	}
}

func TestFollowSettings(t *testing.T) {
	a, b := pair(t)
	change(t, a, "x\n")
	n := follower(t, b, "n1", "autoupdate=false\n")
	n.turn(t.Context())
	if n.reloads != 0 || read(t, b, "default/g") != "" {
		t.Error("autoupdate=false follows")
	}
	// The file is read each time.
	boot := filepath.Join(filepath.Dir(b.Root), BootName)
	if err := os.WriteFile(boot, []byte("autoupdate=ifunchanged\nreload_config_on_update=false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, b, "default/f", "local\n2\n3\n4\n5\n")
	n.after(t, time.Minute)
	stands(t, a, "n1", 2, Local, "")
	if _, err := b.Revert(t.Context(), []string{"default/f"}); err != nil {
		t.Fatal(err)
	}
	n.after(t, time.Minute)
	stands(t, a, "n1", 3, Current, "")
	if n.reloads != 0 {
		t.Error("reload_config_on_update=false reloads")
	}
	write(t, b, "default/g", "local\n")
	if err := os.WriteFile(boot, []byte("autoupdate=true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	change(t, a, "theirs\n")
	n.after(t, time.Minute)
	stands(t, a, "n1", 3, Conflicting, "default/g")
	if err := os.WriteFile(boot, []byte("autoupdate=perhaps\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n.after(t, time.Minute)
	if last := n.said[len(n.said)-1]; !strings.Contains(last, BootName+":1: autoupdate is true, ifunchanged or false") {
		t.Errorf("%q", last)
	}
}

// TestGoBack: script errors after a reload bring the revision before back, a
// restart does not forget, other nodes are spared, and the next revision is tried.
func TestGoBack(t *testing.T) {
	a, b := pair(t)
	n := follower(t, b, "n1", "rollout=50%/5m\n")
	n.memory.Seen = n.now
	n.health = Health{Accepted: 1000, Temporary: 3}
	n.turn(t.Context())
	bad := change(t, a, "bad\n")
	n.after(t, time.Minute)
	n.after(t, 5*time.Minute) // whatever its turn is
	if n.reloads != 1 {
		t.Fatalf("%d reloads", n.reloads)
	}
	n.health.Accepted, n.health.Temporary, n.health.ScriptErrors = 1100, 53, 50
	n.after(t, time.Minute)
	if read(t, b, "default/g") != "" || n.reloads != 2 {
		t.Errorf("%q, %d reloads", read(t, b, "default/g"), n.reloads)
	}
	stands(t, a, "n1", 2, WentBack, "revision 3: 50 script errors in 150 events")
	if said := strings.Join(n.said, "\n"); !strings.Contains(said, "going back to configuration revision 2; revision 3: 50 script errors") {
		t.Errorf("%s", said)
	}
	again := follower(t, b, "n1", "")
	again.turn(t.Context())
	again.after(t, time.Hour)
	if again.reloads != 0 {
		t.Error("after a restart the bad revision is tried again")
	}
	other, err := Bootstrap(t.Context(), a.git, Start{Root: filepath.Join(t.TempDir(), "conf"), Remote: filepath.Join(filepath.Dir(a.Root), localRepo)})
	if err != nil {
		t.Fatal(err)
	}
	git(t, other.Root, "reset", "-q", "--hard", bad.Commit+"~1")
	spared := follower(t, other, "n2", "rollout=50%/5m\n")
	spared.turn(t.Context())
	spared.after(t, 5*time.Minute)
	stands(t, a, "n2", 2, Held, "node n1 went back: revision 3: 50 script errors")
	change(t, a, "good\n")
	for range 2 {
		again.after(t, 5*time.Minute)
		spared.after(t, 5*time.Minute)
	}
	stands(t, a, "n1", 4, Current, "")
	stands(t, a, "n2", 4, Current, "")
}

// TestTrialEnds: later errors are not the revision's.
func TestTrialEnds(t *testing.T) {
	a, b := pair(t)
	n := follower(t, b, "n1", "watch=5m\n")
	n.turn(t.Context())
	change(t, a, "x\n")
	n.after(t, time.Minute)
	n.after(t, 5*time.Minute)
	n.health.ScriptErrors = 100
	n.after(t, time.Minute)
	if n.reloads != 1 || n.trial != nil {
		t.Errorf("%d reloads", n.reloads)
	}
}

func TestUnreachable(t *testing.T) {
	a, b := pair(t)
	n := follower(t, b, "n1", "")
	bare := filepath.Join(filepath.Dir(a.Root), localRepo)
	if err := os.Rename(bare, bare+".away"); err != nil {
		t.Fatal(err)
	}
	n.turn(t.Context())
	n.after(t, time.Minute)
	if len(n.said) != 1 || !strings.Contains(n.said[0], "unreachable") {
		t.Errorf("%q", n.said)
	}
	if err := os.Rename(bare+".away", bare); err != nil {
		t.Fatal(err)
	}
	n.after(t, time.Minute)
	stands(t, a, "n1", 2, Current, "")
}

func TestRunEnds(t *testing.T) {
	_, b := pair(t)
	n := follower(t, b, "n1", "")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); n.Run(ctx) }()
	n.c <- n.now
	n.c <- n.now
	cancel()
	<-done
}

func TestRollout(t *testing.T) {
	r := Rollout{25, 5 * time.Minute}
	turns := map[time.Duration]int{}
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "mx1", "mx2", "mx3", "mx4", "node-1", "node-2", "node-3", "node-4"} {
		turns[r.Delay(name)]++
		if r.Delay(name) != r.Delay(strings.ToUpper(name)) {
			t.Errorf("%s: names have no case", name)
		}
	}
	for turn := range turns {
		if turn%(5*time.Minute) != 0 || turn > 15*time.Minute {
			t.Errorf("%s", turn)
		}
	}
	if len(turns) < 3 || (Rollout{}).Delay("x") != 0 || (Rollout{100, time.Hour}).Delay("x") != 0 {
		t.Errorf("%v", turns)
	}
}

func TestJump(t *testing.T) {
	usual := Health{Accepted: 900, Temporary: 50, Permanent: 50}
	for _, c := range []struct {
		name          string
		before, after Health
		want          string
	}{
		{"nothing", usual, Health{}, ""},
		{"as before", usual, Health{Accepted: 90, Temporary: 5, Permanent: 5}, ""},
		{"few script errors", usual, Health{ScriptErrors: 4}, ""},
		{"rare script errors", usual, Health{Accepted: 1000, ScriptErrors: 20}, ""},
		{"script errors", usual, Health{Accepted: 90, ScriptErrors: 10}, "10 script errors in 90 events, before it 0 in 1000"},
		{"script errors without mail", Health{}, Health{ScriptErrors: 5}, "5 script errors"},
		{"script errors as before", Health{Accepted: 100, ScriptErrors: 20}, Health{Accepted: 50, ScriptErrors: 10}, ""},
		{"4xx", usual, Health{Accepted: 60, Temporary: 40}, "40 replies 4xx in 100 events"},
		{"5xx", usual, Health{Accepted: 60, Permanent: 40}, "40 replies 5xx in 100 events"},
		{"few", usual, Health{Permanent: 19}, ""},
		{"nothing to compare with", Health{}, Health{Permanent: 100}, ""},
		{"most was refused before", Health{Accepted: 10, Permanent: 90}, Health{Permanent: 100}, ""},
	} {
		if got := Jump(c.before, c.after); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}
