package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

// classIO is the class of what io_wrapper_open opens.
const classIO = "io_object"

// ioHandle is an open resource. Its methods are called outside of the
// interpreter, one at a time.
type ioHandle interface {
	io.Reader
	io.Writer
	io.Closer
}

// ioObject is what a script holds.
type ioObject struct {
	name string

	mu     sync.Mutex
	handle ioHandle // nil: closed
	given  *given
}

// given is a resource that counts as open.
type given struct {
	once   sync.Once
	handle ioHandle
	count  *atomic.Int64
}

func (g *given) back() {
	g.once.Do(func() {
		_ = g.handle.Close() // as the original, close tells nothing
		g.count.Add(-1)
	})
}

var (
	errIOClosed = errors.New("it is closed")
	errIOWrite  = errors.New("it cannot be read")
)

// maxOpen bounds the resources that the scripts of one interpreter hold open.
const maxOpen = 500

// ioPackage is msys.core.io_wrapper_open and what it opens.
func ioPackage() Package {
	return Package{
		Name: "msys.core", Preload: true,
		Funcs: []Func{{
			Name: "io_wrapper_open",
			Params: []Param{{Name: "path_or_uri", Type: String}, {Name: "flags", Type: Number, Optional: true},
				{Name: "mode", Type: Number, Optional: true}},
			Returns: "io_object | nil, message", Phases: "any", Since: "3.0",
			Doc: "Opens a regular file, file:///PATH, jlog:///PATH=>SUBSCRIBER or syslog://?facility=mail&priority=error; flags are msys.core.O_* " +
				"joined by |, mode is a new file's, 0644 by default. It is closed when nothing refers to it any more. pipe:// and cluster:// are refused.",
			Example: `local log = msys.core.io_wrapper_open("/var/log/mtad/custom.csv", msys.core.O_CREAT | msys.core.O_APPEND | msys.core.O_WRONLY, 0644)`,
			Do:      doIOOpen,
		}},
		Classes: []Class{ioClass()},
	}
}

func ioClass() Class {
	return Class{
		Name: classIO, Doc: "An open file, jlog or syslog. While it waits for the disk other sessions go on.",
		Methods: []Func{
			{Name: "write", Params: []Param{{Name: "text", Type: String}, {Name: "len", Type: Number, Optional: true}},
				Returns: "number | -1, message", Phases: "any", Since: "3.0",
				Doc:     "Writes text, at most len bytes of it, and gives how many were written. A failure is told in the paniclog too. In a jlog each write is a message.",
				Example: `log:write(line, #line)`, Do: ioWrite},
			{Name: "read", Params: []Param{{Name: "what", Type: StringOrNumber, Optional: true}},
				Returns: "string | nil, message", Phases: "any", Since: "3.0",
				Doc:     `Reads so many bytes, "*l" the next line without its end, or "*a" the rest, at most 16 MiB; nil at the end. Without an argument a line.`,
				Example: `local line = f:read("*l")`, Do: ioRead},
			{Name: "close", Returns: "true", Phases: "any", Since: "3.0",
				Doc: "Closes it; what is not closed is when nothing refers to it any more.", Example: `log:close()`,
				Do: func(e *Env, L *lua.LState) int {
					o := self[*ioObject](L)
					e.World.Wait(L, false, func(context.Context) { o.close() })
					return pushBool(L, true)
				}},
		},
		Meta: map[string]func(e *Env, L *lua.LState) int{
			"__tostring": func(_ *Env, L *lua.LState) int { return pushString(L, classIO+": "+self[*ioObject](L).name) },
		},
	}
}

func doIOOpen(e *Env, L *lua.LState) int {
	uri, flags, mode := L.ToString(1), int(L.ToNumber(2)), os.FileMode(L.OptInt(3, 0o644))&0o777
	if e.World.Config().CheckOnly {
		return failure(L, uri+": "+sdk.ErrNoIO.Error())
	}
	count := openCount(L)
	if count.Add(1) > maxOpen {
		count.Add(-1)
		return failure(L, fmt.Sprintf("%s: %d resources are open already", uri, maxOpen))
	}
	var h ioHandle
	var err error
	e.World.Wait(L, false, func(ctx context.Context) { h, err = openResource(ctx, uri, flags, mode) })
	if err != nil {
		count.Add(-1)
		return failure(L, uri+": "+errorWords(err))
	}
	o := &ioObject{name: uri, handle: h, given: &given{handle: h, count: count}}
	runtime.AddCleanup(o, (*given).back, o.given) // the script let go of it
	L.Push(e.World.Object(L, classIO, o))
	return 1
}

func openResource(ctx context.Context, uri string, flags int, mode os.FileMode) (ioHandle, error) {
	scheme, rest, ok := strings.Cut(uri, "://")
	if !ok {
		scheme, rest = "file", uri
	}
	switch scheme {
	case "file":
		return openRegular(rest, flags, mode)
	case "jlog":
		return openJLog(ctx, rest, mode)
	case "syslog":
		return openSyslog(ctx, strings.TrimPrefix(rest, "?"))
	case "pipe":
		return nil, errors.New("mtad runs no programs for a script")
	}
	return nil, fmt.Errorf("mtad knows no %s:// URIs", scheme)
}

// The flags that a script may give, as Linux has them.
const ioFlags = syscall.O_WRONLY | syscall.O_RDWR | syscall.O_CREAT | syscall.O_APPEND | syscall.O_TRUNC | syscall.O_EXCL

// openRegular opens a regular file: opening a pipe would wait for its other end.
func openRegular(path string, flags int, mode os.FileMode) (ioHandle, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	f, err := os.OpenFile(path, flags&ioFlags|syscall.O_NONBLOCK, mode)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		_ = f.Close() // it is not used
		return nil, errNotRegular
	}
	return f, nil
}

func (o *ioObject) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.handle = nil
	o.given.back()
}

// use runs f on the open resource, outside of the interpreter.
func (o *ioObject) use(e *Env, L *lua.LState, f func(h ioHandle) error) (err error) {
	e.World.Wait(L, false, func(context.Context) {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.handle == nil {
			err = errIOClosed
			return
		}
		err = f(o.handle)
	})
	return err
}

func ioWrite(e *Env, L *lua.LState) int {
	o, text := self[*ioObject](L), L.ToString(2)
	if n, ok := L.Get(3).(lua.LNumber); ok && int(n) < len(text) {
		text = text[:max(int(n), 0)]
	}
	e.World.Spend(L, printSteps+len(text)/100)
	n := 0
	err := o.use(e, L, func(h ioHandle) (err error) {
		n, err = io.WriteString(h, text)
		return err
	})
	if err == nil {
		return pushNumber(L, n)
	}
	words := errorWords(err)
	e.World.Host().Log(sdk.LogRecord{Level: sdk.LevelError, Source: "scriptlet", Text: o.name + ": write: " + words})
	return pushNumber(L, -1) + pushString(L, words)
}

func ioRead(e *Env, L *lua.LState) int {
	o, what := self[*ioObject](L), L.Get(2)
	limit, line := maxFile, false
	switch v := what.(type) {
	case lua.LNumber:
		limit = max(min(int(v), maxFile), 0)
	case *lua.LNilType:
		line = true
	default:
		switch strings.TrimPrefix(v.String(), "*") {
		case "a", "all":
		case "l", "line":
			line = true
		default:
			L.RaiseError(`bad argument #1 to 'read' (a number, "*l" or "*a" expected)`)
		}
	}
	var text []byte
	err := o.use(e, L, func(h ioHandle) (err error) {
		if line {
			text, err = readLine(h, limit)
			return err
		}
		text, err = io.ReadAll(io.LimitReader(h, int64(limit)))
		if err == nil && len(text) == 0 && limit > 0 && what.Type() == lua.LTNumber {
			err = io.EOF
		}
		return err
	})
	e.World.Spend(L, 100+len(text)/100)
	switch {
	case errors.Is(err, io.EOF):
		return pushNil(L)
	case err != nil:
		return failure(L, errorWords(err))
	}
	return pushString(L, string(text))
}

// readLine reads up to the next line's end, which it leaves out, and goes back
// over what it read too much of.
func readLine(h ioHandle, limit int) ([]byte, error) {
	s, ok := h.(io.ReadSeeker)
	if !ok {
		return nil, errIOWrite
	}
	var line []byte
	chunk := make([]byte, 4096)
	for len(line) < limit {
		n, err := s.Read(chunk)
		if i := strings.IndexByte(textOf(chunk[:n]), '\n'); i >= 0 {
			_, err = s.Seek(int64(i+1-n), io.SeekCurrent)
			return append(line, chunk[:i]...), err
		}
		line = append(line, chunk[:n]...)
		if errors.Is(err, io.EOF) && len(line) > 0 {
			return line, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return line, nil
}

// Bytes is what is left to read: an io_object can be a part's body or an
// attachment (ByteSource).
func (o *ioObject) Bytes(context.Context) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.handle == nil {
		return nil, errIOClosed
	}
	return io.ReadAll(io.LimitReader(o.handle, maxBody+1))
}
