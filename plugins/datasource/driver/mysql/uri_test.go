package mysql

import (
	"strings"
	"testing"
)

func TestURI(t *testing.T) {
	for _, tc := range []struct{ rest, network, address, fault string }{
		{"dbname=d;user=u", "tcp", "localhost:3306", ""},
		{"host=db.example;port=3307;dbname=d;user=u;password=p=q", "tcp", "db.example:3307", ""},
		{"host=::1;dbname=d;user=u;", "tcp", "[::1]:3306", ""},
		{" DBName = d ; user = u ; unix = /run/my.sock", "unix", "/run/my.sock", ""},
		{"dbname=d;user=u;tls=skip-verify;charset=latin1", "tcp", "localhost:3306", ""},
		{"user=u;password=secret", "", "", "the uri lacks dbname"},
		{"dbname=d;password=secret", "", "", "the uri lacks user"},
		{"dbname=d;user=u;secret", "", "", "must be key=value"},
		{"dbname=d;user=u;pasword=secret", "", "", `unknown key "pasword"; did you mean "password"?`},
		{"dbname=d;user=u;zz=secret", "", "", `unknown key "zz"; there are host, port`},
		{"dbname=d;user=u;port=secret", "", "", "port must be"},
		{"dbname=d;user=u;port=70000", "", "", "port must be"},
		{"dbname=d;user=u;unix=secret", "", "", "absolute path"},
		{"dbname=d;user=u;tls=secret", "", "", "tls must be"},
		{"dbname=d;user=u;charset=gbk;password=secret", "", "", "quoting is not safe"},
		{"dbname=d;user=u;charset=x' secret", "", "", "charset must be"},
	} {
		s, err := parseURI(tc.rest)
		if tc.fault != "" {
			if err == nil || !strings.Contains(err.Error(), tc.fault) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%q: %v", tc.rest, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", tc.rest, err)
			continue
		}
		if network, address := s.address(); network != tc.network || address != tc.address {
			t.Errorf("%q: %s %s", tc.rest, network, address)
		}
	}
	if s, err := parseURI("dbname=d;user=u;password=p=q"); err != nil || s.password != "p=q" {
		t.Errorf("%+v %v", s, err)
	}
}

func FuzzURI(f *testing.F) {
	f.Add("host=localhost;port=3306;unix=/s;dbname=d;user=u;password=p")
	f.Fuzz(func(t *testing.T, rest string) {
		s, err := parseURI(rest)
		if err != nil {
			return
		}
		if _, address := s.address(); address == "" || s.dbname == "" || s.user == "" {
			t.Errorf("%q gave %+v", rest, s)
		}
	})
}

func TestNumber(t *testing.T) {
	for _, tc := range []struct {
		v    float64
		want string
	}{{0, "0"}, {-1.5, "-1.5"}, {1e14, "100000000000000"}, {1e15, "1e15"}, {-2.5e20, "-2.5e20"}, {1e-16, "1e-16"}, {0.001, "0.001"}} {
		if got := number(tc.v); got != tc.want {
			t.Errorf("%v: %q, want %q", tc.v, got, tc.want)
		}
	}
}
