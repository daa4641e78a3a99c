package conf

import (
	"fmt"
	"regexp"
	"strings"
)

// slip is one way in which ecelerity.conf differs from HCL
// (reference/config-syntax.md §4) and how HCL notices it.
type slip struct {
	line *regexp.Regexp // the source line
	when string         // a part of HCL's summary; "" for any
	say  string         // $1, $2: what the line's groups matched
}

// slips are tried in order; the first that fits gives the hint.
var slips = []slip{
	{regexp.MustCompile(`\\`), "escape sequence", `a backslash is doubled: "\\d", "/x\\.fr$/"`},
	{regexp.MustCompile(`%\{`), "emplate", `write "%%{" for a literal "%{"`},
	{regexp.MustCompile(`\$\{`), "emplate", `write "$${" for a literal "${"`},
	{regexp.MustCompile(`'`), "character", `write double quotes`},
	{regexp.MustCompile(`;`), "character", `put each item on a line of its own`},
	{regexp.MustCompile(`^\s*((?i:readonly_)?(?i:include))\s+"([^"]*)"\s*$`), "", `write $1 "name" { path = "$2" }`},
	{regexp.MustCompile(`=\s*\(`), "", `a list has brackets and commas: ["a", "b"]`},
	{regexp.MustCompile(`^\s*([\w-]+)\s*=?\s*\[\s*("[^"]*"|[\w.-]+)\s*=`), "", `a dictionary has braces: $1 = { $2 = "value" }`},
	{regexp.MustCompile(`^\s*([\w-]+)\s*\[`), "", `put "=" after the name: $1 = [...], or $1 = { name = "value" }`},
	{regexp.MustCompile(`^\s*([\w-]+)\s+([^"\s={}][^\s={}]*)\s*\{`), "", `quote the name: $1 "$2" {`},
	{regexp.MustCompile(`^\s*[\w-]+\s*=\s*$`), "", `the value begins on the same line`},
	{regexp.MustCompile(`[\w"]\s*\{.*=.*=`), "", `put each item on a line of its own`},
	{regexp.MustCompile(`\{.*\{`), "", `put each item on a line of its own`},
	{regexp.MustCompile(`=\s*"[^"]*"\s*[\w-]+\s*=`), "", `put each item on a line of its own`},
	{regexp.MustCompile(`=.*=`), "newline", `put each item on a line of its own`},
	{regexp.MustCompile(`=\s*([^"\[\](){},'=]+?)\s*$`), "", `quote the value: "$1"`},
}

var loneHeader = regexp.MustCompile(`^\s*[\w-]+(?:\s+"[^"]*")?\s*$`)

// hint says what was probably meant, "" where nobody can know. next is the line
// after the faulty one.
func hint(summary, line, next string) string {
	if loneHeader.MatchString(line) && strings.HasPrefix(strings.TrimSpace(next), "{") {
		return fmt.Sprintf("the brace stands on the same line: %s {", strings.TrimSpace(line))
	}
	line, _, _ = strings.Cut(line, " #") // a comment would be taken for the value
	for _, s := range slips {
		if !strings.Contains(summary, s.when) {
			continue
		}
		if m := s.line.FindStringSubmatchIndex(line); m != nil {
			return fill(s.line, s.say, line, m)
		}
	}
	return ""
}

// fill puts the groups in, if the hint has any; Expand would also take "$$".
func fill(re *regexp.Regexp, say, line string, match []int) string {
	if re.NumSubexp() == 0 {
		return say
	}
	return string(re.ExpandString(nil, strings.NewReplacer("$1", "${1}", "$2", "${2}").Replace(say), line, match))
}
