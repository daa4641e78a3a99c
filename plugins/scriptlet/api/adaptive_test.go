package api

import (
	"strings"
	"testing"

	rules "github.com/mtad/mtad/sdk/adaptive"
)

func TestRegisterRules(t *testing.T) {
	w := newWorld(t)
	w.run(`
require("msys.adaptive")
msys.adaptive.registerRules({
  ["Example.com"] = {
    responses = {
      { code = "^421 4\\.7\\.0 \\[TS01\\] (?<IP>\\d+)", trigger = "1", action = { "transcode", "554 Dynamic block in place", "throttle", "down" }, phase = "connect" },
      { code = "(?=x)", trigger = 1, action = { { "suspend", "4 hours" } } },
      { code = "^451", trigger = "5/1", action = { { "reduce_connections", 1 }, { "suspend", "4 hours" } }, message = "m" },
    },
    configuration = { max_outbound_connections = { 1, 10 }, max_deliveries_per_connection = function() return 1 end },
  },
  ["example.net"] = "example.com",
  ["example.org"] = { responses = {}, configuration = {} },
})
msys.adaptive.registerRules({}, "replace")`)
	if len(w.rules) != 2 || w.rules[0].Mode != "augment" || w.rules[1].Mode != "replace" {
		t.Fatalf("%+v", w.rules)
	}
	r, err := rules.Parse(w.rules[0].Rules)
	if err != nil {
		t.Fatal(err)
	}
	d := r["example.com"]
	if len(d.Responses) != 2 || len(d.Responses[0].Actions) != 2 || len(d.Responses[1].Actions) != 2 || d.Responses[1].Message != "m" || len(d.Settings) != 1 || r["example.net"].Alias != "example.com" {
		t.Errorf("%+v", d)
	}
	var logged strings.Builder
	for _, l := range w.host.Logs() {
		logged.WriteString(l.Text + "\n")
	}
	for _, want := range []string{"response 2 is left out", "max_deliveries_per_connection is left out"} {
		if !strings.Contains(logged.String(), want) {
			t.Errorf("the log %q lacks %q", logged.String(), want)
		}
	}
}

func TestRegisterRulesRefuses(t *testing.T) {
	for code, want := range map[string]string{
		`({}, "add")`:     `bad argument #2 to registerRules (the mode must be`,
		`("x")`:           `bad argument #1 to 'registerRules' (table expected, got string)`,
		`({ a = 5 })`:     `bad argument #1 to registerRules (domain "a": a table or the name`,
		`({ [1] = "x" })`: `a name is expected as key`,
		`({ a = { responses = { { code = "x", action = { "explode" } } } } })`:             `action "explode" is not known`,
		`({ a = { responses = { { code = "x", action = { "warmup", 0/0 } } } } })`:         `bad argument #1`,
		`({ a = { responses = { { code = "x", action = { { { { "suspend" } } } } } } } })`: `nested too deep`,
		`({ a = { responses = { { code = "x", action = print } } } })`:                     `got function`,
		`({ a = { responses = { 5 } } })`:                                                  `response 1 is no table`,
	} {
		w := newWorld(t)
		_, err := w.try(w.L, `require("msys.adaptive") msys.adaptive.registerRules`+code)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", code, err, want)
		}
	}
}
