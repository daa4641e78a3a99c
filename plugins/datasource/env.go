package datasource

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/credential"
	"github.com/mtad/mtad/sdk/option"
)

// The module's scopes.
const (
	scopeName  = "datasource"
	scopeLDAP  = "ds_ldap"
	scopeCreds = "securecreds"
)

// Schemas are the module's scopes, its own first.
func Schemas() []option.Schema {
	s := option.SchemaOf(scopeName, options{})
	s.Instance = option.InstanceRequired
	s.Help = "A named, cached connection to a database."
	l := option.SchemaOf(scopeLDAP, ldapOptions{})
	l.Help = "The connections that LDAP datasources keep."
	c := option.SchemaOf(scopeCreds, credsOptions{})
	c.Help = "Stored passwords, which replace those of uris."
	return []option.Schema{s, l, c}
}

// ldapOptions are the ds_ldap scope (reference/modules.tsv).
type ldapOptions struct {
	Size int64         `opt:"connection_cache_size" default:"16" unit:"connections" help:"Idle connections that each LDAP datasource keeps; 0: none."`
	Life time.Duration `opt:"connection_cache_life" default:"300" unit:"seconds" help:"How old a kept connection may be."`
}

// credsOptions are the securecreds scope (reference/modules.tsv).
type credsOptions struct {
	Store string `opt:"credentials" default:"/etc/mtad/credentials.db" help:"The store that mtad credmgr writes."`
	Key   string `opt:"key" default:"/etc/mtad/credentials.key" help:"The file with its key; only root and the user mtad runs as may read it."`
}

// env is what all datasources of a configuration share.
type env struct {
	drivers []driver.Driver
	keep    driver.Keep
	creds   credsOptions
	secrets *credential.Reader // nil: there is no securecreds scope
}

// same reports environments in which a datasource would be the same.
func (e *env) same(other *env) bool {
	return e.keep == other.keep && e.creds == other.creds && (e.secrets == nil) == (other.secrets == nil)
}

// knownPool reports a thread pool that is configured, or there without that (the
// manual's threadpool page).
func knownPool(name string, configured []string) bool {
	const own = " cpu io swapout swapin close unlink batch_unlink spoolin async_bounce sieve_io "
	return strings.Contains(own, " "+strings.ToLower(name)+" ") ||
		slices.ContainsFunc(configured, func(p string) bool { return strings.EqualFold(p, name) })
}

// newEnv reads the scopes beside the datasources, and what only all of the
// configuration can tell.
func newEnv(drivers []driver.Driver, c *sdk.Config) (e *env, warnings, bad []sdk.Problem) {
	e = &env{drivers: drivers}
	var l ldapOptions
	option.Decode(&option.Scope{Name: scopeLDAP}, &l)
	for i := range c.Scopes {
		scope := &c.Scopes[i]
		var problems option.Problems
		switch scope.Name {
		case scopeName:
			if a, ok := scope.Attr("pool"); ok && !knownPool(a.Value.Text, c.Pools) {
				warnings = append(warnings, at(a.Pos, fmt.Sprintf("pool = %q: there is no threadpool of this name", a.Value.Text)))
			}
		case scopeLDAP:
			problems = option.Decode(scope, &l)
		case scopeCreds:
			problems = option.Decode(scope, &e.creds)
			e.secrets = &credential.Reader{Files: credential.Files{Store: e.creds.Store, Key: e.creds.Key}}
			if err := e.secrets.Check(); err != nil && c.CheckOnly { // who checks may not be who runs
				warnings = append(warnings, at(scope.Pos, "securecreds: "+err.Error()))
				warnings[len(warnings)-1].Severity = sdk.Warning
			} else if err != nil {
				bad = append(bad, at(scope.Pos, "securecreds: "+err.Error()))
			}
		}
		for _, p := range problems {
			bad = append(bad, at(p.Pos, p.Text))
		}
	}
	e.keep = driver.Keep{Size: int(l.Size), Life: l.Life}
	return e, warnings, bad
}

func at(pos option.Pos, text string) sdk.Problem {
	return sdk.Problem{File: pos.File, Line: pos.Line, Column: pos.Column, Text: text}
}
