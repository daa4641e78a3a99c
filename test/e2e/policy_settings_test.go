package e2e

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	shipped "github.com/mtad/mtad/conf/default"
	"github.com/mtad/mtad/test/mtatest"
)

func shippedConfig(t *testing.T) string {
	t.Helper()
	text, err := fs.ReadFile(shipped.Lua(), "dp_config.lua")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	commentedCode = regexp.MustCompile(`^\s*-- +(\w+ = |msys\.dp_config\.|[{}])`)
	assignedTable = regexp.MustCompile(`^msys\.dp_config\.([\w.]+) = `)
	quoted        = regexp.MustCompile(`"[^"]*"`)
	assignedKey   = regexp.MustCompile(`(\w+) = `)
)

// shippedSettings are the settings of the shipped dp_config.lua, those commented
// out too, by table.
func shippedSettings(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	table := ""
	for line := range strings.Lines(shippedConfig(t)) {
		if commentedCode.MatchString(line) {
			line = strings.Replace(line, "-- ", "", 1)
		}
		line, _, _ = strings.Cut(line, " -- ")
		line = quoted.ReplaceAllString(line, "")
		if strings.HasPrefix(strings.TrimSpace(line), "--") {
			continue
		}
		line = strings.TrimLeft(line, " ")
		if m := assignedTable.FindStringSubmatch(line); m != nil {
			table = m[1]
			out[table] = nil
			line = line[len(m[0]):]
		}
		for _, m := range assignedKey.FindAllStringSubmatch(line, -1) {
			if !slices.Contains(out[table], m[1]) {
				out[table] = append(out[table], m[1])
			}
		}
	}
	if len(out) < 25 || len(out["rbls"]) < 10 {
		t.Fatalf("the settings are not understood: %v", out)
	}
	return out
}

// TestEverySettingHasACase: whoever adds a setting adds a case. refresh takes
// minutes to see, default_value is always "", and that options are kept is seen
// of one series.
func TestEverySettingHasACase(t *testing.T) {
	met := map[string]bool{}
	for _, c := range policyCases() {
		for part := range strings.SplitSeq(c.covers, ",") {
			table, words, _ := strings.Cut(strings.TrimSpace(part), ":")
			for _, w := range strings.Fields(words) {
				met[table+"."+w] = true
			}
		}
	}
	unseen := []string{"refresh", "default_value", "options", "persist"}
	foreign := []string{"beik", "cloudmark", "commtouch"} // TestForeignEngines
	for table, settings := range shippedSettings(t) {
		for _, s := range settings {
			if !met[table+"."+s] && !slices.Contains(unseen, s) && !slices.Contains(foreign, table) {
				t.Errorf("no case meets msys.dp_config.%s: %s", table, s)
			}
		}
	}
}

// TestEverySettingIsDocumented: docs/default-policy.md has a section for each
// table, which names each of its settings, or says whose it shares.
func TestEverySettingIsDocumented(t *testing.T) {
	b, err := os.ReadFile("../../docs/default-policy.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for part := range strings.SplitSeq(string(b), "\n## ") {
		title, text, _ := strings.Cut(part, "\n")
		for name := range strings.SplitSeq(title, ", ") {
			sections[name] = text
		}
	}
	for table, settings := range shippedSettings(t) {
		text := sections[table]
		if strings.HasPrefix(table, "audit_series") {
			text = sections["audit_series"]
			if name, ok := strings.CutPrefix(table, "audit_series."); ok && !strings.Contains(text, "| `"+name+"` |") {
				t.Errorf("the table of series lacks %s", name)
			}
		}
		for _, s := range settings {
			if !strings.Contains(text, "`"+s+"`") {
				t.Errorf("%s is not documented: %s", table, s)
			}
		}
		if text == "" {
			t.Errorf("%s has no section", table)
		}
	}
}

// TestShippedSettings: what dp_config.lua ships with (reference/datasource.md 5).
func TestShippedSettings(t *testing.T) {
	L := lua.NewState()
	defer L.Close()
	if err := L.DoString(`msys = {}; local function empty() return {} end
for _, name in ipairs({ "msys.core", "msys.pbp", "custom_policy" }) do package.preload[name] = empty end`); err != nil {
		t.Fatal(err)
	}
	if err := L.DoString(shippedConfig(t)); err != nil {
		t.Fatal(err)
	}
	if err := L.DoString(`
local d, out = msys.dp_config, {}
local function say(...) out[#out + 1] = table.concat({ ... }, " ") end
local function yes(v) return tostring(v) end
say("off", yes(d.whitelist), #d.rbls, yes(d.antivirus), yes(d.spamassassin), yes(d.rspamd), yes(d.relay_authorization.check), yes(d.keyword_filter[1].scan))
say("on", yes(d.early_talker.check), yes(d.fcdns.check), d.fcdns.rdns_failure_code, d.fcdns.fdns_failure_code, yes(d.mail_from_domain_validate.check), d.mail_from_domain_validate.failure_code)
say("recipients", yes(d.recipient_validation.check), yes(d.recipient_validation.ds_name), yes(d.recipient_validation.dha_prevention))
for _, c in ipairs(d.concurrent_connection_limits) do say("sessions", c.mask, c.limit, c.service, c.honor_whitelist and c.honor_whitelist[1] or "nobody") end
for _, c in ipairs(d.message_size_limits) do say("size", c.size, c.honor_whitelist[1] or "nobody") end
local names = {}
for name in pairs(d.audit_series) do names[#names + 1] = name end
table.sort(names)
for _, name in ipairs(names) do
  local s = d.audit_series[name]
  for _, th in ipairs(s.thresholds) do
    say(name, s.type, s.interval, s.buckets, yes(th.check), th.key or "-", th.startv, th.endv, th.threshold, th.honor_whitelist and th.honor_whitelist[1] or "nobody", yes(s.options.persist))
  end
end
RESULT = table.concat(out, "\n")`); err != nil {
		t.Fatal(err)
	}
	const want = `off nil 0 nil nil nil false false
on true true 554 554 true 554
recipients true nil true
sessions /32 10 SMTP global
sessions /24 100 SMTP global
sessions /0 20000 SMTP nobody
size 50m global
size 20m nobody
auth_user string 900 4 true - 0 3 100 global true
connections cidr 900 4 true /32 0 3 100 global true
connections cidr 900 4 true /24 0 3 1000 global true
invalid_recipients cidr 900 4 true /32 0 3 50 nobody true
invalid_recipients cidr 900 4 true /24 0 3 500 nobody true
messages cidr 900 4 true /32 0 3 200 global true
messages cidr 900 4 true /24 0 3 2000 global true
spam cidr 900 4 true /32 0 3 50 global true
spam cidr 900 4 true /24 0 3 200 global true
virus cidr 900 4 true /32 0 3 50 global true
virus cidr 900 4 true /24 0 3 200 global true`
	if got := L.GetGlobal("RESULT").String(); got != want {
		t.Errorf("the shipped settings are\n%s", got)
	}
}

// TestForeignEngines: tables of engines that mtad lacks, and faults, are refused
// with the reason when the configuration is checked.
func TestForeignEngines(t *testing.T) {
	t.Parallel()
	for lines, want := range map[string]string{
		`msys.dp_config.beik = { scan = true }`:                                 "msys.dp_config.beik: mtad has no such engine",
		`msys.dp_config.rbls = { { name = "x", type = "ftp" } }`:                `msys.dp_config.rbls x: type must be "dns" or "rbldnsd"`,
		`msys.dp_config.keyword_filter = { { scan = true, name = "k" } }`:       "msys.dp_config.keyword_filter k: path, or cachename and query, is missing",
		`msys.dp_config.recipient_validation = { check = true, ds_name = "x" }`: "ds_name and query belong together",
		`msys.dp_config.whitelist = { { type = "rbldnsd", source = "x" } }`:     "each needs a name of its own",
	} {
		s := mtatest.Prepare(t, mtatest.Config{
			Global: "include \"dp\" {\n  path = \"default_policy.conf\"\n}\n",
			Files:  map[string]string{"dp_config.lua": "module(\"msys.dp_config\", package.seeall)\n" + lines + "\n"},
		})
		if _, stderr, exit := mtatest.Run(t, "check", "--init", "--conf", s.Conf); exit != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d\n%s", lines, exit, stderr)
		}
	}
}
