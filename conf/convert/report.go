package convert

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/sdk/option"
)

// Kind says what a finding is about.
type Kind string

// The kinds.
const (
	Unconverted Kind = "unconverted" // it is a comment now
	Unneeded    Kind = "unneeded"    // a comment, too: nothing is lost without it
	Overridden  Kind = "overridden"  // a comment, too: a later value counts
	Unsafe      Kind = "unsafe"      // converted, and not a good idea
	Refused     Kind = "refused"     // converted, and `mtad check` does not take it as it is
)

// Finding is one thing that the operator should know, and where it is in the
// original.
type Finding struct {
	Kind Kind
	Pos  option.Pos
	Text string
}

// String is "file:line: kind: text".
func (f Finding) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", f.Pos.File, f.Pos.Line, f.Kind, f.Text)
}

// MarshalJSON has file, line, column, kind and text.
func (f Finding) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		File   string `json:"file"`
		Line   int    `json:"line"`
		Column int    `json:"column"`
		Kind   Kind   `json:"kind"`
		Text   string `json:"text"`
	}{f.Pos.File, f.Pos.Line, f.Pos.Column, f.Kind, f.Text})
}

// Script is a policy script that the configuration names.
type Script struct {
	Name, Source string
	Pos          option.Pos // of the source option
}

// Datasource is one uri of a datasource.
type Datasource struct {
	Name, URI string
	Pos       option.Pos
}

// Place is a value and where it is.
type Place struct {
	Pos  option.Pos
	Text string
}

// result puts together what the last round has left.
func (c *converter) result() *Result {
	findings := append(slices.Clone(c.syntax), c.findings...)
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	r := &Result{Files: c.files, Findings: slices.Compact(findings), Scripts: c.scripts, Sources: c.data, Paths: c.paths, Read: c.order}
	for _, d := range defaults() {
		if !c.set[d.Option] {
			r.Defaults = append(r.Defaults, d)
		}
	}
	return r
}

// FS is base with the result in it, below Root.
func (r *Result) FS(base conf.FS) conf.FS { return overlay{base, r.Files} }

// Origin is the place in the original that a line of the result comes from;
// line 0 where it comes from none.
func (r *Result) Origin(path string, line int) option.Pos {
	l := lineOf(r.Files, path, line)
	return l.pos
}

func lineOf(files []*File, path string, n int) line {
	for _, f := range files {
		if Root+"/"+f.Path == path && n >= 1 && n <= len(f.page.lines) {
			return f.page.lines[n-1]
		}
	}
	return line{}
}

// Default is an option whose built-in value differs between the two, so that a
// configuration that does not set it means something else.
type Default struct {
	Option   string `json:"option"`
	Original string `json:"original"`
	Ours     string `json:"mtad"`
}

// defaults are those of docs/quirks.md that can be seen from outside.
func defaults() []Default {
	return []Default{
		{"idle_time", "0, never", "300 seconds"},
		{"rfc2822_lone_lf_in_body", "ignore", "pedantic: a bare CR or LF is refused"},
		{"tls_protocols", "TLS 1.0 and up", "TLS 1.2 and up"},
		{"rfc2821_allow_whitespace_in_envelope", "false", "true"},
		{"generate_bounces_for_multi_recipient_policy_rejections", "true", "only for peers that may relay"},
		{"send_8bitmime", "no", "ifavailable"},
		{"dns_fallback_to_tcp", "false", "true"},
		{"max_recipients_per_message", "no limit", "10000"},
		{"auth_without_tls", "PLAIN and LOGIN without TLS", "with TLS only"},
		{"_unsafe_spool", "250 before an fsync", "250 only when it is on the disk"},
	}
}
