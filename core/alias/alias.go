// Package alias rewrites recipients from datasources: a scheme's query gives the
// addresses that mail for an address goes to (the original's alias module). It
// runs in the core, for core/smtpd, once policy has accepted a recipient.
//
// Next: core/smtpd, which puts the addresses into the recipient list.
package alias

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/smtp"
)

// Options are an alias scope (reference/modules.tsv).
type Options struct {
	Schemes []Scheme `scope:"scheme" help:"A way to expand addresses; alias_schemes names it."`
}

// Scheme is one way to expand addresses.
type Scheme struct {
	Name   string            `opt:",instance,required"`
	Pos    option.Pos        `opt:",pos"`
	Query  string            `opt:"query" help:"The statement; :name or $name stands for an entry of map."`
	Cache  string            `opt:"cache" help:"The datasource that is asked."`
	Map    map[string]string `opt:"map" type:"dict" help:"What the statement's names stand for: texts with %{rcptto}, %{localpart} and %{domain}."`
	Column string            `opt:"column" help:"The column with the addresses; unset: the first."`
}

// Schemes are the schemes of a configuration.
type Schemes struct{ byName map[string]*Scheme }

// Has reports whether there is a scheme of that name.
func (s *Schemes) Has(name string) bool { return s.byName[strings.ToLower(name)] != nil }

// Empty reports that there are none.
func (s *Schemes) Empty() bool { return s == nil || len(s.byName) == 0 }

// Read reads the alias scopes and says everything wrong with them. datasources
// are the names there are.
func Read(scopes []*option.Scope, datasources []string) (*Schemes, option.Problems) {
	out := &Schemes{byName: map[string]*Scheme{}}
	var bad option.Problems
	for _, scope := range scopes {
		var o Options
		bad = append(bad, option.Decode(scope, &o)...)
		for i := range o.Schemes {
			s := &o.Schemes[i]
			bad = append(bad, s.check(datasources)...)
			if out.Has(s.Name) {
				bad = append(bad, option.Problem{Pos: s.Pos, Text: fmt.Sprintf("the scheme %q is there twice", s.Name)})
			}
			out.byName[strings.ToLower(s.Name)] = s
		}
	}
	return out, bad
}

func (s *Scheme) check(datasources []string) option.Problems {
	var bad option.Problems
	say := func(format string, args ...any) {
		bad = append(bad, option.Problem{Pos: s.Pos, Text: fmt.Sprintf(format, args...)})
	}
	if s.Query == "" {
		say("query is missing")
	}
	if !slices.Contains(datasources, s.Cache) {
		say("cache = %q: there is no such datasource", s.Cache)
	}
	for key, text := range s.Map {
		if _, err := expand(text, "a@b"); err != nil {
			say("map: %s: %v", key, err)
		}
	}
	return bad
}

// expand replaces what %{...} stands for (manual, alias).
func expand(text string, to smtp.Address) (string, error) {
	local, domain := to.Split()
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "%{")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, after, _ := strings.Cut(rest, "}")
		switch name {
		case "rcptto":
			b.WriteString(string(to))
		case "localpart":
			b.WriteString(local)
		case "domain":
			b.WriteString(domain)
		default:
			return "", fmt.Errorf("%%{%s} is none of rcptto, localpart and domain", name)
		}
		text = after
	}
}

// Bounds of one recipient's expansion.
const (
	maxAddresses = 1000
	maxDepth     = 20
)

// ErrLoop is for a recipient whose expansion leads back to itself alone.
var ErrLoop = errors.New("the aliases of this address lead back to it")

// Expander expands recipients. Its fields are set once, before its first use.
type Expander struct {
	Schemes *Schemes
	// Names are the schemes for a domain, in the order they are tried.
	Names func(domain string) []string
	// Query asks a datasource.
	Query func(ctx context.Context, q *sdk.Query) (*sdk.Rows, error)
	// Valid reads an address; false where it is none.
	Valid func(text string) (smtp.Address, bool)
}

// Expand gives the addresses that a recipient stands for; itself alone where no
// scheme has any. seen are the addresses that were expanded before in the same
// transaction, and is added to: none of them comes back (manual, alias).
func (e *Expander) Expand(ctx context.Context, to smtp.Address, seen map[smtp.Address]bool) ([]smtp.Address, error) {
	var out []smtp.Address
	if err := e.walk(ctx, to, seen, &out, 0); err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, ErrLoop
	}
	return out, nil
}

func (e *Expander) walk(ctx context.Context, to smtp.Address, seen map[smtp.Address]bool, out *[]smtp.Address, depth int) error {
	if seen[to] || slices.Contains(*out, to) {
		return nil
	}
	if depth > maxDepth {
		return fmt.Errorf("the aliases of %s are nested more than %d deep", to, maxDepth)
	}
	found, err := e.once(ctx, to)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		if *out = append(*out, to); len(*out) > maxAddresses {
			return fmt.Errorf("more than %d addresses", maxAddresses)
		}
		return nil
	}
	seen[to] = true
	for _, a := range found {
		if err := e.walk(ctx, a, seen, out, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// once tries the schemes in turn: the first that has anything counts.
func (e *Expander) once(ctx context.Context, to smtp.Address) ([]smtp.Address, error) {
	for _, name := range e.Names(to.Domain()) {
		s := e.Schemes.byName[strings.ToLower(name)]
		if s == nil {
			continue
		}
		found, err := e.ask(ctx, s, to)
		if err != nil {
			return nil, fmt.Errorf("scheme %q: %w", s.Name, err)
		}
		if len(found) > 0 {
			return found, nil
		}
	}
	return nil, nil
}

func (e *Expander) ask(ctx context.Context, s *Scheme, to smtp.Address) ([]smtp.Address, error) {
	q := &sdk.Query{Datasource: s.Cache, SQL: s.Query, Named: make(map[string]sdk.Datum, len(s.Map))}
	for key, text := range s.Map {
		value, err := expand(text, to)
		if err != nil {
			return nil, err
		}
		q.Named[key] = sdk.Datum{Kind: sdk.DatumText, Text: value}
	}
	rows, err := e.Query(ctx, q)
	if err != nil || len(rows.Rows) == 0 {
		return nil, err
	}
	at := 0
	if s.Column != "" {
		at = slices.IndexFunc(rows.Columns, func(c string) bool { return strings.EqualFold(c, s.Column) })
	}
	if at < 0 {
		return nil, fmt.Errorf("the result has no column %q", s.Column)
	}
	var found []smtp.Address
	for _, row := range rows.Rows {
		if at >= len(row) || row[at].Kind != sdk.DatumText || row[at].Text == "" {
			continue // NULL, and what is no text: nothing to send to
		}
		a, ok := e.Valid(strings.TrimSpace(row[at].Text))
		if !ok {
			return nil, fmt.Errorf("%q, which %s stands for, is no address", row[at].Text, to)
		}
		found = append(found, a)
	}
	return found, nil
}
