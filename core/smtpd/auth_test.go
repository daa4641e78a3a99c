package smtpd

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/smtp"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/xdg-go/scram"

	"github.com/mtad/mtad/core/auth"
	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/sdk"
	smtpsdk "github.com/mtad/mtad/sdk/smtp"
)

// testAuth looks users up in files only.
func testAuth(t testing.TB) *auth.Directory {
	return auth.New(auth.Config{
		Schemes: func() *auth.Schemes { return nil },
		Problem: func(text string) {
			if !strings.Contains(text, "/nonexistent") {
				t.Errorf("problem: %s", text)
			}
		},
	})
}

func (l *rejects) account(a *logs.Authentication) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.accounts = append(l.accounts, *a)
}

// withUsers are options with AUTH for anna (geheim), also without TLS.
func withUsers(t testing.TB) Options {
	t.Helper()
	path := filepath.Join(t.TempDir(), "passwd")
	if err := os.WriteFile(path, []byte("anna:geheim\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := options()
	params := map[string]string{"uri": "file://" + path, "log_authentication": "true"}
	o.Plain, o.Login, o.CRAMMD5, o.SCRAMSHA256 = params, params, params, params
	o.AuthWithoutTLS, o.FailuresLimit = true, 3
	return o
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// good and bad are initial responses of PLAIN.
func good() string { return b64("\x00anna\x00geheim") }
func bad() string  { return b64("\x00anna\x00falsch") }

func TestAuthTranscripts(t *testing.T) {
	for name, script := range map[string]string{
		"PLAIN with an initial response": `
			C: AUTH PLAIN ` + good() + `
			S: ^235 2\.7\.0
			C: MAIL FROM:<a@x.test>
			S: ^250
			C: RCPT TO:<b@elsewhere.test>
			S: ^250`,
		"PLAIN without": `
			C: auth plain
			S: ^334 $
			C: ` + good() + `
			S: ^235`,
		"LOGIN": `
			C: AUTH LOGIN
			S: ^334 VXNlcm5hbWU6$
			C: ` + b64("anna") + `
			S: ^334 UGFzc3dvcmQ6$
			C: ` + b64("geheim") + `
			S: ^235`,
		"LOGIN with the user": `
			C: AUTH LOGIN ` + b64("anna") + `
			S: ^334 UGFzc3dvcmQ6$
			C: ` + b64("geheim") + `
			S: ^235`,
		"a wrong password relays nothing": `
			C: AUTH PLAIN ` + bad() + `
			S: ^535 5\.7\.8
			C: MAIL FROM:<a@x.test>
			S: ^250
			C: RCPT TO:<b@elsewhere.test>
			S: ^550 5\.7\.1`,
		"cancelled": `
			C: AUTH PLAIN
			S: ^334
			C: *
			S: ^501 5\.7\.0
			C: AUTH PLAIN ` + good() + `
			S: ^235`,
		"what is no response": `
			C: AUTH PLAIN
			S: ^334
			C: !!!!
			S: ^501 5\.5\.2
			C: AUTH PLAIN *
			S: ^501 5\.5\.2
			C: AUTH PLAIN =
			S: ^501 5\.5\.2
			C: AUTH PLAIN ` + b64("anna") + `
			S: ^501 5\.5\.2
			C: AUTH CRAM-MD5 ` + b64("anna") + `
			S: ^501 5\.7\.0`,
		"twice": `
			C: AUTH PLAIN ` + good() + `
			S: ^235
			C: AUTH PLAIN ` + good() + `
			S: ^503 5\.5\.1
			C: RSET
			S: ^250
			C: EHLO client.test
			S: ^250
			C: AUTH LOGIN
			S: ^503`,
		"in a transaction": `
			C: MAIL FROM:<a@x.test>
			S: ^250
			C: AUTH PLAIN ` + good() + `
			S: ^503 5\.5\.1
			C: RSET
			S: ^250
			C: AUTH PLAIN ` + good() + `
			S: ^235`,
		"after HELO": `
			C: HELO client.test
			S: ^250
			C: AUTH PLAIN ` + good() + `
			S: ^503 5\.5\.1`,
		"unknown mechanisms": `
			C: AUTH
			S: ^501 5\.5\.4
			C: AUTH DIGEST-MD5
			S: ^504 5\.5\.4
			C: AUTH GSSAPI x
			S: ^504`,
		"the last failure ends the session": `
			C: AUTH PLAIN ` + bad() + `
			S: ^535
			C: RSET
			S: ^250
			C: AUTH PLAIN ` + bad() + `
			S: ^535
			C: AUTH PLAIN ` + b64("\x00nobody\x00x") + `
			S: ^421 4\.7\.0
			EOF`,
		"a response that is too long": `
			C: AUTH PLAIN
			S: ^334
			C: ` + strings.Repeat("A", wideBuffer) + `
			S: ^500 5\.5\.6
			EOF`,
		"a response that is just too long": `
			C: AUTH PLAIN
			S: ^334
			C: ` + strings.Repeat("A", 12287) + `
			S: ^500 5\.5\.6`,
		"a response of the greatest length": `
			C: AUTH PLAIN
			S: ^334
			C: ` + strings.Repeat("A", 12284) + `
			S: ^501 5\.5\.2
			C: NOOP
			S: ^250`,
		"a bare LF": `
			C: AUTH PLAIN
			S: ^334
			C: ` + good() + `\n*
			S: ^500 5\.5\.2
			EOF`,
		"MAIL's AUTH": `
			C: MAIL FROM:<a@x.test> AUTH=<>
			S: ^250
			C: RSET
			S: ^250
			C: MAIL FROM:<a@x.test> AUTH=e+3Dmc2@example.com
			S: ^250
			C: RSET
			S: ^250
			C: MAIL FROM:<a@x.test> AUTH=e+3dmc2@example.com
			S: ^501
			C: MAIL FROM:<a@x.test> AUTH=
			S: ^501
			C: MAIL FROM:<a@x.test> AUTH=<> AUTH=<>
			S: ^501
			C: MAIL FROM:<a@x.test> AUTH=noname
			S: ^501`,
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, withUsers(t), nil)
			p := r.dial()
			p.talk("S: ^220\nC: EHLO client.test\nS: AUTH SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN")
			p.talk(script)
			for _, rec := range r.log.all() {
				if said := fmt.Sprint(rec.Reply, rec.Conn, rec.Reply.Cause); strings.Contains(said, "geheim") || strings.Contains(said, "falsch") || strings.Contains(said, good()) {
					t.Errorf("the rejectlog holds credentials: %s", said)
				}
			}
		})
	}
}

func TestNoAuthByDefault(t *testing.T) {
	r := start(t, options(), nil)
	p := r.dial()
	p.talk("S: ^220\nC: EHLO client.test")
	if got := p.reply(); strings.Contains(got, "AUTH") {
		t.Errorf("EHLO says %q", got)
	}
	p.talk("C: AUTH PLAIN " + good() + "\nS: ^502\nC: MAIL FROM:<a@x.test> AUTH=<>\nS: ^555")
}

func TestClearMechanismsWantTLS(t *testing.T) {
	o := withUsers(t)
	o.TLSCert, _ = certificate(t)
	o.AuthWithoutTLS = false
	r := start(t, o, nil)
	p := r.dial()
	p.talk("S: ^220\nC: EHLO client.test\nS: (?s)STARTTLS.*AUTH SCRAM-SHA-256 CRAM-MD5$")
	for _, name := range []string{"PLAIN", "LOGIN"} {
		p.talk("C: AUTH " + name + "\nS: ^538 5\\.7\\.11")
	}
	p.talk("C: STARTTLS\nS: ^220")
	s := p.secure()
	s.talk("C: AUTH PLAIN " + good() + "\nS: ^503\nC: EHLO client.test\nS: AUTH SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN")
	s.talk("C: AUTH PLAIN " + good() + "\nS: ^235\n" + oneMessage)
	if got := r.only().env; !strings.Contains(got.Received, " with ESMTPSA ") || !got.MayRelay {
		t.Errorf("%+v", got)
	}
}

func TestSTARTTLSForgetsAuth(t *testing.T) {
	o := withUsers(t)
	o.TLSCert, _ = certificate(t)
	r := start(t, o, nil)
	p := r.dial()
	p.talk(hello + "C: AUTH PLAIN " + good() + "\nS: ^235\nC: STARTTLS\nS: ^220")
	s := p.secure()
	s.talk("C: EHLO client.test\nS: ^250\nC: MAIL FROM:<a@x.test>\nS: ^250\nC: RCPT TO:<b@elsewhere.test>\nS: ^550 5\\.7\\.1\nC: RSET\nS: ^250")
	s.talk(oneMessage)
	for _, name := range []string{varAuthUser, varAuthStatus, varAuthName, varCanRelay} {
		if v, ok := r.only().conn.Get(name); ok {
			t.Errorf("%s is still %q", name, v)
		}
	}
	s.talk("C: AUTH PLAIN " + good() + "\nS: ^235")
}

// TestOtherClients has Go's own client authenticate.
func TestOtherClients(t *testing.T) {
	o := withUsers(t)
	o.TLSCert, _ = certificate(t)
	r := start(t, o, nil)
	for name, c := range map[string]struct {
		auth smtp.Auth
		ok   bool
	}{
		"PLAIN":           {smtp.PlainAuth("", "anna", "geheim", "127.0.0.1"), true},
		"PLAIN, wrong":    {smtp.PlainAuth("", "anna", "x", "127.0.0.1"), false},
		"CRAM-MD5":        {smtp.CRAMMD5Auth("anna", "geheim"), true},
		"CRAM-MD5, wrong": {smtp.CRAMMD5Auth("anna", "x"), false},
		"SCRAM":           {&scramClient{user: "anna", password: "geheim"}, true},
		"SCRAM, wrong":    {&scramClient{user: "anna", password: "x"}, false},
		"SCRAM, nobody":   {&scramClient{user: "nobody", password: "x"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := smtp.Dial(r.l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if err := client.StartTLS(&tls.Config{InsecureSkipVerify: true}); err != nil {
				t.Fatal(err)
			}
			if err := client.Auth(c.auth); (err == nil) != c.ok {
				t.Fatalf("AUTH: %v", err)
			}
			if !c.ok {
				return // the client has closed
			}
			if err := client.Mail("a@x.test"); err != nil {
				t.Fatal(err)
			}
			if err := client.Rcpt("b@elsewhere.test"); err != nil {
				t.Errorf("relaying: %v", err)
			}
		})
	}
}

// scramClient is SCRAM-SHA-256 for net/smtp.
type scramClient struct {
	user, password string
	talk           *scram.ClientConversation
}

func (c *scramClient) Start(*smtp.ServerInfo) (string, []byte, error) {
	client, err := scram.SHA256.NewClient(c.user, c.password, "")
	if err != nil {
		return "", nil, err
	}
	c.talk = client.NewConversation()
	first, err := c.talk.Step("")
	return "SCRAM-SHA-256", []byte(first), err
}

func (c *scramClient) Next(fromServer []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	said, err := c.talk.Step(string(fromServer))
	return []byte(said), err
}

func TestAuthenticationIsRequired(t *testing.T) {
	o := withUsers(t)
	o.AuthRequired = true
	r := start(t, o, nil)
	r.dial().talk(hello + `
		C: MAIL FROM:<a@x.test>
		S: ^530 5\.7\.0
		C: AUTH PLAIN ` + good() + `
		S: ^235
		C: MAIL FROM:<a@x.test>
		S: ^250`)
	o.OpenRelay = true // manual, relay_hosts: such peers need no AUTH
	profile, err := NewProfile(o)
	if err != nil {
		t.Fatal(err)
	}
	r.profile.Store(profile)
	r.dial().talk(hello + "C: MAIL FROM:<a@x.test>\nS: ^250")
}

func TestAlwaysAllowAndAlwaysDeny(t *testing.T) {
	o := withUsers(t)
	o.AlwaysAllow = true
	r := start(t, o, nil)
	r.dial().talk(hello + "C: AUTH PLAIN " + bad() + "\nS: ^235\nC: MAIL FROM:<a@x.test>\nS: ^250\nC: RCPT TO:<b@elsewhere.test>\nS: ^250")
	r.dial().talk(hello + "C: MAIL FROM:<a@x.test>\nS: ^250\nC: RCPT TO:<b@elsewhere.test>\nS: ^550")
	o.AlwaysDeny = true
	profile, err := NewProfile(o)
	if err != nil {
		t.Fatal(err)
	}
	r.profile.Store(profile)
	r.dial().talk(hello + "C: AUTH PLAIN " + good() + "\nS: ^535")
}

func TestAStoreThatFails(t *testing.T) {
	o := withUsers(t)
	o.Plain = map[string]string{"uri": "file:///nonexistent"}
	r := start(t, o, nil)
	r.dial().talk(hello + "C: AUTH PLAIN " + good() + "\nS: ^454 4\\.7\\.0 Temporary authentication failure$\nC: MAIL FROM:<a@x.test>\nS: ^250\nC: RCPT TO:<b@elsewhere.test>\nS: ^550")
}

func TestAuthHooks(t *testing.T) {
	var seen []string
	force := map[string]*smtpsdk.Reply{
		"vip": smtpsdk.NewReply(235, "2.7.0", "be my guest"), "banned": smtpsdk.NewReply(535, "5.7.8", "not you"), "later": smtpsdk.NewReply(454, "4.7.0", "later"),
	}
	note := func(st *sdk.State, p sdk.Phase) string {
		user, _ := st.Conn.Context.Get(varAuthUser)
		name, _ := st.Conn.Context.Get(varAuthName)
		status, _ := st.Conn.Context.Get(varAuthStatus)
		relay, _ := st.Conn.Context.Get(varCanRelay)
		seen = append(seen, strings.TrimSpace(fmt.Sprintln(p.Hook, p.Line, user, name, status, relay)))
		return user
	}
	r := start(t, withUsers(t), policy{
		sdk.CorePreEsmtpAuth: func(st *sdk.State, p sdk.Phase) sdk.PhaseResult {
			return sdk.PhaseResult{Reply: force[note(st, p)]}
		},
		sdk.CoreValidateAuth: func(st *sdk.State, p sdk.Phase) sdk.PhaseResult {
			if note(st, p) == "anna" && strings.Contains(seen[len(seen)-1], "pass") && len(seen) > 2 {
				return sdk.PhaseResult{Reply: smtpsdk.NewReply(550, "5.7.1", "not today")}
			}
			return sdk.PhaseResult{}
		},
	})
	plain := func(user string) string { return "C: AUTH PLAIN " + b64("\x00"+user+"\x00geheim") + "\n" }
	const relay = "C: MAIL FROM:<a@x.test>\nS: ^250\nC: RCPT TO:<b@elsewhere.test>\n"
	r.dial().talk(hello + plain("anna") + "S: ^235 2\\.7\\.0\n" + relay + "S: ^250")
	r.dial().talk(hello + plain("anna") + "S: ^550 5\\.7\\.1 not today\n" + relay + "S: ^550 5\\.7\\.1 relaying")
	r.dial().talk(hello + plain("vip") + "S: ^235 2\\.7\\.0 be my guest\n" + relay + "S: ^250")
	r.dial().talk(hello + plain("banned") + "S: ^535 5\\.7\\.8 not you\n" + relay + "S: ^550")
	r.dial().talk(hello + plain("later") + "S: ^454 4\\.7\\.0 later\n" + relay + "S: ^550")
	want := []string{
		"core_pre_esmtp_auth AUTH PLAIN anna PLAIN", "core_validate_auth AUTH PLAIN anna PLAIN pass true",
		"core_pre_esmtp_auth AUTH PLAIN anna PLAIN", "core_validate_auth AUTH PLAIN anna PLAIN pass true",
		"core_pre_esmtp_auth AUTH PLAIN vip PLAIN", "core_validate_auth AUTH PLAIN vip PLAIN pass true",
		"core_pre_esmtp_auth AUTH PLAIN banned PLAIN", "core_validate_auth AUTH PLAIN banned PLAIN fail",
		"core_pre_esmtp_auth AUTH PLAIN later PLAIN", "core_validate_auth AUTH PLAIN later PLAIN error",
	}
	if got := strings.Join(seen, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("policy saw\n%s", got)
	}
	var logged []string
	for _, a := range r.log.accounts {
		logged = append(logged, fmt.Sprintf("%s %v", a.User, a.OK))
	}
	if got := strings.Join(logged, ", "); got != "anna true, anna false, vip true, banned false, later false" {
		t.Errorf("the acctlog has %s", got)
	}
}

func TestPolicyThatFailsLetsNobodyIn(t *testing.T) {
	broken := func(*sdk.State, sdk.Phase) sdk.PhaseResult {
		return sdk.PhaseResult{Failed: true, Reply: smtpsdk.NewReply(421, "4.3.0", "temporary issue")}
	}
	for _, hook := range []sdk.Hook{sdk.CorePreEsmtpAuth, sdk.CoreValidateAuth} {
		r := start(t, withUsers(t), policy{hook: broken})
		r.dial().talk(hello + "C: AUTH PLAIN " + good() + "\nS: ^421 4\\.3\\.0\nEOF")
	}
}

func TestMisuseIsCounted(t *testing.T) {
	r := start(t, options(), nil)
	r.dial().talk(hello + "C: FOO\nS: ^500\nC: BAR x\nS: ^500\nC: MAIL\nS: ^501\nC: RCPT TO:<x@relay.test>\nS: ^503\n" + oneMessage)
	for name, want := range map[string]string{"conntrol_unrecognized_commands": "2", "conntrol_bad_commands": "1"} {
		if v, _ := r.only().conn.Get(name); v != want {
			t.Errorf("%s is %q", name, v)
		}
	}
}

func TestAuthOptions(t *testing.T) {
	file := map[string]string{"uri": "file:///etc/mtad/passwd"}
	for name, c := range map[string]struct {
		adjust  func(*Options)
		offered string // with TLS
		fails   string
	}{
		"nothing":                 {func(*Options) {}, "", ""},
		"parameters alone":        {func(o *Options) { o.Plain, o.CRAMMD5 = file, file }, "CRAM-MD5 PLAIN", ""},
		"listed":                  {func(o *Options) { o.Plain, o.Login, o.SMTPExtra = file, file, []string{"STARTTLS", "AUTH LOGIN"} }, "LOGIN", ""},
		"listed with bars":        {func(o *Options) { o.Plain, o.Login, o.SMTPExtra = file, file, []string{"auth LOGIN|PLAIN"} }, "PLAIN LOGIN", ""},
		"not listed":              {func(o *Options) { o.Plain, o.SMTPExtra = file, []string{"STARTTLS"} }, "", ""},
		"listed, no parameters":   {func(o *Options) { o.SMTPExtra = []string{"AUTH LOGIN"} }, "", "authloginparameters"},
		"listed, no uri":          {func(o *Options) { o.Login, o.SMTPExtra = map[string]string{"x": "y"}, []string{"AUTH LOGIN"} }, "", "uri"},
		"no uri":                  {func(o *Options) { o.Plain = map[string]string{"uri": "nowhere"} }, "", "authplainparameters"},
		"an unknown one":          {func(o *Options) { o.SMTPExtra = []string{"AUTH DIGEST-MD5"} }, "", "DIGEST-MD5"},
		"parameters of an unused": {func(o *Options) { o.DigestMD5 = file }, "", ""},
	} {
		o := options()
		c.adjust(&o)
		p, err := NewProfile(o)
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		has := regexp.MustCompile(`(?m)^AUTH (.*)$`).FindStringSubmatch(strings.Join(p.secure, "\n"))
		if got := append(has, "", "")[1]; got != c.offered {
			t.Errorf("%s: offers %q", name, got)
		}
	}
}

func TestXtext(t *testing.T) {
	for in, want := range map[string]string{"": "", "abc": "abc", "e+3Dmc2": "e=mc2", "+2B+20": "+ "} {
		if got, ok := decodeXtext(in); !ok || got != want {
			t.Errorf("%q: %q, %v", in, got, ok)
		}
	}
	for _, bad := range []string{"a b", "a=b", "+", "+3", "+3d", "+zz", "\x7f", "ü"} {
		if got, ok := decodeXtext(bad); ok {
			t.Errorf("%q: %q", bad, got)
		}
	}
}

func FuzzAuthLine(f *testing.F) {
	f.Add("AGFubmEAZ2VoZWlt", "e+3Dmc2@example.com")
	f.Add("=", "<>")
	f.Fuzz(func(t *testing.T, line, param string) {
		if out, ok := decodeResponse([]byte(line), true); ok && out == nil {
			t.Fatalf("%q becomes no response", line)
		}
		if isAuthParam(param) && strings.ContainsAny(param, " \r\n") {
			t.Fatalf("%q is taken", param)
		}
	})
}
