package modules

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-plugin"

	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

func TestProcess(t *testing.T) {
	b := newBench(t, quick())
	spec := probeSpec("probe", RankThirdParty)
	spec.Procs = 3
	p := b.run(t, 1, configure(spec))
	if c := p.Callers[0]; c.Name() != "probe" || !c.Hooks().Has(sdk.ValidateEHLO) || p.Warnings[0].Text != "probe warns" {
		t.Errorf("prepared: %+v %v", p.Callers[0], p.Warnings)
	}
	seat := &validate.Seat{}
	for i := 1; i <= 2; i++ {
		got, err := ask1(t.Context(), p.Callers[0], 1, 9, "change", seat)
		if want := fmt.Sprintf(`probe gen=1 text="" calls=%d procs=3`, i); got != want || err != nil {
			t.Errorf("call %d: %q %v, want %q", i, got, err, want)
		}
	}
	s := b.List()[0]
	if s.PID == os.Getpid() || s.PID == 0 || s.Incarnation != seat.Incarnation || seat.Incarnation == 0 {
		t.Errorf("status %+v, seat %+v", s, seat)
	}
	s.PID, s.Incarnation, s.Since = 0, 0, time.Time{}
	want := Status{Name: "probe", Instance: "x", Version: "1.2", Help: "A probe.", Isolation: InProcess, State: Running, Hooks: p.Callers[0].Hooks()}
	if s != want {
		t.Errorf("status %+v, want %+v", s, want)
	}
	p.Callers[0].SessionEnded(9, *seat)
	b.waitLog(t, "probe session 9 ended 1")
}

func TestDeath(t *testing.T) {
	b := newBench(t, quick())
	b.host.Sources = map[string]string{"a": "first", "b": "second"}
	spec := probeSpec("probe", RankThirdParty)
	first := b.run(t, 1, configure(spec, "source", "a"))
	second := b.run(t, 2, configure(spec, "source", "b"))
	third, err := b.Prepare(t.Context(), 3, []ModuleConfig{configure(spec, "source", "b")})
	if err != nil {
		t.Fatal(err)
	}
	delete(b.host.Sources, "a") // the generation keeps its script
	delete(b.host.Sources, "b")

	known := &validate.Seat{}
	if _, err := ask1(t.Context(), first.Callers[0], 1, 50, "", known); err != nil {
		t.Fatal(err)
	}
	before := b.killUnderWay(t, first.Callers[0])

	// A session that the dead run knew has lost its state; a new one waits.
	if _, err := ask1(t.Context(), first.Callers[0], 1, 50, "", known); !errors.Is(err, sdk.ErrModuleGone) {
		t.Errorf("a session of the dead run: %v", err)
	}
	for g, p := range map[uint64]*Prepared{1: first, 2: second} {
		got, err := ask1(t.Context(), p.Callers[0], g, 50+g, "", &validate.Seat{})
		want := fmt.Sprintf(`probe gen=%d text=%q calls=1 procs=`, g, []string{1: "first", 2: "second"}[g])
		if got != want || err != nil {
			t.Errorf("generation %d afterwards: %q %v, want %q", g, got, err, want)
		}
	}
	b.waitLog(t, "module is back")
	after := b.List()[0]
	if after.PID == before.PID || after.Incarnation == before.Incarnation || after.Restarts != 1 || after.State != Running {
		t.Errorf("status afterwards: %+v", after)
	}
	third.Commit() // prepared before the death, committed after it
	want := []string{"probe commit 1", "probe commit 2", "probe commit 1", "probe commit 2", "probe commit 3"}
	if d := cmp.Diff(want, b.texts("commit")); d != "" {
		t.Error(d)
	}
	first.Callers[0].SessionEnded(50, *known) // nobody is there to be told
	if got := b.texts("ended"); got != nil {
		t.Errorf("told: %q", got)
	}
}

// killUnderWay kills the only module, with 20 calls under way.
func (b *bench) killUnderWay(t *testing.T, c validate.Caller) (before Status) {
	t.Helper()
	before = b.List()[0]
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			seat := &validate.Seat{}
			if _, err := ask1(t.Context(), c, 1, uint64(100+i), "block", seat); !errors.Is(err, sdk.ErrModuleGone) {
				t.Errorf("a call under way: %v", err)
			}
			if seat.Incarnation != before.Incarnation {
				t.Errorf("its seat: %+v", seat)
			}
		})
	}
	b.waitLog(t, "probe blocks 1")
	if err := syscall.Kill(before.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	b.waitLog(t, fmt.Sprintf("module died (pid %d, signal: killed)", before.PID))
	return before
}

func TestDeathInManyWays(t *testing.T) {
	cases := []struct{ line, log string }{
		{"exit", "exit status 3"},
		{"panic", "the probe panics"}, // from its stderr
		{"stick", "no heartbeat within"},
	}
	for _, c := range cases {
		t.Run(c.line, func(t *testing.T) {
			timing := quick()
			if c.line == "stick" {
				timing.Stuck = 500 * time.Millisecond
			}
			b := newBench(t, timing)
			p := b.run(t, 1, configure(probeSpec("probe", RankThirdParty)))
			_, err := ask1(t.Context(), p.Callers[0], 1, 1, c.line, &validate.Seat{})
			if c.line != "stick" && !errors.Is(err, sdk.ErrModuleGone) {
				t.Errorf("the call gave %v", err)
			}
			b.waitLog(t, c.log)
			b.waitLog(t, "module is back")
			if _, err := ask1(t.Context(), p.Callers[0], 1, 2, "", &validate.Seat{}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCannotComeBack(t *testing.T) {
	b := newBench(t, quick())
	exe := filepath.Join(t.TempDir(), "module")
	spec := probeSpec("probe", RankThirdParty)
	if err := os.Symlink(spec.Command[0], exe); err != nil {
		t.Fatal(err)
	}
	spec.Command = []string{exe}
	p := b.run(t, 1, configure(spec))
	if err := os.Remove(exe); err != nil {
		t.Fatal(err)
	}
	seat := &validate.Seat{}
	if _, err := ask1(t.Context(), p.Callers[0], 1, 1, "exit", seat); !errors.Is(err, sdk.ErrModuleGone) {
		t.Errorf("the call gave %v", err)
	}
	b.waitLog(t, "cannot be restarted")
	if s := b.List()[0]; s.State != Restarting || s.PID != 0 {
		t.Errorf("status: %+v", s)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := ask1(ctx, p.Callers[0], 1, 2, "", &validate.Seat{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call that waits: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if _, err := ask1(t.Context(), p.Callers[0], 1, 3, "", &validate.Seat{}); !errors.Is(err, sdk.ErrModuleGone) {
		t.Errorf("a call after the end: %v", err)
	}
}

func TestOutput(t *testing.T) {
	b := newBench(t, quick())
	p := b.run(t, 1, configure(probeSpec("probe", RankThirdParty)))
	if _, err := ask1(t.Context(), p.Callers[0], 1, 1, "print", &validate.Seat{}); err != nil {
		t.Fatal(err)
	}
	b.waitLog(t, "on stdout")
	b.waitLog(t, "on stderr")
}

func TestChecksum(t *testing.T) {
	spec := probeSpec("probe", RankThirdParty)
	data, err := os.ReadFile(spec.Command[0])
	if err != nil {
		t.Fatal(err)
	}
	right := fmt.Sprintf("%X", sha256.Sum256(data))
	wrong := strings.Repeat("0", 64)
	cases := []struct{ name, sum, want string }{
		{"right", right, ""},
		{"wrong", wrong, "its sha256 is " + strings.ToLower(right) + ", not " + wrong},
		{"no checksum", "abc", "not 64 hexadecimal digits"},
	}
	for _, c := range cases {
		b := newBench(t, quick())
		spec.SHA256 = c.sum
		p, err := b.Prepare(t.Context(), 1, []ModuleConfig{configure(spec)})
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want == "":
			p.Abort()
		case err == nil || !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: %v", c.name, err)
		case c.name == "wrong" && !errors.Is(err, plugin.ErrChecksumsDoNotMatch):
			t.Errorf("%s: %v is not go-plugin's", c.name, err)
		}
	}
}

func TestBadExecutable(t *testing.T) {
	cases := []struct {
		name string
		spec Spec
		want string
	}{
		{"missing", Spec{Name: "m", Command: []string{"/nonexistent/module"}}, "cannot start /nonexistent/module"},
		{"no module", Spec{Name: "m", Command: []string{"/bin/true"}}, "cannot start /bin/true"},
		{"none", Spec{Name: "m"}, "no executable"},
		{"in the core", Spec{Name: "m", InCore: true}, "cannot run inside the core"},
		{"another", Spec{Name: "m", Command: probeSpec("probe", 0).Command, Env: []string{moduleEnv + "=probe"}}, `says that it is module "probe"`},
		{"of another version", probeSpec("wrong_api", 0), "version 2 of the module contract"},
	}
	b := newBench(t, quick())
	for _, c := range cases {
		_, err := b.Prepare(t.Context(), 1, []ModuleConfig{{Spec: c.spec}})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestDeathInPrepare(t *testing.T) {
	b := newBench(t, quick())
	_, err := b.Prepare(t.Context(), 1, []ModuleConfig{configure(probeSpec("probe", RankThirdParty), "exit", "yes")})
	if !errors.Is(err, sdk.ErrModuleGone) {
		t.Errorf("prepare gave %v", err)
	}
}

func TestSchemaIsChecked(t *testing.T) {
	b := newBench(t, quick())
	_, err := b.Prepare(t.Context(), 1, []ModuleConfig{configure(probeSpec("probe", RankThirdParty), "sourcee", "a")})
	var prepare *sdk.PrepareError
	if !errors.As(err, &prepare) || prepare.Problems[0].Line != 2 || !strings.Contains(prepare.Problems[0].Text, "source") {
		t.Errorf("prepare gave %v", err)
	}
	want := option.Check(&option.Scope{Name: "probe", Attrs: []option.Attr{{Name: "sourcee"}}}, &option.Schema{Name: "probe"})
	if len(want) != 1 || len(prepare.Problems) != 1 {
		t.Errorf("%d problems, %d of the schema's", len(prepare.Problems), len(want))
	}
}

// A core that is killed leaves no module behind, and deinit has run.
func TestCoreIsKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	core := exec.Command(probeSpec("", 0).Command[0])
	core.Env = append(os.Environ(), coreEnv+"="+filepath.Dir(path), socketEnv+"="+path)
	core.Stderr = os.Stderr
	if err := core.Start(); err != nil {
		t.Fatal(err)
	}
	module, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if err := core.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = core.Wait()
	last, err := io.ReadAll(module) // until the module's process has ended
	if err != nil || !bytes.Equal(last, []byte("deinit")) {
		t.Errorf("the module ended with %q, %v", last, err)
	}
	_ = module.Close()
}

func TestSocketDirectory(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 100))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{SocketDir: long}); err == nil || !strings.Contains(err.Error(), "can have 107") {
		t.Errorf("a path that is too long: %v", err)
	}
	if _, err := New(Options{SocketDir: "/nonexistent"}); err == nil {
		t.Error("a directory that is missing")
	}
	left := filepath.Join(t.TempDir(), "mtad-m4194305-1") // no pid is that high
	if err := os.MkdirAll(filepath.Join(left, "socket"), 0o700); err != nil {
		t.Fatal(err)
	}
	m, err := New(Options{SocketDir: filepath.Dir(left)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("what a killed core left is still there")
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	b := newBench(t, quick())
	info, err := os.Stat(b.sockets)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}
