package api

import (
	"context"
	"io"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mail"
)

// support is what the API keeps for one interpreter.
type support struct {
	patterns *Patterns
	open     *atomic.Int64 // io_objects
	pools    poolUse
}

const supportKey = "mtad.api.support"

// PatternsOf is the pattern cache of L's interpreter.
func PatternsOf(L *lua.LState) *Patterns { return supportOf(L).patterns }

// openCount counts the io_objects of L's interpreter.
func openCount(L *lua.LState) *atomic.Int64 { return supportOf(L).open }

func supportOf(L *lua.LState) *support {
	registry := L.G.Registry
	if ud, ok := registry.RawGetString(supportKey).(*lua.LUserData); ok {
		if s, ok := ud.Value.(*support); ok {
			return s
		}
	}
	s := &support{patterns: NewPatterns(), open: new(atomic.Int64)}
	registry.RawSetString(supportKey, &lua.LUserData{Value: s, Metatable: lua.LNil})
	return s
}

// MustCompile is Compile for an API function: a bad pattern raises.
func MustCompile(L *lua.LState, pattern string) Regexp {
	re, err := PatternsOf(L).Compile(pattern)
	if err != nil {
		L.RaiseError("bad pattern %q: %s", pattern, err.Error())
	}
	return re
}

// MatchFirst finds the first match for an API function, nil where there is
// none. The time it takes counts against the script's budget, and a pattern
// that is stopped raises.
func MatchFirst(e *Env, L *lua.LState, re Regexp, subject string) (loc []int) {
	err := matchAll(e, L, re, subject, func(found []int) bool {
		loc = append([]int(nil), found...)
		return false
	})
	if err != nil {
		L.RaiseError("%s", err.Error())
	}
	return loc
}

// matchAll is Each for an API function: the time counts against the script's
// budget. A long subject is searched window by window, while other sessions go
// on, and costs a tenth of that; yield must not touch Lua.
func matchAll(e *Env, L *lua.LState, re Regexp, subject string, yield func(loc []int) bool) (err error) {
	began := time.Now()
	if len(subject) <= streamWindow {
		err = re.Each(subject, yield)
		spendTime(e, L, time.Since(began))
		return err
	}
	e.World.Wait(L, false, func(context.Context) {
		moved := []int(nil)
		err = re.Stream(int64(len(subject)), reading(subject), func(base int64, _ string, loc []int) bool {
			moved = moved[:0]
			for _, v := range loc {
				if v >= 0 {
					v += int(base)
				}
				moved = append(moved, v)
			}
			return yield(moved)
		})
	})
	spendTime(e, L, time.Since(began)/10)
	return err
}

// reading gives a text piece by piece.
func reading(text string) func(most int64) ([]byte, error) {
	return func(most int64) ([]byte, error) {
		if text == "" {
			return nil, io.EOF
		}
		n := min(int(most), len(text))
		piece := unsafe.Slice(unsafe.StringData(text), n)
		text = text[n:]
		return piece, nil
	}
}

// spendTime counts time spent in Go as steps of 10 ns.
func spendTime(e *Env, L *lua.LState, d time.Duration) {
	e.World.Spend(L, 1+int(d/(10*time.Nanosecond)))
}

// Captures is the table that a match gives: [0] the whole, [1] and on the
// groups, and the named groups by name (reference/lua-api-notes.md 64).
func Captures(L *lua.LState, re Regexp, subject string, loc []int) *lua.LTable {
	t := L.CreateTable(len(loc)/2, len(re.Names())+1)
	for i := 0; i < len(loc); i += 2 {
		if loc[i] >= 0 {
			t.RawSetInt(i/2, lua.LString(subject[loc[i]:max(loc[i], loc[i+1])]))
		}
	}
	for _, n := range re.Names() {
		if i := 2 * n.Group; i < len(loc) && loc[i] >= 0 {
			t.RawSetString(n.Name, lua.LString(subject[loc[i]:max(loc[i], loc[i+1])]))
		}
	}
	return t
}

// namesTerminator reports a pattern that looks for the end of a message as SMTP
// has it, which the original keeps with the body: the published way to append
// a disclaimer is msg:text_replace("\r\n.\r\n", text.."\r\n.\r\n").
func namesTerminator(pattern string) bool {
	for _, form := range []string{terminator, "\r\n\\.\r\n", `\r\n.\r\n`, `\r\n\.\r\n`} {
		if strings.Contains(pattern, form) {
			return true
		}
	}
	return false
}

// withTerminator gives a body the end that such a pattern looks for.
func withTerminator(body string) string {
	if body != "" && !strings.HasSuffix(body, "\r\n") {
		return body + terminator
	}
	return body + ".\r\n"
}

// replaceIn replaces in text; ok is false where nothing matched.
func replaceIn(e *Env, L *lua.LState, text string, whole bool) (out string, ok bool) {
	pattern := L.ToString(2)
	re := MustCompile(L, pattern)
	ended := whole && namesTerminator(pattern)
	if ended {
		text = withTerminator(text)
	}
	out, n := ReplaceAll(e, L, re, text, L.Get(3), 0)
	if ended {
		out = strings.TrimSuffix(out, ".\r\n")
	}
	return out, n > 0
}

// matchIn pushes the captures of the first match in text, else false.
func matchIn(e *Env, L *lua.LState, texts ...string) int {
	re := MustCompile(L, L.ToString(2))
	for _, text := range texts {
		if namesTerminator(L.ToString(2)) {
			text = withTerminator(text)
		}
		if loc := MatchFirst(e, L, re, text); loc != nil {
			L.Push(Captures(L, re, text, loc))
			return 1
		}
	}
	return pushBool(L, false)
}

func matchParams() []Param { return []Param{{Name: "pattern", Type: String}} }

func replaceParams() []Param {
	return []Param{{Name: "pattern", Type: String}, {Name: "replacement", Type: StringOrFunction}}
}

func messageMatchMethods() []Func {
	const phases, change = "data,data_spool,each_rcpt,set_binding", "data,data_spool,each_rcpt"
	match := func(name, doc string, do func(e *Env, L *lua.LState, m *message) int) Func {
		return Func{Name: name, Params: matchParams(), Returns: "table or false", Phases: phases, Since: "3.0",
			Doc: doc, Example: `local m = msg:` + name + `("order (\\d+)")`,
			Do: func(e *Env, L *lua.LState) int { return do(e, L, current(e, L)) }}
	}
	replace := func(name, doc string, do func(e *Env, L *lua.LState, m *message) bool) Func {
		return Func{Name: name, Params: replaceParams(), Returns: "boolean", Phases: change, Since: "3.0",
			Doc: doc, Example: `msg:` + name + `("secret", "xxxxxx")`,
			Do: func(e *Env, L *lua.LState) int {
				m := current(e, L)
				m.needContent(e, L, "msg:"+name)
				m.needOpen(e, L, "msg:"+name)
				return pushBool(L, do(e, L, m))
			}}
	}
	return []Func{
		match("body_match", "The captures of the first match in the raw body.", bodyMatch),
		match("raw_match", "The captures of the first match in the whole message.", rawMatch),
		match("text_match", "The captures of the first match in the decoded text parts.", textMatch),
		replace("body_replace", "Replaces every match in the raw body.", bodyReplace),
		replace("raw_replace", "Replaces every match in the whole message.", rawReplace),
		replace("text_replace", "Replaces every match in the decoded text parts, which keep their charset and transfer encoding where these can hold the result.", textReplace),
	}
}

func texts(e *Env, L *lua.LState, root *mail.Part) []string {
	var out []string
	for _, p := range root.TextParts() {
		spendOn(e, L, 4*len(p.Body()))
		out = append(out, p.Text())
	}
	return out
}

func bodyMatch(e *Env, L *lua.LState, m *message) int {
	if m.streams() {
		return m.streamMatch(e, L, false)
	}
	return matchIn(e, L, textOf(m.body(e, L)))
}

func rawMatch(e *Env, L *lua.LState, m *message) int {
	if m.streams() {
		return m.streamMatch(e, L, true)
	}
	return matchIn(e, L, m.raw(e, L))
}

func bodyReplace(e *Env, L *lua.LState, m *message) bool {
	if m.streams() {
		if done, ok := m.streamReplace(e, L, false); ok {
			return done
		}
	}
	out, ok := replaceIn(e, L, textOf(m.body(e, L)), true)
	if ok {
		m.change(e, L, sdk.Change{Kind: sdk.BodyReplace, Data: []byte(out)})
	}
	return ok
}

func rawReplace(e *Env, L *lua.LState, m *message) bool {
	if m.streams() {
		if done, ok := m.streamReplace(e, L, true); ok {
			return done
		}
	}
	out, ok := replaceIn(e, L, m.raw(e, L), true)
	if ok {
		m.setRaw(e, L, []byte(out))
	}
	return ok
}

// replaceTexts replaces in every text part below p.
func replaceTexts(e *Env, L *lua.LState, p *mail.Part) bool {
	done := false
	for _, leaf := range p.TextParts() {
		spendOn(e, L, 4*len(leaf.Body()))
		out, ok := replaceIn(e, L, leaf.Text(), leaf.Parent() == nil)
		if ok {
			leaf.ReplaceText(out)
			done = true
		}
	}
	return done
}
