package conf

import (
	"io/fs"
	"path/filepath"

	"github.com/mtad/mtad/sdk/option"
)

// Options say what to load and where to look.
type Options struct {
	Path   string   // the main file
	Home   string   // the search path lies under it; "" for none
	Node   string   // name of this node in a cluster; "" for none
	Search []string // directories instead of those under Home (EC_CONF_SEARCH_PATH)
	FS     FS       // nil: the real one
	Lua    fs.FS    // the embedded Lua library, for Sources; nil: the shipped one
	Listed []string // scopes that are listed, never merged with their namesakes
}

// Tree is a configuration that was read. It does not change afterwards and may
// be used concurrently.
type Tree struct {
	Root   *option.Scope // scope "global", no instance
	Files  []File        // in the order they were read first
	Layers *Layers

	text map[string][]byte // of every file, for snippets
	opts Options
}

// File is a file the configuration came from. It is read-only if it was brought
// in by readonly_include or more than once (reference/config-syntax.md §3).
type File struct {
	Path     string
	ReadOnly bool
}

// Load reads the main file and everything it includes. The tree is there even
// if something is wrong, without the parts that could not be understood, so
// that Check can report in one go what else is wrong; it is to be used only
// where there are no diagnostics.
func Load(o Options) (*Tree, Diagnostics) {
	if o.FS == nil {
		o.FS = OS{}
	}
	l := &loader{opts: o, text: map[string][]byte{}, search: o.searchPath()}
	root := newNode("global", "", option.Pos{File: o.Path, Line: 1, Column: 1})
	l.file(root, filepath.Clean(o.Path), option.Pos{File: o.Path}, false)
	scope := root.scope()
	t := &Tree{Root: &scope, Files: l.files, text: l.text, opts: o}
	var wrong option.Problems
	t.Layers, wrong = NewLayers(t.Root)
	return t, append(l.diags, t.Diagnose(wrong)...).Sort()
}

// Check reports everything in the tree that the schema of the root scope, put
// together from those of all owners, does not allow.
func Check(t *Tree, schema *option.Schema) Diagnostics {
	return t.Diagnose(option.Check(t.Root, schema))
}

// Diagnose gives problems that the owner of a scope found their source lines.
func (t *Tree) Diagnose(problems option.Problems) Diagnostics {
	var diags Diagnostics
	for _, p := range problems {
		diags = append(diags, diagnose(t.text, p.Pos, p.Text))
	}
	return diags.Sort()
}

// Snippet is the source line at pos with a caret below it; "" where the file is
// none of the configuration's.
func (t *Tree) Snippet(pos option.Pos) string {
	return diagnose(t.text, pos, "").Snippet
}

func diagnose(text map[string][]byte, pos option.Pos, what string) Diagnostic {
	d := Diagnostic{File: pos.File, Line: pos.Line, Column: pos.Column, Text: what}
	if src, ok := text[pos.File]; ok {
		d.Snippet = snippet(src, pos.Line, pos.Column)
	}
	return d
}

// SearchPath is where configuration files and Lua sources are looked for after
// the directory of the file that names them: global, the node's own, default.
func SearchPath(home, node string) []string {
	if home == "" {
		return nil
	}
	dirs := []string{filepath.Join(home, "etc/conf/global")}
	// A node name with a slash or ".." would leave the directory.
	if node != "" && filepath.IsLocal(node) && filepath.Base(node) == node {
		dirs = append(dirs, filepath.Join(home, "etc/conf", node))
	}
	return append(dirs, filepath.Join(home, "etc/conf/default"))
}

func (o *Options) searchPath() []string {
	if o.Search != nil {
		return o.Search
	}
	return SearchPath(o.Home, o.Node)
}
