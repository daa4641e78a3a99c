package api

import (
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

func TestReasonsSayWhatElse(t *testing.T) {
	for _, r := range Conformance() {
		if strings.Contains(r.Why, notYet) || strings.HasSuffix(r.Why, ".") || strings.Contains(r.Why, "\t") {
			t.Errorf("%s %s: %q", r.Kind, r.Name, r.Why)
		}
	}
	for _, m := range MissingPackages() {
		if m.Why == notYet {
			t.Errorf("%s has no reason", m.Name)
		}
	}
}

// A pattern that covers no documented name is a mistake in its spelling.
func TestEveryReasonCoversSomething(t *testing.T) {
	names := [][2]string{}
	for _, d := range documentedNames() {
		names = append(names, [2]string{d.kind, d.name}, [2]string{"package", d.owner()})
	}
	for _, list := range [][]reason{functionReasons(), partReasons(), hookReasons(), fieldReasons()} {
		for _, r := range list {
			for _, pattern := range r.names {
				one := reason{r.kinds, []string{pattern}, r.why}
				found := false
				for _, n := range names {
					found = found || one.covers(n[0], n[1])
				}
				if !found {
					t.Errorf("%s %q covers nothing (%s)", r.kinds, pattern, r.why)
				}
			}
		}
	}
}

// A function that mtad lacks in a package that it has raises its reason; a
// package that it lacks is not there, and require says why.
func TestEveryLackSaysWhy(t *testing.T) {
	w := newWorld(t)
	n := 0
	raises := func(name string, fn lua.LValue, f *Func) {
		n++
		w.L.Push(fn)
		err := w.L.PCall(0, lua.MultRet, nil)
		if want := name + " is not supported by mtad: " + f.Why; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	for _, p := range Packages() {
		pkg, _, ok := w.env.Registry().Open(w.L, p.Name)
		if !ok {
			t.Fatalf("no package %s", p.Name)
		}
		for i := range p.Funcs {
			if f := &p.Funcs[i]; f.Status == Unsupported {
				raises(qualified(p.Name, f.Name), pkg.RawGetString(f.Name), f)
			}
		}
		for _, c := range p.Classes {
			methods, _ := w.env.Registry().Class(c.Name).RawGetString("__methods").(*lua.LTable)
			for i := range c.Methods {
				if f := &c.Methods[i]; f.Status == Unsupported {
					raises(c.Name+":"+f.Name, methods.RawGetString(f.Name), f)
				}
			}
		}
	}
	if n == 0 {
		t.Error("nothing is lacking")
	}
	for _, m := range MissingPackages() {
		var at lua.LValue = w.L.G.Global
		for part := range strings.SplitSeq(m.Name, ".") {
			if table, ok := at.(*lua.LTable); ok {
				at = table.RawGetString(part)
			}
		}
		if at != lua.LNil {
			t.Errorf("%s is there", m.Name)
		}
		w.raises("module '"+m.Name+"' is not supported by mtad: "+m.Why, `require "`+m.Name+`"`)
	}
}

func TestDeprecatedNamesAreDocumented(t *testing.T) {
	for _, d := range documentedNames() {
		if instead := Deprecated(d.name); strings.HasPrefix(d.name, "msys.policyeditor.") != (instead != "") &&
			d.kind == "function" && d.name != "msys.policyeditor.get_binding_domain_failure_rate" && d.name != "msys.shareGet" {
			t.Errorf("%s: %q", d.name, instead)
		}
	}
}

func TestHookReason(t *testing.T) {
	for name, part := range map[string]string{
		"smpp_log_status": "mobile messaging", "core_dns_get_MXs": "msg:routing_domain", "sieve_fetch_script": "Sieve", "nothing": "", "validate_ehlo": "",
	} {
		if why := HookReason(name); !strings.Contains(why, part) || (why == "") != (part == "") {
			t.Errorf("%s: %q", name, why)
		}
	}
}
