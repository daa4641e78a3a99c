package modules

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
)

// localSpec is a probe inside the core.
func localSpec(name string, rank Rank) Spec {
	return Spec{Name: name, Rank: rank, InCore: true, New: func() sdk.Module { return newProbe(name) }}
}

// four are the modules of a usual configuration, not in order.
func four(pairs ...any) []ModuleConfig {
	return []ModuleConfig{
		configure(localSpec("scriptlet", RankScriptlet), pairs...),
		configure(localSpec("datasource", RankDatasource)),
		configure(localSpec("greylist", RankThirdParty)),
		configure(localSpec("alerting", RankAlerting)),
	}
}

func TestOrder(t *testing.T) {
	b := newBench(t, quick())
	p := b.run(t, 1, four("ask", "yes")...)
	var names []string
	for _, c := range p.Callers {
		names = append(names, c.Name())
	}
	if d := cmp.Diff([]string{"scriptlet", "datasource", "greylist", "alerting"}, names); d != "" {
		t.Errorf("callers as configured:\n%s", d)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	want := []string{
		"datasource prepare 1", "alerting prepare 1", "greylist prepare 1", "scriptlet prepare 1",
		"datasource commit 1", "alerting commit 1", "greylist commit 1", "scriptlet commit 1",
		"scriptlet close 1", "greylist close 1", "alerting close 1", "datasource close 1",
	}
	if d := cmp.Diff(want, b.texts("")); d != "" {
		t.Error(d)
	}
}

func TestRefusal(t *testing.T) {
	b := newBench(t, quick())
	b.run(t, 1, four()...)
	old := len(b.texts(""))
	configs := append(four("refuse", "yes"), configure(localSpec("new", RankThirdParty)))
	_, err := b.Prepare(t.Context(), 2, configs)
	var refusals Refusals
	var prepare *sdk.PrepareError
	if !errors.As(err, &refusals) || len(refusals) != 1 || !errors.As(err, &prepare) {
		t.Fatalf("prepare gave %v", err)
	}
	if want := "Module 'scriptlet' instance 'x' initialization failed while preparing to commit. Consult your vendor."; refusals[0].Headline() != want {
		t.Errorf("headline %q", refusals[0].Headline())
	}
	want := []string{
		"datasource prepare 2", "alerting prepare 2", "greylist prepare 2", "new prepare 2", "scriptlet prepare 2",
		"new abort 2", "greylist abort 2", "alerting abort 2", "datasource abort 2",
	}
	if d := cmp.Diff(want, b.texts("")[old:]); d != "" {
		t.Error(d)
	}
	if len(b.units) != 4 || len(b.List()) != 4 {
		t.Errorf("%d units, %d listed", len(b.units), len(b.List()))
	}
}

func TestCheckReportsAll(t *testing.T) {
	b := newBench(t, quick())
	configs := four("refuse", "yes")
	configs[2] = configure(localSpec("greylist", RankThirdParty), "refuse", "yes")
	for i := range configs {
		configs[i].Config.CheckOnly = true
	}
	_, err := b.Prepare(t.Context(), 1, configs)
	if err == nil || err.Error() != "greylist refuses\nscriptlet refuses" {
		t.Errorf("prepare gave %v", err)
	}
	if len(b.units) != 0 {
		t.Errorf("%d units are left", len(b.units))
	}
}

func TestRetire(t *testing.T) {
	b := newBench(t, quick())
	gone := probeSpec("gone", RankThirdParty)
	first := b.run(t, 1, configure(localSpec("stays", RankThirdParty)), configure(gone))
	second := b.run(t, 2, configure(localSpec("stays", RankThirdParty)))
	if len(b.units) != 2 {
		t.Errorf("%d units while both generations live", len(b.units))
	}
	if _, err := ask1(t.Context(), first.Callers[1], 1, 1, "", &validate.Seat{}); err != nil {
		t.Errorf("the old generation: %v", err)
	}
	b.Retire(1)
	b.Retire(1) // means nothing
	b.background.Wait()
	if _, err := ask1(t.Context(), first.Callers[1], 1, 2, "", &validate.Seat{}); !errors.Is(err, sdk.ErrModuleGone) {
		t.Errorf("a module that is no longer configured: %v", err)
	}
	if _, err := ask1(t.Context(), second.Callers[0], 2, 3, "", &validate.Seat{}); err != nil {
		t.Errorf("one that is: %v", err)
	}
	if d := cmp.Diff([]string{"gone retire 1", "stays retire 1"}, b.texts("retire")); d != "" {
		t.Error(d)
	}
}

func TestAbort(t *testing.T) {
	b := newBench(t, quick())
	b.run(t, 1, configure(localSpec("stays", RankThirdParty)))
	p, err := b.Prepare(t.Context(), 2, []ModuleConfig{
		configure(localSpec("stays", RankThirdParty)), configure(localSpec("new", RankThirdParty)),
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Abort()
	if d := cmp.Diff([]string{"new abort 2", "stays abort 2"}, b.texts("abort")); d != "" {
		t.Error(d)
	}
	if len(b.units) != 1 {
		t.Errorf("%d units", len(b.units))
	}
}

func TestQuery(t *testing.T) {
	b := newBench(t, quick())
	if _, err := b.Query(t.Context(), &sdk.Query{}); !errors.Is(err, sdk.ErrNotSupported) {
		t.Errorf("without a datasource: %v", err)
	}
	for i, spec := range []Spec{localSpec("datasource", RankDatasource), probeSpec("datasource", RankDatasource)} {
		b.run(t, uint64(i+1), configure(spec))
		rows, err := b.Query(t.Context(), &sdk.Query{SQL: "select 1"})
		if err != nil || rows.Columns[0] != "select 1" {
			t.Errorf("%+v %v", rows, err)
		}
	}
}

func TestControl(t *testing.T) {
	b := newBench(t, quick())
	b.run(t, 1, configure(localSpec("one", RankThirdParty)), configure(probeSpec("two", RankThirdParty)))
	cases := []struct{ command, want string }{
		{"one", "one: one"},
		{"two long way", "two: two long way"},
	}
	for _, c := range cases {
		got, err := b.Control(t.Context(), strings.Fields(c.command))
		if got != c.want || err != nil {
			t.Errorf("%s: %q %v", c.command, got, err)
		}
	}
	for _, command := range []string{"", "on", "three"} {
		if _, err := b.Control(t.Context(), strings.Fields(command)); !errors.Is(err, ErrNoCommand) {
			t.Errorf("%q: %v", command, err)
		}
	}
	if d := cmp.Diff([]string{"one", "one long", "two", "two long"}, b.Controls()); d != "" {
		t.Error(d)
	}
}

func TestLocal(t *testing.T) {
	b := newBench(t, quick())
	p := b.run(t, 1, configure(localSpec("probe", RankThirdParty)))
	seat := &validate.Seat{}
	if _, err := ask1(t.Context(), p.Callers[0], 1, 5, "change", seat); err != nil || seat.Incarnation == 0 {
		t.Errorf("%v, seat %+v", err, seat)
	}
	if _, err := ask1(t.Context(), p.Callers[0], 1, 5, "panic", seat); err == nil || !strings.Contains(err.Error(), "the probe panics") {
		t.Errorf("a panic: %v", err)
	}
	if _, err := ask1(t.Context(), p.Callers[0], 1, 5, "", &validate.Seat{Incarnation: 99}); !errors.Is(err, sdk.ErrModuleGone) {
		t.Errorf("the seat of another run: %v", err)
	}
	p.Callers[0].SessionEnded(6, validate.Seat{})
	p.Callers[0].SessionEnded(5, *seat)
	b.waitLog(t, "session 5 ended")
	if got := b.texts("session 6"); got != nil {
		t.Errorf("told of a session it has not seen: %q", got)
	}
	if s := b.List()[0]; s.Isolation.String() != "core" || s.State.String() != "running" {
		t.Errorf("status: %+v", s)
	}
}

func TestSpecKey(t *testing.T) {
	a := Spec{Name: "m", Command: []string{"/a"}, SHA256: "AB"}
	b := a
	b.SHA256, b.Rank = "ab", RankScriptlet
	if a.key() != b.key() {
		t.Error("the same process, two keys")
	}
	for _, other := range []Spec{
		{Name: "n", Command: a.Command, SHA256: "ab"}, {Name: "m", Command: []string{"/a", "x"}, SHA256: "ab"},
		{Name: "m", Command: a.Command}, {Name: "m", Command: a.Command, SHA256: "ab", Procs: 2},
		{Name: "m", Command: a.Command, SHA256: "ab", InCore: true}, {Name: "m", Command: a.Command, SHA256: "ab", Env: []string{"A=1"}},
	} {
		if other.key() == a.key() {
			t.Errorf("one process for two: %+v", other)
		}
	}
}

func TestLines(t *testing.T) {
	var got []string
	w := &lineWriter{line: func(s string) { got = append(got, s) }}
	for _, part := range []string{"one\ntw", "o\r\n\n", strings.Repeat("x", maxLine), "three\n"} {
		if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
			t.Errorf("%d %v", n, err)
		}
	}
	if len(got) != 4 || got[0] != "one" || got[1] != "two" || len(got[2]) != maxLine || got[3] != "three" {
		t.Errorf("%d lines", len(got))
	}
}
