package credential

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func files(t *testing.T) Files {
	t.Helper()
	dir := t.TempDir()
	f := Files{Store: filepath.Join(dir, "credentials.db"), Key: filepath.Join(dir, "credentials.key")}
	must(t, f.CreateStore())
	must(t, f.CreateKey(DefaultSize))
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var joe = Account{"pgsql", "db1", "joe"}

func TestStore(t *testing.T) {
	f := files(t)
	must(t, f.Set(joe, "hunter2"))
	must(t, f.Set(Account{"ldap", "DIR", "cn=a"}, "other"))
	must(t, f.Set(Account{"PGSQL", "DB1", "joe"}, "hunter3"))
	for _, tc := range []struct {
		a    Account
		want string
	}{{joe, "hunter3"}, {Account{"ldap", "dir", "cn=a"}, "other"}, {Account{"ldap", "dir", "CN=a"}, ""}} {
		got, err := f.Get(tc.a)
		if got != tc.want || (tc.want == "") != errors.Is(err, ErrNone) {
			t.Errorf("%+v: %q %v", tc.a, got, err)
		}
	}
	list, err := f.List()
	if err != nil || len(list) != 2 || list[1] != joe {
		t.Errorf("%+v %v", list, err)
	}
	text, err := os.ReadFile(f.Store)
	if err != nil || bytes.Contains(text, []byte("hunter")) {
		t.Errorf("the store holds the password: %s %v", text, err)
	}
	must(t, f.Delete(joe))
	if err := f.Delete(joe); !errors.Is(err, ErrNone) {
		t.Errorf("%v", err)
	}
	if err := f.CreateStore(); err == nil {
		t.Error("a store that is there was made anew")
	}
	if err := f.Set(Account{"a", "b", ""}, "x"); err == nil {
		t.Error("a credential without a user was taken")
	}
	for _, path := range []string{f.Store, f.Key} {
		if st, err := os.Stat(path); err != nil || st.Mode().Perm()&0o037 != 0 {
			t.Errorf("%s: %v %v", path, st.Mode(), err)
		}
	}
}

// TestRotation: with a new key all passwords can still be read, with the old one
// none, and a rotation that was cut off can be repeated.
func TestRotation(t *testing.T) {
	f := files(t)
	must(t, f.Set(joe, "hunter2"))
	old, err := os.ReadFile(f.Key)
	must(t, err)
	r := &Reader{Files: f}
	look := func(when string) {
		t.Helper()
		if got, found, err := r.Lookup(joe); got != "hunter2" || !found || err != nil {
			t.Errorf("%s: %q %v %v", when, got, found, err)
		}
	}
	look("before")
	for _, size := range []int{16, 24, 32} {
		must(t, f.CreateKey(size))
		look("after")
	}
	if err := f.CreateKey(8); err == nil {
		t.Error("a key of 8 bytes was made")
	}
	now, err := os.ReadFile(f.Key)
	must(t, err)
	// Cut off before the store was written: the key file has both keys.
	must(t, write(f.Key, append(bytes.Clone(now), old...)))
	look("cut off")
	must(t, f.CreateKey(32))
	look("repeated")
	must(t, write(f.Key, old))
	if _, _, err := r.Lookup(joe); err == nil || !strings.Contains(err.Error(), "was sealed with another key") {
		t.Errorf("with the old key: %v", err)
	}
}

// TestTampering: a sealed password belongs to its account.
func TestTampering(t *testing.T) {
	f := files(t)
	must(t, f.Set(joe, "hunter2"))
	text, err := os.ReadFile(f.Store)
	must(t, err)
	for _, pair := range [][2]string{{`"joe"`, `"ann"`}, {`"db1"`, `"db2"`}, {`"pgsql"`, `"mysql"`}} {
		must(t, write(f.Store, bytes.Replace(text, []byte(pair[0]), []byte(pair[1]), 1)))
		list, err := f.List()
		must(t, err)
		if got, err := f.Get(list[0]); err == nil || !strings.Contains(err.Error(), "is damaged") {
			t.Errorf("%v: %q %v", pair, got, err)
		}
	}
	for _, bad := range []string{"", "{", `{"version":2}`, `{"version":1,"x":1}`} {
		must(t, write(f.Store, []byte(bad)))
		if _, err := f.Get(joe); err == nil || errors.Is(err, ErrNone) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestPermissions(t *testing.T) {
	f := files(t)
	r := &Reader{Files: f}
	must(t, r.Check())
	for _, mode := range []os.FileMode{0o644, 0o660, 0o604, 0o602} {
		must(t, os.Chmod(f.Key, mode))
		if err := (&Reader{Files: f}).Check(); err == nil || !strings.Contains(err.Error(), "others could read or change it") {
			t.Errorf("%#o: %v", mode, err)
		}
	}
	must(t, os.Chmod(f.Key, 0o640))
	must(t, os.Chmod(f.Store, 0o666))
	if err := (&Reader{Files: f}).Check(); err == nil {
		t.Error("a store that everybody may write")
	}
	must(t, os.Remove(f.Key))
	must(t, os.Mkdir(f.Key, 0o700))
	if err := (&Reader{Files: f}).Check(); err == nil {
		t.Error("a directory is no key")
	}
}

func TestMask(t *testing.T) {
	m := NewMasker()
	for text, want := range map[string]string{
		"pgsql:host=h;user=u;password=a b, c;port=5":                   "pgsql:host=h;user=u;password=********;port=5",
		"mysql:PASSWORD = x":                                           "mysql:PASSWORD =********",
		"odbc:DSN=a;UID=b;PWD=c":                                       "odbc:DSN=a;UID=b;PWD=********",
		"redis:password=x":                                             "redis:password=********",
		"https://joe:s3cret@h:1/a":                                     "https://joe:********@h:1/a",
		"ldap://h/dc=a????bindname=cn=a,x-bindpw=p%2C;q,x-return-dn=d": "ldap://h/dc=a????bindname=cn=a,x-bindpw=********,x-return-dn=d",
		"sqlite:/var/password/x":                                       "sqlite:/var/password/x",
		"http://h:1/a@b":                                               "http://h:1/a@b",
	} {
		if got := m.URI(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	for name, want := range map[string]bool{"Outbound_SMTP_Auth_Pass": true, "password": true, "password_column": false, "returns_password": false, "uri": false, "HTTP_Basic_Auth": true} {
		if SecretName(name) != want {
			t.Errorf("%s", name)
		}
	}
}

func FuzzStore(f *testing.F) {
	dir := f.TempDir()
	path := filepath.Join(dir, "s")
	f.Add([]byte(`{"version":1,"credentials":[{"facility":"a","sealed":"AAAA"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		must(t, os.WriteFile(path, text, 0o600))
		s, err := readStore(path)
		if err != nil {
			return
		}
		for i := range s.Credentials {
			if _, err := s.Credentials[i].open(keys{{id: s.Credentials[i].Key, secret: make([]byte, 32)}}); err == nil {
				t.Error("opened with any key")
			}
		}
	})
}
