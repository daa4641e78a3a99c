package lua51

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mtad/mtad/plugins/scriptlet"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/test/need"
)

// seed and programs: what the test runs. Other seeds come from the environment.
const (
	seed     = 1
	programs = 10000
	batches  = 2
)

//go:embed run.lua
var runLua string

//go:embed main.lua
var mainLua string

//go:embed scriptlet.lua
var scriptletLua string

// setting is a number from the environment, for looking further than the test.
func setting(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// excused is what lets a program differ: whether 0/0 is nan or -nan depends on
// C's printf, and gopher-lua's arithmetic never gives -0, so that 1/0 is meant
// where stock Lua has 1/-0 (docs/quirks.md). Where they are only printed, run.lua
// makes both the same; but a program can take the length of such a text.
var excused = regexp.MustCompile(`nan|-inf|-0($|[^.])`)

func TestPrograms(t *testing.T) {
	lua := need.Program(t, "lua5.1")
	from, n := setting(t, "LUA51_SEED", seed), setting(t, "LUA51_PROGRAMS", programs/share)
	if testing.Short() {
		n = min(n, programs/10)
	}
	sources := make([]string, n)
	for i := range sources {
		sources[i] = Program(from, uint64(i))
	}
	want := stock(t, lua, sources)
	got := ours(t, sources)
	differ, excuses := 0, 0
	for i := range sources {
		if got[i] == want[i] {
			continue
		}
		if excused.MatchString(want[i]) || excused.MatchString(got[i]) {
			excuses++
			continue
		}
		if differ++; differ <= 10 {
			t.Errorf("seed %d, program %d: %s\n%s", from, i, difference(got[i], want[i]), sources[i])
		}
	}
	if excuses > int(n/500) {
		t.Errorf("%d programs with a nan or a -0 differ", excuses)
	}
	if differ > 10 {
		t.Errorf("%d programs differ", differ)
	}
}

// difference is the first line that is not the same.
func difference(got, want string) string {
	g, w := strings.Split(got, `\010`), strings.Split(want, `\010`)
	for i := range max(len(g), len(w)) {
		a, b := "nothing", "nothing"
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			return fmt.Sprintf("line %d of the output\n got: %s\nwant: %s", i+1, a, b)
		}
	}
	return "?"
}

// stock runs the programs in lua5.1, a process for each batch.
func stock(t *testing.T, lua string, sources []string) []string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // an endless program is a mistake of the generator
	defer cancel()
	main, run := write("main.lua", mainLua), write("run.lua", runLua)
	results := make([][]string, batches)
	var wg sync.WaitGroup
	for b := range batches {
		part := sources[len(sources)*b/batches : len(sources)*(b+1)/batches]
		var text strings.Builder
		for _, s := range part {
			fmt.Fprintf(&text, "%d\n%s", len(s), s)
		}
		input := write(fmt.Sprintf("programs%d", b), text.String())
		wg.Go(func() {
			out, err := exec.CommandContext(ctx, lua, main, run, input).CombinedOutput()
			if results[b] = strings.Split(strings.TrimSuffix(string(out), "\n"), "\n"); err != nil || len(results[b]) != len(part) {
				t.Errorf("lua5.1: %v, %d lines for %d programs: %s", err, len(results[b]), len(part), out[max(0, len(out)-500):])
				results[b] = make([]string, len(part))
			}
		})
	}
	wg.Wait()
	var all []string
	for _, r := range results {
		all = append(all, r...)
	}
	return all
}

// host is the core: one script, and a paniclog.
type host struct {
	sdk.Host
	last string
	log  bytes.Buffer
}

func (h *host) Source(_ context.Context, name string) (*sdk.Source, error) {
	return &sdk.Source{Name: name, Path: "/differ.lua", Text: []byte(runLua + scriptletLua)}, nil
}

func (h *host) Log(r sdk.LogRecord) {
	if r.Level == sdk.LevelPrint {
		h.last = r.Text
		return
	}
	h.log.WriteString(r.Text + "\n")
}

// ours runs the programs in the scriptlet module.
func ours(t *testing.T, sources []string) []string {
	t.Helper()
	h := &host{}
	m := scriptlet.New(scriptlet.Deps{CPUs: 1})
	defer func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}()
	attr := func(name, text string) option.Attr {
		return option.Attr{Name: name, Value: option.Value{Kind: option.KindString, Text: text}}
	}
	scope := option.Scope{Name: "scriptlet", Instance: "scriptlet", Attrs: []option.Attr{attr("cpu_limit", "60000"), attr("interpreters", "1")},
		Scopes: []option.Scope{{Name: "script", Instance: "differ", Attrs: []option.Attr{attr("source", "differ")}}}}
	if _, err := m.Prepare(context.Background(), h, sdk.Config{Generation: 1, Scopes: []option.Scope{scope}}); err != nil {
		t.Fatal(err)
	}
	m.Commit(1)
	results := make([]string, len(sources))
	for i, s := range sources {
		h.last = "no output: "
		h.log.Reset()
		call := &sdk.Call{Generation: 1, Phases: []sdk.Phase{{Hook: sdk.ValidateEHLO, Line: s}}, State: &sdk.State{Conn: sdk.Conn{Session: 1}}}
		if _, err := m.Call(context.Background(), call); err != nil {
			t.Fatal(err)
		}
		if results[i] = h.last; h.last == "no output: " {
			results[i] += h.log.String()
		}
	}
	return results
}
