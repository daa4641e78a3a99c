package api

import (
	"net/netip"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// peerAddress is the address of whoever is connected; in hooks without a
// connection that of the message's sender.
func peerAddress(e *Env, L *lua.LState) netip.Addr {
	f := e.World.Frame(L)
	if f != nil && f.State != nil && f.State.Conn.Peer.IsValid() {
		return f.State.Conn.Peer.Addr().Unmap()
	}
	if f != nil && f.State != nil {
		if m := f.Message(); m != nil && m.RecvFrom.IsValid() {
			return m.RecvFrom.Addr().Unmap()
		}
	}
	L.RaiseError("nobody is connected: name an address")
	return netip.Addr{}
}

// networkOf reads what scripts name a network by: "/24" is that of the peer,
// nil its address, an accept_construct or sockaddr the address in it; else it is
// an address, with a length or without. what names the argument.
func networkOf(e *Env, L *lua.LState, what string, v lua.LValue) netip.Prefix {
	switch v := v.(type) {
	case *lua.LNilType:
		return whole(peerAddress(e, L))
	case lua.LString:
		return parseNetwork(e, L, what, string(v))
	case *lua.LUserData:
		switch o := v.Value.(type) {
		case *acceptConstruct:
			return whole(o.frame(e, L).State.Conn.Peer.Addr().Unmap())
		case netip.AddrPort:
			return whole(o.Addr().Unmap())
		case *ecString:
			return parseNetwork(e, L, what, Text(L, v))
		}
	}
	L.RaiseError("%s: an address, a network or an accept_construct is expected, got %s", what, e.TypeName(v))
	return netip.Prefix{}
}

func whole(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

func parseNetwork(e *Env, L *lua.LState, what, text string) netip.Prefix {
	host, length, cut := strings.Cut(text, "/")
	var addr netip.Addr
	var err error
	switch host = strings.Trim(host, "[]"); {
	case host == "" && cut:
		addr = peerAddress(e, L)
	case host == "localhost": // the manual's example at ac:inbound_session_count
		addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	default:
		addr, err = netip.ParseAddr(host)
	}
	if err == nil && !cut {
		return whole(addr.Unmap().WithZone(""))
	}
	n, badLength := strconv.Atoi(length)
	p, badPrefix := addr.Unmap().WithZone("").Prefix(n)
	if err != nil || badLength != nil || badPrefix != nil {
		L.RaiseError("%s: %q is neither an address nor a network", what, text)
	}
	return p
}

// wholeOption is a whole number among a table's options.
func wholeOption(L *lua.LState, what string, t *lua.LTable, name string, def int) int {
	v := t.RawGetString(name)
	switch n := v.(type) {
	case *lua.LNilType:
		return def
	case lua.LNumber:
		if float64(n) == float64(int(n)) {
			return int(n)
		}
	}
	L.RaiseError("%s: option %s: a whole number is expected, got %s", what, name, Text(L, v))
	return 0
}
