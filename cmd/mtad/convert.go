package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/conf/convert"
	"github.com/mtad/mtad/core"
	"github.com/mtad/mtad/sdk/option"
)

// convertCommand makes HCL of an ecelerity.conf.
type convertCommand struct {
	File   string `arg:"" help:"The original's main file."`
	Out    string `short:"o" placeholder:"DIR" help:"Write here, a file for each file that is included; else everything goes to standard output as one file."`
	JSON   bool   `name:"json" help:"One JSON object on standard output: the files, and the report that else goes to standard error."`
	Search string `env:"EC_CONF_SEARCH_PATH" placeholder:"DIR:DIR" help:"Where included files are looked for, behind the directory of the file that includes them."`
}

// Help is what --help shows below the flags.
func (*convertCommand) Help() string {
	return `The result has the original's order and comments. What has no counterpart stays in its place as a comment with the reason, and is reported as FILE:LINE: KIND: TEXT. The kinds:

  unconverted   it is a comment now
  unneeded      a comment, too: nothing is lost without it
  overridden    a comment, too: the same option is set again, and that counts
  unsafe        converted as it is, and worth a second thought
  refused       converted, and mtad check does not take it

Lines that begin with "note:" name options that are not set and have another default than the original's.

Exit status: 0 everything was converted and there is nothing to say; 1 something was reported; 2 the file cannot be read, or the result not written.`
}

// unreadable is the exit status where there is no input, or no output.
const unreadable = exitError(2)

// Run is called by kong.
func (c *convertCommand) Run(s *streams) error {
	r, err := c.result()
	if err == nil && c.Out != "" {
		err = writeFiles(c.Out, r.Files)
	}
	if err != nil {
		fmt.Fprintf(s.err, "mtad: %v\n", err)
		return unreadable
	}
	switch {
	case c.JSON:
		err = printJSON(s, jsonResult(r, c.Out == ""))
	case c.Out == "":
		_, err = fmt.Fprint(s.out, r.Files[0].Text)
	}
	if err != nil {
		return err
	}
	if !c.JSON {
		for _, f := range r.Findings {
			fmt.Fprintln(s.err, f)
		}
		for _, d := range r.Defaults {
			fmt.Fprintf(s.err, "note: %s is not set: %s in mtad, %s in the original\n", d.Option, d.Ours, d.Original)
		}
	}
	if len(r.Findings) > 0 {
		return exitError(1)
	}
	return nil
}

func (c *convertCommand) result() (*convert.Result, error) {
	return convert.Convert(convert.Options{
		Path: c.File, Search: filepath.SplitList(c.Search), Split: c.Out != "",
		Schema: core.FullSchema(builtin()), Further: refusals,
	})
}

// refusals is what the server says of a result.
func refusals(fsys conf.FS, path string) []option.Problem {
	refused, mistakes := core.Verify(core.Options{
		Conf: conf.Options{Path: path, Search: []string{}, FS: fsys, Listed: []string{"module"}}, Version: version, Builtin: builtin(),
	})
	var out []option.Problem
	for _, d := range refused {
		out = append(out, option.Problem{Pos: option.Pos{File: d.File, Line: d.Line, Column: d.Column}, Text: d.Text})
	}
	for _, m := range mistakes {
		out = append(out, option.Problem{Pos: option.Pos{File: m.File, Line: m.Line, Column: m.Column}, Text: m.Text})
	}
	return out
}

// writeFiles puts the result below dir.
func writeFiles(dir string, files []*convert.File) error {
	for _, f := range files {
		path := filepath.Join(dir, f.Path)
		if same(path, f.Source) {
			return fmt.Errorf("%s would overwrite the original; name another directory", path)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(f.Text), 0o640); err != nil {
			return err
		}
	}
	return nil
}

// same reports two names of one file.
func same(a, b string) bool {
	one, errA := os.Stat(a)
	other, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(one, other)
}

// jsonFile is a file of the report.
type jsonFile struct {
	Path   string `json:"path"`
	Source string `json:"source"`
	HCL    string `json:"hcl,omitempty"`
}

// jsonReport is the report as JSON.
type jsonReport struct {
	Files    []jsonFile        `json:"files"`
	Findings []convert.Finding `json:"findings"`
	Defaults []convert.Default `json:"defaults"`
}

func jsonResult(r *convert.Result, texts bool) jsonReport {
	out := jsonReport{Findings: append([]convert.Finding{}, r.Findings...), Defaults: append([]convert.Default{}, r.Defaults...)}
	for _, f := range r.Files {
		one := jsonFile{Path: f.Path, Source: f.Source}
		if texts {
			one.HCL = f.Text
		}
		out.Files = append(out.Files, one)
	}
	return out
}

func printJSON(s *streams, v any) error {
	e := json.NewEncoder(s.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
