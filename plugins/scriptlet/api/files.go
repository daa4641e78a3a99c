package api

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

// filesPackage is msys.readfile.
func filesPackage() Package {
	return Package{
		Name: "msys", Preload: true,
		Funcs: []Func{{
			Name: "readfile", Params: []Param{{Name: "path", Type: String}},
			Returns: "string | nil, message", Phases: "any", Since: "3.0",
			Doc:     "Reads a whole file, at most 16 MiB, while other sessions go on. A path may be a file:// URI.",
			Example: `local text, err = msys.readfile("/etc/motd")`,
			Status:  Partial, Why: "of the original's URIs only file:// is known",
			Do: doReadFile,
		}},
	}
}

// maxFile is the largest file that a script may read, in bytes.
const maxFile = 16 << 20

func doReadFile(e *Env, L *lua.LState) int {
	path := strings.TrimPrefix(L.ToString(1), "file://")
	if scheme, _, ok := strings.Cut(path, "://"); ok {
		return failure(L, path+": mtad knows no "+scheme+":// URIs")
	}
	if e.World.Config().CheckOnly {
		return failure(L, path+": "+sdk.ErrNoIO.Error())
	}
	var text []byte
	var err error
	e.World.Wait(L, false, func(context.Context) { text, err = readRegular(path) })
	if err != nil {
		return failure(L, path+": "+errorWords(err))
	}
	e.World.Spend(L, len(text)/100)
	L.Push(lua.LString(text))
	return 1
}

var (
	errNotRegular = errors.New("not a regular file")
	errFileSize   = errors.New("larger than 16 MiB")
)

// readRegular reads a regular file: opening a pipe would wait for its writer.
func readRegular(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errNotRegular
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		return nil, errFileSize
	}
	return text, err
}

// errorWords is an error without the path, which the caller has.
func errorWords(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}
