package delivery

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/mtad/mtad/sdk"
)

// sources are the local addresses that a binding connects from.
type sources struct {
	any    bool // whatever the kernel takes
	v4, v6 netip.Addr
}

// towards is the source for a destination; false where the binding has none
// of that family.
func (s sources) towards(addr netip.Addr) (netip.Addr, bool) {
	if s.any {
		return netip.Addr{}, true
	}
	if addr.Is4() {
		return s.v4, s.v4.IsValid()
	}
	return s.v6, s.v6.IsValid()
}

// sources reads bind_address and bind_address_secondary.
func (f *finder) sources(ctx context.Context) (sources, error) {
	var s sources
	for _, text := range []string{f.opt.BindAddress, f.opt.BindSecondary} {
		if text == "" || text == "*" {
			continue
		}
		addr, err := f.localAddress(ctx, text)
		switch {
		case err != nil:
			return s, err
		case addr.IsUnspecified():
		case addr.Is4():
			s.v4 = addr
		default:
			s.v6 = addr
		}
	}
	s.any = !s.v4.IsValid() && !s.v6.IsValid()
	return s, nil
}

// localAddress reads an address, or looks up the first one of a name.
func (f *finder) localAddress(ctx context.Context, text string) (netip.Addr, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Unmap(), nil
	}
	for _, kind := range []string{"A", "AAAA"} {
		a, err := f.c.Resolver.Lookup(ctx, sdk.DNSQuery{Name: text, Type: kind})
		if err != nil {
			return netip.Addr{}, err
		}
		for _, rec := range a.Records {
			if addr, err := netip.ParseAddr(rec.Value); err == nil {
				return addr.Unmap(), nil
			}
		}
	}
	return netip.Addr{}, fmt.Errorf("bind_address %q has no address", text)
}
