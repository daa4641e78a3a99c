package lpattern_test

import (
	"os"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/dialect"
	"github.com/mtad/mtad/plugins/scriptlet/lpattern"
)

// newState is a state with our functions, and what testdata/cases.lua defines.
func newState(t testing.TB, opt lpattern.Options) *lua.LState {
	t.Helper()
	L := lua.NewState()
	t.Cleanup(L.Close)
	L.SetFuncs(L.GetGlobal("string").(*lua.LTable), lpattern.Functions(opt))
	return L
}

func doString(L *lua.LState, name, src string) error {
	proto, problems := dialect.Compile(name, []byte(src), dialect.NewRuntime(dialect.Limits{}))
	if len(problems) > 0 {
		L.RaiseError("%s", problems[0].String())
	}
	L.Push(L.NewFunctionFromProto(proto))
	return L.PCall(0, lua.MultRet, nil)
}

// TestPatterns compares with what stock Lua gave (testdata/golden.lua).
func TestPatterns(t *testing.T) {
	L := newState(t, lpattern.Options{Spend: func(*lua.LState, int) {}, MaxResult: 1 << 20})
	cases, err := os.ReadFile("testdata/cases.lua")
	if err != nil {
		t.Fatal(err)
	}
	if err := doString(L, "cases", string(cases)); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("testdata/patterns.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(file), "\n"), "\n")
	if len(lines) < 900 {
		t.Errorf("only %d cases", len(lines))
	}
	for _, line := range lines {
		expression, want, ok := strings.Cut(line, " --> ")
		if !ok {
			t.Fatalf("case %q", line)
		}
		L.SetTop(0)
		if err := doString(L, "case", "return EVAL(function() return "+expression+" end)"); err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		if got := L.Get(1).String(); got != want {
			t.Errorf("%s\n got %s\nwant %s", expression, got, want)
		}
	}
}
