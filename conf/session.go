package conf

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/gaissmai/bart"

	"github.com/mtad/mtad/sdk/option"
)

// SessionKey names a connection that came in.
type SessionKey struct {
	Listener string     // scope name: "esmtp_listener", "control_listener"
	Listen   string     // instance of the listen scope, as it is written
	Peer     netip.Addr // who connected; over a Unix socket 127.0.0.1
}

// listener is a listener scope with its listen scopes.
type listener struct {
	scope  *option.Scope
	peers  peers
	listen map[string]*listen
}

type listen struct {
	owner *listener
	scope *option.Scope
	peers peers
}

// peers finds the most specific peer scope for an address.
type peers struct{ table bart.Table[*option.Scope] }

func (p *peers) add(s *option.Scope) option.Problems {
	var problems option.Problems
	for _, inner := range s.Children("peer") {
		network, err := parseNetwork(inner.Instance)
		if err != nil {
			problems = append(problems, option.Problem{Pos: inner.Pos,
				Text: `peer ` + strconv.Quote(inner.Instance) + ` is no address or network such as "10.0.0.0/8"`})
			continue
		}
		p.table.Insert(network, inner)
	}
	return problems
}

func parseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Unmap().WithZone("").Prefix(addr.Unmap().BitLen())
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}

func (p *peers) appendTo(out []*option.Scope, addr netip.Addr) []*option.Scope {
	s, _ := p.table.Lookup(addr)
	return appendScope(out, s)
}

// addListener indexes a scope if it listens at all. Listener scopes that have a
// name of their own each keep their listen scopes; without a listen the last
// one counts.
func (l *Layers) addListener(s *option.Scope) option.Problems {
	if !strings.HasSuffix(s.Name, "_listener") {
		return nil
	}
	known := l.listeners[s.Name]
	if known == nil {
		known = &listener{listen: map[string]*listen{}}
	}
	this := &listener{scope: s, listen: known.listen}
	problems := this.peers.add(s)
	for _, inner := range s.Children("listen") {
		in := &listen{owner: this, scope: inner}
		problems = append(problems, in.peers.add(inner)...)
		this.listen[inner.Instance] = in
	}
	l.listeners[s.Name] = this
	return problems
}

// pathway is where the options of a pathway come from.
type pathway struct {
	group  *option.Scope // the group that has it
	own    *option.Scope // the pathway outside a group
	member *option.Scope // the pathway inside the group
}

func (l *Layers) pathway(name string) *pathway {
	if l.pathways[name] == nil {
		l.pathways[name] = &pathway{}
	}
	return l.pathways[name]
}

func (p *pathway) appendTo(out []*option.Scope) []*option.Scope {
	if p == nil {
		return out
	}
	return appendScope(appendScope(appendScope(out, p.group), p.own), p.member)
}

// Session gives the scopes for a connection that came in, lowest priority
// first (reference/config-syntax.md §2): global, the pathway's, listener, the
// listener's peer, listen, the listen's peer. Of the peers of one container
// only the most specific counts. The pathway is the one that the others name.
func (l *Layers) Session(k SessionKey) []*option.Scope {
	addr := k.Peer.Unmap().WithZone("")
	own := make([]*option.Scope, 0, 4)
	if at := l.listeners[k.Listener]; at != nil {
		in := at.listen[k.Listen]
		if in != nil {
			at = in.owner
		}
		own = at.peers.appendTo(append(own, at.scope), addr)
		if in != nil {
			own = in.peers.appendTo(append(own, in.scope), addr)
		}
	}
	out := append(make([]*option.Scope, 0, 8), l.root)
	if s := Origin(own, "pathway"); s != nil {
		named, _ := s.Attr("pathway")
		out = l.pathways[named.Value.Text].appendTo(out)
	}
	return append(out, own...)
}

// PathwayGroup names the group that a pathway is in; "" if it is in none.
func (l *Layers) PathwayGroup(pathway string) string {
	if p := l.pathways[pathway]; p != nil && p.group != nil {
		return p.group.Instance
	}
	return ""
}

// Pathway gives the scopes for a pathway, lowest priority first: global, its
// group, the pathway, the pathway inside the group.
func (l *Layers) Pathway(name string) []*option.Scope {
	return l.pathways[name].appendTo([]*option.Scope{l.root})
}
