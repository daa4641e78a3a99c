package cidr

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
)

// networks reads what an entry of a list may be: an IPv6 address or network; an
// IPv4 address, its first octets ("127.0"), a network with its length ("127/8"),
// or a range of such ("10.0.0.1-10.0.0.9", "127.16-31"). A range is several
// networks. IPv6 knows no ranges (the manual at msys.cidr.define).
func networks(text string) ([]netip.Prefix, bool) {
	if strings.Contains(text, ":") {
		return network6(text)
	}
	first, last, ok := range4(text)
	if !ok || first > last {
		return nil, false
	}
	return cut(first, last), true
}

func network6(text string) ([]netip.Prefix, bool) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return []netip.Prefix{netip.PrefixFrom(a, a.BitLen())}, true
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4In6() {
		return nil, false
	}
	return []netip.Prefix{p.Masked()}, true
}

// range4 gives the ends of an IPv4 entry.
func range4(text string) (first, last uint32, ok bool) {
	if start, length, cut := strings.Cut(text, "/"); cut {
		addr, _, ok := octets(start)
		n, err := strconv.Atoi(length)
		if !ok || err != nil || n < 0 || n > 32 {
			return 0, 0, false
		}
		host := uint32(uint64(1)<<(32-n) - 1)
		return addr &^ host, addr | host, true
	}
	start, end, isRange := strings.Cut(text, "-")
	first, n, ok := octets(start)
	if !ok {
		return 0, 0, false
	}
	if !isRange {
		return first, first | below(n), true
	}
	last, m, ok := octets(end)
	if !ok {
		return 0, 0, false
	}
	if m == 1 {
		// A single octet stands for the last one of the start: 127.16-31.
		last = first&^below(n-1) | last>>(8*(n-1)) | below(n)
		return first, last, true
	}
	return first, last | below(m), true
}

// below is all that is not in the first n octets.
func below(n int) uint32 { return uint32(uint64(1)<<(32-8*n) - 1) }

// octets reads one to four octets, and tells how many there are.
func octets(text string) (addr uint32, n int, ok bool) {
	for n = 0; n < 4; n++ {
		word, rest, more := strings.Cut(text, ".")
		v, err := strconv.ParseUint(word, 10, 8)
		if err != nil || len(word) > 3 {
			return 0, 0, false
		}
		addr |= uint32(v) << (24 - 8*n)
		if !more {
			return addr, n + 1, true
		}
		text = rest
	}
	return 0, 0, false
}

// cut makes a range the fewest networks.
func cut(first, last uint32) []netip.Prefix {
	var list []netip.Prefix
	for at, end := uint64(first), uint64(last)+1; at < end; {
		size := 32
		if at != 0 {
			size = bits.TrailingZeros64(at)
		}
		size = min(size, bits.Len64(end-at)-1, 32)
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(at))
		list = append(list, netip.PrefixFrom(netip.AddrFrom4(b), 32-size))
		at += 1 << size
	}
	return list
}
