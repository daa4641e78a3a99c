package conf

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/mtad/mtad/sdk/option"
)

// Diagnostic is one thing wrong with the configuration. Line 0 means that only
// the file is known, File "" that not even that is.
type Diagnostic struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`   // from 1
	Column  int    `json:"column,omitempty"` // from 1, in characters
	Text    string `json:"text"`
	Snippet string `json:"snippet,omitempty"` // the source line, and a caret below it
}

// Diagnostics is everything wrong; it is empty where all is well.
type Diagnostics []Diagnostic

// String is "file:line:column: text" with the snippet below it.
func (d Diagnostic) String() string {
	text := d.Text
	if at := d.pos().String(); at != "" {
		text = at + ": " + text
	}
	if d.Snippet != "" {
		text += "\n" + d.Snippet
	}
	return text
}

func (d Diagnostic) pos() option.Pos { return option.Pos{File: d.File, Line: d.Line, Column: d.Column} }

// String has one diagnostic after the other, each ended by a newline.
func (d Diagnostics) String() string {
	var b strings.Builder
	for _, one := range d {
		fmt.Fprintln(&b, one)
	}
	return b.String()
}

// JSON is the diagnostics as a JSON array; an empty one where all is well.
func (d Diagnostics) JSON() ([]byte, error) {
	if d == nil {
		d = Diagnostics{}
	}
	return json.MarshalIndent([]Diagnostic(d), "", "  ")
}

// Err is the diagnostics as an error, nil where there are none.
func (d Diagnostics) Err() error {
	if len(d) == 0 {
		return nil
	}
	return diagnosticsError{d}
}

type diagnosticsError struct{ list Diagnostics }

func (e diagnosticsError) Error() string { return strings.TrimSuffix(e.list.String(), "\n") }

// Sort puts the diagnostics in order of file, line and column, and drops what
// says the same about the same place.
func (d Diagnostics) Sort() Diagnostics {
	slices.SortStableFunc(d, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column), cmp.Compare(a.Text, b.Text))
	})
	return slices.Compact(d)
}

// snippetWidth is how much of a long line a snippet shows.
const snippetWidth = 160

// snippet shows a line of src with a caret below the column. Tabs stay tabs in
// both lines, so that the caret stands right at any tab width; other control
// characters must not reach a terminal.
func snippet(src []byte, line, column int) string {
	lines := strings.SplitN(string(src), "\n", line+1)
	if line < 1 || line > len(lines) || column < 1 {
		return ""
	}
	if holdsSecret(lines[line-1]) {
		return "" // it would end up in logs
	}
	text := []rune(strings.TrimSuffix(lines[line-1], "\r"))
	at := min(column-1, len(text))
	if start := at - snippetWidth/2; len(text) > snippetWidth && start > 0 {
		text, at = text[start:], at-start
	}
	text = text[:min(len(text), snippetWidth)]
	pad := make([]rune, at)
	for i, r := range text {
		if r != '\t' && !unicode.IsPrint(r) {
			text[i] = '?'
		}
		if i < at {
			pad[i] = ' '
			if r == '\t' {
				pad[i] = '\t'
			}
		}
	}
	return string(text) + "\n" + string(pad) + "^"
}
