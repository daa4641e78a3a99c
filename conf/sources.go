package conf

import (
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	shipped "github.com/mtad/mtad/conf/default"
	"github.com/mtad/mtad/sdk"
)

// Sources finds Lua sources by name. It may be used concurrently.
type Sources struct {
	fs      FS
	dirs    []string
	library fs.FS
}

// embedded stands before the path of a source that is part of the program.
const embedded = "(embedded)"

// maxSourceSize bounds one script.
const maxSourceSize = 16 << 20

// NewSources looks in dirs, in order, and then in the library; nil fsys is the
// real file system, nil library the shipped one.
func NewSources(fsys FS, dirs []string, library fs.FS) *Sources {
	if fsys == nil {
		fsys = OS{}
	}
	if library == nil {
		library = shipped.Lua()
	}
	return &Sources{fs: fsys, dirs: dirs, library: library}
}

// Sources looks where this configuration says: in the directory of the main
// file, in those of the files it includes in the order they were read, along
// the search path, and then in the embedded library.
func (t *Tree) Sources() *Sources {
	var dirs []string
	add := func(dir string) {
		if abs, err := filepath.Abs(dir); err == nil {
			dir = abs
		}
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	for _, f := range t.Files {
		if !isEmbedded(f.Path) {
			add(filepath.Dir(f.Path))
		}
	}
	for _, dir := range t.opts.searchPath() {
		add(dir)
	}
	return NewSources(t.opts.FS, dirs, t.opts.Lua)
}

// Find reads the source called name, as a configuration or a require writes it:
// "myscripts.ehlo_phase" or "myscripts/ehlo_phase", no extension; "x.lua" is
// x/lua.lua, as in the original (reference/lua-api-notes.md 10). An absolute
// path stands for itself. A miss is a *sdk.SourceError
// with every path that was tried.
func (s *Sources) Find(name string) (*sdk.Source, error) {
	candidates, ok := s.candidates(name)
	miss := &sdk.SourceError{Name: name}
	if !ok {
		miss.Tried = []sdk.TriedPath{tried(name, syscall.EINVAL)}
		return nil, miss
	}
	for _, c := range candidates {
		text, err := s.read(c)
		if err == nil {
			return &sdk.Source{Name: name, Path: c, Text: text}, nil
		}
		miss.Tried = append(miss.Tried, tried(c, err))
	}
	return nil, miss
}

func tried(path string, err error) sdk.TriedPath {
	number, text := errno(err)
	return sdk.TriedPath{Path: path, Errno: number, Text: text}
}

// candidates are the paths a name can mean, in order. It is false for a name
// that is none: an empty part, which is also what ".." has, would lead out of
// the directories.
func (s *Sources) candidates(name string) ([]string, bool) {
	if strings.ContainsRune(name, 0) {
		return nil, false
	}
	if filepath.IsAbs(name) {
		if !strings.HasSuffix(name, ".lua") {
			name += ".lua"
		}
		return []string{filepath.Clean(name)}, true
	}
	parts := strings.FieldsFunc(name, isSeparator)
	if separators := strings.Count(name, ".") + strings.Count(name, "/"); len(parts) != separators+1 {
		return nil, false
	}
	relative := path.Join(parts...) + ".lua"
	var out []string
	for _, dir := range s.dirs {
		out = append(out, filepath.Join(dir, relative))
	}
	return append(out, embedded+"/"+relative), true
}

func isSeparator(r rune) bool { return r == '.' || r == '/' }

func (s *Sources) read(candidate string) ([]byte, error) {
	if inside, ok := strings.CutPrefix(candidate, embedded+"/"); ok {
		return fs.ReadFile(s.library, inside)
	}
	return readBounded(s.fs, candidate, maxSourceSize)
}
