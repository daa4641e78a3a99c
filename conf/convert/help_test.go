package convert

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/core"
	"github.com/mtad/mtad/plugins/alerting"
	"github.com/mtad/mtad/plugins/datasource"
	"github.com/mtad/mtad/plugins/mailauth"
	"github.com/mtad/mtad/plugins/scanner"
	"github.com/mtad/mtad/plugins/scriptlet"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/scan"
)

// modules are those of the binary.
func modules() []core.Builtin {
	list := []core.Builtin{
		{Name: mailauth.Name, Scopes: mailauth.Schemas()}, {Name: scanner.Name, Scopes: scan.Schemas()},
	}
	for _, m := range []sdk.Module{
		datasource.New(datasource.Drivers(), time.Now), alerting.New(time.Now), scriptlet.New(scriptlet.Deps{}),
	} {
		b := core.Builtin{Name: m.Info().Name, Schema: m.Info().Schema}
		if b.Name == "datasource" {
			b.Scopes = datasource.Schemas()
		}
		list = append(list, b)
		_ = m.Close() // it has prepared nothing
	}
	return list
}

func fullSchema() *option.Schema { return core.FullSchema(modules()) }

// refusals is what the server says of a result.
func refusals(fsys conf.FS, path string) []option.Problem {
	refused, mistakes := core.Verify(core.Options{
		Conf: conf.Options{Path: path, Search: []string{}, FS: fsys, Listed: []string{"module"}}, Builtin: modules(),
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

// textFS is a file system of paths and texts.
type textFS map[string]string

func (m textFS) ReadFile(name string) ([]byte, error) {
	if text, ok := m[name]; ok {
		return []byte(text), nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ENOENT}
}

func (m textFS) Stat(name string) (fs.FileInfo, error) {
	if text, ok := m[name]; ok {
		return entryInfo{filepath.Base(name), int64(len(text)), 0o644}, nil
	}
	for path := range m {
		if strings.HasPrefix(path, name+"/") {
			return entryInfo{filepath.Base(name), 0, fs.ModeDir | 0o755}, nil
		}
	}
	return nil, &fs.PathError{Op: "stat", Path: name, Err: syscall.ENOENT}
}

func (m textFS) ReadDir(name string) ([]fs.DirEntry, error) {
	var list []fs.DirEntry
	for path, text := range m {
		if filepath.Dir(path) == name {
			list = append(list, fs.FileInfoToDirEntry(entryInfo{filepath.Base(path), int64(len(text)), 0o644}))
		}
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list, nil
}
