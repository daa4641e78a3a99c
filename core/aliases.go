package core

import (
	"context"
	"fmt"

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/core/alias"
	"github.com/mtad/mtad/core/smtpd"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/smtp"
)

// aliasOptions say which schemes expand a domain's recipients
// (reference/config-options.tsv).
type aliasOptions struct {
	Schemes []string `opt:"alias_schemes" type:"list" scopes:"domain,global,pathway,pathway_group" help:"Alias schemes for the recipients of the domain, in the order they are tried; the domain's own come before those of the pathway."`
}

// aliasScope is the alias scope (reference/modules.tsv).
func aliasScope() option.Schema {
	s := option.SchemaOf("alias", alias.Options{})
	s.Help = "Recipients rewritten by queries to datasources."
	return withInstance(s)
}

// readAliases takes the alias scopes.
func (s *settings) readAliases(root *option.Scope) option.Problems {
	var sources []string
	for _, d := range root.Children("datasource") {
		sources = append(sources, d.Instance)
	}
	schemes, bad := alias.Read(root.Children("alias"), sources)
	s.aliases = schemes
	return append(bad, unknownAliases(root, schemes)...)
}

// unknownAliases finds names in alias_schemes that no alias scope has: mail would
// go to the address itself, which nobody meant.
func unknownAliases(scope *option.Scope, schemes *alias.Schemes) option.Problems {
	var bad option.Problems
	if a, ok := scope.Attr("alias_schemes"); ok {
		names := a.Value.List
		if a.Value.Kind == option.KindString {
			names = []option.Value{a.Value}
		}
		for _, v := range names {
			if !schemes.Has(v.Text) {
				bad = append(bad, option.Problem{Pos: a.Pos, Text: fmt.Sprintf("alias_schemes: no alias scope has a scheme %q", v.Text)})
			}
		}
	}
	for i := range scope.Scopes {
		bad = append(bad, unknownAliases(&scope.Scopes[i], schemes)...)
	}
	return bad
}

// aliasesFor are the schemes for a domain: its own, else those of the session's
// pathway, which fall back to the global ones.
func (s *settings) aliasesFor(domain, pathway string) []string {
	layers := s.tree.Layers.Outbound("", "", domain)
	if from := conf.Origin(layers, "alias_schemes"); from == nil || from == s.tree.Root {
		layers = s.tree.Layers.Pathway(pathway)
	}
	var o aliasOptions
	option.DecodeLayers(&o, layers...) // checked at load: there is nothing to report
	return o.Schemes
}

// expandAlias is smtpd.Aliases.
func (c *Core) expandAlias(ctx context.Context, p *smtpd.Profile, to smtp.Address, seen map[smtp.Address]bool) ([]smtp.Address, error) {
	s := c.settings.Load()
	if s.aliases.Empty() {
		return []smtp.Address{to}, nil
	}
	e := alias.Expander{
		Schemes: s.aliases,
		Names:   func(domain string) []string { return s.aliasesFor(domain, p.Pathway) },
		Query:   func(ctx context.Context, q *sdk.Query) (*sdk.Rows, error) { return c.modules.Query(ctx, q) },
		Valid:   smtpd.ValidAddress,
	}
	return e.Expand(ctx, to, seen)
}
