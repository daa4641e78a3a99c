package convert

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mtad/mtad/sdk/option"
)

// Bounds on what is read.
const (
	maxFileSize = 8 << 20
	maxDepth    = 32
	maxReads    = 10000
)

// File is one file of the result.
type File struct {
	Path   string // below the directory of the result
	Source string // the original's
	Text   string // HCL
	page   page
}

// Root is the directory that the result is in while it is looked at. Nothing is
// there but in memory.
const Root = "/converted"

// placeKey tells the results of one source apart: what it means depends on the
// scope that includes it.
type placeKey struct{ source, scope string }

// read reads a file once.
func (c *converter) read(path string) (*source, error) {
	if s := c.sources[path]; s != nil {
		return s, nil
	}
	info, err := c.o.FS.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFileSize {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("no file, or one over 8 MiB")}
	}
	raw, err := c.o.FS.ReadFile(path)
	if err != nil {
		return nil, err
	}
	text := strings.TrimPrefix(string(raw), "\ufeff")
	s := newSource(path, latin(text))
	report := func(pos option.Pos, what string) {
		c.syntax = append(c.syntax, Finding{Kind: Unconverted, Pos: pos, Text: what})
	}
	if at := strings.IndexFunc(text, func(r rune) bool { return r == utf8.RuneError }); at >= 0 && !utf8.ValidString(text) {
		report(option.Pos{File: path, Line: 1 + strings.Count(text[:at], "\n"), Column: 1}, "this file is not in UTF-8; taken for ISO-8859-1")
	}
	parse(s, report)
	c.sources[path] = s
	c.order = append(c.order, path)
	return s, nil
}

// latin makes UTF-8 of a file that is in ISO-8859-1.
func latin(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	out := make([]rune, len(text))
	for i := range len(text) {
		out[i] = rune(text[i])
	}
	return string(out)
}

// file converts a source into a file of its own.
func (c *converter) file(s *source, k context, out string) {
	f := &File{Path: out, Source: s.path}
	c.files = append(c.files, f)
	outer := c.current
	c.current, c.stack = f, append(c.stack, s.path)
	c.body(&f.page, s.items, k)
	c.current, c.stack = outer, c.stack[:len(c.stack)-1]
	f.Text = f.page.String()
}

// expand puts what is included in the place of the include, where there is to
// be one file. What cannot be included stays an include, and is refused.
func (c *converter) expand(items []*item) []*item {
	if c.o.Split {
		return items
	}
	var out []*item
	for _, it := range items {
		if it.kind == includeItem && c.refused[it] == "" {
			inner, why := c.spliced(it)
			if why == "" {
				out = append(out, inner...)
				continue
			}
			c.refused[it] = why
		}
		out = append(out, it)
	}
	return out
}

// spliced are the items of what is included, a comment in front of each file's.
func (c *converter) spliced(it *item) ([]*item, string) {
	t, why := c.resolve(it)
	var out []*item
	for _, path := range t.files {
		s, problem := c.open(path)
		if problem != "" {
			return nil, problem
		}
		out = append(out, &item{kind: commentItem, src: it.src, from: it.from, to: it.to, above: true, say: "# " + it.text() + ": " + path})
		c.stack = append(c.stack, path)
		out = append(out, c.expand(s.items)...)
		c.stack = c.stack[:len(c.stack)-1]
	}
	return out, why
}

// open reads a file that is included.
func (c *converter) open(path string) (*source, string) {
	c.reads++
	switch {
	case slices.Contains(c.stack, path):
		return nil, "it includes itself: " + strings.Join(append(c.stack, path), " -> ")
	case len(c.stack) >= maxDepth:
		return nil, fmt.Sprintf("includes are nested more than %d deep", maxDepth)
	case c.reads > maxReads:
		return nil, fmt.Sprintf("more than %d includes", maxReads)
	}
	s, err := c.read(path)
	if err != nil {
		return nil, err.Error()
	}
	return s, ""
}

// target is what an include means: a file, or the files of a directory.
type target struct {
	path  string
	dir   bool
	files []string
}

// resolve finds what an include means: beside the including file, then along
// the search path (reference/config-syntax.md §3); of a directory its files, in
// order and without those that begin with a dot.
func (c *converter) resolve(it *item) (target, string) {
	path := strings.TrimPrefix(it.instance, "file://")
	if strings.Contains(path, "://") {
		return target{}, "only files can be included; put a copy of it here"
	}
	candidates := []string{filepath.Clean(path)}
	if !filepath.IsAbs(path) {
		candidates = nil
		for _, dir := range append([]string{filepath.Dir(it.src.path)}, c.o.Search...) {
			candidates = append(candidates, filepath.Join(dir, path))
		}
	}
	for _, found := range candidates {
		info, err := c.o.FS.Stat(found)
		if err != nil {
			continue
		}
		if !info.IsDir() {
			return target{path: found, files: []string{found}}, ""
		}
		return c.directory(found)
	}
	return target{}, "there is nothing at " + strings.Join(candidates, ", ")
}

func (c *converter) directory(path string) (target, string) {
	t := target{path: path, dir: true}
	entries, err := c.o.FS.ReadDir(path)
	if err != nil {
		return t, err.Error()
	}
	for _, e := range entries {
		inner := filepath.Join(path, e.Name())
		if info, err := c.o.FS.Stat(inner); err == nil && info.Mode().IsRegular() && !strings.HasPrefix(e.Name(), ".") {
			t.files = append(t.files, inner)
		}
	}
	return t, ""
}

// include converts what is included into files of their own, and includes
// those.
func (c *converter) include(g *page, it *item, k context) {
	t, why := c.resolve(it)
	base := filepath.Dir(c.current.Path)
	out, made := c.place(t.path, filepath.Join(base, outName(it.instance)), k)
	for _, path := range t.files {
		s, problem := c.open(path)
		if why = problem; why != "" {
			break
		}
		name := out
		if t.dir {
			name = filepath.Join(out, filepath.Base(path))
		}
		if !made {
			c.file(s, k, name)
		}
	}
	relative, err := filepath.Rel(base, out)
	if err != nil {
		why = err.Error()
	}
	if why != "" {
		c.leaveOut(g, it, why)
		return
	}
	if filepath.IsAbs(it.instance) {
		c.paths = append(c.paths, Place{it.pos(), it.instance})
	}
	g.comments(it)
	label := strings.TrimSuffix(filepath.Base(out), filepath.Ext(out))
	g.put(it, it.pos(), it.key()+" "+hclString(label)+" {"+behind(it.behind))
	g.put(it, it.pos(), "path = "+hclString(relative))
	g.put(it, it.pos(), "}")
}

// outName is where what is included goes, below the directory of the including
// file: the path as it was written, as far as it does not lead out of there.
func outName(path string) string {
	path = filepath.Clean("/" + strings.TrimPrefix(path, "file://"))
	return strings.TrimPrefix(path, "/")
}

// place finds a name for the result of a source in a scope. It tells whether
// the result is there already.
func (c *converter) place(source, out string, k context) (string, bool) {
	key := placeKey{source, k.path}
	name := out
	for n := 2; ; n++ {
		other, taken := c.placed[name]
		if !taken {
			c.placed[name] = key
			return name, false
		}
		if other == key {
			return name, true
		}
		ext := filepath.Ext(out)
		name = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(out, ext), n, ext)
	}
}
