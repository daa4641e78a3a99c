package conf

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	shipped "github.com/mtad/mtad/conf/default"
	"github.com/mtad/mtad/sdk/option"
)

// Bounds on includes: how deep they may nest, and how many there may
// be in all: a file may come more than once.
const (
	maxDepth = 32
	maxReads = 10000
)

// includeOptions are what an include scope may hold.
type includeOptions struct {
	Name     string `opt:",instance"`
	Path     string `opt:"path" help:"File or directory, relative to this file's directory, then along the search path."`
	ReadOnly bool   `opt:"readonly" help:"Changes made online are never written to it."`
}

// include puts a file's items, or those of a directory's files, where the
// include scope stands.
func (l *loader) include(n *node, b *hclsyntax.Block, readOnly bool) {
	at := posOf(b.TypeRange)
	self := newNode(strings.ToLower(b.Type), "", at)
	if len(b.Labels) > 0 {
		self.instance = b.Labels[0]
	}
	l.body(self, b.Body)
	scope := self.scope()
	var o includeOptions
	for _, p := range option.Decode(&scope, &o) {
		l.wrong(p.Pos, "%s", p.Text)
	}
	if o.Path == "" {
		l.wrong(at, `%s does not say what: %s "name" { path = "..." }`, scope.Name, scope.Name)
		return
	}
	if a, ok := scope.Attr("path"); ok {
		at = a.Value.Pos
	}
	found, ok := l.resolve(o.Path, at)
	if ok {
		l.splice(n, found, at, readOnly || o.ReadOnly)
	}
}

// resolve finds a file or directory: beside the including file, then along the
// search path, then among those that are part of the program; the first hit wins
// (reference/config-syntax.md §3).
func (l *loader) resolve(path string, at option.Pos) (string, bool) {
	path = strings.TrimPrefix(path, "file://")
	if strings.Contains(path, "://") {
		l.wrong(at, "only files can be included, not %s", path)
		return "", false
	}
	candidates := []string{filepath.Clean(path)}
	if !filepath.IsAbs(path) {
		candidates[0] = filepath.Join(filepath.Dir(at.File), path)
		for _, dir := range l.search {
			candidates = append(candidates, filepath.Join(dir, path))
		}
	}
	tried := make([]string, 0, len(candidates))
	for _, c := range candidates {
		_, err := l.opts.FS.Stat(c)
		if err == nil {
			return c, true
		}
		number, text := errno(err)
		tried = append(tried, fmt.Sprintf("%s (errno=%d %s)", c, number, text))
	}
	if _, err := fs.Stat(shipped.Etc(), path); err == nil {
		return embedded + "/" + path, true
	}
	l.wrong(at, "nothing to include at %s", strings.Join(tried, ", "))
	return "", false
}

func (l *loader) splice(n *node, path string, at option.Pos, readOnly bool) {
	info, err := l.opts.FS.Stat(path)
	if err != nil || !info.IsDir() {
		l.file(n, path, at, readOnly || isEmbedded(path))
		return
	}
	entries, err := l.opts.FS.ReadDir(path)
	if err != nil {
		_, text := errno(err)
		l.wrong(at, "cannot list %s: %s", path, text)
		return
	}
	for _, e := range entries {
		inner := filepath.Join(path, e.Name())
		info, err := l.opts.FS.Stat(inner) // what a link points to
		if strings.HasPrefix(e.Name(), ".") || err == nil && info.IsDir() {
			continue
		}
		l.file(n, inner, at, readOnly)
	}
}

// file reads one file into n. at is where it was asked for.
func (l *loader) file(n *node, path string, at option.Pos, readOnly bool) {
	switch {
	case slices.Contains(l.stack, path):
		l.wrong(at, "include cycle: %s", strings.Join(append(l.stack[slices.Index(l.stack, path):], path), " -> "))
		return
	case len(l.stack) >= maxDepth:
		l.wrong(at, "includes are nested more than %d deep", maxDepth)
		return
	case l.reads >= maxReads:
		l.wrong(at, "more than %d includes", maxReads)
		return
	}
	src, err := l.readFile(path)
	if err != nil {
		number, text := errno(err)
		l.wrong(at, "Unable to open '%s', errno=%d %s", path, number, text)
		return
	}
	l.reads++
	l.note(path, src, readOnly)
	outer := l.src
	l.stack = append(l.stack, path)
	if body := l.parse(path, src); body != nil {
		l.body(n, body)
	}
	l.stack, l.src = l.stack[:len(l.stack)-1], outer
}

// readFile reads a file of the disk, or one that is part of the program.
func (l *loader) readFile(path string) ([]byte, error) {
	if inside, ok := strings.CutPrefix(path, embedded+"/"); ok {
		return fs.ReadFile(shipped.Etc(), inside)
	}
	return readBounded(l.opts.FS, path, maxFileSize)
}

func isEmbedded(path string) bool { return strings.HasPrefix(path, embedded+"/") }

func (l *loader) note(path string, src []byte, readOnly bool) {
	l.text[path] = src
	for i := range l.files {
		if l.files[i].Path == path {
			l.files[i].ReadOnly = true
			return
		}
	}
	l.files = append(l.files, File{Path: path, ReadOnly: readOnly})
}
