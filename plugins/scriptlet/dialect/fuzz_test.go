package dialect_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/dialect"
)

// seeds are the chunks of the language cases, and some that are wrong.
func seeds(f *testing.F) {
	file, err := os.ReadFile("testdata/language.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range strings.Split(string(file), "\n=== ") {
		_, rest, _ := strings.Cut(c, "\n")
		chunk, _, _ := strings.Cut(rest, "\n--- output\n")
		f.Add(chunk)
	}
	for _, s := range []string{"x = 08", "x = '\\u12'", "[==[", "--[[", "a | b & ~c << 2 \\ 3", "for k in 5 do end", "\xef\xbb\xbf#!x\nreturn", strings.Repeat("(", 300), "\x1bLua"} {
		f.Add(s)
	}
}

// FuzzCompile: nothing makes the parser or the compiler panic, and what is
// accepted lints, and gives a position where it is not.
func FuzzCompile(f *testing.F) {
	seeds(f)
	rt := dialect.NewRuntime(dialect.Limits{})
	f.Fuzz(func(t *testing.T, src string) {
		proto, problems := dialect.Compile("f", []byte(src), rt)
		if (proto == nil) != (len(problems) > 0) {
			t.Fatalf("prototype %v, problems %v", proto, problems)
		}
		for _, p := range problems {
			if p.Line < 1 || p.Column < 1 || p.Text == "" || strings.Contains(p.Text, "the compiler failed") {
				t.Errorf("problem %+v", p)
			}
		}
		if report, lint := dialect.Lint("f", []byte(src), lintOptions); proto != nil && report == nil {
			t.Errorf("compiles, but: %v", lint)
		}
	})
}

// FuzzRun: what is accepted runs without a panic of Go's.
func FuzzRun(f *testing.F) {
	seeds(f)
	rt := dialect.NewRuntime(dialect.Limits{MaxString: 1 << 16})
	f.Fuzz(func(t *testing.T, src string) {
		proto, _ := dialect.Compile("f", []byte(src), rt)
		if proto == nil {
			return
		}
		L := lua.NewState(lua.Options{SkipOpenLibs: true, CallStackSize: 64, RegistrySize: 1024, RegistryMaxSize: 16384})
		defer L.Close()
		lua.OpenBase(L)
		L.SetGlobal("print", L.NewFunction(func(*lua.LState) int { return 0 }))
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		L.SetContext(ctx)
		L.Push(L.NewFunctionFromProto(proto))
		err := L.PCall(0, 0, nil)
		if err != nil && strings.Contains(err.Error(), "runtime error") {
			t.Errorf("%v", err)
		}
	})
}

// FuzzNumber: the two ways to read a numeral agree.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{"0", "08", "0x1F", "1e5", ".5", "-010", "inf", "1_0", "0x1p4", " 7 "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, ok := dialect.ParseNumber(s)
		if !ok {
			return
		}
		back, ok := dialect.ParseNumber(dialect.NumberText(v))
		if !ok && v == v {
			t.Errorf("%q is %v, and its text is no number", s, v)
		}
		if ok && dialect.NumberText(back) != dialect.NumberText(v) {
			t.Errorf("%q is %v and then %v", s, v, back)
		}
	})
}
