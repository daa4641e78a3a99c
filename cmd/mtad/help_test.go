package main

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// helpOf is what the program says to words and --help.
func helpOf(t *testing.T, words ...string) string {
	t.Helper()
	var out bytes.Buffer
	parser := commandLine(t, &out)
	_, _ = parser.Parse(append(words, "--help")) // Exit returns, so that a missing argument is an error here
	return out.String()
}

func commandLine(t *testing.T, out *bytes.Buffer) *kong.Kong {
	t.Helper()
	parser, err := kong.New(&cli{}, kong.Name("mtad"), kong.Writers(out, out), kong.Exit(func(int) {}), kong.Vars{"home": "/etc/mtad"})
	if err != nil {
		t.Fatal(err)
	}
	teach(parser.Model.Node)
	return parser
}

// commandsBelow are the commands that do something, by their words.
func commandsBelow(n *kong.Node, words []string) (out [][]string) {
	for _, c := range n.Children {
		path := append(slices.Clone(words), c.Name)
		if c.Hidden {
			continue
		}
		if len(c.Children) == 0 {
			out = append(out, path)
		}
		out = append(out, commandsBelow(c, path)...)
	}
	return out
}

// TestEveryCommandTeaches: its help has a purpose, an example whose command line
// is right, and the exit status.
func TestEveryCommandTeaches(t *testing.T) {
	var out bytes.Buffer
	all := commandsBelow(commandLine(t, &out).Model.Node, nil)
	if len(all) < 25 {
		t.Errorf("%d commands only", len(all))
	}
	for _, words := range all {
		name := strings.Join(words, " ")
		text := helpOf(t, words...)
		for _, part := range []string{"Example:\n", "    mtad " + words[0] + " ", "Exit status: 0 "} {
			if !strings.Contains(text, part) && !strings.Contains(text, strings.TrimSpace(part)+"\n") {
				t.Errorf("mtad %s --help lacks %q:\n%s", name, part, text)
			}
		}
		if purpose := walk(commandLine(t, &out).Model.Node, words).Help; len(purpose) < 8 || !strings.HasSuffix(purpose, ".") && !strings.Contains(purpose, "Start with: ") {
			t.Errorf("mtad %s: purpose %q", name, purpose)
		}
	}
	if len(lessons()) != len(all) {
		t.Errorf("%d lessons, %d commands", len(lessons()), len(all))
	}
}

func walk(n *kong.Node, words []string) *kong.Node {
	for _, w := range words {
		n = find(n, w)
	}
	return n
}

// TestExamplesOfHelpParse: kong takes every command line that help shows.
func TestExamplesOfHelpParse(t *testing.T) {
	quoted := regexp.MustCompile(`'([^']*)'|(\S+)`)
	for words, l := range lessons() {
		for _, e := range l.examples {
			var args []string
			for _, m := range quoted.FindAllStringSubmatch(e, -1) {
				args = append(args, m[1]+m[2])
			}
			var out bytes.Buffer
			if _, err := commandLine(t, &out).Parse(args); err != nil {
				t.Errorf("mtad %s: %v", e, err)
			}
			if !strings.HasPrefix(strings.ReplaceAll(e, " --dir ./run/spool", ""), words) {
				t.Errorf("%q is no example of %s", e, words)
			}
		}
	}
}
