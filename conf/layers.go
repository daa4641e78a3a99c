package conf

import (
	"slices"

	"github.com/mtad/mtad/sdk/option"
)

// Layers answers which scopes an option falls back over. It is built once per
// configuration, by Load, and may be used concurrently. The scopes it gives are
// the tree's own: nobody writes into them.
type Layers struct {
	root      *option.Scope
	domains   domains
	hosts     domains
	bindings  map[string]*binding // those outside a group
	groups    map[string]*group
	groupOf   map[string]string // binding to the first group that has it
	names     []string          // of all bindings, in file order
	named     map[string]bool
	grouped   []Group
	listeners map[string]*listener
	pathways  map[string]*pathway
}

// Group is a binding group and its members in file order.
type Group struct {
	Name     string
	Bindings []string
}

type binding struct {
	scope   *option.Scope
	domains domains
	hosts   domains
}

type group struct {
	scope    *option.Scope
	domains  domains
	bindings map[string]*binding
}

// NewLayers indexes a configuration. The problems are regular expressions that
// do not compile and peers that are no network; their scopes count as absent.
func NewLayers(root *option.Scope) (*Layers, option.Problems) {
	l := &Layers{root: root, bindings: map[string]*binding{}, groups: map[string]*group{},
		groupOf: map[string]string{}, named: map[string]bool{},
		listeners: map[string]*listener{}, pathways: map[string]*pathway{}}
	var wrong [2]option.Problems
	l.domains, wrong[0] = newDomains(root, "domain")
	l.hosts, wrong[1] = newDomains(root, "host")
	problems := slices.Concat(wrong[:]...)
	for i := range root.Scopes {
		problems = append(problems, l.add(&root.Scopes[i])...)
	}
	return l, problems
}

func (l *Layers) add(s *option.Scope) option.Problems {
	switch s.Name {
	case "binding":
		b, problems := newBinding(s)
		l.bindings[s.Instance] = b
		l.addName(s.Instance)
		return problems
	case "binding_group":
		return l.addGroup(s)
	case "pathway":
		l.pathway(s.Instance).own = s
	case "pathway_group":
		for _, inner := range s.Children("pathway") {
			p := l.pathway(inner.Instance)
			p.group, p.member = s, inner
		}
	}
	return l.addListener(s)
}

func newBinding(s *option.Scope) (*binding, option.Problems) {
	var wrong [2]option.Problems
	b := &binding{scope: s}
	b.domains, wrong[0] = newDomains(s, "domain")
	b.hosts, wrong[1] = newDomains(s, "host")
	return b, slices.Concat(wrong[:]...)
}

func (l *Layers) addGroup(s *option.Scope) option.Problems {
	g := &group{scope: s, bindings: map[string]*binding{}}
	var problems option.Problems
	g.domains, problems = newDomains(s, "domain")
	members := Group{Name: s.Instance}
	for _, inner := range s.Children("binding") {
		b, wrong := newBinding(inner)
		problems = append(problems, wrong...)
		g.bindings[inner.Instance] = b
		members.Bindings = append(members.Bindings, inner.Instance)
		l.addName(inner.Instance)
		if _, has := l.groupOf[inner.Instance]; !has {
			l.groupOf[inner.Instance] = s.Instance
		}
	}
	l.groups[s.Instance] = g
	l.grouped = append(l.grouped, members)
	return problems
}

func (l *Layers) addName(name string) {
	if !l.named[name] {
		l.named[name] = true
		l.names = append(l.names, name)
	}
}

// Bindings are the names of all bindings, in and outside groups, in the order
// of the files.
func (l *Layers) Bindings() []string { return l.names }

// Groups are the binding groups in the order of the files.
func (l *Layers) Groups() []Group { return l.grouped }

// Outbound gives the scopes for mail of a binding to a domain, lowest priority
// first (reference/config-syntax.md §2): global, domain, group, binding,
// group::binding, group::domain, binding::domain, group::binding::domain. The
// bare group has no documented rank against a global domain; ours precedes it.
// Empty names are left out; an empty group means the one that has the binding.
func (l *Layers) Outbound(group, binding, domain string) []*option.Scope {
	return l.OutboundVia(group, binding, "", domain)
}

// OutboundVia is Outbound for a domain that is rolled up under another one's
// name: in each container the scopes of that name count, too, below those of the
// domain's own.
func (l *Layers) OutboundVia(group, binding, rollup, domain string) []*option.Scope {
	if group == "" {
		group = l.groupOf[binding]
	}
	names := []string{foldDomain(rollup), foldDomain(domain)}
	g, lone := l.groups[group], l.bindings[binding]
	out := append(make([]*option.Scope, 0, 8), l.root)
	out = l.domains.appendEach(out, names)
	if g == nil {
		return lone.appendDomain(lone.appendTo(out), names)
	}
	member := g.bindings[binding]
	out = member.appendTo(lone.appendTo(append(out, g.scope)))
	out = g.domains.appendEach(out, names)
	return member.appendDomain(lone.appendDomain(out, names), names)
}

func (b *binding) appendTo(out []*option.Scope) []*option.Scope {
	if b == nil {
		return out
	}
	return append(out, b.scope)
}

func (b *binding) appendDomain(out []*option.Scope, names []string) []*option.Scope {
	if b == nil {
		return out
	}
	return b.domains.appendEach(out, names)
}

// Host gives the scopes for a host that mail is sent to, lowest priority first:
// host, then binding::host. There is no fallback to any other scope: an option
// that neither sets has its default (reference/config-syntax.md §2).
func (l *Layers) Host(binding, host string) []*option.Scope {
	host = foldDomain(host)
	out := l.hosts.appendTo(nil, host)
	if lone := l.bindings[binding]; lone != nil {
		out = lone.hosts.appendTo(out, host)
	}
	if g := l.groups[l.groupOf[binding]]; g != nil && g.bindings[binding] != nil {
		out = g.bindings[binding].hosts.appendTo(out, host)
	}
	return out
}

// Origin is the scope an option's value comes from, nil where no layer sets it.
// Throttles fall back by reference: all that take theirs from one scope share
// its counter (reference/config-syntax.md §2).
func Origin(layers []*option.Scope, name string) *option.Scope {
	for _, s := range slices.Backward(layers) {
		if _, set := s.Attr(name); set {
			return s
		}
	}
	return nil
}
