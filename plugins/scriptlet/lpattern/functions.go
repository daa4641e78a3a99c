package lpattern

import (
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/dialect"
)

// Options bounds the functions that scripts call.
type Options struct {
	// Spend, if set, charges steps of about 10 ns each to the script's budget,
	// and raises when it is used up. It may let other goroutines run.
	Spend func(L *lua.LState, steps int)
	// MaxResult is how long, in bytes, a string that gsub builds may be; 0 is
	// no bound.
	MaxResult int
	// ArgError, if set, raises that argument n of the running function is bad,
	// and Raise any other error. They decide on the position in the text;
	// without them it is that of the innermost Lua activation.
	ArgError func(L *lua.LState, n int, text string)
	Raise    func(L *lua.LState, format string, args ...any)
}

// Functions is string.find, match, gmatch, gfind and gsub, to be put over the
// stock ones. Errors are worded as stock Lua's and raised at the caller's line.
func Functions(opt Options) map[string]lua.LGFunction {
	if opt.Raise == nil {
		opt.Raise = (*lua.LState).RaiseError
	}
	f := functions{opt}
	return map[string]lua.LGFunction{
		"find":   f.find,
		"match":  f.match,
		"gmatch": func(L *lua.LState) int { return f.gmatch(L, "gmatch") },
		"gfind":  func(L *lua.LState) int { return f.gmatch(L, "gfind") },
		"gsub":   f.gsub,
	}
}

type functions struct{ opt Options }

// matcher is a value, so that a search that needs no memory takes none.
func (f functions) matcher(L *lua.LState, src, pattern string) matcher {
	m := newMatcher(src, pattern)
	m.charge, m.state, m.raise = f.opt.Spend, L, f.opt.Raise
	return m
}

func (f functions) find(L *lua.LState) int {
	src, pattern := f.argString(L, 1, "find"), f.argString(L, 2, "find")
	init := f.argInit(L, len(src), "find")
	if lua.LVAsBool(L.Get(4)) || Plain(pattern) {
		return f.findPlain(L, src, pattern, init)
	}
	m := f.matcher(L, src, pattern)
	start, end := m.search(init)
	if !m.done(L, end) {
		L.Push(lua.LNil)
		return 1
	}
	L.Push(lua.LNumber(start + 1))
	L.Push(lua.LNumber(end))
	return 2 + m.pushCaptures(L, 0, 0, false)
}

func (f functions) findPlain(L *lua.LState, src, pattern string, init int) int {
	if n := len(src) - init; n > checkEvery && f.opt.Spend != nil {
		f.opt.Spend(L, n/64)
	}
	i := strings.Index(src[init:], pattern)
	if i < 0 {
		L.Push(lua.LNil)
		return 1
	}
	L.Push(lua.LNumber(init + i + 1))
	L.Push(lua.LNumber(init + i + len(pattern)))
	return 2
}

func (f functions) match(L *lua.LState) int {
	src, pattern := f.argString(L, 1, "match"), f.argString(L, 2, "match")
	init := f.argInit(L, len(src), "match")
	m := f.matcher(L, src, pattern)
	start, end := m.search(init)
	if !m.done(L, end) {
		L.Push(lua.LNil)
		return 1
	}
	return m.pushCaptures(L, start, end, true)
}

func (f functions) gmatch(L *lua.LState, name string) int {
	it := &Iterator{m: f.matcher(L, f.argString(L, 1, name), f.argString(L, 2, name))}
	L.Push(L.NewFunction(func(L *lua.LState) int {
		it.m.state = L
		start, end := it.step()
		if !it.m.done(L, end) {
			return 0
		}
		return it.m.pushCaptures(L, start, end, true)
	}))
	return 1
}

func (f functions) gsub(L *lua.LState) int {
	src, pattern := f.argString(L, 1, "gsub"), f.argString(L, 2, "gsub")
	max := math.MaxInt
	m := f.matcher(L, src, pattern)
	replace := f.replacer(L, &m)
	if L.Get(4) != lua.LNil {
		max = f.argInt(L, 4, "gsub")
	}
	g := gsub{m: &m, max: max, maxResult: f.opt.MaxResult}
	if max < 0 {
		g.max = 0
	}
	n, err := g.run(replace)
	if err != nil {
		f.opt.Raise(L, "%s", err.Error())
	}
	m.done(L, n)
	L.Push(lua.LString(g.result(n)))
	L.Push(lua.LNumber(n))
	return 2
}

// replacer is what the third argument of gsub asks for.
func (f functions) replacer(L *lua.LState, m *matcher) func(dst []byte, s, e int) ([]byte, error) {
	switch repl := L.Get(3).(type) {
	case lua.LString, lua.LNumber:
		template := text(repl)
		return func(dst []byte, s, e int) ([]byte, error) { return m.appendTemplate(dst, template, s, e) }
	case *lua.LTable:
		return func(dst []byte, s, e int) ([]byte, error) {
			return m.appendValue(L, dst, L.GetTable(repl, m.captureValue(L, 0, s, e)), s, e)
		}
	case *lua.LFunction:
		return func(dst []byte, s, e int) ([]byte, error) {
			L.Push(repl)
			L.Call(m.pushCaptures(L, s, e, true), 1)
			v := L.Get(-1)
			L.Pop(1)
			return m.appendValue(L, dst, v, s, e)
		}
	}
	f.argError(L, 3, "gsub", "string/function/table expected")
	return nil
}

// appendValue: false and nil keep the match.
func (m *matcher) appendValue(L *lua.LState, dst []byte, v lua.LValue, s, e int) ([]byte, error) {
	switch {
	case !lua.LVAsBool(v):
		return append(dst, m.src[s:e]...), nil
	case lua.LVCanConvToString(v):
		return append(dst, text(v)...), nil
	}
	m.raise(L, "invalid replacement value (a %s)", v.Type().String())
	return nil, nil
}

// done raises the search's error, charges what is left to charge, and tells
// whether there was a match.
func (m *matcher) done(L *lua.LState, end int) bool {
	if m.err != nil {
		m.raise(L, "%s", m.err.Error())
	}
	if m.charge != nil && m.steps > checkEvery/10 {
		m.settle()
	}
	return end >= 0
}

// pushCaptures pushes the captures; whole pushes the match if there is none.
func (m *matcher) pushCaptures(L *lua.LState, s, e int, whole bool) int {
	n := m.level
	if n == 0 && whole {
		n = 1
	}
	for i := range n {
		L.Push(m.captureValue(L, i, s, e))
	}
	return n
}

func (m *matcher) captureValue(L *lua.LState, i, s, e int) lua.LValue {
	if i >= m.level {
		if i != 0 {
			m.raise(L, "%s", errCaptureIndex.Error())
		}
		return lua.LString(m.src[s:e])
	}
	text, pos, err := m.captures[i].of(m.src)
	if err != nil {
		m.raise(L, "%s", err.Error())
	}
	if pos > 0 {
		return lua.LNumber(pos)
	}
	return lua.LString(text)
}

// appendCapture is captureValue for a replacement string.
func (m *matcher) appendCapture(dst []byte, i, s, e int) ([]byte, error) {
	if i >= m.level {
		if i != 0 {
			return dst, errCaptureIndex
		}
		return append(dst, m.src[s:e]...), nil
	}
	text, pos, err := m.captures[i].of(m.src)
	if pos > 0 {
		return strconv.AppendInt(dst, int64(pos), 10), nil
	}
	return append(dst, text...), err
}

func text(v lua.LValue) string {
	if n, ok := v.(lua.LNumber); ok {
		return dialect.NumberText(float64(n))
	}
	return lua.LVAsString(v)
}

// argString is an argument that is a string, or a number as text.
func (f functions) argString(L *lua.LState, n int, name string) string {
	v := L.Get(n)
	if s, ok := v.(lua.LString); ok {
		return string(s)
	}
	if !lua.LVCanConvToString(v) {
		f.typeError(L, n, name, "string")
	}
	return text(v)
}

// argInt is an argument that is a number, or a string that can be read as one.
func (f functions) argInt(L *lua.LState, n int, name string) int {
	v := L.Get(n)
	number, ok := 0.0, false
	switch v := v.(type) {
	case lua.LNumber:
		number, ok = float64(v), true
	case lua.LString:
		number, ok = dialect.ParseNumber(string(v))
	}
	if !ok {
		f.typeError(L, n, name, "number")
	}
	return int(math.Max(math.MinInt32, math.Min(number, math.MaxInt32)))
}

// argInit is the third argument: where to begin, from 1, or from the end if
// negative; as an offset within the subject.
func (f functions) argInit(L *lua.LState, length int, name string) int {
	if L.Get(3) == lua.LNil {
		return 0
	}
	init := f.argInt(L, 3, name)
	if init < 0 {
		init += length + 1
	}
	return max(0, min(init-1, length))
}

func (f functions) typeError(L *lua.LState, n int, name, want string) {
	got := "no value"
	if n <= L.GetTop() {
		got = L.Get(n).Type().String()
	}
	f.argError(L, n, name, want+" expected, got "+got)
}

func (f functions) argError(L *lua.LState, n int, name, text string) {
	if f.opt.ArgError != nil {
		f.opt.ArgError(L, n, text)
	}
	L.RaiseError("bad argument #%d to '%s' (%s)", n, name, text)
}
