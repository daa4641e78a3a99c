package delivery

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// routeKind is how a route's name becomes hosts.
type routeKind uint8

const (
	routeDomain routeKind = iota // the lane's own domain, by the rules for MXs
	routeMX                      // a configured name: MX, then address
	routeHost                    // a configured name: address only
	routeAddress
)

// route is where a lane's mail goes, before any lookup.
type route struct {
	kind routeKind
	host string     // a name, for all but routeAddress
	addr netip.Addr // routeAddress
	port uint16     // 0: remote_smtp_port
	rank int        // routes of a lower rank are tried first
	own  bool       // configured, not found in mail: no checks of its addresses
}

var errRoute = errors.New("not a host, an address, [ipv6]:port, __mx__ or smtp://host?pref=&port=&type=")

// CheckRoute says whether text is a good value for gateway, or for an item of
// routes.
func CheckRoute(text string) error {
	_, err := parseRoute(text, "example.com")
	return err
}

// routesOf are the ways out for a domain: the gateway, else the routes, else
// its own MXs.
func routesOf(domain string, o *Options) ([]route, error) {
	if o.Gateway != "" {
		r, err := parseHostPort(o.Gateway)
		return []route{r}, err
	}
	if len(o.Routes) == 0 {
		return []route{domainRoute(domain)}, nil
	}
	var out []route
	for i, text := range o.Routes {
		r, err := parseRoute(text, domain)
		if err != nil {
			return nil, err
		}
		if r.rank < 0 {
			r.rank = i // in the order they are listed
		}
		out = append(out, r)
	}
	return out, nil
}

// domainRoute is the way that mail for a domain goes by itself: an address
// literal names the host (RFC 5321 §4.1.3); so does a bare address, which
// policy may set as routing domain.
func domainRoute(domain string) route {
	text := strings.TrimSuffix(strings.TrimPrefix(domain, "["), "]")
	if len(text) > 5 && strings.EqualFold(text[:5], "IPv6:") {
		text = text[5:]
	}
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		return route{kind: routeAddress, addr: addr.Unmap()}
	}
	return route{kind: routeDomain, host: domain}
}

// parseRoute reads an item of routes. The rank is -1 where it gives none.
func parseRoute(text, domain string) (route, error) {
	if strings.EqualFold(text, "__mx__") {
		r := domainRoute(domain)
		r.rank = -1
		return r, nil
	}
	if !strings.Contains(text, "://") {
		r, err := parseHostPort(text)
		if r.kind == routeMX {
			r.kind = routeHost
		}
		r.rank = -1
		return r, err
	}
	u, err := url.Parse(text)
	if err != nil || !strings.EqualFold(u.Scheme, "smtp") || u.Path != "" && u.Path != "/" {
		return route{}, fmt.Errorf("route %q: %w", text, errRoute)
	}
	r, err := parseHostPort(u.Host)
	if err != nil {
		return route{}, err
	}
	return r.withQuery(text, u.Query())
}

// withQuery applies pref, port and type. ttl is accepted and means nothing,
// since routes are not cached here.
func (r route) withQuery(text string, q url.Values) (route, error) {
	r.rank = -1
	if r.kind == routeMX {
		r.kind = routeHost
	}
	for key := range q {
		var err error
		switch value := q.Get(key); strings.ToLower(key) {
		case "pref":
			r.rank, err = number(value, 65535)
		case "port":
			var port int
			port, err = number(value, 65535)
			r.port = uint16(port)
		case "type":
			switch {
			case strings.EqualFold(value, "mx") && r.kind == routeHost:
				r.kind = routeMX
			case !strings.EqualFold(value, "mx") && !strings.EqualFold(value, "a"):
				err = errRoute
			}
		case "ttl":
			_, err = number(value, 1<<31-1)
		default:
			err = errRoute
		}
		if err != nil {
			return route{}, fmt.Errorf("route %q: %s: %w", text, key, err)
		}
	}
	return r, nil
}

func number(text string, limit int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > limit {
		return 0, errRoute
	}
	return n, nil
}

// parseHostPort reads "host", "host:port", an address, "[ipv6]" or
// "[ipv6]:port".
func parseHostPort(text string) (route, error) {
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return route{kind: routeAddress, addr: ap.Addr().Unmap(), port: ap.Port(), own: true}, nil
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	if addr, err := netip.ParseAddr(bare); err == nil {
		return route{kind: routeAddress, addr: addr.Unmap(), own: true}, nil
	}
	host, portText, hasPort := strings.Cut(text, ":")
	port := 0
	if hasPort {
		var err error
		if port, err = number(portText, 65535); err != nil || port == 0 {
			return route{}, fmt.Errorf("route %q: %w", text, errRoute)
		}
	}
	if host == "" || strings.ContainsAny(host, "[]@/ \t") {
		return route{}, fmt.Errorf("route %q: %w", text, errRoute)
	}
	return route{kind: routeMX, host: host, port: uint16(port), own: true}, nil
}
