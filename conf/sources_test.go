package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	shipped "github.com/mtad/mtad/conf/default"
	"github.com/mtad/mtad/sdk"
)

func TestSourcesFind(t *testing.T) {
	files := memFS{
		"/etc/mtad/main.conf": "include \"x\" {\n  path = \"sub/inc.conf\"\n}\n", "/etc/mtad/sub/inc.conf": "",
		"/etc/mtad/myscripts/one.lua": "main", "/etc/mtad/sub/myscripts/one.lua": "sub", "/etc/mtad/sub/two.lua": "sub2",
		"/h/etc/conf/global/g.lua": "global", "/h/etc/conf/default/g.lua": "default", "/h/etc/conf/default/msys/boot.lua": "own",
		"/etc/mtad/x.lua/y": "", "/secret.lua": "secret",
	}
	tree, diags := Load(Options{Path: "/etc/mtad/main.conf", FS: files, Home: "/h", Node: "n",
		Lua: fstest.MapFS{"lib/a.lua": &fstest.MapFile{Data: []byte("lib")}, "g.lua": &fstest.MapFile{Data: []byte("no")}}})
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	dirs := func(rel string) string {
		return "/etc/mtad/" + rel + " 2, /etc/mtad/sub/" + rel + " 2, /h/etc/conf/global/" + rel +
			" 2, /h/etc/conf/n/" + rel + " 2, /h/etc/conf/default/" + rel + " 2, (embedded)/" + rel + " 2"
	}
	tests := []struct{ name, want string }{
		{"myscripts.one", "/etc/mtad/myscripts/one.lua main"},
		{"myscripts/one", "/etc/mtad/myscripts/one.lua main"},
		{"two", "/etc/mtad/sub/two.lua sub2"},
		{"g", "/h/etc/conf/global/g.lua global"},
		{"msys.boot", "/h/etc/conf/default/msys/boot.lua own"},
		{"lib.a", "(embedded)/lib/a.lua lib"},
		{"/secret.lua", "/secret.lua secret"},
		{"/secret", "/secret.lua secret"},
		{"/none.lua", "/none.lua 2"},
		{"two.lua", dirs("two/lua.lua")},
		{"x", strings.Replace(dirs("x.lua"), "2", "21", 1)},
		{"none", dirs("none.lua")},
		{"", " 22"}, {"..", ".. 22"}, {"../../secret", "../../secret 22"}, {"a..b", "a..b 22"}, {"a/../b", "a/../b 22"},
		{"./two", "./two 22"}, {"a\x00b", "a\x00b 22"}, {"two/", "two/ 22"},
	}
	for _, tt := range tests {
		if got := found(tree.Sources(), tt.name); got != tt.want {
			t.Errorf("%q:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// found is "path text", or every path tried with its errno.
func found(s *Sources, name string) string {
	src, err := s.Find(name)
	if err == nil {
		return src.Path + " " + string(src.Text)
	}
	var miss *sdk.SourceError
	if !errors.As(err, &miss) {
		return err.Error()
	}
	var tried []string
	for _, p := range miss.Tried {
		tried = append(tried, fmt.Sprintf("%s %d", p.Path, p.Errno))
	}
	return strings.Join(tried, ", ")
}

func TestSourceErrorText(t *testing.T) {
	_, err := NewSources(nil, []string{t.TempDir()}, nil).Find("none.such")
	if err == nil || !strings.HasSuffix(err.Error(), "(embedded)/none/such.lua: errno=2 No such file or directory") {
		t.Errorf("%v", err)
	}
}

func TestShippedLibrary(t *testing.T) {
	src, err := NewSources(memFS{}, nil, nil).Find("msys.boot")
	if err != nil || src.Path != "(embedded)/msys/boot.lua" || !strings.Contains(string(src.Text), `require("msys.core")`) {
		t.Errorf("%+v %v", src, err)
	}
	if src, err := NewSources(memFS{}, nil, nil).Find("strict"); err != nil || src.Path != "(embedded)/strict.lua" {
		t.Errorf("%+v %v", src, err)
	}
}

func TestShippedConfiguration(t *testing.T) {
	text, err := fs.ReadFile(shipped.Etc(), "mtad.conf")
	if err != nil {
		t.Fatal(err)
	}
	load(t, memFS{"/main.conf": string(text)})
}

// TestSmallConfiguration loads the configuration that must always serve.
func TestSmallConfiguration(t *testing.T) {
	tree, diags := Load(Options{Path: "testdata/small.conf"})
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	want := `hostname='mx.example.com' spoolbase='/var/spool/mtad' nameservers=['127.0.0.1:53'] relay_domains=['example.com'] ` +
		`esmtp_listener:{listen:127.0.0.1:2525{}} control_listener:{listen:/run/mtad/control{}} ` +
		`ec_logger:main{mainlog='/var/log/mtad/mainlog.ec' paniclog='/var/log/mtad/paniclog.ec' rejectlog='/var/log/mtad/rejectlog.ec'} ` +
		`bounce_logger:main{bouncelog='/var/log/mtad/bouncelog.ec'} domain:example.com{gateway='127.0.0.1' remote_smtp_port=2526} ` +
		`datasource:customers{uri=['sqlite:/var/lib/mtad/customers.db'] cache_size=200 cache_life=360} alerting:{} ` +
		`scriptlet:scriptlet{script:boot{source='msys.boot'} script:ehlo_phase{source='myscripts.ehlo_phase'}}`
	if diff := cmp.Diff(want, show(tree.Root)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestSeedStanza(t *testing.T) {
	tree := load(t, memFS{"/main.conf": "alerting {}\nscriptlet \"scriptlet\" {\n  script \"boot\" {\n    source = \"msys.boot\"\n  }\n}\n"})
	want := `alerting:{} scriptlet:scriptlet{script:boot{source='msys.boot'}}`
	if got := show(tree.Root); got != want {
		t.Errorf("got %s", got)
	}
}

// FuzzFind looks for a name that leaves the directories.
func FuzzFind(f *testing.F) {
	for _, name := range []string{"a.b", "../x", "a/../b", "/etc/passwd", "..", "a..b", "\x00"} {
		f.Add(name)
	}
	s := NewSources(memFS{}, []string{"/base/dir"}, nil)
	f.Fuzz(func(t *testing.T, name string) {
		candidates, ok := s.candidates(name)
		for _, c := range candidates {
			if !ok || !strings.HasPrefix(name, "/") && !strings.HasPrefix(c, "/base/dir/") && !strings.HasPrefix(c, embedded+"/") {
				t.Errorf("%q leads to %q", name, c)
			}
		}
	})
}
