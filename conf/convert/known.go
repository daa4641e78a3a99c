package convert

import (
	_ "embed"
	"strings"
)

//go:embed known.txt
var knownText string

// class is the first word of a line of known.txt. The third, lacks, is what is
// neither.
type class string

const (
	dead    class = "dead"
	instead class = "instead"
)

// known is what the original documents about a name, as far as it matters to
// somebody who leaves it.
type known struct {
	class class
	why   string
}

// knownNames reads known.txt (reference/config-options.tsv and modules.tsv:
// tier C is dead, and what is not in our schema of the other tiers).
func knownNames() map[string]known {
	names := make(map[string]known)
	for line := range strings.Lines(knownText) {
		word, rest, ok := strings.Cut(strings.TrimSpace(line), ": ")
		why, list, both := strings.Cut(rest, " | ")
		if !ok || !both || strings.HasPrefix(line, "#") {
			continue
		}
		for name := range strings.FieldsSeq(list) {
			names[strings.ToLower(name)] = known{class(word), why}
		}
	}
	return names
}

// about finds a name, or the longest beginning of it that stands for all.
func about(names map[string]known, name string) (known, bool) {
	if k, ok := names[name]; ok {
		return k, true
	}
	for n := len(name); n > 0; n-- {
		if k, ok := names[name[:n]+"*"]; ok {
			return k, true
		}
	}
	return known{}, false
}

// sentence says what is to be known about a name.
func (k known) sentence() (Kind, string) {
	switch k.class {
	case dead:
		return Unneeded, "nothing is lost without it: " + k.why
	case instead:
		return Unconverted, "mtad has no such thing; instead: " + k.why
	}
	return Unconverted, "mtad lacks " + k.why
}
