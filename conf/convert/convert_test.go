package convert

import (
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtad/mtad/conf"
)

// converted converts the text of /e.conf in a file system.
func converted(t *testing.T, files textFS, split bool) *Result {
	t.Helper()
	r, err := Convert(Options{Path: "/e.conf", FS: files, Search: []string{"/global", "/default"}, Schema: fullSchema(), Split: split, Further: refusals})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func reports(r *Result) string {
	var lines []string
	for _, f := range r.Findings {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}

func TestSyntaxErrors(t *testing.T) {
	for text, want := range map[string]string{
		"}":                                  "1: unconverted: this } closes nothing",
		"hostname = a;\n":                    "1: unconverted: a ; is no part of the syntax",
		"hostname\n":                         "1: unconverted: this option has no value",
		"hostname =\n":                       "1: unconverted: this option has no value",
		"hostname = b\n\n  = c\n":            "3: unconverted: this is no option and no scope",
		"hostname =\nretry_interval = 3\n":   "1: unconverted: this option has no value",
		"hostname =\n  h.example\n":          "",
		"a b = c":                            "1: unconverted: a name is too many in front of the =",
		"esmtp_listener {\nlisten \":1\" {":  "1: unconverted: scope \"esmtp_listener\" is not closed\n/e.conf:2: unconverted: scope \"listen\" is not closed",
		"/* x":                               "1: unconverted: this comment is not closed",
		"hostname = \"a\nretry_interval = 3": "1: unconverted: this string is not closed",
		"relay_domains = ( a b\nretry_interval = 3": "1: unconverted: this list is not closed; it begins in line 1",
		"relay_domains = ( a ]":                     "1: unconverted: a list ends with ')', not ']'",
		"relay_domains = [ a b ]":                   "1: unconverted: a list has parentheses; taken as one",
		"esmtp_listener { context = [ a = b c ] }":  "1: unconverted: a dictionary holds name = value, and \"c\" has none",
		"hostname = “a”":                            "1: unconverted: typographic quotes, read as \"",
		"relay_domains = (\"a” \"b” )":              "1: unconverted: a typographic quote, read as \"\n/e.conf:1: unconverted: a typographic quote, read as \"",
		"  ...\n":                                   "1: unconverted: this stands for what was left out",
		"example.org {\n x = 1 }\nhostname = h":     "1: unconverted: this is no option and no scope",
		"hostname = \"caf\xe9\"\n":                  "1: unconverted: this file is not in UTF-8; taken for ISO-8859-1",
	} {
		r := converted(t, textFS{"/e.conf": text}, false)
		if want != "" {
			want = "/e.conf:" + want
		}
		if got := reports(r); got != want {
			t.Errorf("%q:\n got %s\nwant %s", text, got, want)
		}
	}
	if r := converted(t, textFS{"/e.conf": strings.Repeat("a {", 200)}, false); !strings.Contains(reports(r), "nested more than 100 deep") {
		t.Errorf("%.200s", reports(r))
	}
}

// TestReasons: why a thing is left out, and what is said of a value that is not.
func TestReasons(t *testing.T) {
	for text, want := range map[string]string{
		"listen \":25\" {}":      "unconverted: listen \":25\": mtad has this scope in esmtp_listener, control_listener, http_listener, not in global",
		"open_relay = true":      "unconverted: open_relay: mtad has this option in esmtp_listener, listen, peer, pathway, pathway_group, not in global",
		"domain = x":             "unconverted: domain: this is a scope: write domain { ... }",
		"hostname { }":           "unconverted: hostname: this is an option: write hostname = ...",
		"mesage_expiration = 3":  "unconverted: mesage_expiration: mtad does not know this option; did you mean \"message_expiration\"?",
		"domian \"x\" {}":        "unconverted: domian \"x\": mtad does not know this scope; did you mean \"domain\"?",
		"use_mmap = true":        "unneeded: use_mmap: nothing is lost without it: Go looks after memory, threads and files by itself",
		"delivery_method = LMTP": "unconverted: delivery_method: mtad lacks other ways of delivery than SMTP",
		"spf_macros { debug_level = ERROR }\nopendkim { enabled = false }": "",
		"domain { }":                                "unconverted: domain: it needs a name: domain \"...\" { }",
		"retry_interval = soon":                     "unconverted: retry_interval must be a whole number of seconds, not \"soon\"",
		"domain \"/a(?<!b)/\" {}":                   "unconverted: domain \"/a(?<!b)/\": the regular expression is not understood: invalid named capture: `(?<!b)`",
		"relay_hosts = 0.0.0.0/0":                   "unsafe: relay_hosts: 0.0.0.0/0 lets nearly everybody relay; `mtad check` calls that an error",
		"esmtp_listener { idle_time = 0 }":          "unsafe: idle_time: sessions that say nothing stay for ever",
		"tls_protocols = \"+ALL:-SSLv3\"":           "unsafe: tls_protocols: +all allows protocols that RFC 8996 deprecates",
		"control_listener { listen \"*:2025\" {} }": "refused: the console at \"*:2025\" would obey whoever connects: use a socket's path, give it authloginparameters, or set always_allow = true here",
		"include \"gone.conf\"":                     "unconverted: include: there is nothing at /gone.conf, /global/gone.conf, /default/gone.conf",
		"include \"https://x/y\"":                   "unconverted: include: only files can be included; put a copy of it here",
		"include \"e.conf\"":                        "unconverted: include: it includes itself: /e.conf -> /e.conf",
	} {
		if want != "" {
			want = "/e.conf:1: " + want
		}
		r := converted(t, textFS{"/e.conf": text}, false)
		if got := reports(r); got != want {
			t.Errorf("%q:\n got %s\nwant %s", text, got, want)
		}
		if tree, diags := conf.Load(conf.Options{Path: "/h", FS: textFS{"/h": r.Files[0].Text}}); len(diags) > 0 || tree == nil {
			t.Errorf("%q: %s", text, diags)
		}
	}
	if _, err := Convert(Options{Path: "/none", FS: textFS{}, Schema: fullSchema()}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestFiles: what is included becomes files with the same paths, and means the
// same as one file does.
func TestFiles(t *testing.T) {
	files := textFS{
		"/e.conf":              "include \"part/a.conf\"\nreadonly_include \"customers\" # all\nretry_interval = 5\ndomain \"x.example\" {\n  include \"shared.conf\"\n}\ninclude \"shared.conf\"\ninclude \"/abs/z.conf\"\n",
		"/part/a.conf":         "# a\ninclude \"b.conf\"\n",
		"/global/b.conf":       "max_retry_interval = 77\n",
		"/customers/2.conf":    "retry_interval = 2\n",
		"/customers/1.conf":    "retry_interval = 1\nfoo = 1\n",
		"/customers/.hidden":   "broken {",
		"/default/shared.conf": "max_outbound_connections = 3\nhostname = h.example\n",
		"/abs/z.conf":          "spoolbase = /var/spool/mtad\n",
	}
	r := converted(t, files, true)
	var names []string
	for _, f := range r.Files {
		names = append(names, f.Path)
	}
	want := []string{"e.conf", "part/a.conf", "part/b.conf", "customers/1.conf", "customers/2.conf", "shared.conf", "shared-2.conf", "abs/z.conf"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	wantReport := "/customers/1.conf:2: unconverted: foo: mtad does not know this option\n" +
		"/default/shared.conf:2: unconverted: hostname: mtad has this option in global, not in domain"
	if got := reports(r); got != wantReport {
		t.Errorf("got\n%s\nwant\n%s", got, wantReport)
	}
	tree, diags := conf.Load(conf.Options{Path: Root + "/e.conf", Search: []string{}, FS: overlay{files, r.Files}})
	one, oneDiags := conf.Load(conf.Options{Path: "/h.conf", FS: textFS{"/h.conf": converted(t, files, false).Files[0].Text}})
	if len(diags)+len(oneDiags) > 0 {
		t.Fatal(diags, oneDiags)
	}
	for _, name := range []string{"retry_interval", "max_retry_interval", "max_outbound_connections", "hostname", "spoolbase"} {
		a, _ := tree.Root.Attr(name)
		b, _ := one.Root.Attr(name)
		if a == nil || b == nil || a.Value.Text != b.Value.Text {
			t.Errorf("%s: %+v in files, %+v in one", name, a, b)
		}
	}
	if a, _ := tree.Root.Attr("retry_interval"); a.Value.Text != "5" {
		t.Errorf("the last value does not count: %+v", a)
	}
	a, _ := tree.Root.Attr("max_retry_interval")
	if at := r.Origin(a.Pos.File, a.Pos.Line); at.File != "/global/b.conf" || at.Line != 1 {
		t.Errorf("it comes from %s", at)
	}
}

// TestLenience: what the manual forbids and has all the same.
func TestLenience(t *testing.T) {
	for text, want := range map[string]string{
		"Listen [::1]:25 {}":                   `listen "[::1]:25" {}`,
		"Listen [*]:25{}":                      `listen "[*]:25" {}`,
		"Listen /run/x {}":                     `listen "/run/x" {}`,
		"Received_Hostname = [2001:db8::1]":    `received_hostname = "[2001:db8::1]"`,
		"Context [ a = /x/y b = %{z} ]":        `context = { a = "/x/y", b = "%%{z}" }`,
		"idle_time \"60\"":                     `idle_time = 60`,
		"peer 10.0.0.0/8 { } # c":              `peer "10.0.0.0/8" {} # c`,
		"Received_Hostname = 'it\\'s \"x\"'":   `received_hostname = "it's \"x\""`,
		"smtp_extensions = ( \"AUTH LOGIN\" )": `smtp_extensions = ["AUTH LOGIN"]`,
		"smtp_extensions = PIPELINING":         `smtp_extensions = ["PIPELINING"]`,
	} {
		r, err := Convert(Options{Path: "/e.conf", FS: textFS{"/e.conf": "ESMTP_Listener {\n" + text + "\n}\n"}, Schema: fullSchema()})
		if err != nil {
			t.Fatal(err)
		}
		if want = "esmtp_listener {\n  " + want + "\n}\n"; r.Files[0].Text != want || len(r.Findings) > 0 {
			t.Errorf("%s:\n%s%v", text, r.Files[0].Text, r.Findings)
		}
	}
}

func TestReportAsJSON(t *testing.T) {
	r := converted(t, textFS{"/e.conf": "\n  frob = 1\nidle_time = 7\n"}, false)
	got, err := json.Marshal(r.Findings)
	want := `[{"file":"/e.conf","line":2,"column":3,"kind":"unconverted","text":"frob: mtad does not know this option"},` +
		`{"file":"/e.conf","line":3,"column":1,"kind":"unconverted","text":"idle_time: mtad has this option in esmtp_listener, listen, peer, http_listener, pathway, pathway_group, not in global"}]`
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s", err, got)
	}
}
