package main

import (
	"io"
	"slices"
	"strings"
	"testing"
)

func TestNextWordsOffersCommandsAndTheirFlags(t *testing.T) {
	names := []string{"mailq", "mailq --domain", "mailq --json", "fail domain", "fail domain --dry-run", "fail domain quiet", "exit"}
	for typed, want := range map[string][]string{
		"":                          {"mailq", "fail", "fail", "exit"},
		"fail d":                    {"domain", "domain"},
		"mailq ":                    {"--domain", "--json"},
		"mailq --domain x ":         {"--domain", "--json"},
		"fail domain ":              {"--dry-run", "quiet"},
		"fail domain quiet":         {"--dry-run", "quiet"},
		"fail domain --sender x --": {"--dry-run"},
		"nothing ":                  nil,
	} {
		if got := nextWords(names, typed); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}

func TestPager(t *testing.T) {
	t.Setenv("PAGER", "sed 's/^/paged /'")
	var out strings.Builder
	s := &streams{out: &out, err: &out}
	var p pager
	say := func(text string) {
		w, done := p.open(s)
		if _, err := io.WriteString(w, text); err != nil {
			t.Error(err)
		}
		done()
	}
	say("one\n")
	p.toggle(s)
	say("two\n")
	t.Setenv("PAGER", "true")
	say(strings.Repeat("nobody reads this\n", 10000))
	p.toggle(s)
	if got := out.String(); got != "one\n# pager on\npaged two\n# pager off\n" {
		t.Errorf("got %q", got)
	}
}
