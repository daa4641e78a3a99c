package delivery_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/sdk"
)

const offersAuth = "S: 220 mx\nC: EHLO me.example\nS: 250-mx // 250-auth plain LOGIN // 250 SIZE\n"

// oneMail is a transaction with a peer that offers nothing but SIZE.
func oneMail(rcpt string) string {
	return "C: MAIL FROM:<s@x.org> SIZE=21\nS: 250 ok\nC: RCPT TO:<" + rcpt + ">\nS: 250 ok\nC: DATA\nS: 354 go\n" + letter + "S: 250 done\n"
}

func TestAuth(t *testing.T) {
	for name, c := range map[string]struct{ kind, script, want string }{
		"PLAIN":           {"PLAIN", offersAuth + "C: AUTH PLAIN AHVzZXIAcGFzcw==\nS: 235 welcome\n" + oneMail("a@example.com") + quit, "D 9 250 done"},
		"LOGIN":           {"login", offersAuth + "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: dXNlcg==\nS: 334 UGFzc3dvcmQ6\nC: cGFzcw==\nS: 235 welcome\n" + oneMail("a@example.com") + quit, "D 9 250 done"},
		"none":            {"none", offersAuth + oneMail("a@example.com") + quit, "D 9 250 done"},
		"not offered":     {"PLAIN", "S: 220 mx\nC: EHLO me.example\nS: 250-mx // 250 SIZE\n" + oneMail("a@example.com") + quit, "D 9 250 done"},
		"refused":         {"PLAIN", offersAuth + "C: AUTH PLAIN AHVzZXIAcGFzcw==\nS: 535 5.7.8 no\n" + quit, "T 11 535 5.7.8 no"},
		"out of step":     {"LOGIN", offersAuth + "C: AUTH LOGIN\nS: 235 already\n", "T 11 451 4.4.2 [internal] no AUTH response"},
		"lost":            {"LOGIN", offersAuth + "C: AUTH LOGIN\nclose\n", "T 11 451 4.4.2 [internal] connection closed by remote host"},
		"not in clear":    {"PLAIN tls", offersAuth + quit, "T 11 451 4.7.11 [internal] no password is sent without TLS"},
		"no such type":    {"none context", "", "T 0 451 4.7.4 [internal] outbound_smtp_auth_type is neither PLAIN nor LOGIN"},
		"type of context": {"PLAIN context", "", "T 0 451 4.7.4 [internal] outbound_smtp_auth_type is neither PLAIN nor LOGIN"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			kind, more, _ := strings.Cut(c.kind, " ")
			w.opt.AuthType, w.opt.AuthUser, w.opt.AuthPass = kind, "user", "pass"
			if more == "tls" {
				w.opt.TLS = "ifavailable"
			}
			b := batch("s@x.org", "a@example.com")
			if more == "context" {
				b.Messages[0].Context.Set("outbound_smtp_auth_type", "XOAUTH2")
			}
			if c.script != "" {
				w.at("192.0.2.1", c.script)
			}
			w.serve("example.com", b).want(t, "a@example.com "+c.want)
		})
	}
}

// hookPolicy says who logs in how: the local part is the user, "x" has none.
type hookPolicy struct{}

func (hookPolicy) Wanted() bool { return true }
func (hookPolicy) Context(_ context.Context, m *message.Message) (sdk.Dict, error) {
	user, _ := m.Recipient.Split()
	if user == "x" {
		return nil, errors.New("policy failed")
	}
	return sdk.Dict{{Key: "outbound_smtp_auth_type", Value: "LOGIN"}, {Key: "outbound_smtp_auth_user", Value: user[:1]}, {Key: "outbound_smtp_auth_pass", Value: "p"}}, nil
}

// Messages of one batch with different logins go over different connections.
func TestAuthOfEachMessage(t *testing.T) {
	logsIn := func(user string) string {
		return offersAuth + "C: AUTH LOGIN\nS: 334 x\nC: " + user + "\nS: 334 x\nC: cA==\nS: 235 welcome\n"
	}
	w := newWorld(t)
	w.courier.AuthPolicy = hookPolicy{}
	w.at("192.0.2.1", logsIn("YQ==")+oneMail("a1@example.com")+quit, logsIn("Yg==")+oneMail("b@example.com")+quit)
	src := &source{batches: []*queue.Batch{batch("s@x.org", "a1@example.com", "x@example.com", "b@example.com")}, again: true}
	w.courier.Serve(w.ctx, queue.Lane{Group: "default", Binding: "default", Domain: "example.com"}, src)
	src.want(t, "x@example.com T 0 451 4.3.0 [internal] policy could not say how to authenticate", "b@example.com - 0 -",
		"a1@example.com D 9 250 done", "b@example.com D 9 250 done")
}
