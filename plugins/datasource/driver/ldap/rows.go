package ldap

import (
	"context"
	"slices"
	"strings"
	"time"

	ldap3 "github.com/go-ldap/ldap/v3"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/sdk"
)

// maxEntries bounds a search where the datasource does not.
const maxEntries = 100_000

// search asks, and keeps the connection for the next query.
func (p *pool) search(ctx context.Context, one *kept, t *target, limit int) (*sdk.Rows, error) {
	within := t.seconds(extSearch, searchTimeout)
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { hangUp(one.conn) })
	found, err := one.conn.Search(t.request(limit, within))
	if !stop() {
		hangUp(one.conn)
	} else if t.extensions[extNoCache] != "true" {
		p.conns.give(one)
	}
	switch {
	case err == nil, ldap3.IsErrorWithCode(err, ldap3.LDAPResultSizeLimitExceeded):
	case ldap3.IsErrorWithCode(err, ldap3.LDAPResultNoSuchObject):
		return &sdk.Rows{}, nil // whom a query asks about need not be there
	default:
		return nil, asError(ctx, err)
	}
	rows := t.rows(found)
	if limit >= 0 && len(rows.Rows) > limit {
		rows.Rows = rows.Rows[:limit]
	}
	return rows, nil
}

func (t *target) request(limit int, within time.Duration) *ldap3.SearchRequest {
	scope := ldap3.ScopeBaseObject // RFC 4516 §2: the default
	switch t.scope {
	case "one":
		scope = ldap3.ScopeSingleLevel
	case "sub":
		scope = ldap3.ScopeWholeSubtree
	}
	filter := t.filter
	if filter == "" {
		filter = "(objectClass=*)" // RFC 4516 §2
	}
	if limit < 0 || limit > maxEntries {
		limit = maxEntries
	}
	return &ldap3.SearchRequest{
		BaseDN: t.dn, Scope: scope, DerefAliases: ldap3.NeverDerefAliases, Filter: filter, Attributes: t.attributes,
		SizeLimit: limit, EnforceSizeLimit: true, TimeLimit: int(within / time.Second),
	}
}

// rows makes rows of entries: a column for each attribute that was asked for, else
// for each that any entry has. An attribute with several values makes as many
// rows; those with one are in each of them.
func (t *target) rows(found *ldap3.SearchResult) *sdk.Rows {
	rows := &sdk.Rows{Columns: t.columns(found)}
	if found == nil {
		return rows
	}
	asDN := t.extensions[extDN]
	for _, e := range found.Entries {
		values := make([][]string, 0, len(rows.Columns))
		most := 1
		for _, name := range rows.Columns {
			v := e.GetEqualFoldAttributeValues(name)
			if name == asDN {
				v = []string{e.DN}
			}
			values = append(values, v)
			most = max(most, len(v))
		}
		for i := range most {
			rows.Rows = append(rows.Rows, line(values, i))
		}
	}
	return rows
}

func line(values [][]string, i int) []sdk.Datum {
	row := make([]sdk.Datum, len(values))
	for c, v := range values {
		switch {
		case len(v) == 1:
			row[c] = sdk.Datum{Kind: sdk.DatumText, Text: v[0]}
		case i < len(v):
			row[c] = sdk.Datum{Kind: sdk.DatumText, Text: v[i]}
		}
	}
	return row
}

func (t *target) columns(found *ldap3.SearchResult) []string {
	var names []string
	listed := len(t.attributes) > 0 && !slices.ContainsFunc(t.attributes, func(a string) bool { return a == "*" || a == "+" })
	if listed {
		names = slices.Clone(t.attributes)
	} else if found != nil {
		for _, e := range found.Entries {
			for _, a := range e.Attributes {
				if !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, a.Name) }) {
					names = append(names, a.Name)
				}
			}
		}
		slices.Sort(names)
	}
	if dn := t.extensions[extDN]; dn != "" && !slices.Contains(names, dn) {
		names = append(names, dn)
	}
	return names
}

var _ driver.Keeper = (*pool)(nil)
