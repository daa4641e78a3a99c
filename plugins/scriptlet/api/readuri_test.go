package api

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadFileURIs(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte("unpacked")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, bad := write("good.gz", packed.Bytes()), write("bad.gz", []byte("no"))
	// "hello" as bzip2 writes it.
	bz := write("good.bz2", []byte("BZh91AY&SY\x19\x31\x65\x3d\x00\x00\x00\x81\x00\x02\x44\xa0\x00\x21\x9a\x68\x33\x4d\x07\x33\x8b\xb9\x22\x9c\x28\x48\x0c\x98\xb2\x9e\x80"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/list" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte("from afar"))
	}))
	defer server.Close()
	w := newWorld(t)
	w.is("unpacked", `return msys.readfile("gzip://`+good+`")`)
	w.is("hello", `return msys.readfile("bzip2://`+bz+`")`)
	w.is("from afar", `return msys.readfile("`+server.URL+`/list")`)
	w.is("nil "+server.URL+"/else: status 404 Not Found", `return msys.readfile("`+server.URL+`/else")`)
	for _, uri := range []string{"gzip://" + bad, "bzip2://" + bad, "gzip://" + dir} {
		if got := strings.Join(w.run(`return msys.readfile("`+uri+`")`), " "); !strings.HasPrefix(got, "nil "+uri+": ") {
			t.Errorf("%s gives %s", uri, got)
		}
	}
}

func TestGetopt(t *testing.T) {
	w := newWorld(t)
	show := func(words string) string {
		return `local o, rest = require("msys.getopt").parse(` + words + `, "vn:x", { domain = true, all = false })
if not o then return o, rest end
return tostring(o.v), tostring(o.n), tostring(o.x), tostring(o.domain), tostring(o.all), table.concat(rest, ",")`
	}
	for words, want := range map[string]string{
		`{ "-vx", "-n5", "a", "--all", "--domain=d", "b" }`: "true 5 true d true a,b",
		`{ "-n", "5", "--domain", "d", "--", "-v", "-" }`:   "nil 5 nil d nil -v,-",
		`{ "-", 7 }`:     "nil nil nil nil nil -,7",
		`{ "-q" }`:       "nil unknown option -q",
		`{ "-:" }`:       "nil unknown option -:",
		`{ "-n" }`:       "nil option -n needs a value",
		`{ "--domain" }`: "nil option --domain needs a value",
		`{ "--all=1" }`:  "nil option --all takes no value",
		`{ "--what" }`:   "nil unknown option --what",
	} {
		w.is(want, show(words))
	}
	w.raises("bad argument #1 to 'parse'", `require("msys.getopt").parse("x", "v")`)
}
