package auth

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/xdg-go/scram"

	"github.com/mtad/mtad/sdk"
)

// fakeJudge knows one user.
type fakeJudge struct {
	user, password string
	failing        bool
	asked          []Proof
}

func (j *fakeJudge) Verify(_ context.Context, p *Proof) sdk.AuthStatus {
	j.asked = append(j.asked, *p)
	if j.failing {
		return sdk.AuthError
	}
	return statusOf(p.User == j.user && p.provenBy(j.password))
}

func (j *fakeJudge) Stored(_ context.Context, user string) (scram.StoredCredentials, sdk.AuthStatus) {
	j.asked = append(j.asked, Proof{User: user})
	f := scram.KeyFactors{Salt: "0123456789abcdef", Iters: scramIterations}
	switch {
	case j.failing:
		return scram.StoredCredentials{}, sdk.AuthError
	case user != j.user:
		return scram.StoredCredentials{KeyFactors: f, StoredKey: make([]byte, 32), ServerKey: make([]byte, 32)}, sdk.AuthFail
	}
	c, _ := deriveSCRAM(user, j.password, f)
	return c, sdk.AuthOK
}

func mechanism(t testing.TB, name string, j Judge) Exchange {
	t.Helper()
	for _, m := range Mechanisms() {
		if m.Name == name {
			return m.New(Setup{Judge: j, Hostname: "mx.test", Now: func() time.Time { return time.Unix(896697170, 0) }})
		}
	}
	t.Fatalf("no mechanism %s", name)
	return nil
}

// play gives the responses in turn and the last step.
func play(t *testing.T, x Exchange, responses ...[]byte) (Step, error) {
	t.Helper()
	var step Step
	var err error
	for _, r := range responses {
		if step.Done {
			t.Fatalf("done before %q", r)
		}
		if step, err = x.Next(context.Background(), r); err != nil {
			return step, err
		}
	}
	return step, nil
}

func TestPlainAndLogin(t *testing.T) {
	b := func(s string) []byte { return []byte(s) }
	for name, c := range map[string]struct {
		mechanism string
		responses [][]byte
		want      sdk.AuthStatus
		syntax    bool
	}{
		"plain":               {"PLAIN", [][]byte{b("\x00anna\x00geheim")}, sdk.AuthOK, false},
		"plain, asked first":  {"PLAIN", [][]byte{nil, b("\x00anna\x00geheim")}, sdk.AuthOK, false},
		"plain for herself":   {"PLAIN", [][]byte{b("anna\x00anna\x00geheim")}, sdk.AuthOK, false},
		"plain for another":   {"PLAIN", [][]byte{b("root\x00anna\x00geheim")}, sdk.AuthFail, false},
		"plain, wrong":        {"PLAIN", [][]byte{b("\x00anna\x00Geheim")}, sdk.AuthFail, false},
		"plain, one NUL":      {"PLAIN", [][]byte{b("anna\x00geheim")}, 0, true},
		"plain, three NULs":   {"PLAIN", [][]byte{b("\x00anna\x00geheim\x00")}, 0, true},
		"plain, empty":        {"PLAIN", [][]byte{b("")}, 0, true},
		"plain, no password":  {"PLAIN", [][]byte{b("\x00anna\x00")}, 0, true},
		"plain, a line break": {"PLAIN", [][]byte{b("\x00an\nna\x00geheim")}, 0, true},
		"login":               {"LOGIN", [][]byte{nil, b("anna"), b("geheim")}, sdk.AuthOK, false},
		"login, user at once": {"LOGIN", [][]byte{b("anna"), b("geheim")}, sdk.AuthOK, false},
		"login, wrong":        {"LOGIN", [][]byte{nil, b("anna"), b("x")}, sdk.AuthFail, false},
		"login, nobody":       {"LOGIN", [][]byte{nil, b("")}, 0, true},
	} {
		step, err := play(t, mechanism(t, c.mechanism, &fakeJudge{user: "anna", password: "geheim"}), c.responses...)
		if errors.Is(err, ErrSyntax) != c.syntax || !c.syntax && (!step.Done || step.Status != c.want) {
			t.Errorf("%s: %+v, %v", name, step, err)
		}
	}
	x := mechanism(t, "LOGIN", &fakeJudge{})
	if step, _ := play(t, x, nil); string(step.Challenge) != "Username:" {
		t.Errorf("LOGIN asks %q", step.Challenge)
	}
	if step, _ := play(t, x, b("x")); string(step.Challenge) != "Password:" {
		t.Errorf("LOGIN asks %q", step.Challenge)
	}
}

func TestCRAMMD5(t *testing.T) {
	// RFC 2195 §2, the example.
	p := Proof{User: "tim", Crypt: HMACMD5, Password: "b913a602c7eda7a495b4e6e7334d3890", Nonce: "<1896.697170952@postoffice.reston.mci.net>"}
	if !p.provenBy("tanstaaftanstaaf") || p.provenBy("tanstaaf") {
		t.Error("the RFC's example does not hold")
	}
	j := &fakeJudge{user: "two words", password: "geheim"}
	x := mechanism(t, "CRAM-MD5", j)
	step, err := play(t, x, nil)
	challenge := string(step.Challenge)
	if err != nil || !strings.HasPrefix(challenge, "<") || !strings.HasSuffix(challenge, "@mx.test>") {
		t.Fatalf("challenge %q, %v", challenge, err)
	}
	other := mechanism(t, "CRAM-MD5", j)
	if again, _ := play(t, other, nil); string(again.Challenge) == challenge {
		t.Error("the challenge comes twice")
	}
	if _, err := play(t, mechanism(t, "CRAM-MD5", j), []byte("x")); !errors.Is(err, ErrNoInitial) {
		t.Errorf("an initial response: %v", err)
	}
	for _, bad := range []string{"", "anna", "anna 12", " 0123456789abcdef0123456789abcdef"} {
		one := mechanism(t, "CRAM-MD5", j)
		if _, err := play(t, one, nil, []byte(bad)); !errors.Is(err, ErrSyntax) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if step, err := play(t, x, []byte("two words 0123456789abcdef0123456789abcdef")); err != nil || step.Status != sdk.AuthFail || !step.Done {
		t.Errorf("%+v, %v", step, err)
	}
	if got := j.asked[0]; got.User != "two words" || got.Nonce != challenge || got.Crypt != HMACMD5 {
		t.Errorf("the judge saw %+v", got)
	}
}

func TestSCRAM(t *testing.T) {
	for name, c := range map[string]struct {
		user, password, authz string
		failing               bool
		want                  sdk.AuthStatus
	}{
		"right":       {"anna", "geheim", "", false, sdk.AuthOK},
		"for herself": {"anna", "geheim", "anna", false, sdk.AuthOK},
		"for another": {"anna", "geheim", "root", false, sdk.AuthFail},
		"wrong":       {"anna", "x", "", false, sdk.AuthFail},
		"unknown":     {"bert", "geheim", "", false, sdk.AuthFail},
		"error":       {"anna", "geheim", "", true, sdk.AuthError},
	} {
		j := &fakeJudge{user: "anna", password: "geheim", failing: c.failing}
		client, err := scram.SHA256.NewClient(c.user, c.password, c.authz)
		if err != nil {
			t.Fatal(err)
		}
		talk := client.NewConversation()
		first, _ := talk.Step("")
		x := mechanism(t, "SCRAM-SHA-256", j)
		step, err := play(t, x, []byte(first))
		for ; err == nil && !step.Done; step, err = x.Next(context.Background(), []byte(first)) {
			if first, err = talk.Step(string(step.Challenge)); err != nil {
				t.Fatalf("%s: the client says %v", name, err)
			}
		}
		if err != nil || step.Status != c.want {
			t.Errorf("%s: %+v, %v", name, step, err)
		}
		if c.want == sdk.AuthOK && !talk.Valid() {
			t.Errorf("%s: the client does not believe us", name)
		}
	}
}

func TestSCRAMRefusesNonsense(t *testing.T) {
	j := &fakeJudge{user: "anna", password: "geheim"}
	for _, first := range []string{"", "n,,", "p=tls-unique,,n=anna,r=x", "n,,n=an\nna,r=x", "n,,m=x,n=anna,r=x", "hello"} {
		if step, err := play(t, mechanism(t, "SCRAM-SHA-256", j), []byte(first)); !errors.Is(err, ErrSyntax) {
			t.Errorf("%q: %+v, %v", first, step, err)
		}
	}
	step, err := play(t, mechanism(t, "SCRAM-SHA-256", j), []byte("n,,n=anna,r=abc"), []byte("c=biws,r=other,p=AAAA"))
	if err != nil || !step.Done || step.Status != sdk.AuthFail {
		t.Errorf("another nonce: %+v, %v", step, err)
	}
}

// FuzzExchange: whatever a client says, no mechanism crashes, ends without an
// outcome for ever, or lets somebody in who does not know the password.
func FuzzExchange(f *testing.F) {
	f.Add([]byte("\x00anna\x00geheim"), []byte(""))
	f.Add([]byte("anna"), []byte("geheim"))
	f.Add([]byte("n,,n=anna,r=fyko"), []byte("c=biws,r=fyko,p=AAAA"))
	f.Add([]byte("anna b913a602c7eda7a495b4e6e7334d3890"), []byte("x"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		for _, m := range Mechanisms() {
			j := &fakeJudge{user: "anna", password: "a password that is in no corpus"}
			x := mechanism(t, m.Name, j)
			responses := [][]byte{first, second, first}
			if m.Name == "CRAM-MD5" {
				responses = append([][]byte{nil}, responses...)
			}
			for _, r := range responses {
				step, err := x.Next(context.Background(), bytes.Clone(r))
				if step.Done && step.Status == sdk.AuthOK {
					t.Fatalf("%s lets %q, %q in", m.Name, first, second)
				}
				if err != nil || step.Done {
					break
				}
			}
			for _, p := range j.asked {
				if !goodName(p.User) {
					t.Fatalf("%s asks about %q", m.Name, p.User)
				}
			}
		}
	})
}
