package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mtad/mtad/conf/convert"
)

// migrateCommand converts a configuration and says what its scripts lack.
type migrateCommand struct {
	Dir    string `arg:"" help:"The original's directory: that of ecelerity.conf, one with global, NODE and default below it, or the whole installation. Or the main file itself."`
	Out    string `short:"o" placeholder:"DIR" help:"Write the converted configuration and the scripts here; else nothing is written."`
	JSON   bool   `name:"json" help:"The report as one JSON object."`
	Node   string `env:"EC_NODE_NAME" help:"The node whose configuration it is, in a cluster."`
	Search string `env:"EC_CONF_SEARCH_PATH" placeholder:"DIR:DIR" help:"Further directories for included files and scripts."`
}

// Help is what --help shows below the flags.
func (*migrateCommand) Help() string {
	return `Converts the configuration as mtad convert does, reads the scripts that it names and those that they require, and prints what stands between them and mtad, as FILE:LINE: KIND: TEXT with what to do instead. Nothing of the scripts is run but what mtad check runs. Kinds beside those of mtad convert:

  unsupported   the script uses a function, constant or callout that mtad lacks
  partial       it uses one that works in part; the text says in which
  unknown       it uses a name of msys that is not documented
  dialect       Lua that works otherwise here, or needs unsafe_libs
  syntax        the script cannot be read
  missing       a source or a required script is not found
  driver        a datasource whose driver mtad lacks
  path          a file is named by its whole path
  check         mtad check finds this in the result

A summary follows. unneeded, overridden, unsafe and partial leave nothing to do; all others are open.

Exit status: 0 nothing is open; 1 something is; 2 there is no configuration, or the result cannot be written; 3 something open has no line to go to (it is printed all the same).`
}

// Run is called by kong.
func (c *migrateCommand) Run(s *streams) error {
	m, err := c.migration()
	if err == nil && c.Out != "" {
		err = m.write(c.Out)
	}
	if err != nil {
		fmt.Fprintf(s.err, "mtad: %v\n", err)
		return unreadable
	}
	slices.SortStableFunc(m.gaps, func(a, b gap) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line)) })
	if c.JSON {
		err = printJSON(s, m.report())
	} else {
		m.print(s)
	}
	if err != nil {
		return err
	}
	return m.status()
}

func (c *migrateCommand) migration() (*migration, error) {
	search := filepath.SplitList(c.Search)
	info, err := os.Stat(c.Dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return migrate(c.Dir, search)
	}
	for _, dir := range append(layers(c.Dir, c.Node)[1:], c.Dir, filepath.Join(c.Dir, "libexec", "scriptlets")) {
		if exists(dir) {
			search = append(search, dir)
		}
	}
	for _, path := range mainFiles(c.Dir, c.Node) {
		if exists(path) {
			return migrate(path, search)
		}
	}
	return nil, fmt.Errorf("there is no ecelerity.conf in %s, nor in etc/conf, conf, global or default below it; name the file", c.Dir)
}

// status is the exit status.
func (m *migration) status() error {
	status := 0
	for _, g := range m.gaps {
		switch {
		case !g.open():
		case g.Line == 0:
			return exitError(3)
		default:
			status = 1
		}
	}
	if status != 0 {
		return exitError(status)
	}
	return nil
}

// counts are the gaps of each kind.
func (m *migration) counts() map[string]int {
	n := map[string]int{}
	for _, g := range m.gaps {
		n[g.Kind]++
	}
	return n
}

func (m *migration) print(s *streams) {
	left := 0
	for _, g := range m.gaps {
		fmt.Fprintln(s.out, g)
		if g.open() {
			left++
		}
	}
	counts := m.counts()
	fmt.Fprintf(s.out, "\nRead: configuration files: %d, scripts: %d\n", len(m.result.Read), len(m.scripts))
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(s.out, "  %-12s %d\n", kind, counts[kind])
	}
	for _, d := range m.result.Defaults {
		fmt.Fprintf(s.out, "note: %s is not set: %s in mtad, %s in the original\n", d.Option, d.Ours, d.Original)
	}
	switch {
	case left > 0:
		fmt.Fprintf(s.out, "%d open.\n", left)
	case m.blocked:
		fmt.Fprintln(s.out, "Nothing is open.")
	default:
		fmt.Fprintln(s.out, "Nothing is open: mtad check takes the result.")
	}
}

// migrationReport is the report as JSON.
type migrationReport struct {
	Files    []jsonFile        `json:"files"`
	Scripts  []policyScript    `json:"scripts"`
	Gaps     []gap             `json:"gaps"`
	Summary  map[string]int    `json:"summary"`
	Defaults []convert.Default `json:"defaults"`
}

func (m *migration) report() migrationReport {
	r := jsonResult(m.result, false)
	return migrationReport{
		Files: r.Files, Scripts: append([]policyScript{}, m.scripts...), Gaps: append([]gap{}, m.gaps...),
		Summary: m.counts(), Defaults: r.Defaults,
	}
}

// write puts configuration and scripts below dir: the scripts under the names
// that the configuration has for them, beside the main file.
func (m *migration) write(dir string) error {
	if err := writeFiles(dir, m.result.Files); err != nil {
		return err
	}
	for _, script := range m.scripts {
		if filepath.IsAbs(script.Source) {
			continue // it is named by its whole path, and stays
		}
		to := filepath.Join(dir, strings.ReplaceAll(script.Source, ".", "/")+".lua")
		text, err := os.ReadFile(script.Path)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
