package mailauth

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mailauth"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/sdktest"
	"github.com/mtad/mtad/sdk/smtp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const header = "From: Bob <bob@sender.test>\r\nTo: u@example.com\r\nSubject: s\r\n"

func now() time.Time { return time.Unix(1767225600, 0) }

// prepared is a module with a generation 1 of those scopes.
func prepared(t *testing.T, h *sdktest.Host, scopes ...option.Scope) (sdk.Module, sdk.Subscription) {
	t.Helper()
	m := New(now)
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	sub, err := m.Prepare(context.Background(), h, sdk.Config{Generation: 1, Hostname: "mx.test", Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	m.Commit(1)
	return m, sub
}

func state(head string) *sdk.State {
	body := "A line.\r\n"
	return &sdk.State{
		Conn: sdk.Conn{Session: 3, Peer: netip.MustParseAddrPort("192.0.2.1:4711"), Context: sdk.Dict{{Key: "ehlo_domain", Value: "mail.sender.test"}}},
		Message: &sdk.Message{ID: "id", Sender: "bob@sender.test", Recipients: []smtp.Address{"u@example.com"},
			Header: []byte(head), Body: sdk.Body{Size: int64(len(body)), Inline: []byte(body)}},
	}
}

// call runs phases and gives the state as the core has it afterwards.
func call(t *testing.T, m sdk.Module, s *sdk.State, hooks ...sdk.Hook) *sdk.State {
	t.Helper()
	own := s.Clone()
	c := &sdk.Call{Generation: 1, Transaction: 1, State: own, SplitIDs: []string{"id-1"}}
	for _, h := range hooks {
		c.Phases = append(c.Phases, sdk.Phase{Hook: h, Address: s.Message.Sender})
	}
	ans, err := m.Call(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range ans.Results {
		s.Enter(c.Phases[i], c.SplitIDs)
		for j := range r.Changes {
			if err := sdk.Apply(s, &r.Changes[j]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

func publish(texts map[string]string) *sdktest.Host {
	h := &sdktest.Host{DNS: map[string]sdk.DNSAnswer{}, Config: map[string]string{}}
	for name, text := range texts {
		h.DNS["TXT "+name] = sdk.DNSAnswer{Records: []sdk.DNSRecord{{Value: text}}}
	}
	return h
}

func variable(t *testing.T, s *sdk.State, name, want string) {
	t.Helper()
	if got, _ := s.Message.Context.Get(name); got != want {
		t.Errorf("%s is %q, want %q", name, got, want)
	}
}

func TestSPF(t *testing.T) {
	h := publish(map[string]string{"sender.test": "v=spf1 ip4:192.0.2.1 -all"})
	m, sub := prepared(t, h, sdktest.Scope("spf_v1", "x", "context_variable", "spf_result"))
	if !sub.Hooks.Has(sdk.ValidateMailFrom) || !sub.Hooks.Has(sdk.ValidateData) || sub.Hooks.Has(sdk.CoreFinalValidation) {
		t.Errorf("hooks %v", sub.Hooks.List())
	}
	s := call(t, m, state(header), sdk.ValidateMailFrom)
	variable(t, s, "spf_result", "pass")
	s = call(t, m, s, sdk.ValidateData)
	if got := string(s.Message.Header); !strings.HasPrefix(got, "Authentication-Results: mx.test; spf=pass smtp.mailfrom=bob@sender.test\r\nReceived-SPF: pass ") || !strings.HasSuffix(got, header) {
		t.Errorf("%s", got)
	}
	m.SessionsEnded([]sdk.SessionEnd{{Session: 3, Generation: 1}})
	if n := len(m.(*module).spf); n != 0 {
		t.Errorf("%d sessions are remembered", n)
	}
}

func TestDelayedSPF(t *testing.T) {
	m, sub := prepared(t, publish(nil), sdktest.Scope("spf_v1", "x", "delay_check", "true"))
	if sub.Hooks.Has(sdk.ValidateMailFrom) || !sub.Hooks.Has(sdk.ValidateRcptTo) {
		t.Errorf("hooks %v", sub.Hooks.List())
	}
	s := call(t, m, state(header), sdk.ValidateRcptTo, sdk.ValidateRcptTo)
	variable(t, s, "spf_status", "neutral") // default_rule
}

func TestNothingIsConfigured(t *testing.T) {
	_, sub := prepared(t, publish(nil), sdktest.Scope("spf_macros", ""), sdktest.Scope("openarc", ""), sdktest.Scope("spf_v1", "x", "enabled", "false"),
		sdktest.Scope("opendkim", "x", "selector", "s1"))
	if list := sub.Hooks.List(); len(list) != 0 {
		t.Errorf("hooks %v", list)
	}
}

// Mail that nobody signed or forged keeps its header byte for byte.
func TestUnsignedMailStays(t *testing.T) {
	m, _ := prepared(t, publish(nil), sdktest.Scope("dkim_validate", "x"))
	s := call(t, m, state(header), sdk.ValidateData)
	if got := string(s.Message.Header); got != header {
		t.Errorf("%q", got)
	}
	variable(t, s, mailauth.ResultsVariable, "[]")
	s = call(t, m, state("Authentication-Results: mx.test; dkim=pass\r\n"+header), sdk.ValidateData)
	if got := string(s.Message.Header); got != header {
		t.Errorf("forged: %q", got)
	}
}

func TestDMARC(t *testing.T) {
	h := publish(map[string]string{"sender.test": "v=spf1 -all", "_dmarc.sender.test": "v=DMARC1; p=quarantine"})
	m, _ := prepared(t, h, sdktest.Scope("dmarc", "", "authserv_id", "id.test"), sdktest.Scope("openarc", "", "verify", "true"))
	s := call(t, m, state(header), sdk.ValidateMailFrom, sdk.ValidateData)
	variable(t, s, "dmarc_status", "fail")
	variable(t, s, "dmarc_status_policy", "quarantine")
	variable(t, s, "arc_cv", "none")
	if got := string(s.Message.Header); !strings.HasPrefix(got, "Authentication-Results: id.test; spf=fail") || strings.Contains(got, "Received-SPF") {
		t.Errorf("%s", got)
	}
}

// signingHost has a key at k/sender.test/s1.key of a directory.
func signingScopes(t *testing.T) (dir string, record string) {
	t.Helper()
	dir = t.TempDir()
	const seed = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
	if err := os.MkdirAll(filepath.Join(dir, "sender.test"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sender.test", "s1.key"), []byte(seed), 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := mailauth.ParseKey([]byte(seed))
	if err != nil {
		t.Fatal(err)
	}
	if record, err = mailauth.PublicRecord(key); err != nil {
		t.Fatal(err)
	}
	return dir, record
}

func TestSign(t *testing.T) {
	dir, record := signingScopes(t)
	h := publish(map[string]string{"s1._domainkey.sender.test": record})
	h.Config["eval domain example.com opendkim_sign"] = "OpenDKIM_Sign = 1"
	h.Config["eval binding b1 domain example.com opendkim_sign"] = "OpenDKIM_Sign = false"
	m, _ := prepared(t, h,
		sdktest.Scope("opendkim", "a", "key", dir+"/%{d}/%{s}.key", "selector", "s1", "digest", "ed25519-sha256", "header_canon", "relaxed"),
		sdktest.Scope("opendkim", "b", "key", dir+"/%{d}/%{s}.key", "selector", "s1", "digest", "ed25519-sha256", "sign_condition", "can_relay"))
	for _, c := range []struct {
		name string
		edit func(s *sdk.State)
		want int
	}{
		{"plain", func(*sdk.State) {}, 1},
		{"relayed", func(s *sdk.State) { s.Conn.Context.Set("can_relay", "true") }, 2},
		{"switched off", func(s *sdk.State) { s.Message.Binding = "b1" }, 0},
		{"other author", func(s *sdk.State) { s.Message.Header = []byte("From: a@other.test\r\n") }, 0},
		{"no author", func(s *sdk.State) { s.Message.Header = []byte("Subject: x\r\n") }, 0},
	} {
		s := state(header)
		c.edit(s)
		s = call(t, m, s, sdk.CoreFinalValidation)
		copied := s.Copies[0]
		list, err := mailauth.VerifyDKIM(context.Background(), mailauth.Of(context.Background(), h, copied), mailauth.VerifyOptions{Resolver: mailauth.HostResolver{Host: h}, Now: now()})
		if err != nil || len(list) != c.want {
			t.Errorf("%s: %d signatures, %v", c.name, len(list), err)
		}
		for _, sig := range list {
			if sig.Status != mailauth.StatOK {
				t.Errorf("%s: %s", c.name, sig.Error)
			}
		}
	}
	if logs := h.Logs(); len(logs) != 0 {
		t.Errorf("%+v", logs)
	}
}

func TestBadOptions(t *testing.T) {
	for want, scope := range map[string]option.Scope{
		"default_rule": sdktest.Scope("spf_v1", "x", "default_rule", "nonsense"),
		"header_canon": sdktest.Scope("opendkim", "x", "header_canon", "loose"),
	} {
		_, err := New(now).Prepare(context.Background(), publish(nil), sdk.Config{Generation: 1, Scopes: []option.Scope{scope}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// A domain that is to be signed for without a key is warned of.
func TestMissingKey(t *testing.T) {
	scope := sdktest.Scope("opendkim", "x", "key", "/nowhere/%{d}", "selector", "s1")
	scope.Scopes = []option.Scope{sdktest.Scope("dkim_domain", "sender.test")}
	_, sub := prepared(t, publish(nil), scope)
	if len(sub.Warnings) != 1 || !strings.Contains(sub.Warnings[0].Text, "/nowhere/sender.test") {
		t.Errorf("%+v", sub.Warnings)
	}
}
