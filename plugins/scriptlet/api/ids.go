package api

import (
	"time"

	lua "github.com/yuin/gopher-lua"
)

// Classes of the small values that the original gives as userdata: they print
// as text and have little else (reference/lua-api-notes.md 28).
const (
	classID      = "message_id"
	classTime    = "timeval"
	classRecord  = "domain_record"
	classAddress = "sockaddr"
)

// idClass is msg.id, msg.batch_id and the conn_ids.
func idClass() Class {
	return Class{
		Name: classID,
		Doc:  "An id such as 00/00-01974-EBDC39A4; tostring gives the text.",
		Meta: textMeta(func(v any) (string, bool) { s, ok := v.(messageID); return string(s), ok }),
	}
}

type messageID string

// newID is the id as a script sees it; nil where there is none.
func newID(e *Env, L *lua.LState, id string) lua.LValue {
	if id == "" {
		return lua.LNil
	}
	return e.World.Object(L, classID, messageID(id))
}

// textMeta are the metamethods of an object that is text in disguise.
func textMeta(text func(v any) (string, bool)) map[string]func(e *Env, L *lua.LState) int {
	of := func(L *lua.LState, n int) string {
		if ud, ok := L.Get(n).(*lua.LUserData); ok {
			if s, ok := text(ud.Value); ok {
				return s
			}
		}
		return Text(L, L.Get(n))
	}
	return map[string]func(e *Env, L *lua.LState) int{
		"__tostring": func(_ *Env, L *lua.LState) int { return pushString(L, of(L, 1)) },
		"__len":      func(_ *Env, L *lua.LState) int { return pushNumber(L, len(of(L, 1))) },
		"__concat":   func(_ *Env, L *lua.LState) int { return pushString(L, of(L, 1)+of(L, 2)) },
		"__eq":       func(_ *Env, L *lua.LState) int { return pushBool(L, of(L, 1) == of(L, 2)) },
	}
}

func pushString(L *lua.LState, s string) int {
	L.Push(lua.LString(s))
	return 1
}

func pushNumber[N int | int64](L *lua.LState, n N) int {
	L.Push(lua.LNumber(n))
	return 1
}

func pushBool(L *lua.LState, b bool) int {
	L.Push(lua.LBool(b))
	return 1
}

// timeClass is a C timeval: msg.creation_time and the now of log hooks.
func timeClass() Class {
	part := func(name, doc string, get func(t time.Time) int64) Field {
		return Field{Name: name, Type: "number", Doc: doc, Phases: "any",
			Get: func(_ *Env, _ *lua.LState, self *lua.LUserData) lua.LValue {
				t, _ := self.Value.(time.Time)
				return lua.LNumber(get(t))
			}}
	}
	return Class{
		Name: classTime,
		Doc:  "A point in time.",
		Fields: []Field{
			part("tv_sec", "Seconds since 1970, UTC.", time.Time.Unix),
			part("tv_usec", "Microseconds of the second.", func(t time.Time) int64 { return int64(t.Nanosecond() / 1000) }),
		},
		Meta: map[string]func(e *Env, L *lua.LState) int{
			"__tostring": func(_ *Env, L *lua.LState) int {
				t, _ := L.CheckUserData(1).Value.(time.Time)
				return pushNumber(L, t.Unix())
			},
		},
	}
}

// domainRecord is the dr of a log hook: the queue a message was in.
type domainRecord struct{ domain string }

func recordClass() Class {
	return Class{
		Name: classRecord,
		Doc:  "The queue of a domain.",
		Fields: []Field{{Name: "domain", Type: "string", Doc: "The domain's name.", Phases: "any",
			Get: func(_ *Env, _ *lua.LState, self *lua.LUserData) lua.LValue {
				r, _ := self.Value.(domainRecord)
				return lua.LString(r.domain)
			}}},
	}
}

func getDomainFunc() Func {
	return Func{
		Name: "dns_get_domain", Params: []Param{{Name: "domain", Type: String}}, Returns: "domain_record or nil", Phases: "any", Since: "3.0",
		Doc:     "The queue record of a domain; nil where the name is none.",
		Example: `local dr = msys.core.dns_get_domain("example.com")`,
		Do: func(e *Env, L *lua.LState) int {
			domain, ok := domainName(L.ToString(1))
			if !ok {
				return pushNil(L)
			}
			L.Push(e.World.Object(L, classRecord, domainRecord{domain}))
			return 1
		},
	}
}
