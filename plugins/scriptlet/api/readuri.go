package api

import (
	"compress/bzip2"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// readURI reads what a path or URI of msys.readfile names: a file as it is or
// unpacked, or the body of an answer over HTTP. It runs outside of the
// interpreter.
func readURI(ctx context.Context, web *httpPool, uri string) ([]byte, error) {
	scheme, path, ok := strings.Cut(uri, "://")
	if !ok {
		return readRegular(uri)
	}
	switch strings.ToLower(scheme) {
	case "file":
		return readRegular(path)
	case "gzip":
		return readPacked(path, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) })
	case "bzip2":
		return readPacked(path, func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil })
	case "http", "https":
		return fetchURI(ctx, web, uri)
	}
	return nil, fmt.Errorf("mtad knows no %s:// URIs here", scheme)
}

// readPacked unpacks a file, as far as maxFile bytes go.
func readPacked(path string, unpack func(io.Reader) (io.Reader, error)) ([]byte, error) {
	f, err := openRegular(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := unpack(f)
	if err != nil {
		return nil, err
	}
	return readBounded(r)
}

// fetchURI gets a resource; a status other than 200 is an error.
func fetchURI(ctx context.Context, web *httpPool, uri string) ([]byte, error) {
	a, err := web.do(ctx, &httpRequest{method: "GET", url: uri, header: http.Header{}, timeout: httpTimeout, redirects: maxHTTPRedirects, bodyLimit: maxFile})
	if err != nil {
		return nil, err
	}
	if a.code != 200 {
		return nil, fmt.Errorf("status %d %s", a.code, a.reason)
	}
	return []byte(a.body), nil
}

func readBounded(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(text) > maxFile {
		return nil, errFileSize
	}
	return text, err
}

// readRegular reads a regular file.
func readRegular(path string) ([]byte, error) {
	f, err := openRegular(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readBounded(f)
}

// readFile is msys.readfile.
func readFile(e *Env, L *lua.LState, web *httpPool) int {
	uri := L.ToString(1)
	if e.World.Config().CheckOnly {
		return failure(L, uri+": "+errNoIO.Error())
	}
	var text []byte
	var err error
	e.World.Wait(L, false, func(ctx context.Context) { text, err = readURI(ctx, web, uri) })
	if err != nil {
		return failure(L, strings.TrimPrefix(uri, "file://")+": "+errorWords(err))
	}
	e.World.Spend(L, len(text)/100)
	L.Push(lua.LString(text))
	return 1
}
