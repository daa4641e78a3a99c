package api

import (
	"errors"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
)

func TestIDN(t *testing.T) {
	w := newWorld(t)
	w.run(`idn = require "msys.idn"`)
	for _, c := range []struct{ script, want string }{
		{`return idn.to_idn("bücher.example"), idn.to_utf8("xn--bcher-kva.example")`, "xn--bcher-kva.example bücher.example"},
		{`return idn.to_idn("弗兰克.example"), idn.to_utf8(idn.to_idn("弗兰克.example"))`, "xn--74q5c021c.example 弗兰克.example"},
		{`return idn.to_idn("EXAMPLE.com"), idn.to_idn("faß.de")`, "example.com xn--fa-hia.de"},
	} {
		w.is(c.want, c.script)
	}
	w.L.SetGlobal("long", lua.LString(strings.Repeat("ä", 2000)))
	for _, script := range []string{`idn.to_idn("a b.example")`, `idn.to_utf8("xn--a.example")`, `idn.to_idn("\xff")`, `idn.to_idn(long)`} {
		if got := w.run("return " + script); got[0] != "nil" || got[1] == "" {
			t.Errorf("%s gave %q", script, got)
		}
	}
	w.raises("bad argument #1 to 'to_idn' (string expected, got table)", `idn.to_idn({})`)
}

func TestShare(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ script, want string }{
		{`return msys.shareGet("c"), msys.shareSet("c", 1), msys.shareGet("c"), msys.shareSet("c", "x"), msys.shareGet("c")`, "nil true 1 true x"},
		{`return msys.shareSet("c", false), msys.shareGet("c"), msys.shareUnset("c"), msys.shareGet("c")`, "true false true nil"},
		{`return msys.shareSet("c", true), msys.shareSet("c", nil), msys.shareGet("c")`, "true true nil"},
		{`return msys.shareSet("", 1), msys.shareSet("t", {}), msys.shareSet(("k"):rep(257), 1), msys.shareSet("v", ("x"):rep(65537))`, "false false false false"},
		{`local n = 0 for i = 1, 10001 do if msys.shareSet("k" .. i, i) then n = n + 1 end end return n, msys.shareSet("k1", "again")`, "10000 true"},
	} {
		w.is(c.want, c.script)
	}
}

func TestStatvfs(t *testing.T) {
	w := newWorld(t)
	asked := 0
	p := statvfsPackage(func(path string) (statvfs, error) {
		asked++
		if path == "/none" {
			return statvfs{}, errors.New("no such file or directory")
		}
		return statvfs{kbAvailable: 10, kbTotal: 20, objectsAvailable: 3, objectsTotal: 4}, nil
	})
	w.env.Registry().build(w.L, &p)
	w.run(`os2 = require "msys.os" r = os2.statvfs_subscribe("/tmp", 10)`)
	const read = `local st = os2.statvfs_read(r) return st.version, st["kilobytes_available"], st.kilobytes_total, st.objects_available, st.objects_total`
	w.is("1 10 20 3 4", read)
	w.now = w.now.Add(9 * time.Second)
	w.is("1 10 20 3 4", read)
	w.now = w.now.Add(time.Second)
	w.is("2 10 20 3 4", read)
	if asked != 2 {
		t.Errorf("the system was asked %d times", asked)
	}
	w.is("nil /none: no such file or directory", `return os2.statvfs_read(os2.statvfs_subscribe("/none", 0))`)
	w.raises("ec_statvfs_record expected, got string", `os2.statvfs_read("/tmp")`)
	if st, err := systemStatvfs(t.TempDir()); err != nil || st.kbTotal <= 0 || st.kbAvailable > st.kbTotal {
		t.Errorf("%+v %v", st, err)
	}
	if _, err := systemStatvfs("/none/such"); err == nil {
		t.Error("a path that is not there has a file system")
	}
}

func TestHTTPStatusClassifier(t *testing.T) {
	w := newWorld(t)
	w.is("2 2 4 4 4 4", `local c = require("msys.httpclnt").http_status_classifier return c(200), c("202"), c(199), c(302), c(404), c(503)`)
	w.is("2 4 1", `local d, h = require "msys.delivery", require "msys.httpclnt" return d.DELIVERY_SUCCESS, d.DELIVERY_PERMFAILED, h.HTTP_INTERNAL_DONE`)
	w.raises("msys.httpclnt.http_request_set_body is not supported by mtad", `msys.httpclnt.http_request_set_body()`)
}

func TestClassesByName(t *testing.T) {
	w := newXMLWorld(t, "<a/>")
	w.is("a!", `msys.getClassMetaTable("xml_node").shout = function(self) return self:name() .. "!" end return root:shout()`)
	w.is("true nil true", `return msys.getClassMetaTable("msys.core:_ec_message").header ~= nil, msys.getClassMetaTable("no.such"), msys.cast(root, "xml:_xml_node") == root`)
	w.raises("msys.cast: an object of class xml_node cannot be of class ec_message", `msys.cast(root, "msys.core:_ec_message")`)
	w.raises("bad argument #1 to 'cast' (userdata expected, got table)", `msys.cast({}, "ec_message")`)
	w.is("true 7 0", `local core = require "msys.core" return msys.runInInst(core.scheduler_for_domain("x"), function() return 7, core.scheduler_for_domain("y") end)`)
	w.is("false", `return (msys.runInInst(0, error))`)
}
