package auth

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is a Directory under test.
type desk struct {
	*Directory
	t        *testing.T
	problems []string
	queries  []sdk.Query
	rows     *sdk.Rows
	fails    error
	asked    []sdk.AuthRequest
	answer   *sdk.AuthAnswer
}

func newDesk(t *testing.T, schemes *Schemes) *desk {
	d := &desk{t: t, rows: &sdk.Rows{}, answer: &sdk.AuthAnswer{}}
	d.Directory = New(Config{
		Schemes: func() *Schemes { return schemes },
		Query: func(_ context.Context, q *sdk.Query) (*sdk.Rows, error) {
			d.queries = append(d.queries, *q)
			return d.rows, d.fails
		},
		Module: func(_ context.Context, r *sdk.AuthRequest) (*sdk.AuthAnswer, error) {
			d.asked = append(d.asked, *r)
			return d.answer, d.fails
		},
		Problem: func(text string) { d.problems = append(d.problems, text) },
	})
	return d
}

func target(t *testing.T, params map[string]string) *Target {
	t.Helper()
	got, err := NewTarget(params)
	if err != nil {
		t.Fatal(err)
	}
	return &got
}

func (d *desk) clear(t *Target, user, password string) sdk.AuthStatus {
	return d.Authenticate(context.Background(), t, &Proof{User: user, Crypt: Clear, Password: password})
}

// quiet fails the test if a problem was told, or one holds a word.
func (d *desk) quiet(words ...string) {
	d.t.Helper()
	for _, p := range d.problems {
		for _, w := range words {
			if strings.Contains(p, w) {
				d.t.Errorf("the paniclog has %q", p)
			}
		}
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTargets(t *testing.T) {
	got := target(t, map[string]string{"uri": "MyScheme://a/file", "log_authentication": "TRUE"})
	if got.Scheme != "myscheme" || got.Path != "a/file" || !got.Logs() || got.BuiltIn() {
		t.Errorf("%+v", got)
	}
	for _, bad := range []string{"", "file", "file://", "://x"} {
		if _, err := NewTarget(map[string]string{"uri": bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if _, err := NewTarget(nil); err == nil {
		t.Error("no dictionary is taken")
	}
}

func TestFiles(t *testing.T) {
	path := write(t, "# comment:x\r\nanna:ge:heim\r\n\nbert:$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.\nempty:\nanna:second\nno colon\n")
	d := newDesk(t, nil)
	file := target(t, map[string]string{"uri": "file://" + path})
	for _, c := range []struct {
		user, password string
		want           sdk.AuthStatus
	}{
		{"anna", "ge:heim", sdk.AuthOK}, {"anna", "second", sdk.AuthFail}, {"anna", "", sdk.AuthFail}, {"bert", "secret", sdk.AuthOK},
		{"bert", "ge:heim", sdk.AuthFail}, {"nobody", "secret", sdk.AuthFail}, {"nobody", "ge:heim", sdk.AuthFail}, {"empty", "", sdk.AuthFail},
		{"# comment", "x", sdk.AuthFail}, {"an\nna", "ge:heim", sdk.AuthFail},
	} {
		if got := d.clear(file, c.user, c.password); got != c.want {
			t.Errorf("%q with %q: %s", c.user, c.password, got)
		}
	}
	if len(d.problems) > 0 {
		t.Errorf("problems %q", d.problems)
	}
	if err := os.WriteFile(path, []byte("anna:new\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Unix(1251200446, 0)); err != nil {
		t.Fatal(err)
	}
	if d.clear(file, "anna", "new") != sdk.AuthOK {
		t.Error("a changed file is not read anew")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got := d.clear(file, "anna", "new"); got != sdk.AuthError || len(d.problems) != 1 {
		t.Errorf("without its file: %s, %q", got, d.problems)
	}
}

func TestCRAMNeedsClearPasswords(t *testing.T) {
	d := newDesk(t, nil)
	file := target(t, map[string]string{"uri": "file://" + write(t, "anna:tanstaaftanstaaf\nbert:{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0\n")})
	proof := &Proof{User: "anna", Crypt: HMACMD5, Password: "B913A602c7eda7a495b4e6e7334d3890", Nonce: "<1896.697170952@postoffice.reston.mci.net>"}
	if got := d.Authenticate(context.Background(), file, proof); got != sdk.AuthOK {
		t.Errorf("anna: %s", got)
	}
	proof.User = "bert"
	if got := d.Authenticate(context.Background(), file, proof); got != sdk.AuthError || len(d.problems) != 1 {
		t.Errorf("bert: %s, %q", got, d.problems)
	}
	proof.User = "nobody"
	if got := d.Authenticate(context.Background(), file, proof); got != sdk.AuthFail || len(d.problems) != 1 {
		t.Errorf("nobody: %s, %q", got, d.problems)
	}
	script := target(t, map[string]string{"uri": "myscheme://"})
	if got := d.Authenticate(context.Background(), script, proof); got != sdk.AuthError || len(d.asked) != 0 {
		t.Errorf("a script: %s, asked %v", got, d.asked)
	}
}

func TestStored(t *testing.T) {
	d := newDesk(t, nil)
	file := target(t, map[string]string{"uri": "file://" + write(t, "anna:secret\nbert:"+stored()["scram-sha-256"].text+"\ncarl:{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0\n")})
	ctx := context.Background()
	anna, status := d.Stored(ctx, file, "anna")
	if status != sdk.AuthOK || anna.Iters != 4096 || len(anna.Salt) != 16 {
		t.Errorf("anna: %+v, %s", anna, status)
	}
	if again, _ := d.Stored(ctx, file, "anna"); again.Salt != anna.Salt {
		t.Error("the salt changes")
	}
	if bert, status := d.Stored(ctx, file, "bert"); status != sdk.AuthOK || bert.Salt != "0123456789abcdef" {
		t.Errorf("bert: %+v, %s", bert, status)
	}
	nobody, status := d.Stored(ctx, file, "nobody")
	if again, _ := d.Stored(ctx, file, "nobody"); status != sdk.AuthFail || nobody.Iters != 4096 || len(nobody.Salt) != 16 || again.Salt != nobody.Salt {
		t.Errorf("nobody can be told from a user: %+v, %s", nobody, status)
	}
	if _, status := d.Stored(ctx, file, "carl"); status != sdk.AuthError || len(d.problems) != 1 {
		t.Errorf("carl: %s, %q", status, d.problems)
	}
	if _, status := d.Stored(ctx, target(t, map[string]string{"uri": "myscheme://"}), "anna"); status != sdk.AuthError {
		t.Errorf("a script: %s", status)
	}
}

func TestDigestFile(t *testing.T) {
	d := newDesk(t, nil)
	uri := "digest://" + write(t, "anna:other:00000000000000000000000000000000\nanna:realm:70c150943be4564233301dae31b3aa8e\n")
	if got := d.clear(target(t, map[string]string{"uri": uri, "realm": "realm"}), "anna", "secret"); got != sdk.AuthOK {
		t.Errorf("in its realm: %s", got)
	}
	for _, realm := range []string{"other", "third", ""} {
		if got := d.clear(target(t, map[string]string{"uri": uri, "realm": realm}), "anna", "secret"); got != sdk.AuthFail {
			t.Errorf("in realm %q: %s", realm, got)
		}
	}
}

func TestGroupsFile(t *testing.T) {
	d := newDesk(t, nil)
	groups := target(t, map[string]string{"uri": "groups://" + write(t, "root:root\nadmin:x:serv, ec\nall:root,serv,ec\n\n#x:serv\nempty\n")})
	for user, want := range map[string][]string{"root": {"root", "all"}, "ec": {"admin", "all"}, "nobody": nil, "": {"root", "admin", "all"}} {
		if got, status := d.Groups(context.Background(), groups, user); status != sdk.AuthOK || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %s", user, got, status)
		}
	}
	if _, status := d.Groups(context.Background(), target(t, map[string]string{"uri": "groups:///nonexistent"}), "root"); status != sdk.AuthError {
		t.Errorf("without its file: %s", status)
	}
}

func TestScripts(t *testing.T) {
	d := newDesk(t, nil)
	script := target(t, map[string]string{"uri": "MyScheme://a/b", "extra": "1"})
	d.answer = &sdk.AuthAnswer{Status: sdk.AuthOK, Groups: []string{"g"}}
	if got := d.clear(script, "anna", "tellnobody"); got != sdk.AuthOK {
		t.Errorf("%s", got)
	}
	if r := d.asked[0]; r.Scheme != "myscheme" || r.File != "a/b" || r.Params["extra"] != "1" || r.User != "anna" || r.Password != "tellnobody" || r.Question != sdk.AuthCheck {
		t.Errorf("asked %+v", r)
	}
	if groups, status := d.Groups(context.Background(), script, "anna"); status != sdk.AuthOK || len(groups) != 1 || d.asked[1].Question != sdk.AuthUserGroups {
		t.Errorf("groups %q, %s", groups, status)
	}
	if _, _ = d.Groups(context.Background(), script, ""); d.asked[2].Question != sdk.AuthAllGroups {
		t.Errorf("asked %+v", d.asked[2])
	}
	if d.clear(script, "anna", "") != sdk.AuthFail || len(d.asked) != 3 {
		t.Error("an empty password is asked about")
	}
	d.fails = errors.New("gone")
	if got := d.clear(script, "anna", "tellnobody"); got != sdk.AuthError || len(d.problems) != 1 {
		t.Errorf("%s, %q", got, d.problems)
	}
	d.quiet("tellnobody")
}

// attr makes a scope's option.
func attr(name string, v option.Value) option.Attr { return option.Attr{Name: name, Value: v} }

func text(s string) option.Value { return option.Value{Kind: option.KindString, Text: s} }

func dict(pairs ...string) option.Value {
	v := option.Value{Kind: option.KindDict}
	for i := 0; i < len(pairs); i += 2 {
		v.Dict = append(v.Dict, option.Entry{Key: pairs[i], Value: text(pairs[i+1])})
	}
	return v
}

// schemes makes an auth_ds scope with one scheme, "db".
func schemes(inner ...option.Scope) []*option.Scope {
	return []*option.Scope{{Name: "auth_ds", Scopes: []option.Scope{{Name: "scheme", Instance: "DB", Scopes: inner}}}}
}

func mustRead(t *testing.T, scopes []*option.Scope) *Schemes {
	t.Helper()
	s, bad := ReadSchemes(scopes, []string{"users"})
	if len(bad) > 0 {
		t.Fatal(bad)
	}
	return s
}

func TestQueryDecides(t *testing.T) {
	d := newDesk(t, mustRead(t, schemes(option.Scope{Name: "authenticate", Attrs: []option.Attr{
		attr("query", text("SELECT 1 WHERE u = :user AND p = :pass")), attr("cache", text("users")),
		attr("map", dict("user", "<%{username}>", "pass", "%{password}", "how", "%{crypt}%{nonce||none}")),
	}})))
	db := target(t, map[string]string{"uri": "db://"})
	for _, c := range []struct {
		value sdk.Datum
		want  sdk.AuthStatus
	}{
		{sdk.Datum{Kind: sdk.DatumInt, Int: 1}, sdk.AuthOK}, {sdk.Datum{Kind: sdk.DatumInt}, sdk.AuthFail},
		{sdk.Datum{Kind: sdk.DatumText, Text: "1"}, sdk.AuthOK}, {sdk.Datum{Kind: sdk.DatumText, Text: "0"}, sdk.AuthFail},
		{sdk.Datum{Kind: sdk.DatumText, Text: "anna"}, sdk.AuthFail}, {sdk.Datum{Kind: sdk.DatumBool, Int: 1}, sdk.AuthOK},
		{sdk.Datum{Kind: sdk.DatumFloat, Float: 0.5}, sdk.AuthOK}, {sdk.Datum{}, sdk.AuthFail},
	} {
		d.rows = &sdk.Rows{Columns: []string{"allow"}, Rows: [][]sdk.Datum{{c.value}}}
		if got := d.clear(db, "anna", "tellnobody"); got != c.want {
			t.Errorf("%+v: %s", c.value, got)
		}
	}
	q := d.queries[0]
	if q.Named["user"].Text != "<anna>" || q.Named["pass"].Text != "tellnobody" || q.Named["how"].Text != "clearnone" || !q.NoCache || q.Datasource != "users" {
		t.Errorf("query %+v", q)
	}
	d.rows = &sdk.Rows{}
	if got := d.clear(db, "anna", "tellnobody"); got != sdk.AuthFail {
		t.Errorf("no row: %s", got)
	}
	d.fails = errors.New("no such table")
	if got := d.clear(db, "anna", "tellnobody"); got != sdk.AuthError || len(d.problems) != 1 {
		t.Errorf("an error: %s, %q", got, d.problems)
	}
	d.quiet("tellnobody")
}

func TestQueryReturnsThePassword(t *testing.T) {
	d := newDesk(t, mustRead(t, schemes(
		option.Scope{Name: "authenticate", Attrs: []option.Attr{
			attr("query", text("SELECT kind, pw FROM users WHERE u = :user")), attr("cache", text("users")), attr("map", dict("user", "%{username}")),
			attr("returns_password", option.Value{Kind: option.KindBool, Text: "true"}), attr("password_column", text("PW")),
			attr("type_column", text("kind")), attr("type_map", dict("C", "clear", "H", "sha1_hex")),
		}},
		option.Scope{Name: "querygroups", Attrs: []option.Attr{attr("query", text("SELECT g")), attr("cache", text("users")), attr("group_column", text("g")), attr("map", dict("user", "%{username}"))}},
		option.Scope{Name: "enumgroups", Attrs: []option.Attr{attr("query", text("SELECT all")), attr("cache", text("users"))}},
	)))
	db := target(t, map[string]string{"uri": "db://"})
	row := func(kind, password string) *sdk.Rows {
		return &sdk.Rows{Columns: []string{"kind", "pw"}, Rows: [][]sdk.Datum{{{Kind: sdk.DatumText, Text: kind}, {Kind: sdk.DatumText, Text: password}}}}
	}
	for _, c := range []struct {
		kind, stored string
		want         sdk.AuthStatus
	}{
		{"C", "secret", sdk.AuthOK}, {"clear", "secret", sdk.AuthOK}, {"H", "e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4", sdk.AuthOK},
		{"C", "other", sdk.AuthFail}, {"C", "", sdk.AuthFail}, {"X", "secret", sdk.AuthError}, {"H", "secret", sdk.AuthError},
	} {
		d.rows = row(c.kind, c.stored)
		if got := d.clear(db, "anna", "secret"); got != c.want {
			t.Errorf("%s %q: %s", c.kind, c.stored, got)
		}
	}
	if d.queries[0].NoCache {
		t.Error("a query without the password goes past the cache")
	}
	d.rows = row("C", "secret")
	if c, status := d.Stored(context.Background(), db, "anna"); status != sdk.AuthOK || c.Iters == 0 {
		t.Errorf("SCRAM: %+v, %s", c, status)
	}
	d.rows = &sdk.Rows{Columns: []string{"g"}, Rows: [][]sdk.Datum{{{Kind: sdk.DatumText, Text: "ops"}}, {{Kind: sdk.DatumText, Text: "dev"}}}}
	for _, user := range []string{"anna", ""} {
		if got, status := d.Groups(context.Background(), db, user); status != sdk.AuthOK || !slices.Equal(got, []string{"ops", "dev"}) {
			t.Errorf("groups of %q: %q, %s", user, got, status)
		}
	}
	if got := d.queries[len(d.queries)-1].SQL; got != "SELECT all" {
		t.Errorf("all groups by %q", got)
	}
	d.quiet("secret")
}

// An unknown user's password is checked against a secret like the others', and
// against none of theirs that can be read.
func TestUnknownUsersOfQueriesTakeAsLong(t *testing.T) {
	for kind, stored := range map[string]string{"ucrypt": "$2b$04$abcdefghijklmnopqrstuu", "clear": "geheim"} {
		d := newDesk(t, mustRead(t, schemes(option.Scope{Name: "authenticate", Attrs: []option.Attr{
			attr("query", text("SELECT pw FROM users WHERE u = :user")), attr("cache", text("users")), attr("map", dict("user", "%{username}")),
			attr("returns_password", option.Value{Kind: option.KindBool, Text: "true"}), attr("type", text(kind)),
		}})))
		db := target(t, map[string]string{"uri": "db://"})
		d.rows = &sdk.Rows{Columns: []string{"pw"}, Rows: [][]sdk.Datum{{{Kind: sdk.DatumText, Text: stored}}}}
		known, found, err := d.stored(context.Background(), db, "anna")
		if err != nil || !found {
			t.Fatal(found, err)
		}
		d.rows = &sdk.Rows{}
		unknown, found, err := d.stored(context.Background(), db, "nobody")
		if err != nil || found || unknown.form != known.form || (unknown.text == stored) == (kind == "clear") {
			t.Errorf("%s: %+v, %v, %v", kind, unknown, found, err)
		}
		if got := d.clear(db, "nobody", "geheim"); got != sdk.AuthFail || len(d.problems) > 0 {
			t.Errorf("%s: nobody gets %s, %q", kind, got, d.problems)
		}
	}
}

func TestSchemesAreChecked(t *testing.T) {
	query := func(attrs ...option.Attr) []*option.Scope {
		return schemes(option.Scope{Name: "authenticate", Attrs: attrs})
	}
	good := []option.Attr{attr("query", text("q")), attr("cache", text("users"))}
	for what, scopes := range map[string][]*option.Scope{
		"query is missing":    query(attr("cache", text("users"))),
		"no such datasource":  query(attr("query", text("q")), attr("cache", text("nowhere"))),
		"%{pass}":             query(append(good, attr("map", dict("p", "%{pass}")))...),
		"type = \"hmac_md5\"": query(append(good, attr("type", text("hmac_md5")))...),
		"type_map: X":         query(append(good, attr("type_map", dict("X", "rot13")))...),
		"needs type":          query(append(good, attr("returns_password", option.Value{Kind: option.KindBool, Text: "true"}))...),
		"is built in":         {{Name: "auth_ds", Scopes: []option.Scope{{Name: "scheme", Instance: "file"}}}},
	} {
		_, bad := ReadSchemes(scopes, []string{"users"})
		if len(bad) != 1 || !strings.Contains(bad[0].Text, what) {
			t.Errorf("%s: %v", what, bad)
		}
	}
	if s := mustRead(t, query(good...)); !s.Has("db") || !s.Has("DB") || s.Has("other") {
		t.Error("a scheme is not found by its name")
	}
}

func FuzzPasswordFile(f *testing.F) {
	f.Add("anna:geheim\n#x\r\nbert:realm:hash", "anna")
	f.Fuzz(func(t *testing.T, text, user string) {
		for _, list := range []map[string][]secret{parsePasswords(text), parseDigests(text)} {
			for name, secrets := range list {
				if name == "" || len(secrets) == 0 {
					t.Fatalf("%q has %q", text, name)
				}
			}
		}
		if _, err := expand(text, &params{proof: &Proof{User: user}}); err == nil && strings.Contains(text, "%{") && !strings.Contains(text, "}") {
			t.Fatalf("%q is a whole text", text)
		}
		_, _ = parseSCRAM(text)
	})
}
