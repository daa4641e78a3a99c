package delivery

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// login is how we log in at the next hop; no kind: not at all. Two messages with
// different logins never share a connection.
type login struct{ kind, user, pass string }

// The context variables of a message that override the options of their name
// (reference/lua-api.tsv, vctx_mess:outbound_smtp_auth_*).
const (
	varAuthType = "outbound_smtp_auth_type"
	varAuthUser = "outbound_smtp_auth_user"
	varAuthPass = "outbound_smtp_auth_pass"
)

// AuthPolicy lets modules say how a message logs in.
type AuthPolicy interface {
	// Wanted reports whether any module asked for the hook.
	Wanted() bool
	// Context is the message's context as outbound_smtp_auth_config leaves it.
	// It has a deadline of its own.
	Context(ctx context.Context, m *message.Message) (sdk.Dict, error)
}

var (
	replyAuthPolicy = smtp.NewReply(451, "4.3.0", "[internal] policy could not say how to authenticate")
	replyAuthClear  = smtp.NewReply(451, "4.7.11", "[internal] no password is sent without TLS") // RFC 4954 §6
	replyAuthType   = smtp.NewReply(451, "4.7.4", "[internal] outbound_smtp_auth_type is neither PLAIN nor LOGIN")
)

var stepAuth = &step{logs.StageAfterEHLO, logs.StageAfterEHLO, unsent("AUTH failed"), silent("AUTH response"),
	func(o *Options) time.Duration { return o.EHLOTimeout }}

// admitTime is what policy has for a whole batch: a callout that hangs must not
// hang once for each message.
const admitTime = 10 * time.Second

// admit settles the messages of a batch that cannot go over one connection with
// its first: those with another login go back, and those whose login is not
// known wait. It gives the rest, nil for none.
func (t *trip) admit(ctx context.Context, b *queue.Batch) *queue.Batch {
	t.login = t.optionLogin()
	if !t.personal(b) {
		return b
	}
	limited, cancel := context.WithTimeout(ctx, admitTime)
	defer cancel()
	kept := make([]*message.Message, 0, len(b.Messages))
	for _, m := range b.Messages {
		l, failed := t.loginOf(limited, m)
		if failed != nil && ctx.Err() != nil {
			failed = &queue.Result{Verdict: queue.NotAttempted}
		}
		switch {
		case failed != nil:
			t.src.Settle(m, *failed)
		case len(kept) > 0 && l != t.login:
			t.src.Settle(m, queue.Result{Verdict: queue.NotAttempted})
		default:
			t.login = l
			kept = append(kept, m)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return &queue.Batch{Messages: kept}
}

// personal reports whether messages of a batch may have logins of their own.
func (t *trip) personal(b *queue.Batch) bool {
	if p := t.courier.AuthPolicy; p != nil && p.Wanted() {
		return true
	}
	return slices.ContainsFunc(b.Messages, func(m *message.Message) bool {
		return slices.ContainsFunc(m.Context, func(p sdk.Pair) bool { return strings.HasPrefix(p.Key, "outbound_smtp_auth_") })
	})
}

func (t *trip) optionLogin() login {
	l, _ := login{t.opt.AuthType, t.opt.AuthUser, t.opt.AuthPass}.valid() // the schema knows the types
	return l
}

// valid is a login with its kind in upper case, and none at all for "none".
func (l login) valid() (login, bool) {
	switch l.kind = strings.ToUpper(l.kind); l.kind {
	case "NONE":
		return login{}, true
	case "PLAIN", "LOGIN":
		return l, true
	}
	return login{}, false
}

// loginOf is a message's login: the options, overridden by its context.
func (t *trip) loginOf(ctx context.Context, m *message.Message) (login, *queue.Result) {
	d := m.Context
	if p := t.courier.AuthPolicy; p != nil && p.Wanted() {
		var err error
		if d, err = p.Context(ctx, m); err != nil {
			return login{}, unconnected(replyAuthPolicy.WithCause(err))
		}
	}
	l := login{t.opt.AuthType, t.opt.AuthUser, t.opt.AuthPass}
	for key, field := range map[string]*string{varAuthType: &l.kind, varAuthUser: &l.user, varAuthPass: &l.pass} {
		if v, ok := d.Get(key); ok && v != "" {
			*field = v
		}
	}
	if l, ok := l.valid(); ok {
		return l, nil
	}
	return login{}, unconnected(replyAuthType)
}

// authenticate logs in where the peer offers it (RFC 4954 §4). A peer that does
// not is talked to without: it says itself what it does not take then.
func (s *session) authenticate(l login, inClear bool) *queue.Result {
	s.login = l
	if l.kind == "" || !slices.Contains(s.ext.auth, l.kind) {
		return nil
	}
	if s.conn == s.raw && !inClear {
		return s.result(queue.TransientFailure, replyAuthClear)
	}
	lines := []string{"AUTH PLAIN " + encoded("\x00"+l.user+"\x00"+l.pass)} // RFC 4616 §2
	if l.kind == "LOGIN" {
		lines = []string{"AUTH LOGIN", encoded(l.user), encoded(l.pass)}
	}
	for i, line := range lines {
		r, failed := s.command(stepAuth, line)
		if failed != nil {
			return failed
		}
		want := 334
		if i == len(lines)-1 {
			want = 235
		}
		if r.Code != want {
			return s.notLoggedIn(r)
		}
	}
	s.sent = 0
	return nil
}

// notLoggedIn is the outcome of an AUTH that was refused: our configuration is
// wrong, not the message, which is tried again.
func (s *session) notLoggedIn(r *smtp.Reply) *queue.Result {
	if r.Refuses() {
		return s.result(queue.TransientFailure, r)
	}
	s.broken = true
	return s.result(queue.TransientFailure, stepAuth.silent.WithCause(r))
}

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// mechanisms reads the argument of the AUTH keyword.
func mechanisms(argument string) []string { return strings.Fields(strings.ToUpper(argument)) }
