package api

import (
	"context"
	"math"
	"net/netip"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

// The context variables of the policy helpers: the training policy reads the
// first prefix itself (reference/lua-api-notes.md, samples).
const (
	whitelistPrefix = "dp_whitelist_"
	varReverseDNS   = "reverse_dns"
	varFCDNS        = "fcdns_status"
)

// pbpPackage is msys.pbp: the helpers of the original's default policy.
func pbpPackage() Package {
	ctx := Param{Name: "vctx", Type: Userdata, Class: classContext}
	return Package{
		Name: "msys.pbp",
		Doc:  "Helpers of the default policy: marks that exempt a session from checks, forward-confirmed reverse DNS, sizes.",
		Funcs: []Func{
			{
				Name: "set_whitelist", Params: []Param{ctx, {Name: "args", Type: Any, Variadic: true}}, Returns: "nothing", Phases: "any", Since: "3.1",
				Doc:     "Marks the session as being on a list: vctx, name, value or, as published policy has it, vctx, type, name, value. The type is VCTX_CONN by default; false takes the mark away.",
				Example: `msys.pbp.set_whitelist(vctx, "good_guys", true)`,
				Do:      setWhitelist,
			},
			{
				Name: "check_whitelist", Params: []Param{ctx, {Name: "lists", Type: Any, Optional: true}}, Returns: "boolean", Phases: "any", Since: "3.1",
				Doc:     "Whether the session is marked as being on one of the lists: an array of names, a name, or a table whose honor_whitelist these are.",
				Example: `if msys.pbp.check_whitelist(vctx, { "good_guys" }) then end`,
				Do:      checkWhitelist,
			},
			{
				Name: "fcdns_check", Params: []Param{{Name: "ac", Type: Userdata, Class: classAccept}, ctx},
				Returns: "boolean, reverse error or nil, forward error or nil", Phases: "connect and later", Since: "3.1",
				Doc:     `Whether the peer's address has a name that leads back to it. The name is kept in the connection context as reverse_dns ("" where there is none), the result as fcdns_status ("true" or "false"). An error is a word such as NXDOMAIN or TIMEOUT.`,
				Example: `local ok, rdns_error, fdns_error = msys.pbp.fcdns_check(ac, vctx)`,
				Do:      fcdnsCheck,
			},
			{
				Name: "size_in_bytes", Params: []Param{{Name: "text", Type: StringOrNumber}}, Returns: "number", Phases: "any", Since: "3.1",
				Doc:     `Reads a size: a number of bytes, or of k, m or g ("30m", 1024 to the next).`,
				Example: `if msg:get_message_size() > msys.pbp.size_in_bytes("30m") then end`,
				Do: func(_ *Env, L *lua.LState) int {
					L.Push(sizeInBytes(L, Text(L, L.Get(1))))
					return 1
				},
			},
		},
		Classes: []Class{
			{Name: classContext, Methods: []Func{
				pbpReply("pbp_action", "Sets the reply (vctx:set_code) and gives VALIDATE_DONE.", "set_code"),
				pbpReply("pbp_disconnect", "Replies and closes the session (vctx:disconnect) and gives VALIDATE_DONE.", "disconnect"),
			}},
			{Name: classAccept, Methods: []Func{{
				Name:    "pbp_inbound_session_count_service",
				Params:  []Param{{Name: "service", Type: String}, {Name: "mask", Type: String}},
				Returns: "number", Phases: "any", Since: "3.1",
				Doc:     `How many sessions of a service are open from the peer's network ("/0" is everybody).` + onlySMTP,
				Example: `local n = ac:pbp_inbound_session_count_service("SMTP", "/32")`,
				Do: func(e *Env, L *lua.LState) int {
					self[*acceptConstruct](L).frame(e, L)
					return sessionCount(e, L, "ac:pbp_inbound_session_count_service", L.Get(3), L.Get(2))
				},
			}}},
		},
	}
}

// pbpReply is a method that replies by another one and gives VALIDATE_DONE.
func pbpReply(name, doc, method string) Func {
	return Func{
		Name:    name,
		Params:  []Param{{Name: "code", Type: Number}, {Name: "text", Type: String, Optional: true}},
		Returns: "VALIDATE_DONE", Phases: "any", Since: "3.1", Doc: doc,
		Example: `return vctx:` + name + `(554, "5.7.1 not today")`,
		Do: func(_ *Env, L *lua.LState) int {
			callMethod(L, L.Get(1), method, 0, L.Get(2), L.Get(3))
			return pushNumber(L, int(sdk.Done))
		},
	}
}

// callMethod calls a method of an object and leaves so many results on the
// stack.
func callMethod(L *lua.LState, object lua.LValue, name string, results int, args ...lua.LValue) {
	L.Push(L.GetField(object, name))
	L.Push(object)
	for _, a := range args {
		L.Push(a)
	}
	L.Call(1+len(args), results)
}

func setWhitelist(e *Env, L *lua.LState) int {
	id, at := sdk.DictConn, 2
	if _, ok := L.Get(2).(lua.LNumber); ok {
		id, at = dictID(L, 2), 3
	}
	name, ok := L.Get(at).(lua.LString)
	if !ok || name == "" {
		L.ArgError(at, "string expected, got "+e.TypeName(L.Get(at)))
	}
	v := self[*validateContext](L)
	key := whitelistPrefix + string(name)
	if value := L.Get(at + 1); lua.LVAsBool(value) {
		v.put(e, L, sdk.Change{Kind: sdk.ContextSet, Dict: id, Name: key, Value: Text(L, value)})
	} else if _, there := v.get(e, L, id).Get(key); there {
		v.put(e, L, sdk.Change{Kind: sdk.ContextDelete, Dict: id, Name: key})
	}
	return 0
}

func checkWhitelist(e *Env, L *lua.LState) int {
	v := self[*validateContext](L)
	lists := L.Get(2)
	if t, ok := lists.(*lua.LTable); ok {
		if honored := t.RawGetString("honor_whitelist"); honored != lua.LNil {
			lists = honored
		}
	}
	var names []string
	switch l := lists.(type) {
	case *lua.LNilType:
	case lua.LString:
		names = []string{string(l)}
	case *lua.LTable:
		for i := 1; i <= l.Len(); i++ {
			names = append(names, Text(L, l.RawGetInt(i)))
		}
	default:
		L.ArgError(2, "a name or a table of names expected, got "+e.TypeName(lists))
	}
	e.World.Spend(L, 20*len(names))
	conn, mess := v.get(e, L, sdk.DictConn), v.get(e, L, sdk.DictMess)
	for _, name := range names {
		_, inConn := conn.Get(whitelistPrefix + name)
		_, inMess := mess.Get(whitelistPrefix + name)
		if inConn || inMess {
			return pushBool(L, true)
		}
	}
	return pushBool(L, false)
}

// maxNames is how many names of an address are looked at.
const maxNames = 10

// fcdns is the outcome of a forward-confirmed reverse lookup.
type fcdns struct {
	name             string // the name that leads back, else the first one
	ok               bool
	reverse, forward string // errors
}

func fcdnsCheck(e *Env, L *lua.LState) int {
	peer := self[*acceptConstruct](L).frame(e, L).State.Conn.Peer.Addr().Unmap()
	v, ok := L.ToUserData(2).Value.(*validateContext)
	if !ok {
		L.RaiseError("the object is empty")
	}
	var r fcdns
	var err error
	host := e.World.Host()
	e.World.Wait(L, false, func(ctx context.Context) { r, err = confirm(ctx, host, peer) })
	must(L, "msys.pbp.fcdns_check", err)
	v.put(e, L, sdk.Change{Kind: sdk.ContextSet, Dict: sdk.DictConn, Name: varReverseDNS, Value: r.name})
	v.put(e, L, sdk.Change{Kind: sdk.ContextSet, Dict: sdk.DictConn, Name: varFCDNS, Value: strconv.FormatBool(r.ok)})
	L.Push(lua.LBool(r.ok))
	L.Push(textOrNil(r.reverse))
	L.Push(textOrNil(r.forward))
	return 3
}

func textOrNil(s string) lua.LValue {
	if s == "" {
		return lua.LNil
	}
	return lua.LString(s)
}

// confirm looks the address's names up, and their addresses. An error that is
// not an answer is a lookup that failed for now.
func confirm(ctx context.Context, host sdk.Host, addr netip.Addr) (r fcdns, err error) {
	names, word, err := lookup(ctx, host, addr.String(), "PTR")
	if err != nil || len(names) == 0 {
		r.reverse = word
		return r, err
	}
	kind := "A"
	if addr.Is6() {
		kind = "AAAA"
	}
	r.name = names[0]
	for _, name := range names[:min(len(names), maxNames)] {
		list, word, err := lookup(ctx, host, name, kind)
		if err != nil {
			return r, err
		}
		if r.forward == "" {
			r.forward = word
		}
		for _, a := range list {
			if got, err := netip.ParseAddr(a); err == nil && got.Unmap() == addr {
				return fcdns{name: name, ok: true}, nil
			}
		}
	}
	return r, nil
}

// lookup gives the answers; word says why there are none. A name without such
// records (NODATA) is no error: there is just nothing.
func lookup(ctx context.Context, host sdk.Host, name, kind string) (list []string, word string, err error) {
	answer, err := host.LookupDNS(ctx, sdk.DNSQuery{Name: name, Type: kind})
	if err != nil {
		return nil, "", err
	}
	if answer.Error != "" && answer.Error != "NODATA" {
		return nil, answer.Error, nil
	}
	for _, r := range answer.Records {
		list = append(list, strings.TrimSuffix(r.Value, "."))
	}
	return list, "", nil
}

// sizeInBytes reads "30m".
func sizeInBytes(L *lua.LState, text string) lua.LNumber {
	word := strings.ToLower(strings.TrimSpace(text))
	factor := 1.0
	for suffix, f := range map[string]float64{"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30} {
		if rest, ok := strings.CutSuffix(word, suffix); ok {
			word, factor = rest, f
			break
		}
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(word), 64)
	if err != nil || math.IsInf(n*factor, 0) || strings.Trim(word, "0123456789. ") != "" {
		L.RaiseError("msys.pbp.size_in_bytes: %q is no size (30m, 500k, 1024)", text)
	}
	return lua.LNumber(math.Floor(n * factor))
}
