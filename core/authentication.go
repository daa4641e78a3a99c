package core

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/mtad/mtad/core/auth"
	"github.com/mtad/mtad/core/smtpd"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// authScope is the auth_ds scope (reference/modules.tsv).
func authScope() option.Schema {
	s := option.SchemaOf("auth_ds", auth.Options{})
	s.Help = "Authentication by queries to datasources."
	return s
}

// directory makes the part that looks credentials up.
func (c *Core) directory() *auth.Directory {
	return auth.New(auth.Config{
		Schemes: func() *auth.Schemes { return c.settings.Load().auth },
		Query:   func(ctx context.Context, q *sdk.Query) (*sdk.Rows, error) { return c.modules.Query(ctx, q) },
		Module: func(ctx context.Context, r *sdk.AuthRequest) (*sdk.AuthAnswer, error) {
			return c.modules.Authenticate(ctx, r)
		},
		Problem: c.problem("auth"),
	})
}

// authentication reads the auth_ds and authorization scopes.
func (s *settings) authentication(root *option.Scope) option.Problems {
	var sources []string
	for _, d := range root.Children("datasource") {
		sources = append(sources, d.Instance)
	}
	schemes, bad := auth.ReadSchemes(root.Children("auth_ds"), sources)
	s.auth = schemes
	roles, moreBad := readRoles(root.Children("authorization"))
	s.roles = roles
	return append(bad, moreBad...)
}

// eachTarget calls f for every place where a listener looks credentials or
// roles up, once for each.
func (s *settings) eachTarget(f func(pos option.Pos, t auth.Target)) {
	seen := map[string]bool{}
	once := func(pos option.Pos, t auth.Target) {
		if !seen[t.URI] {
			seen[t.URI] = true
			f(pos, t)
		}
	}
	s.eachPeer(func(listen *option.Scope, pos option.Pos, peer netip.Addr) {
		p, err := s.profile(listen.Instance, peer)
		if err != nil {
			return // it has been said
		}
		for _, t := range p.AuthTargets() {
			once(pos, t)
		}
	})
	s.eachHTTPTarget(once)
	for _, l := range s.tree.Root.Children("control_listener") {
		for _, listen := range l.Children("listen") {
			g := s.guardFor(listen.Instance, netip.Addr{})
			for _, t := range slices.Concat(g.login, g.roles) {
				once(listen.Pos, t)
			}
		}
	}
}

// unknownSchemes are the uris whose scheme neither auth_ds nor a script has.
func (s *settings) unknownSchemes(registered []string) []string {
	var out []string
	s.eachTarget(func(pos option.Pos, t auth.Target) {
		if !t.BuiltIn() && !s.auth.Has(t.Scheme) && !slices.Contains(registered, t.Scheme) {
			out = append(out, fmt.Sprintf("%s: uri = %q: no scheme of auth_ds and no script (msys.registerAuth in init) has this name; authentication fails", pos, t.URI))
		}
	})
	return out
}

// uselessAuth finds listeners whose AUTH nobody can use: the password would
// cross in the clear, or the mechanism is none of ours.
func (s *settings) uselessAuth() []string {
	var out []string
	add := func(format string, args ...any) {
		if text := fmt.Sprintf(format, args...); !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	s.eachPeer(func(listen *option.Scope, pos option.Pos, peer netip.Addr) {
		p, err := s.profile(listen.Instance, peer)
		if err == nil && p.DigestMD5 != nil {
			add("%s: listener %q: authdigestmd5parameters: DIGEST-MD5 is not offered (RFC 6331); authscramsha256parameters is its successor", pos, listen.Instance)
		}
		if err == nil && needsTLS(p) {
			add("%s: listener %q offers AUTH only with TLS, and has no tls_certificate; auth_without_tls = true would let passwords cross in the clear", pos, listen.Instance)
		}
	})
	return out
}

func needsTLS(p *smtpd.Profile) bool {
	return len(p.AuthTargets()) > 0 && p.TLSCert == "" && !p.OffersAuthInClear()
}
