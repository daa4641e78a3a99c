package api

import (
	"strings"
	"testing"
)

func rowsByName(t *testing.T) map[string]Row {
	t.Helper()
	rows := make(map[string]Row)
	for _, r := range Conformance() {
		rows[r.Kind+" "+r.Name] = r
	}
	return rows
}

// documentedRows is the number of names in reference/lua-api.tsv.
const documentedRows = 1273

func TestEveryDocumentedNameHasARow(t *testing.T) {
	rows := make(map[[3]string]Row)
	for _, r := range Conformance() {
		key := [3]string{r.Kind, r.Package, r.Name}
		if _, twice := rows[key]; twice {
			t.Errorf("%s has two rows", key)
		}
		rows[key] = r
	}
	names := documentedNames()
	if len(names) != documentedRows || len(names) != strings.Count(documentedTSV, "\n")-1 {
		t.Errorf("%d names", len(names))
	}
	for _, d := range names {
		r, ok := rows[[3]string{d.kind, d.pkg, d.name}]
		switch {
		case !ok:
			t.Errorf("%s %s has no row", d.kind, d.name)
		case r.Status == "supported" && r.Why != "":
			t.Errorf("%s is supported, yet %s", d.name, r.Why)
		case r.Status != "supported" && r.Why == "":
			t.Errorf("%s is %s without a reason", d.name, r.Status)
		}
	}
}

func TestConformance(t *testing.T) {
	rows := rowsByName(t)
	for name, want := range map[string]string{
		"function msys.pcre.match":                            "supported",
		"function msys.readfile":                              "partial",
		"function msys.runInPool":                             "supported",
		"function print":                                      "supported",
		"function require":                                    "supported",
		"function thread.create":                              "unsupported",
		"function msys.snmpTrap":                              "partial",
		"function msys.cidr.query":                            "supported",
		"function buffer.new":                                 "supported",
		"method mutex:lock":                                   "supported",
		"method thread:join":                                  "unsupported",
		"method timer:stop":                                   "supported",
		"method jsonobj.__iter":                               "supported",
		"method doc:root":                                     "supported",
		"method client:do_request":                            "supported",
		"method c:fetch_into_file":                            "unsupported",
		"constant curl.OPT_URL":                               "supported",
		"constant curl.OPT_PROXY":                             "unsupported",
		"constant ECTP_CLASS_IO":                              "supported",
		"field statvfs.record":                                "supported",
		"field strict":                                        "supported",
		"method msg:header":                                   "supported",
		"field cc.argv":                                       "supported",
		"field require 'msys.db'":                             "supported",
		"field require 'msys.datasource'":                     "supported",
		"field require 'lpeg'":                                "unsupported",
		"field vctx_conn:ehlo_string":                         "supported",
		"field vctx_conn:auth_user":                           "supported",
		"constant msys.core.VALIDATE_CONT":                    "supported",
		"constant json.ERROR_DEPTH":                           "supported",
		"constant msys.core.LOG_WARNING":                      "supported",
		"constant msys.smpp.SMPP_CONTINUE":                    "unsupported",
		"hook validate_ehlo":                                  "supported",
		"hook init":                                           "supported",
		"hook msg_gen_data_spool":                             "supported",
		"hook smpp_MO_conversion":                             "unsupported",
		"macro %{vctx_conn:KEY}":                              "supported",
		"macro %{spfv1:p}":                                    "supported",
		"function msys.validate.opendkim.verify":              "supported",
		"function msys.validate.dkim.reflect":                 "unsupported",
		"constant opendkim.dkim.DKIM_STAT_OK":                 "supported",
		"field require 'msys.validate.dkim'":                  "supported",
		"macro %b":                                            "supported",
		"macro %{outbound_tls:local_ip}":                      "supported",
		"macro %{rfc2822:message|headers|body|text|part}":     "partial",
		"constant msys.core.LOG_DEBUG":                        "supported",
		"constant MC_STATE_EHLO":                              "supported",
		"field require 'msys.xfer.client'":                    "unsupported",
		"hook core_validate_data_spool_each_rcpt":             "supported",
		"hook msys.dp_config.custom_policy.pre_validate_ehlo": "supported",
	} {
		if got := rows[name].Status; got != want {
			t.Errorf("%s is %q (%s), want %s", name, got, rows[name].Why, want)
		}
	}
	if why := rows["constant msys.smpp.SMPP_CONTINUE"].Why; !strings.Contains(why, "mobile") {
		t.Errorf("the reason of a package does not count for its constants: %s", why)
	}
}

func TestEveryMacroIsDocumented(t *testing.T) {
	documented := make(map[string]bool)
	for _, d := range documentedNames() {
		if d.kind == "macro" {
			documented[d.name] = true
		}
	}
	seen := make(map[string]bool)
	for _, m := range Macros() {
		if !documented[m.Name] || seen[m.Name] || m.Doc == "" {
			t.Errorf("macro %s: documented %v, declared before %v, %q", m.Name, documented[m.Name], seen[m.Name], m.Doc)
		}
		seen[m.Name] = true
	}
	for name := range documented {
		if !seen[name] {
			t.Errorf("macro %s is not in the table", name)
		}
	}
}

func TestPackagesAreDeclaredOnce(t *testing.T) {
	seen := make(map[string]bool)
	supplied := make(map[string]bool)
	once := func(name string) {
		if seen[name] {
			t.Errorf("%s is declared twice", name)
		}
		seen[name] = true
	}
	for _, p := range Packages() {
		supplied[p.Name] = true
		for _, f := range p.Funcs {
			once("function " + qualified(p.Name, f.Name))
		}
		for _, c := range p.Consts {
			once("constant " + qualified(p.Name, c.Name))
		}
		for _, c := range p.Classes {
			for _, f := range c.Methods {
				once("method " + c.Name + ":" + f.Name)
			}
		}
	}
	for _, m := range MissingPackages() {
		once("missing " + m.Name)
		if supplied[m.Name] || m.Why == "" {
			t.Errorf("package %s is missing and supplied, or has no reason", m.Name)
		}
	}
}

// Every package of the documentation can be required, or require says why not.
func TestEveryPackageIsKnown(t *testing.T) {
	w := newWorld(t)
	// Scripts in Lua, which an operator may bring along, and no packages.
	skip := map[string]bool{"msys.getopt": true, "msys.gc_stats": true, "msys.rest.*": true, "": true, "os": true}
	for _, d := range documentedNames() {
		name, required := strings.CutPrefix(d.name, "require '")
		if name = strings.TrimSuffix(name, "'"); !required {
			name = d.owner()
		}
		if skip[name] || !required && d.kind != "function" {
			continue
		}
		if _, why, ok := w.env.Registry().Open(w.L, name); !ok && why == "" {
			t.Errorf("require of %s (%s) gives no reason", name, d.name)
		}
	}
}

func TestUnwrittenFunctionsSaySo(t *testing.T) {
	w := newWorld(t)
	w.raises("msys.runSieveScript is not supported by mtad: mtad runs no Sieve", `msys.runSieveScript("x", "data", 0)`)
	w.raises("is not supported by mtad: scripts may not call", `require "posix"`)
}

// The pages and the editors' stubs are made of these.
func TestDeclarationsAreWhole(t *testing.T) {
	check := func(where string, f *Func) {
		if f.Doc == "" || f.Phases == "" || f.Returns == "" || f.standing() != Unsupported && (f.Example == "" || f.Since == "") {
			t.Errorf("%s: a field is empty: %+v", where, *f)
		}
		if (f.Status == Supported) != (f.Why == "") {
			t.Errorf("%s: status %s, why %q", where, f.Status, f.Why)
		}
		for i, p := range f.Params {
			if !isName(p.Name) || p.Variadic && i != len(f.Params)-1 {
				t.Errorf("%s: parameter %q", where, p.Name)
			}
		}
	}
	for _, p := range Packages() {
		for i := range p.Funcs {
			check(qualified(p.Name, p.Funcs[i].Name), &p.Funcs[i])
		}
		for _, c := range p.Classes {
			for i := range c.Methods {
				check(c.Name+":"+c.Methods[i].Name, &c.Methods[i])
			}
		}
	}
}
