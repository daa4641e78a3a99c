package api

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

func TestAudit(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateConnect)
	w.host.Figures = map[sdk.TrafficQuery]int64{
		{Figure: sdk.TrafficConnections, Monitor: "60,1", Network: "192.0.2.1/32"}:                  3,
		{Figure: sdk.TrafficReceptions, Monitor: "60,1", Network: "192.0.2.0/24", Start: 1, End: 2}: 4,
		{Figure: sdk.TrafficRejections, Monitor: "60,1", Network: "2001:db8::/32"}:                  5,
		{Figure: sdk.TrafficSessions, Network: "192.0.2.1/32"}:                                      6,
		{Figure: sdk.TrafficSessions, Network: "192.0.2.0/24"}:                                      7,
		{Figure: sdk.TrafficSessions, Network: "127.0.0.1/32"}:                                      8,
		{Figure: sdk.TrafficSessions, Network: "0.0.0.0/0"}:                                         9,
	}
	w.run(`require "msys.audit" require "msys.pbp" require "msys.extended.ac"`)
	for _, c := range []struct{ want, script string }{
		{"3", `return msys.audit.connections("60,1")`},
		{"3", `return msys.audit.connections("60,1", {})`},
		{"3", `return msys.audit.connections("60,1", ac)`},
		{"4", `return msys.audit.receptions("60,1", { cidr = "/24", startv = 1, endv = 2, cluster = true })`},
		{"5", `return msys.audit.rejections("60,1", "[2001:db8::1]/32")`},
		{"6 7 8", `return msys.audit.inbound_session_count("/32", "SMTP"), msys.audit.inbound_session_count("192.0.2.9/24"), msys.audit.inbound_session_count("localhost/32", "SMTP")`},
		{"6 7 0", `return ac:inbound_session_count(), ac:inbound_session_count("/24"), ac:inbound_session_count(nil, "Control")`},
		{"6 9", `return ac:pbp_inbound_session_count_service("SMTP", "/32"), ac:pbp_inbound_session_count_service("SMTP", "/0")`},
	} {
		w.is(c.want, c.script)
	}
	w.raises(`msys.audit.connections: inbound_audit has no monitor "5,5"`, `msys.audit.connections("5,5")`)
	w.raises(`there is no service "smtp"`, `msys.audit.inbound_session_count("/32", "smtp")`)
	w.raises(`"/33" is neither`, `msys.audit.inbound_session_count("/33", "SMTP")`)
	w.raises(`"" is neither`, `msys.audit.inbound_session_count("", "SMTP")`)
	w.raises(`expected, got number`, `msys.audit.connections("60,1", 7)`)
	w.raises(`option startv: a whole number is expected, got x`, `msys.audit.connections("60,1", { startv = "x" })`)
	w.raises(`count windows from 0`, `msys.audit.connections("60,1", { startv = -1 })`)
	w.raises("bad argument #1 to 'connections' (string expected, got no value)", `msys.audit.connections()`)
	w.frame = nil
	w.raises("nobody is connected", `msys.audit.connections("60,1")`)
}

func TestAuditSeries(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateConnect)
	w.run(`msys.audit_series.define("ips", "cidr", 300, 6, { persist = true, replicate = "cluster", serialize = true })
		msys.audit_series.define("words", "string", 60, 1)`)
	for _, c := range []struct{ want, script string }{
		{"3", `msys.audit_series.add("ips", ac) msys.audit_series.add("ips") msys.audit_series.add("ips", { key = ac.remote_addr })
			return msys.audit_series.count("ips", { key = ac, startv = 0, endv = 5 })`},
		{"-2", `msys.audit_series.add("ips", { key = "192.0.2.7", count = -2 }) return msys.audit_series.count("ips", "192.0.2.7")`},
		{"0", `msys.audit_series.remove_item("ips", ac) return msys.audit_series.count("ips", ac)`},
		{"2", `msys.audit_series.add("words", "x") msys.audit_series.add("words", msys.core.string_new and "x") return msys.audit_series.count("words", { key = "x" })`},
		{"0", `msys.audit_series.remove_item("words", "x") return msys.audit_series.count("words", "x")`},
	} {
		w.is(c.want, c.script)
	}
	w.raises(`no series "other" is defined`, `msys.audit_series.add("other")`)
	w.raises(`counts by text: a key is needed`, `msys.audit_series.count("words")`)
	w.raises(`a key must be a string, got accept_construct`, `msys.audit_series.count("words", ac)`)
	w.raises(`no type of series`, `msys.audit_series.define("x", "ip", 60, 1)`)
	w.raises(`none, cluster or manager expected`, `msys.audit_series.define("x", "cidr", 60, 1, { replicate = "all" })`)
	w.raises(`1.5 is not a number of things`, `msys.audit_series.define("x", "cidr", 60, 1.5)`)
	w.raises(`option count: a whole number`, `msys.audit_series.add("ips", { count = 1.5 })`)
	w.raises("bad argument #1 to 'add' (string expected, got nil)", `msys.audit_series.add(myseries, ac)`)
	w.raises(`1 to 255 bytes`, `msys.audit_series.define("", "cidr", 60, 1)`)
	// While a configuration is only checked nothing is counted.
	w.env.World = otherHost{w.fakeWorld, refusing{}}
	w.is("0", `msys.audit_series.define("checked", "string", 60, 1) return msys.audit_series.count("checked", "x")`)
}

func (refusing) Series(context.Context, *sdk.SeriesOp) (int64, error) { return 0, sdk.ErrNoIO }

func TestGaugeCache(t *testing.T) {
	w := newWorld(t)
	w.run(`require "msys.gauge_cache" msys.gauge_cache.define("c", 10, 60, true)`)
	w.is("0", `return msys.gauge_cache.get("c", "k")`)
	w.is("1", `msys.gauge_cache.inc("c", "k") msys.gauge_cache.inc("c", "k") msys.gauge_cache.dec("c", "k") return msys.gauge_cache.get("c", "k")`)
	w.is("0", `msys.gauge_cache.remove_item("c", "k") return msys.gauge_cache.get("c", "k")`)
	w.raises(`no cache "d" is defined`, `msys.gauge_cache.inc("d", "k")`)
	w.raises(`positive time to live`, `msys.gauge_cache.define("d", 10, 0)`)
	w.raises(`positive time to live`, `msys.gauge_cache.define("d", 0, 1)`)
	w.raises("bad argument #2 to 'inc' (string expected, got table)", `msys.gauge_cache.inc("c", {})`)
}

func TestCIDR(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateConnect)
	path := filepath.Join(t.TempDir(), "list")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("192.0.2.0/24 :5:listed: http://x/$\n!192.0.2.9\n198.51.100.1\n")
	w.L.SetGlobal("path", lua.LString(path))
	w.run(`msys.cidr.define("a", { type = "rbldnsd", source = path, refresh = 60 })
		msys.cidr.define("txt", { type = "RBLDNSD", source = "file://" .. path, record_type = "TXT", interpolate = true, default_value = "", optimize_hosts = true, limits = {} })
		msys.cidr.define("none", "empty")
		msys.cidr.define("missing", { type = "rbldnsd", source = path .. ".no", default_value = false })`)
	for _, c := range []struct{ want, script string }{
		{"127.0.0.5 nil", `return msys.cidr.query("a"), msys.cidr.query("a", "192.0.2.9")`},
		{"listed: http://x/192.0.2.1 listed: http://x/192.0.2.3", `return msys.cidr.query("txt"), msys.cidr.query("txt", "192.0.2.3")`},
		{"true true", `return msys.cidr.query("txt", "198.51.100.1") == "", msys.cidr.query("txt", "203.0.113.1") == ""`},
		{"127.0.0.2 127.0.0.5", `return msys.cidr.query("a", "198.51.100.1"), msys.cidr.query("a", ac.remote_addr)`},
		{"nil false", `return msys.cidr.query("none"), msys.cidr.query("missing")`},
	} {
		w.is(c.want, c.script)
	}
	if logs := w.host.Logs(); len(logs) != 1 || logs[0].Source != "cidrdb" || !strings.Contains(logs[0].Text, "CIDR list missing cannot be read, it is empty: open ") {
		t.Errorf("logs: %+v", logs)
	}
	write("192.0.2.0/24 :6:\n")
	w.is("127.0.0.6", `msys.cidr.reload("a") return msys.cidr.query("a")`)
	w.raises(`no list "other" is defined`, `msys.cidr.query("other")`)
	w.raises(`an address is expected, got 10.0.0.0/8`, `msys.cidr.query("a", "10.0.0.0/8")`)
	w.raises(`"x" is neither an address nor a network`, `msys.cidr.query("a", "x")`)
	for options, want := range map[string]string{
		`{}`: "type is missing", `{ type = "x" }`: `"x" is no type of list`, `{ type = "rbldnsd" }`: "option source is missing", `"rbldnsd"`: "option source is missing",
		`{ type = "rbldnsd", source = "ftp://x" }`: "no ftp:// URIs", `{ type = "rbldnsd", source = path, value = "mx" }`: "a or txt expected",
		`{ type = "datasource", cachename = "c" }`: "option query is missing", `{ type = "empty", default_value = {} }`: "a string, number or boolean is expected",
		`{ type = "datasource", cachename = {} }`: "a string is expected, got table",
	} {
		w.raises(want, `msys.cidr.define("x", `+options+`)`)
	}
}

func TestCIDRFromDatasource(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateConnect)
	w.config.Generation = 4
	var asked []sdk.Query
	w.host.QueryFunc = func(_ context.Context, q *sdk.Query) (*sdk.Rows, error) {
		asked = append(asked, *q)
		text := func(s string) sdk.Datum { return sdk.Datum{Kind: sdk.DatumText, Text: s} }
		return &sdk.Rows{Columns: []string{"net", "v"}, Rows: [][]sdk.Datum{{text("192.0.2.0/24"), text("good")}}}, nil
	}
	w.run(`msys.cidr.define("d", { type = "datasource", cachename = "db", query = "SELECT", cidr_column = "net", value_column = 2, default_value = "" })
		msys.cidr.define("b", { type = "datasource", cachename = "db", query = "SELECT" })`)
	w.is("good  true nil", `return msys.cidr.query("d"), msys.cidr.query("d", "10.0.0.1"), msys.cidr.query("b"), msys.cidr.query("b", "10.0.0.1")`)
	w.shared.Commit()
	w.run(`msys.cidr.reload("d")`)
	if len(asked) != 3 || asked[0].Generation != 4 || asked[2].Generation != 0 || !asked[0].NoCache || asked[0].Datasource != "db" {
		t.Errorf("asked %+v", asked)
	}
	if lists := w.shared.Lists(); len(lists) != 2 || lists[0].Name() != "b" {
		t.Errorf("%d lists", len(lists))
	}
	w.shared.Close()
	w.raises("no longer in force", `msys.cidr.define("late", "empty")`)
	// A configuration that is only checked opens nothing.
	w.config.CheckOnly = true
	w.shared = sharedFor(t, w.fakeWorld)
	w.is("-", `msys.cidr.define("d", { type = "rbldnsd", source = "/nowhere", default_value = "-" }) msys.cidr.reload("d") return msys.cidr.query("d")`)
}

func TestDefinitionsAreBounded(t *testing.T) {
	w := newWorld(t)
	w.raises("there are 1000 of them already", `for i = 1, 1001 do msys.cidr.define("l" .. i, "empty") end`)
}

func TestPBP(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateConnect)
	w.run(`require "msys.pbp"`)
	w.is("true true false false", `msys.pbp.set_whitelist(vctx, msys.core.VCTX_CONN, "good", true) msys.pbp.set_whitelist(vctx, "other", true)
		return msys.pbp.check_whitelist(vctx, { "x", "good" }), msys.pbp.check_whitelist(vctx, { honor_whitelist = { "other" } }),
			msys.pbp.check_whitelist(vctx, { "x" }), msys.pbp.check_whitelist(vctx, nil)`)
	w.is("1 false", `local there = vctx:exists(msys.core.VCTX_CONN, "dp_whitelist_good") msys.pbp.set_whitelist(vctx, "good", false) return there, msys.pbp.check_whitelist(vctx, "good")`)
	w.is("31457280 512 1024 1536 2147483648", `local s = msys.pbp.size_in_bytes return s("30m"), s("512b"), s(1024), s(" 1.5K "), s("2G")`)
	for _, bad := range []string{"", "m", "-1", "1x", "0x10", "inf", "1e3", "1 0"} {
		w.raises("is no size", `msys.pbp.size_in_bytes("`+bad+`")`)
	}
	w.raises("string expected, got nil", `msys.pbp.set_whitelist(vctx)`)
	w.raises("a name or a table of names expected", `msys.pbp.check_whitelist(vctx, 5)`)
	w.is("true 554 5.7.1 no", `local r = vctx:pbp_action(554, "5.7.1 no") return r == msys.core.VALIDATE_DONE, vctx.code, vctx.note`)
	w.is("true", `return vctx:pbp_disconnect(421, "bye") == msys.core.VALIDATE_DONE`)
	if last := w.frame.Changes[len(w.frame.Changes)-1]; last.Kind != sdk.DisconnectSet || last.Number != 421 {
		t.Errorf("pbp_disconnect: %+v", last)
	}
}

func TestFCDNS(t *testing.T) {
	answer := func(values ...string) sdk.DNSAnswer {
		var a sdk.DNSAnswer
		for _, v := range values {
			a.Records = append(a.Records, sdk.DNSRecord{Value: v})
		}
		return a
	}
	const check = `local ok, rdns, fdns = msys.pbp.fcdns_check(ac, vctx) return ok, rdns, fdns, vctx:get(C, "reverse_dns") .. "|" .. vctx:get(C, "fcdns_status")`
	for _, c := range []struct {
		name string
		peer string
		dns  map[string]sdk.DNSAnswer
		want string
	}{
		{"the second name leads back", "192.0.2.1:9", map[string]sdk.DNSAnswer{"PTR 192.0.2.1": answer("a.test.", "b.test."), "A b.test": answer("192.0.2.7", "192.0.2.1")}, "true nil nil b.test|true"},
		{"IPv6", "[2001:db8::1]:9", map[string]sdk.DNSAnswer{"PTR 2001:db8::1": answer("six.test"), "AAAA six.test": answer("2001:db8:0::1")}, "true nil nil six.test|true"},
		{"another address", "192.0.2.1:9", map[string]sdk.DNSAnswer{"PTR 192.0.2.1": answer("a.test."), "A a.test": answer("192.0.2.7")}, "false nil nil a.test|false"},
		{"no address", "192.0.2.1:9", map[string]sdk.DNSAnswer{"PTR 192.0.2.1": answer("a.test.")}, "false nil NXDOMAIN a.test|false"},
		{"no name", "192.0.2.1:9", nil, "false NXDOMAIN nil |false"},
		{"an empty answer", "192.0.2.1:9", map[string]sdk.DNSAnswer{"PTR 192.0.2.1": {Error: "NODATA"}}, "false nil nil |false"},
		{"a failure", "192.0.2.1:9", map[string]sdk.DNSAnswer{"PTR 192.0.2.1": {Error: "SERVFAIL"}}, "false SERVFAIL nil |false"},
	} {
		w := newMailWorld(t, sdk.ValidateConnect)
		w.host.DNS = c.dns
		w.frame.State.Conn.Peer = netip.MustParseAddrPort(c.peer)
		w.run(`require "msys.pbp"`)
		if got := strings.Join(w.run(check), " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestPolicyEditor(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateSetBinding)
	w.run(`require "msys.policyeditor" P = msys.policyeditor ctx = { ec_message = msg }`)
	for _, c := range []struct{ want, script string }{
		{"first", `return P.get_header(ctx, {}, { header = "X-Custom" })`},
		{"nil", `return P.get_header(ctx, {}, { header = "X-None" })`},
		{"sender@relay.test a@relay.test", `return P.get_mailfrom(ctx, {}, {}), P.get_rcptto(ctx, {}, {})`},
		{"192.0.2.1:4711 127.0.0.1:25", `return P.get_mess_recv_from(ctx, {}, {}), P.get_mess_recv_via(ctx, {}, {})`},
		{"5", `local vars = {} P.set_variable(ctx, vars, { name = "x", value = 5 }) return P.get_variable(ctx, vars, { name = "x" })`},
		{"true abcd c c false", `local vars = {} local ok = P.pcre_match(ctx, vars, { subject = "abcd", pattern = "b(?P<n>c)" })
			return ok, vars["$0"], vars["$1"], vars["$n"], P.pcre_match(ctx, vars, { subject = "x", pattern = "y" })`},
		{"new v", `P.vctx_mess_set(ctx, {}, { key = "k", value = "new" }) P.vctx_conn_set(ctx, {}, { key = "c", value = "v" })
			return P.vctx_mess_get(ctx, {}, { key = "k" }), P.vctx_conn_get(ctx, {}, { key = "c" })`},
		{"b2", `P.set_binding(ctx, {}, { binding = "b2, b2" }) return msg:binding()`},
		{"true", `P.set_binding_group(ctx, {}, { binding_group = "pool" }) return msg:binding_group() == "pool"`},
	} {
		w.is(c.want, c.script)
	}
	w.raises("parameter header is missing", `P.get_header(ctx, {}, {})`)
	w.raises("ctx.ec_message must be a message, got nil", `P.get_mailfrom({}, {}, {})`)
	w.raises("parameter from is missing", `P.send_email(ctx, {}, {})`)
	d := newMailWorld(t, sdk.ValidateDataSpool)
	d.is("0", `require "msys.policyeditor" msys.policyeditor.del_header({ ec_message = msg }, {}, { header = "X-Custom" }) return #msg:header("X-Custom")`)
}
