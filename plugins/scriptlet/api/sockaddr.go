package api

import (
	"net/netip"
	"strconv"

	lua "github.com/yuin/gopher-lua"
)

// Address families as Linux numbers them.
const (
	familyINet  = 2
	familyINet6 = 10
)

// addressClass is ac.remote_addr, msg.recv_from and the like.
func addressClass() Class {
	return Class{
		Name: classAddress,
		Doc:  "A socket address; tostring gives ip:port, for IPv6 ip.port.",
		Meta: textMeta(func(v any) (string, bool) {
			a, ok := v.(netip.AddrPort)
			return addressText(a), ok
		}),
	}
}

// newAddress is the address as a script sees it; nil where there is none.
func newAddress(e *Env, L *lua.LState, a netip.AddrPort) lua.LValue {
	if !a.IsValid() {
		return lua.LNil
	}
	return e.World.Object(L, classAddress, a)
}

// addressText is ip:port, and ip.port for IPv6 (reference/lua-api-notes.md 29).
func addressText(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	sep := ":"
	if ip := a.Addr().Unmap(); ip.Is6() {
		sep = "."
	}
	return a.Addr().Unmap().String() + sep + strconv.Itoa(int(a.Port()))
}

// addressPart is what msg:listener_addr and msg:reception_peer give for their
// flag: "ip", "port" or "all".
func addressPart(L *lua.LState, a netip.AddrPort, flag string) string {
	switch flag {
	case "", "all":
		return addressText(a)
	case "ip":
		if a.IsValid() {
			return a.Addr().Unmap().String()
		}
		return ""
	case "port":
		if a.IsValid() {
			return strconv.Itoa(int(a.Port()))
		}
		return ""
	}
	L.RaiseError(`"ip", "port" or "all" expected, got %q`, flag)
	return ""
}

func sockaddrFamilyFunc() Func {
	return Func{
		Name:    "ec_sockaddr_family",
		Params:  []Param{{Name: "sockaddr", Type: Userdata, Class: classAddress}},
		Returns: "number",
		Phases:  "any",
		Since:   "3.0",
		Doc:     "The address family: AF_INET or AF_INET6.",
		Example: `msys.core.ec_sockaddr_family(ac.remote_addr) == msys.core.AF_INET6`,
		Do: func(_ *Env, L *lua.LState) int {
			a, _ := L.CheckUserData(1).Value.(netip.AddrPort)
			if a.Addr().Unmap().Is4() {
				return pushNumber(L, familyINet)
			}
			return pushNumber(L, familyINet6)
		},
	}
}
