package api

import (
	"errors"
	"io/fs"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

// filesPackage is msys.readfile.
func filesPackage(web *httpPool) Package {
	return Package{
		Name: "msys", Preload: true,
		Funcs: []Func{{
			Name: "readfile", Params: []Param{{Name: "path", Type: String}},
			Returns: "string | nil, message", Phases: "any", Since: "3.0",
			Doc:     "Reads a whole file, at most 16 MiB, while other sessions go on. A URI may be file://, gzip:// or bzip2:// with a path, which unpack it, or http:// and https://.",
			Example: `local text, err = msys.readfile("/etc/motd")`,
			Status:  Partial, Why: "of the original's URIs persist://, jlog:// and pipe:// are not known",
			Do: func(e *Env, L *lua.LState) int { return readFile(e, L, web) },
		}},
	}
}

// maxFile is the largest file that a script may read, in bytes.
const maxFile = 16 << 20

var (
	errNotRegular = errors.New("not a regular file")
	errFileSize   = errors.New("larger than 16 MiB")
	errNoIO       = sdk.ErrNoIO
)

// errorWords is an error without the path, which the caller has.
func errorWords(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}
