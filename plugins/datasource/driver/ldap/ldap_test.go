package ldap

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/plugins/datasource/driver/drivertest"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/test/mtatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const people = "ou=people," + drivertest.LDAPBase

// directory holds the accounts, and a list with three addresses.
const directory = `dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: uid=alice,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: alice
cn: alice
sn: a
employeeNumber: 250
description: gold
userPassword: open

dn: uid=o'brien,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: o'brien
cn: o'brien
sn: b
employeeNumber: 251
description: it's fine

dn: uid=bob,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: bob
cn: bob
sn: c
employeeNumber: 252
mail: bob@example.com
mail: robert@example.com
mail: b@example.com
`

func open(t *testing.T, rest string, c driver.Config) driver.Pool {
	t.Helper()
	c.Rest = rest
	if c.Keep == (driver.Keep{}) {
		c.Keep = driver.Keep{Size: 4, Life: time.Minute}
	}
	p, err := Driver{"ldap"}.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func ask(p driver.Pool, text string, named ...string) (*sdk.Rows, error) {
	q := &sdk.Query{SQL: text, Named: map[string]sdk.Datum{}}
	for i := 0; i < len(named); i += 2 {
		q.Named[named[i]] = sdk.Datum{Kind: sdk.DatumText, Text: named[i+1]}
	}
	return p.Query(context.Background(), driver.Parse(q), -1)
}

func flat(rows *sdk.Rows) string {
	var out []string
	for _, r := range rows.Rows {
		var row []string
		for _, d := range r {
			if d.Kind == sdk.DatumNull {
				row = append(row, "NULL")
			} else {
				row = append(row, driver.Text(d))
			}
		}
		out = append(out, strings.Join(row, "|"))
	}
	return strings.Join(out, "\n")
}

func TestLDAP(t *testing.T) {
	s := drivertest.NewSlapd(t, directory)
	base := fmt.Sprintf("//127.0.0.1:%d", s.Port)
	asManager := "bindname=cn=manager%2Cdc=example%2Cdc=com,x-bindpw=" + drivertest.LDAPPassword
	t.Run("forms", func(t *testing.T) { forms(t, open(t, base, driver.Config{})) })
	t.Run("parts of the uri", func(t *testing.T) {
		p := open(t, base+"/"+people+"?mail?one?(uid=bob)?"+asManager, driver.Config{})
		rows, err := ask(p, "ldap:///")
		if err != nil || flat(rows) != "bob@example.com\nrobert@example.com\nb@example.com" {
			t.Errorf("%v %v", rows, err)
		}
		if rows, err := ask(p, "ldap:///??sub?(uid=$u)?x-return-dn=who", "u", "alice"); err != nil || flat(rows) != "NULL|uid=alice,"+people {
			t.Errorf("%v %v", rows, err)
		}
	})
	t.Run("binds", func(t *testing.T) { binds(t, open(t, base, driver.Config{})) })
	t.Run("stored password", func(t *testing.T) { storedPassword(t, base) })
	t.Run("connections", func(t *testing.T) { connections(t, base) })
	drivertest.Suite{
		Driver: Driver{"ldap"}, Rest: base + "/" + people + "????" + asManager, Config: driver.Config{Keep: driver.Keep{Size: 4, Life: time.Minute}},
		ByName:  "ldap:///?uid,employeeNumber,description?one?(uid=$who)",
		All:     "ldap:///?uid?one?(objectClass=inetOrgPerson)",
		Broken:  "ldap:///?uid?one?(((",
		Columns: map[string]string{"code": "employeeNumber", "note": "description"},
		Server:  &s.Process, Secret: drivertest.LDAPPassword,
		Account: driver.Account{Facility: "ldap", Host: "127.0.0.1", User: drivertest.LDAPManager},
	}.Run(t)
}

func forms(t *testing.T, p driver.Pool) {
	for query, want := range map[string]string{
		"ldap:///uid=alice," + people + "?employeeNumber,description":               "250|gold",
		"ldap:///uid=$u," + people + "?uid?base?(objectClass=*)?x-search-timeout=2": "alice",
		"ldap:///" + people + "?ou": "people",
		"ldap:///dc=example,dc=com?uid?sub?(%26(uid=alice)(description=gold))":          "alice",
		"ldap:///dc%3Dexample%2Cdc%3Dcom?UID?sub?(employeenumber=251)":                  "o'brien",
		"ldap:///uid=nobody," + people + "?uid":                                         "",
		"ldap:///ou=nowhere," + people + "?uid?sub?(uid=*)":                             "",
		"ldap:///uid=bob," + people + "?uid,mail?base":                                  "bob|bob@example.com\nbob|robert@example.com\nbob|b@example.com",
		"ldap:///uid=alice," + people + "?uid???x-return-dn=dn,!x-ldap-version=3":       "alice|uid=alice," + people,
		"ldap:///uid=alice," + people + "?uid???x-ignore-referrals=1":                   "alice",
		"ldap:///uid=alice," + people + "?uid???x-disable-connection-cache=true":        "alice",
		"LDAP:///uid=alice," + people + "?uid,nosuchattribute?base?(objectClass=top)??": "",
	} {
		rows, err := ask(p, query, "u", "alice")
		if strings.HasSuffix(query, "??") {
			if err == nil {
				t.Errorf("%s: six parts were taken", query)
			}
			continue
		}
		if err != nil || flat(rows) != want {
			t.Errorf("%s: %+v %v, want %q", query, rows, err, want)
		}
	}
	rows, err := ask(p, "ldap:///uid=alice,"+people)
	if err != nil || !reflect.DeepEqual(rows.Columns, []string{"cn", "description", "employeeNumber", "objectClass", "sn", "uid"}) {
		t.Errorf("all attributes: %+v %v", rows, err)
	}
	for _, query := range []string{"SELECT 1", "ldap:///x??near", "ldap:///????x-bindpasswd=1", "ldap:///????x-search-timeout=0", "ldap:///????x-ldap-version=2",
		"ldap://h:99999/", "ldap:///%zz", "ldap://a@b/", "http:///x", ""} {
		var failed *driver.Error
		if _, err := ask(p, query); !errors.As(err, &failed) || !strings.HasPrefix(failed.Text, "the query: ") {
			t.Errorf("%s: %v", query, err)
		}
	}
}

// binds: a query with a name and a password and no more says whether they are
// right (reference/datasource.md §1, ldap).
func binds(t *testing.T, p driver.Pool) {
	const query = "ldap:///????bindname=uid=$user%2cou=people%2cdc=example%2cdc=com,x-bindpw=$pass"
	for _, tc := range []struct{ user, pass, want string }{
		{"alice", "open", "1"}, {"alice", "wrong", "0"}, {"alice", "", "0"}, {"nobody", "open", "0"},
		{"alice,ou=people,dc=example,dc=com", "open", "0"}, {"bob", "open", "0"}, {"alice", "open,x-return-dn=a", "0"},
	} {
		rows, err := ask(p, query, "user", tc.user, "pass", tc.pass)
		if err != nil || rows.Columns[0] != "bind" || flat(rows) != tc.want {
			t.Errorf("%+v: %+v %v", tc, rows, err)
		}
	}
	_, err := ask(p, "ldap:///"+people+"?uid?one?(uid=alice)?bindname=cn=nobody,x-bindpw=hidden")
	var failed *driver.Error
	if !errors.As(err, &failed) || failed.Code == 0 || strings.Contains(err.Error(), "hidden") {
		t.Errorf("a search under a wrong name: %v", err)
	}
}

func storedPassword(t *testing.T, base string) {
	var asked driver.Account
	p := open(t, base+"/"+people+"????bindname=cn=manager%2Cdc=example%2Cdc=com", driver.Config{Password: func(a driver.Account) (string, bool, error) {
		asked = a
		return drivertest.LDAPPassword, true, nil
	}})
	rows, err := ask(p, "ldap:///?userPassword?one?(uid=alice)")
	if err != nil || flat(rows) == "" || asked != (driver.Account{Facility: "ldap", Host: "127.0.0.1", User: drivertest.LDAPManager}) {
		t.Errorf("%+v %v, asked for %+v", rows, err, asked)
	}
	unreadable := open(t, base+"/"+people+"????bindname=cn=a", driver.Config{Password: func(driver.Account) (string, bool, error) { return "", false, errors.New("no key") }})
	if _, err := ask(unreadable, "ldap:///?uid"); err == nil || err.Error() != "securecreds: no key" {
		t.Errorf("%v", err)
	}
}

// connections are kept for queries of the same name and password, and no longer
// than they may.
func connections(t *testing.T, base string) {
	p := open(t, base, driver.Config{Keep: driver.Keep{Size: 1, Life: time.Minute}}).(*pool)
	now := time.Now()
	p.conns.now = func() time.Time { return now }
	look := func(query string, want driver.Kept) {
		t.Helper()
		if _, err := ask(p, query); err != nil {
			t.Fatal(err)
		}
		if got := p.Kept(); got != want {
			t.Errorf("%s: %+v, want %+v", query, got, want)
		}
	}
	plain := "ldap:///" + people + "?ou"
	named := plain + "???bindname=uid=alice%2C" + strings.ReplaceAll(people, ",", "%2C") + ",x-bindpw=open"
	look(plain, driver.Kept{Idle: 1, Size: 1, Made: 1})
	look(plain, driver.Kept{Idle: 1, Size: 1, Made: 1, Used: 1})
	look(named, driver.Kept{Idle: 1, Size: 1, Made: 2, Used: 1})
	look(plain, driver.Kept{Idle: 1, Size: 1, Made: 3, Used: 1})
	now = now.Add(time.Minute)
	look(plain, driver.Kept{Idle: 1, Size: 1, Made: 4, Used: 1})
	look(plain+"???x-disable-connection-cache=true", driver.Kept{Idle: 1, Size: 1, Made: 5, Used: 1})
	if n := p.Flush(); n != 1 || p.Kept().Idle != 0 {
		t.Errorf("flushed %d: %+v", n, p.Kept())
	}
}

// TestLDAPS: the certificate is verified, against anchors of the uri's choice.
func TestLDAPS(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(file, []byte(mtatest.Certificate(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	s := drivertest.NewSlapd(t, directory, file)
	base := fmt.Sprintf("//127.0.0.1:%d/%s", s.Port, people)
	for rest, ok := range map[string]bool{base + "????x-tls-ca=" + file + ",x-ldap-version=3": true, base: false} {
		p, err := Driver{"ldaps"}.Open(driver.Config{Rest: rest})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		rows, err := ask(p, "ldaps:///?ou")
		if ok && (err != nil || flat(rows) != "people") || !ok && (err == nil || !strings.Contains(err.Error(), "certificate")) {
			t.Errorf("%s: %+v %v", rest, rows, err)
		}
	}
}

func TestOpen(t *testing.T) {
	for rest, want := range map[string]string{
		"":                                  "it must be a URL",
		"//":                                "it names no host",
		"//h/????x-bindpww=secret":          `did you mean "x-bindpw"?`,
		"//h:0/":                            "the port must be",
		"//h/????x-tls-ca=/nowhere":         "x-tls-ca: open /nowhere",
		"//h/????x-ldap-version=2,x-bindpw": "nobody speaks LDAP 2",
	} {
		if _, err := (Driver{"ldap"}).Open(driver.Config{Rest: rest}); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", rest, err)
		}
	}
}

// The uri's password goes to the uri's server alone.
func TestPasswordStaysAtItsServer(t *testing.T) {
	st := driver.Parse(&sdk.Query{})
	base, err := parse("ldap://one/dc=a????bindname=cn=m,x-bindpw=s", st)
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{"ldap:///": "cn=m s", "ldap://one/": "cn=m s", "ldap://two/": " ", "ldaps://one/": " ", "ldap:///????bindname=cn=x": "cn=x "} {
		q, err := parse(query, st)
		if err != nil {
			t.Fatal(err)
		}
		if e := q.with(base).extensions; e[extBind]+" "+e[extPassword] != want {
			t.Errorf("%s: %v", query, e)
		}
	}
}

func FuzzURL(f *testing.F) {
	f.Add("ldap://h:1/dc=$a?b,c?sub?(x=$a)?bindname=$a,x-bindpw=%41", "v,*")
	f.Fuzz(func(t *testing.T, text, value string) {
		st := driver.Parse(&sdk.Query{Named: map[string]sdk.Datum{"a": {Kind: sdk.DatumText, Text: value}}})
		q, err := parse(text, st)
		if err == nil && q.scheme != "ldap" && q.scheme != "ldaps" {
			t.Errorf("%q: %+v", text, q)
		}
	})
}
