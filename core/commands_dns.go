package core

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/mtad/mtad/core/dns"
	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/sdk"
)

// pid prints the process id.
func (c *Core) pid(_ context.Context, args []string) (answer, error) {
	if len(args) > 0 {
		return nil, usage("pid takes no words")
	}
	return said{strconv.Itoa(os.Getpid())}, nil
}

// submit has a question asked, and waits for nothing.
func (c *Core) submit(name, kind string) error {
	if _, err := c.lookupOf(name, kind); err != nil {
		return err
	}
	c.dns.StartDNS(sdk.DNSQuery{Name: name, Type: kind}, func(*sdk.DNSAnswer, error) {})
	return nil
}

// lookupOf checks a name and a record type as the console has them: X and X_AAAA
// are the original's words for a domain's exchangers.
func (c *Core) lookupOf(name, kind string) (sdk.DNSQuery, error) {
	kind = strings.ToUpper(kind)
	switch kind {
	case "X", "X_AAAA":
		kind = "MX"
	case "A", "MX", "PTR", "TXT", "AAAA", "CNAME", "NS":
	default:
		return sdk.DNSQuery{}, usage("%q is none of A, AAAA, MX, PTR, TXT, CNAME, NS", kind)
	}
	if name == "" || len(name) > 255 {
		return sdk.DNSQuery{}, usage("%q is no name", name)
	}
	return sdk.DNSQuery{Name: name, Type: kind}, nil
}

func (c *Core) dig(_ context.Context, args []string) (answer, error) {
	if len(args) != 1 {
		return nil, usage("name a domain")
	}
	if err := c.submit(args[0], "MX"); err != nil {
		return nil, err
	}
	return said{"submitted"}, nil
}

func (c *Core) dnsSubmit(_ context.Context, args []string) (answer, error) {
	if len(args) != 2 {
		return nil, usage("give a name and a record type")
	}
	q, err := c.lookupOf(args[0], args[1])
	if err != nil {
		return nil, err
	}
	c.dns.StartDNS(q, func(*sdk.DNSAnswer, error) {})
	return said{"Submitted"}, nil
}

func (c *Core) refreshDomain(_ context.Context, args []string) (answer, error) {
	if len(args) != 1 {
		return nil, usage("name a domain, or all")
	}
	name := strings.ToLower(unlessAll(args[0]))
	c.courier.Forget(name)
	if name == "" {
		c.dns.Flush()
		return said{"All domains refreshed."}, nil
	}
	c.dns.Forget(name)
	if err := c.submit(name, "MX"); err != nil {
		return nil, err
	}
	return said{name + " refreshed."}, nil
}

// cachedAnswer is the answer of dns_cache lookup.
type cachedAnswer struct {
	Name    string          `json:"name"`
	Type    string          `json:"type"`
	Cached  bool            `json:"cached"`
	TTL     int             `json:"ttl"`
	Error   string          `json:"error,omitempty"`
	Records []sdk.DNSRecord `json:"records,omitempty"`
}

func (a *cachedAnswer) text(w io.Writer) {
	if !a.Cached {
		fmt.Fprintln(w, "Cached result not found, try a submit.")
		return
	}
	fmt.Fprintf(w, ";; QUESTION SECTION:\n;%s\t\tIN\t%s\n", a.Name, a.Type)
	if a.Error != "" {
		fmt.Fprintf(w, ";; %s, for %d seconds\n", a.Error, a.TTL)
		return
	}
	fmt.Fprintln(w, ";; ANSWER SECTION:")
	for _, r := range a.Records {
		value := r.Value
		if a.Type == "MX" {
			value = fmt.Sprintf("%d %s", r.Preference, value)
		}
		if a.Type == "TXT" {
			value = strconv.Quote(value)
		}
		fmt.Fprintf(w, "%s\t\t%d\tIN\t%s\t%s\n", a.Name, a.TTL, a.Type, value)
	}
}

func (c *Core) dnsLookup(_ context.Context, args []string) (answer, error) {
	if len(args) != 2 {
		return nil, usage("give a name and a record type")
	}
	q, err := c.lookupOf(args[0], args[1])
	if err != nil {
		return nil, err
	}
	a := &cachedAnswer{Name: q.Name, Type: q.Type}
	if got, ttl, ok := c.dns.Cached(q); ok {
		a.Cached, a.TTL, a.Error, a.Records = true, int(ttl.Seconds()), got.Error, got.Records
	}
	return a, nil
}

// dnsCounts is the answer of dns_cache stats.
type dnsCounts struct{ dns.Stats }

func (d dnsCounts) text(w io.Writer) {
	rate := 0.0
	if d.Lookups > 0 {
		rate = 100 * float64(d.Hits) / float64(d.Lookups)
	}
	fmt.Fprintf(w, "DNS Queries:\n")
	for _, row := range []struct {
		label string
		n     int64
	}{{"TXT", d.TXT}, {"PTR", d.PTR}, {"MX", d.MX}, {"A", d.A}, {"AAAA", d.AAAA}, {"Other", d.Other}} {
		fmt.Fprintf(w, "%11s: %d\n", row.label, row.n)
	}
	fmt.Fprintf(w, "DNS responses:\n%11s: %d\n%11s: %d\n", "Total", d.Responses, "Bad", d.Bad)
	fmt.Fprintf(w, "DNS cache:\n%12s: %d\n%12s: %.4f%%\n", "Lookups", d.Lookups, "Hit Rate", rate)
}

func (c *Core) dnsStats(_ context.Context, args []string) (answer, error) {
	if len(args) > 0 {
		return nil, usage("dns_cache stats takes no words")
	}
	return dnsCounts{c.dns.Stats()}, nil
}

// outboundList is the answer of show outbound.
type outboundList struct {
	Connections []connectionView `json:"connections"`
	LeftOut     int              `json:"left_out"`
}

func (l *outboundList) text(w io.Writer) {
	for i, s := range l.Connections {
		fmt.Fprintf(w, "%d: [outbound/smtp] %s %s %s\n", i+1, s.Domain, family(s.IPv4), s.Address)
	}
	leftOut(w, len(l.Connections), l.LeftOut, "connections")
}

func leftOut(w io.Writer, shown, left int, what string) {
	if left > 0 {
		fmt.Fprintf(w, "(%d more %s are not shown; --limit %d shows them.)\n", left, what, shown+left)
	}
}

func (c *Core) showOutbound(_ context.Context, args []string) (answer, error) {
	args, limit, err := cutLimit(args)
	if err == nil && len(args) > 0 {
		err = usage("show outbound takes no further words")
	}
	if err != nil {
		return nil, err
	}
	rows, left := c.connections(func(queue.Lane) bool { return true }, limit)
	return &outboundList{rows, left}, nil
}

type inboundRow struct {
	Session uint64  `json:"session"`
	ID      string  `json:"id"`
	Peer    string  `json:"peer"`
	IPv4    bool    `json:"ipv4"`
	State   string  `json:"state"`
	Seconds float64 `json:"seconds"`
}

// inboundList is the answer of show inbound.
type inboundList struct {
	Sessions []inboundRow `json:"sessions"`
	LeftOut  int          `json:"left_out"`
}

func (l *inboundList) text(w io.Writer) {
	for _, s := range l.Sessions {
		fmt.Fprintf(w, "%d: [inbound/smtp] %s %s %s (for %.0fs)\n", s.Session, family(s.IPv4), s.Peer, s.State, s.Seconds)
	}
	leftOut(w, len(l.Sessions), l.LeftOut, "sessions")
}

func (c *Core) showInbound(_ context.Context, args []string) (answer, error) {
	args, limit, err := cutLimit(args)
	if err == nil && len(args) > 0 {
		err = usage("show inbound takes no further words")
	}
	if err != nil {
		return nil, err
	}
	all := c.smtp.Sessions()
	list := &inboundList{Sessions: []inboundRow{}, LeftOut: max(0, len(all)-limit)}
	now := time.Now()
	for _, s := range all[:min(limit, len(all))] {
		list.Sessions = append(list.Sessions, inboundRow{s.Session, s.ConnID, addrText(s.Peer), s.Peer.Addr().Unmap().Is4(), logs.Phase(s.Phase).String(), now.Sub(s.Since).Seconds()})
	}
	return list, nil
}
