package auth

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// Options are the auth_ds scope (reference/modules.tsv).
type Options struct {
	Schemes []Scheme `scope:"scheme" help:"An authentication scheme: a listener names it as \"name://\"."`
}

// Scheme is one scheme of auth_ds.
type Scheme struct {
	Name string     `opt:",instance,required"`
	Pos  option.Pos `opt:",pos"`

	Authenticate *UserQuery  `scope:"authenticate" help:"The query that decides about a user."`
	QueryGroups  *GroupQuery `scope:"querygroups" help:"The query for the groups of a user."`
	EnumGroups   *GroupQuery `scope:"enumgroups" help:"The query for all groups."`
}

// UserQuery is an authenticate scope.
type UserQuery struct {
	Pos             option.Pos        `opt:",pos"`
	Query           string            `opt:"query" help:"The statement; :name stands for an entry of map."`
	Cache           string            `opt:"cache" help:"The datasource that is asked."`
	Map             map[string]string `opt:"map" type:"dict" help:"What the statement's names stand for: texts with %{username}, %{password}, %{realm}, %{digest-uri}, %{nonce}, %{crypt} and %{uri}."`
	ReturnsPassword bool              `opt:"returns_password" default:"false" help:"The query returns the password and mtad compares; else it returns a number, and not 0 is yes."`
	PasswordColumn  string            `opt:"password_column" help:"The column with the password; unset: the first."`
	Type            string            `opt:"type" help:"How the password is stored: clear, md5, md5_hex, md5_base64, sha1_hex, sha1_base64, smd5, ssha1, ucrypt, digest-md5 or rfc2307."`
	TypeColumn      string            `opt:"type_column" help:"The column that says how the password is stored, where type is unset."`
	TypeMap         map[string]string `opt:"type_map" type:"dict" help:"What the texts in type_column mean."`
}

// GroupQuery is a querygroups or enumgroups scope.
type GroupQuery struct {
	Pos         option.Pos        `opt:",pos"`
	Query       string            `opt:"query" help:"The statement; :name stands for an entry of map."`
	Cache       string            `opt:"cache" help:"The datasource that is asked."`
	Map         map[string]string `opt:"map" type:"dict" help:"What the statement's names stand for, as in authenticate."`
	GroupColumn string            `opt:"group_column" help:"The column with the group's name; unset: the first."`
}

// Schemes are the schemes of a configuration.
type Schemes struct{ byName map[string]*Scheme }

// Has reports whether there is a scheme of that name.
func (s *Schemes) Has(name string) bool {
	_, ok := s.byName[strings.ToLower(name)]
	return ok
}

// ReadSchemes reads the auth_ds scopes and says everything wrong with them.
// datasources are the names there are.
func ReadSchemes(scopes []*option.Scope, datasources []string) (*Schemes, option.Problems) {
	out := &Schemes{byName: make(map[string]*Scheme)}
	var bad option.Problems
	for _, scope := range scopes {
		var o Options
		bad = append(bad, option.Decode(scope, &o)...)
		for i := range o.Schemes {
			s := &o.Schemes[i]
			bad = append(bad, s.check(datasources)...)
			out.byName[strings.ToLower(s.Name)] = s
		}
	}
	return out, bad
}

func (s *Scheme) check(datasources []string) option.Problems {
	var bad option.Problems
	if u := s.Authenticate; u != nil {
		bad = append(bad, checkQuery(u.Pos, u.Query, u.Cache, u.Map, datasources)...)
		bad = append(bad, u.checkTypes()...)
	}
	for _, g := range []*GroupQuery{s.QueryGroups, s.EnumGroups} {
		if g != nil {
			bad = append(bad, checkQuery(g.Pos, g.Query, g.Cache, g.Map, datasources)...)
		}
	}
	if t := (Target{Scheme: strings.ToLower(s.Name)}); t.BuiltIn() {
		bad = append(bad, option.Problem{Pos: s.Pos, Text: fmt.Sprintf("the scheme %q is built in", s.Name)})
	}
	return bad
}

func checkQuery(pos option.Pos, query, cache string, values map[string]string, datasources []string) option.Problems {
	var bad option.Problems
	say := func(format string, args ...any) {
		bad = append(bad, option.Problem{Pos: pos, Text: fmt.Sprintf(format, args...)})
	}
	if query == "" {
		say("query is missing")
	}
	if !slices.Contains(datasources, cache) {
		say("cache = %q: there is no such datasource", cache)
	}
	for key, text := range values {
		if _, err := expand(text, &params{}); err != nil {
			say("map: %s: %v", key, err)
		}
	}
	return bad
}

func (u *UserQuery) checkTypes() option.Problems {
	var bad option.Problems
	say := func(format string, args ...any) {
		bad = append(bad, option.Problem{Pos: u.Pos, Text: fmt.Sprintf(format, args...)})
	}
	known := formNames()
	if _, ok := known[u.Type]; u.Type != "" && !ok {
		say("type = %q: mtad does not know this form of a stored password", u.Type)
	}
	for key, name := range u.TypeMap {
		if _, ok := known[name]; !ok {
			say("type_map: %s = %q: mtad does not know this form of a stored password", key, name)
		}
	}
	if u.ReturnsPassword && u.Type == "" && u.TypeColumn == "" {
		say("returns_password needs type or type_column")
	}
	return bad
}

// params are what %{...} in a map stands for (manual, auth_ds).
type params struct {
	proof  *Proof
	target *Target
	secret bool // the password was used
}

func (p *params) value(name string) (string, bool) {
	proof, target := p.proof, p.target
	if proof == nil {
		proof = &Proof{}
	}
	if target == nil {
		target = &Target{}
	}
	switch name {
	case "username":
		return proof.User, true
	case "password":
		p.secret = true
		return proof.Password, true
	case "nonce":
		return proof.Nonce, true
	case "crypt":
		return string(proof.Crypt), true
	case "realm":
		return target.realm(), true
	case "uri":
		return target.URI, true
	case "digest-uri":
		return "", true // DIGEST-MD5's alone
	}
	return "", false
}

// expand replaces each %{name}, and %{name||text} by text where name is empty.
func expand(text string, p *params) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "%{")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		name, otherwise, _ := strings.Cut(name, "||")
		value, known := p.value(name)
		if !closed || !known {
			return "", fmt.Errorf("%%{%s} is none of username, password, realm, digest-uri, nonce, crypt and uri", name)
		}
		if value == "" {
			value = otherwise
		}
		b.WriteString(value)
		text = after
	}
}

// ask runs a statement. One that a password was bound to goes past the
// datasource's cache: nobody keeps passwords there, or accepts an old one.
func (d *Directory) ask(ctx context.Context, cache, statement string, values map[string]string, p *params) (*sdk.Rows, error) {
	q := &sdk.Query{Datasource: cache, SQL: statement, Named: make(map[string]sdk.Datum, len(values))}
	for key, text := range values {
		value, err := expand(text, p)
		if err != nil {
			return nil, err
		}
		q.Named[key] = sdk.Datum{Kind: sdk.DatumText, Text: value}
	}
	q.NoCache = p.secret
	return d.Query(ctx, q)
}

// queryUser decides by a scheme's query.
func (d *Directory) queryUser(ctx context.Context, s *Scheme, t *Target, p *Proof) (sdk.AuthStatus, error) {
	u := s.Authenticate
	if u == nil {
		return sdk.AuthError, fmt.Errorf("the scheme %q has no authenticate scope", s.Name)
	}
	if u.ReturnsPassword {
		stored, found, err := d.querySecret(ctx, s, t, p)
		if err != nil {
			return sdk.AuthFail, err
		}
		ok, err := d.check(ctx, &stored, p)
		return statusOf(ok && found), ignoreUnless(found, err)
	}
	rows, err := d.ask(ctx, u.Cache, u.Query, u.Map, &params{proof: p, target: t})
	if err != nil {
		return sdk.AuthError, err
	}
	// "the first column of the first row is inspected; if it is a non-zero
	// value, then the authentication is considered successful" (manual, auth_ds)
	return statusOf(len(rows.Rows) > 0 && len(rows.Rows[0]) > 0 && isTrue(rows.Rows[0][0])), nil
}

// isTrue reports a number that is not zero.
func isTrue(v sdk.Datum) bool {
	switch v.Kind {
	case sdk.DatumInt, sdk.DatumBool:
		return v.Int != 0
	case sdk.DatumFloat:
		return v.Float != 0
	case sdk.DatumText:
		if strings.EqualFold(v.Text, "true") || strings.EqualFold(v.Text, "t") {
			return true
		}
		f, err := strconv.ParseFloat(v.Text, 64)
		return err == nil && f != 0
	}
	return false
}

// querySecret finds what a scheme's query returns of a user's password. As with
// files, the secret of an unknown user is another's, and found false.
func (d *Directory) querySecret(ctx context.Context, s *Scheme, t *Target, p *Proof) (secret, bool, error) {
	u := s.Authenticate
	rows, err := d.ask(ctx, u.Cache, u.Query, u.Map, &params{proof: p, target: t})
	if err != nil || len(rows.Rows) == 0 {
		return d.decoy(s), false, err
	}
	stored, err := column(rows, u.PasswordColumn, 0)
	if err != nil || stored == "" {
		return d.decoy(s), false, err
	}
	kind := u.Type
	if kind == "" {
		if kind, err = column(rows, u.TypeColumn, 0); err != nil {
			return secret{}, false, err
		}
		if mapped, ok := u.TypeMap[kind]; ok {
			kind = mapped
		}
	}
	f, ok := formNames()[kind]
	if !ok {
		return secret{}, false, errForm
	}
	if f == formClear && guess(stored) == formSCRAM {
		f = formSCRAM
	}
	found := secret{form: f, text: stored, user: p.User, realm: t.realm()}
	d.keepDecoy(s, found)
	return found, true, nil
}

// keepDecoy remembers what the secrets of a scheme are like; not one in the clear.
func (d *Directory) keepDecoy(s *Scheme, like secret) {
	if _, has := d.decoys.Load(s.Name); has {
		return
	}
	if like.form == formClear {
		like.text = rand.Text()
	}
	d.decoys.Store(s.Name, like)
}

func (d *Directory) decoy(s *Scheme) secret {
	like, _ := d.decoys.Load(s.Name)
	one, _ := like.(secret)
	return one
}

// column is a text of a result's row. The name matches without case.
func column(rows *sdk.Rows, name string, row int) (string, error) {
	at := 0
	if name != "" {
		at = slices.IndexFunc(rows.Columns, func(c string) bool { return strings.EqualFold(c, name) })
	}
	if at < 0 || at >= len(rows.Rows[row]) {
		return "", fmt.Errorf("the result has no column %q", name)
	}
	switch v := rows.Rows[row][at]; v.Kind {
	case sdk.DatumText:
		return v.Text, nil
	case sdk.DatumInt:
		return strconv.FormatInt(v.Int, 10), nil
	}
	return "", nil
}

// maxGroups bounds the groups that a query may return.
const maxGroups = 1000

func (d *Directory) queryGroups(ctx context.Context, s *Scheme, t *Target, user string) ([]string, error) {
	g := s.QueryGroups
	if user == "" {
		g = s.EnumGroups
	}
	if g == nil {
		return nil, fmt.Errorf("the scheme %q has no scope for groups", s.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	rows, err := d.ask(ctx, g.Cache, g.Query, g.Map, &params{proof: &Proof{User: user, Crypt: Clear}, target: t})
	if err != nil {
		return nil, err
	}
	var groups []string
	for i := range rows.Rows[:min(len(rows.Rows), maxGroups)] {
		name, err := column(rows, g.GroupColumn, i)
		if err != nil {
			return nil, err
		}
		if name != "" {
			groups = append(groups, name)
		}
	}
	return groups, nil
}
