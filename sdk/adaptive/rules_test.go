package adaptive

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func parse(t *testing.T, text string) Rules {
	t.Helper()
	r, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestParse(t *testing.T) {
	r := parse(t, `{"A.example": {"responses": [
		{"code": "^421 (?<ip>[0-9.]+)", "trigger": "10/1", "action": ["transcode", "554 no", "throttle", "down"], "message": "why", "phase": "data"},
		{"code": "x", "trigger": 1, "action": [["suspend", "4 hours"], ["reduce_connections", 3]]},
		{"code": "y", "action": "suspend"},
		{"code": "z", "action": ["greylisted", "15 minutes", "warmup", "60", "reduce_deliveries"]}],
		"configuration": {"Max_Outbound_Connections": [1, 30], "max_deliveries_per_connection": 5}},
		"b.example": "a.EXAMPLE"}`)
	a := r["a.example"]
	first := a.Responses[0]
	if first.Trigger != (Trigger{10, time.Second}) || first.Message != "why" || first.Phase != "data" {
		t.Errorf("%+v", first)
	}
	want := [][]Action{
		{{Verb: Transcode, Text: "554 no"}, {Verb: Throttle}},
		{{Verb: Suspend, Span: 4 * time.Hour}, {Verb: ReduceConnections, Number: 3}},
		{{Verb: Suspend}},
		{{Verb: Greylisted, Span: 15 * time.Minute}, {Verb: Warmup, Number: 60}, {Verb: ReduceDeliveries, Number: 1}},
	}
	for i, w := range want {
		if !slices.Equal(a.Responses[i].Actions, w) {
			t.Errorf("response %d: %v, want %v", i, a.Responses[i].Actions, w)
		}
	}
	if a.Settings["max_outbound_connections"] != (Range{1, 30}) || a.Settings["max_deliveries_per_connection"] != (Range{5, 5}) {
		t.Error(a.Settings)
	}
	if got, ok := r.Setting("B.example", "max_deliveries_per_connection"); !ok || got.Low != 5 {
		t.Error("an alias does not count")
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`[]`:       "no table of domains",
		`{"a": 5}`: "no table of responses",
		`{"a": {"responses": [{"action": ["suspend", "1 hours"]}]}}`:                      "code must be",
		`{"a": {"responses": [{"code": "(", "action": ["suspend", "1 hours"]}]}}`:         "code:",
		`{"a": {"responses": [{"code": "x"}]}}`:                                           "action is missing",
		`{"a": {"responses": [{"code": "x", "action": ["explode"]}]}}`:                    `action "explode" is not known`,
		`{"a": {"responses": [{"code": "x", "action": ["suspend", "4 years"]}]}}`:         `"4 years" is no time`,
		`{"a": {"responses": [{"code": "x", "action": ["suspend", "-1 days"]}]}}`:         "is no time",
		`{"a": {"responses": [{"code": "x", "action": ["throttle", "up"]}]}}`:             "only go down",
		`{"a": {"responses": [{"code": "x", "action": ["transcode", "250 ok"]}]}}`:        "4xx or 5xx",
		`{"a": {"responses": [{"code": "x", "action": ["reduce_connections", "many"]}]}}`: "is no number",
		`{"a": {"responses": [{"code": "x", "trigger": "2", "action": ["suspend"]}]}}`:    `trigger "2"`,
		`{"a": {"responses": [{"code": "x", "trigger": "5/0", "action": ["suspend"]}]}}`:  `trigger "5/0"`,
		`{"a": {"configuration": {"x": [3, 1]}}}`:                                         "the lower first",
		`{"a": {"configuration": {"x": "many"}}}`:                                         "a number or a pair",
		`{"a": "b", "b": "c", "c": {}}`:                                                   "is an alias itself",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// The manual's example: what is registered comes first, and nothing is lost.
func TestWith(t *testing.T) {
	old := parse(t, `{"a": {"responses": [{"code": "old", "action": ["suspend"]}], "configuration": {"x": 1, "y": 2}}, "c": "a", "d": {}}`)
	add := parse(t, `{"a": {"responses": [{"code": "new", "action": ["throttle"]}], "configuration": {"x": 9}}, "c": {"responses": [{"code": "c", "action": ["suspend"]}]}}`)
	sum := old.With(add, Augment)
	var codes []string
	for _, d := range sum.Of("C") {
		for _, r := range d.Responses {
			codes = append(codes, r.Code.String())
		}
	}
	if !slices.Equal(codes, []string{"c", "new", "old"}) || sum["a"].Settings["x"].Low != 9 || sum["a"].Settings["y"].Low != 2 || sum["d"] == nil {
		t.Errorf("%v %v", codes, sum["a"].Settings)
	}
	if len(old["a"].Responses) != 1 || old["a"].Settings["x"].Low != 1 {
		t.Error("the old rules were changed")
	}
	if got := old.With(add, Replace); got["d"] != nil || len(got["a"].Responses) != 1 {
		t.Error("replace keeps something")
	}
}

func TestModes(t *testing.T) {
	for word, want := range map[string]Mode{"augment": Augment, "Replace": Replace, "override": Replace} {
		if got, err := ParseMode(word); err != nil || got != want {
			t.Errorf("%s: %v %v", word, got, err)
		}
	}
	if _, err := ParseMode("add"); err == nil {
		t.Error("add is no mode")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"a": {"responses": [{"code": "^4", "trigger": "1/1", "action": [["suspend", "1 hours"]]}], "configuration": {"x": [1, 2]}}, "b": "a"}`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse([]byte(text))
		if err != nil {
			return
		}
		for name := range r {
			for _, d := range r.With(r, Augment).Of(name) {
				for _, response := range d.Responses {
					if len(response.Actions) == 0 || response.Trigger.Count < 0 {
						t.Errorf("%q: %+v", text, response)
					}
				}
			}
		}
	})
}
