package sdktest

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// Generation is the generation that Start commits and Call asks.
const Generation = 1

// Start prepares and commits a module with the scopes given, and closes it when
// the test ends. A module that refuses ends the test.
func Start(t testing.TB, m sdk.Module, host sdk.Host, scopes ...option.Scope) sdk.Subscription {
	t.Helper()
	cfg := sdk.Config{Generation: Generation, Hostname: "mx.example.com", Scopes: scopes, RunInit: true}
	sub, err := m.Prepare(context.Background(), host, cfg)
	if err != nil {
		t.Fatalf("prepare: %v", err)
	}
	m.Commit(Generation)
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return sub
}

// Call makes a call for consecutive hooks; those on a copy get the first.
func Call(state *sdk.State, hooks ...sdk.Hook) *sdk.Call {
	c := &sdk.Call{Generation: Generation, State: state}
	if state.Message != nil {
		c.Transaction = 1
	}
	for _, h := range hooks {
		c.Phases = append(c.Phases, sdk.Phase{Hook: h})
	}
	return c
}

// Scope makes a scope from pairs of a name and a value. A value is a string, a
// bool, an integer, a float or a list of strings; another one panics, as a
// mistake in a test should.
func Scope(name, instance string, pairs ...any) option.Scope {
	s := option.Scope{Name: name, Instance: instance, Pos: option.Pos{File: "test.conf", Line: 1, Column: 1}}
	for i := 0; i+1 < len(pairs); i += 2 {
		pos := option.Pos{File: "test.conf", Line: 2 + i/2, Column: 3}
		v := value(pairs[i+1])
		v.Pos = pos
		s.Attrs = append(s.Attrs, option.Attr{Name: fmt.Sprint(pairs[i]), Value: v, Pos: pos})
	}
	return s
}

func value(v any) option.Value {
	switch v := v.(type) {
	case string:
		return option.Value{Kind: option.KindString, Text: v}
	case bool:
		return option.Value{Kind: option.KindBool, Text: strconv.FormatBool(v)}
	case int:
		return option.Value{Kind: option.KindNumber, Text: strconv.Itoa(v)}
	case float64:
		return option.Value{Kind: option.KindNumber, Text: strconv.FormatFloat(v, 'g', -1, 64)}
	case []string:
		out := option.Value{Kind: option.KindList}
		for _, s := range v {
			out.List = append(out.List, value(s))
		}
		return out
	}
	panic(fmt.Sprintf("sdktest.Scope: no option value: %T", v))
}
