package simnet

import (
	"fmt"
	"net/netip"
	"time"
)

// Character is what a domain's hosts and names are like.
type Character string

// characters are all there are, with how much of the world each is.
var characters = []struct {
	is    Character
	share int
	make  func(d *builder)
}{
	{"good", 30, func(d *builder) { d.host(Host{}) }},
	{"several", 6, func(d *builder) { d.host(Host{}); d.host(Host{}); d.host(Host{}) }},
	{"first dead", 4, func(d *builder) { d.host(Host{Faults: always(StageConnect, Refuse)}); d.host(Host{}) }},
	{"first silent", 3, func(d *builder) { d.host(Host{Faults: always(StageConnect, Hang)}); d.host(Host{}) }},
	{"slow", 5, func(d *builder) { d.host(Host{Latency: 7 * time.Second}) }},
	{"busy", 5, func(d *builder) { d.host(Host{Faults: some(StageRcpt, "451 4.3.2 try later", .4)}) }},
	{"picky", 5, func(d *builder) { d.host(Host{Faults: some(StageRcpt, "550 5.1.1 no such user", .4)}) }},
	{"refuses mail", 3, func(d *builder) { d.host(Host{Faults: some(StageMail, "554 5.7.1 go away", .5)}) }},
	{"refuses content", 3, func(d *builder) { d.host(Host{Faults: some(StageDot, "554 5.7.1 looks like spam", .3)}) }},
	{"not now", 3, func(d *builder) { d.host(Host{Faults: some(StageBanner, "421 4.3.2 not now", .5)}) }},
	{"drops", 6, func(d *builder) {
		d.host(Host{Faults: []Fault{{Stage: StageBanner, Kind: Drop, Share: .1}, {Stage: StageEHLO, Kind: Drop, Share: .1}, {Stage: StageRcpt, Kind: Drop, Share: .1},
			{Stage: StageData, Kind: Drop, Share: .1}, {Stage: StageBody, Kind: Drop, Share: .1}, {Stage: StageDot, Kind: Drop, Share: .1}}})
	}},
	{"hangs", 4, func(d *builder) {
		d.host(Host{Faults: []Fault{{Stage: StageBanner, Kind: Hang, Share: .1}, {Stage: StageRcpt, Kind: Hang, Share: .1},
			{Stage: StageData, Kind: Hang, Share: .1}, {Stage: StageDot, Kind: Hang, Share: .1}}})
	}},
	{"lies late", 3, func(d *builder) {
		d.host(Host{Faults: []Fault{{Stage: StageDot, Text: "250 2.0.0 queued", Share: .2, After: time.Hour}}})
	}},
	{"goes mute", 3, func(d *builder) { d.host(Host{Faults: []Fault{{Stage: StageDot, Kind: Mute, Share: .3}}}) }},
	{"bad TLS", 2, func(d *builder) { d.host(Host{TLS: GarbageTLS}) }},
	{"dead TLS", 2, func(d *builder) { d.host(Host{TLS: DeadTLS}) }},
	{"TLS", 2, func(d *builder) { d.host(Host{TLS: GoodTLS}) }},
	{"greylists", 5, func(d *builder) { d.host(Host{Greylist: 15 * time.Minute}) }},
	{"few connections", 3, func(d *builder) { d.host(Host{Connections: 2}) }},
	{"few messages", 3, func(d *builder) { d.host(Host{PerMinute: 3}) }},
	{"dead", 3, func(d *builder) { d.host(Host{Faults: always(StageConnect, Refuse)}) }},
	{"silent", 3, func(d *builder) { d.host(Host{Faults: always(StageConnect, Hang)}) }},
	{"down at times", 3, func(d *builder) { d.host(Host{Faults: []Fault{{Stage: StageConnect, Kind: Hang, Share: .3}}}) }},
	{"no such domain", 2, func(d *builder) { d.gone = true }},
	{"takes no mail", 2, func(d *builder) { d.zone.MX = []MX{{0, "."}} }},
	{"no MX", 2, func(d *builder) { d.host(Host{}); d.zone.A, d.zone.MX = d.addresses, nil }},
	{"DNS fails at times", 3, func(d *builder) { d.host(Host{}); d.zone.Fails = .4 }},
	{"DNS is mute at times", 2, func(d *builder) { d.host(Host{}); d.zone.Mute = .4 }},
}

func always(at Stage, k Kind) []Fault { return []Fault{{Stage: at, Kind: k, Share: 1}} }

func some(at Stage, text string, share float64) []Fault {
	return []Fault{{Stage: at, Text: text, Share: share}}
}

// Domain is one of a world's.
type Domain struct {
	Name string
	Character
	Hosts []*Host
}

// builder makes a domain.
type builder struct {
	net       *Net
	name      string
	next      int // the next address
	zone      Zone
	hosts     []*Host
	addresses []netip.Addr
	gone      bool
}

func (d *builder) host(h Host) {
	n := len(d.hosts) + 1
	h.Name, h.Domain, h.Addr = fmt.Sprintf("mx%d.%s", n, d.name), d.name, Address(d.next)
	if h.Latency == 0 {
		h.Latency = time.Duration(5+d.net.Draw(200, "latency", h.Name)) * time.Millisecond
	}
	d.next++
	d.hosts, d.addresses = append(d.hosts, &h), append(d.addresses, h.Addr)
	d.zone.MX = append(d.zone.MX, MX{uint16(10 * n), h.Name})
}

// World adds that many domains of all characters: the first of each, then as the
// seed will have it. Their names are d0.test, d1.test, and so on.
func (n *Net) World(count int) []Domain {
	total, next := 0, 1
	for i := range characters {
		total += characters[i].share
	}
	var list []Domain
	for i := range count {
		k := i
		if i >= len(characters) {
			k = 0
			for at := n.Draw(total, "character", i); at >= characters[k].share; k++ {
				at -= characters[k].share
			}
		}
		d := &builder{net: n, name: fmt.Sprintf("d%d.test", i), next: next}
		characters[k].make(d)
		next = d.next
		for _, h := range d.hosts {
			n.Host(h)
		}
		if !d.gone {
			n.Name(d.name, &d.zone)
		}
		list = append(list, Domain{d.name, characters[k].is, d.hosts})
	}
	return list
}
