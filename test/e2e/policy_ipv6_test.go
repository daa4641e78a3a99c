package e2e

import (
	"context"
	"io/fs"
	"net/netip"
	"strings"
	"testing"

	shipped "github.com/mtad/mtad/conf/default"
	"github.com/mtad/mtad/plugins/scriptlet"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/sdktest"
)

// seriesHost remembers what was asked of series.
type seriesHost struct {
	*sdktest.Host
	ops []string
}

// Series is part of sdk.Host.
func (h *seriesHost) Series(ctx context.Context, op *sdk.SeriesOp) (int64, error) {
	if word := map[sdk.SeriesKind]string{sdk.SeriesAdd: "add", sdk.SeriesCount: "count"}[op.Kind]; word != "" {
		h.ops = append(h.ops, word+" "+op.Series.Name+" "+op.Key)
	}
	return h.Host.Series(ctx, op)
}

// policyModule is the scriptlet module with the default policy in this process.
func policyModule(t *testing.T, h *seriesHost, config string) sdk.Module {
	t.Helper()
	h.Sources = map[string]string{}
	err := fs.WalkDir(shipped.Lua(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(shipped.Lua(), path)
		h.Sources[strings.ReplaceAll(strings.TrimSuffix(path, ".lua"), "/", ".")] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Sources["dp_config"] = "module(\"msys.dp_config\", package.seeall)\n" + config
	m := scriptlet.New(scriptlet.Deps{})
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	scope := sdktest.Scope("scriptlet", "scriptlet", "cpu_limit", 60000)
	scope.Scopes = []option.Scope{sdktest.Scope("script", "default_policy", "source", "msys.default_policy")}
	if _, err := m.Prepare(context.Background(), h, sdk.Config{Generation: 1, Scopes: []option.Scope{scope}}); err != nil {
		t.Fatal(err)
	}
	m.Commit(1)
	return m
}

// connected is the reply to a connection, "" for none.
func connected(t *testing.T, m sdk.Module, session uint64, peer string) string {
	t.Helper()
	s := &sdk.State{Conn: sdk.Conn{Session: session, Peer: netip.AddrPortFrom(netip.MustParseAddr(peer), 4711)}}
	ans, err := m.Call(context.Background(), &sdk.Call{Generation: 1, State: s, Phases: []sdk.Phase{{Hook: sdk.ValidateConnect}}})
	if err != nil {
		t.Fatal(err)
	}
	if r := ans.Results[0].Reply; r != nil {
		return r.FullText()
	}
	return ""
}

// TestDefaultPolicyIPv6: lists are asked by nibbles (RFC 5782 §2.4), and limits
// count a /64.
func TestDefaultPolicyIPv6(t *testing.T) {
	listed := func(name string) map[string]sdk.DNSAnswer {
		return map[string]sdk.DNSAnswer{"A " + name: {Records: []sdk.DNSRecord{{Value: "127.0.0.2"}}}}
	}
	for peer, name := range map[string]string{
		"2001:db8:1:2:3:4:567:89ab": "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.test",
		"2001:db8::1":               "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.test",
		"::2":                       "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.bl.test",
		"192.0.2.7":                 "7.2.0.192.bl.test",
	} {
		m := policyModule(t, &seriesHost{Host: &sdktest.Host{DNS: listed(name)}}, `msys.dp_config.rbls = { { check = true, name = "bl", type = "dns", base = "bl.test", reason = "listed: %s" } }`)
		if got := connected(t, m, 1, peer); got != "listed: 127.0.0.2" {
			t.Errorf("%s: %q", peer, got)
		}
		if got := connected(t, m, 2, "2001:db8::99"); got != "" {
			t.Errorf("a peer that is not listed: %q", got)
		}
	}
	counts := `msys.dp_config.audit_series = { connections = { type = "cidr", interval = 900, buckets = 4,
  thresholds = { { check = true, key = "/32", startv = 0, endv = 3, threshold = 1 } } } }`
	h := &seriesHost{Host: &sdktest.Host{}}
	m := policyModule(t, h, counts)
	connected(t, m, 1, "2001:db8::1")
	connected(t, m, 2, "192.0.2.1")
	want := "add dp_connections_6 2001:db8::1/128, count dp_connections_6 2001:db8::/64, add dp_connections 192.0.2.1/32, count dp_connections 192.0.2.1/32"
	if got := strings.Join(h.ops, ", "); got != want {
		t.Errorf("counted: %s", got)
	}
}
