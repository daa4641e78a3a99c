package api

import (
	"context"
	"net"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

// dnsPackage is msys.dnsLookup.
func dnsPackage() Package {
	return Package{
		Name: "msys", Preload: true,
		Funcs: []Func{{
			Name: "dnsLookup",
			Params: []Param{
				{Name: "name", Type: String},
				{Name: "type", Type: String, Optional: true},
				{Name: "options", Type: Table, Optional: true},
			},
			Returns: "array | nil, message", Phases: "any", Since: "3.0",
			Doc:     "Asks the resolver, A if no type is given; the types are A, AAAA, TXT, MX, PTR and NS, in any case. MX comes best first; with priority = true each is { preference, host }. A failure, and a name without such records (NODATA), gives nil and a word. The option server names another server, with a port or without.",
			Example: `local hosts, err = msys.dnsLookup("example.com", "MX", { priority = true })`,
			Do:      dnsLookup,
		}},
	}
}

func dnsLookup(e *Env, L *lua.LState) int {
	q := sdk.DNSQuery{Name: L.ToString(1), Type: strings.ToUpper(L.OptString(2, "A"))}
	switch q.Type {
	case "A", "AAAA", "TXT", "MX", "PTR", "NS":
	default:
		L.RaiseError("msys.dnsLookup: invalid record type '%s'", q.Type)
	}
	priority := false
	if options, ok := L.Get(3).(*lua.LTable); ok {
		priority = lua.LVAsBool(options.RawGetString("priority"))
		q.Server = serverAddress(options.RawGetString("server"))
	}
	var answer *sdk.DNSAnswer
	var err error
	e.World.Wait(L, false, func(ctx context.Context) { answer, err = e.World.Host().LookupDNS(ctx, q) })
	problem := ""
	switch {
	case err != nil:
		problem = err.Error()
	case answer.Error != "":
		problem = answer.Error
	case len(answer.Records) == 0:
		problem = "NODATA"
	}
	if problem != "" {
		return failure(L, problem)
	}
	L.Push(dnsTable(L, answer.Records, priority && q.Type == "MX"))
	return 1
}

// serverAddress is the option server with a port.
func serverAddress(v lua.LValue) string {
	s, ok := v.(lua.LString)
	if !ok || s == "" {
		return ""
	}
	if _, _, err := net.SplitHostPort(string(s)); err == nil {
		return string(s)
	}
	return net.JoinHostPort(strings.Trim(string(s), "[]"), "53")
}

func dnsTable(L *lua.LState, records []sdk.DNSRecord, priority bool) *lua.LTable {
	t := L.CreateTable(len(records), 0)
	for _, r := range records {
		if !priority {
			t.Append(lua.LString(r.Value))
			continue
		}
		pair := L.CreateTable(2, 0)
		pair.Append(lua.LNumber(r.Preference))
		pair.Append(lua.LString(r.Value))
		t.Append(pair)
	}
	return t
}

// failure is the result of a function that failed: nil and the reason.
func failure(L *lua.LState, why string) int {
	L.Push(lua.LNil)
	L.Push(lua.LString(why))
	return 2
}
