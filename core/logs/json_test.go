package logs

import (
	"encoding/json"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// openAll is open with every stream.
func openAll(t *testing.T, change func(*Options)) (*Logs, Options) {
	t.Helper()
	l, o := open(t, 0)
	dir := filepath.Dir(o.Mainlog)
	o.Acctlog, o.HTTPlog, o.JSONlog = filepath.Join(dir, "acctlog.ec"), filepath.Join(dir, "httplog.ec"), filepath.Join(dir, "log.json")
	if change != nil {
		change(&o)
	}
	if err := l.Open(o); err != nil {
		t.Fatal(err)
	}
	return l, o
}

// The lines are the manual's own (reference/logs.md, acctlog).
func TestAccountsAreTheManuals(t *testing.T) {
	l, o := openAll(t, nil)
	who := func(now int64, listener, peer, user string, ok bool) Authentication {
		return Authentication{Now: time.Unix(now, 0), Listener: listener, Peer: peer, User: user, OK: ok}
	}
	for _, a := range []Authentication{
		who(1160503808, "/tmp/2025", "", "ec-user", true),
		who(1160172232, ":2025", "10.80.116.126:37164", "ec_user", true),
		who(1160172233, ":25", "10.80.116.126:37164", "a@b\\c\n1@N\r\x01", false),
		{Now: time.Unix(1160172234, 0), Listener: ":25", Peer: "10.80.116.126:37164", TimedOut: true},
	} {
		l.Authentication(&a)
	}
	l.Authorization(&Authorization{Authentication: who(1160503811, "/tmp/2025", "", "ec-user", true), Command: "summary", Role: "users"})
	l.Authorization(&Authorization{Authentication: who(1160504707, "/tmp/2025", "", "ec-user", false), Command: "shutdown", Role: "users"})
	l.Authorization(&Authorization{Authentication: who(1242133558, "127.0.0.1:2025", "127.0.0.1:49440", "john", false), Command: "summary"})
	l.Authorization(&Authorization{Authentication: who(1242133559, "127.0.0.1:2025", "127.0.0.1:49440", "john", false), Command: "x", Failed: true})
	want := `1160503808@N@/tmp/2025@@ec-user@1
1160172232@N@*:2025@10.80.116.126:37164@ec_user@1
1160172233@N@*:25@10.80.116.126:37164@a\@b\\c\n1\@N\r\` + "\x01" + `@0
1160172234@T@*:25@10.80.116.126:37164@@0
1160503811@Z@/tmp/2025@@ec-user@1@summary@users
1160504707@Z@/tmp/2025@@ec-user@0@shutdown
1242133558@Z@127.0.0.1:2025@127.0.0.1:49440@john@0@summary
1242133559@Z@127.0.0.1:2025@127.0.0.1:49440@john@-1@x
`
	if diff := cmp.Diff(want, content(t, o.Acctlog)); diff != "" {
		t.Error(diff)
	}
}

// reference/logs.md, httplog and "HTTP lines in paniclog".
func TestHTTPRequestIsTheManuals(t *testing.T) {
	l, o := openAll(t, nil)
	r := HTTPRequest{
		Now: time.Unix(1398088802, 0), Remote: netip.MustParseAddrPort("10.77.0.158:18906"), Local: ":2081", Method: "POST",
		Path: "/api/v1/transmissions", Version: "HTTP/1.0", Status: 500, Bytes: 332, Took: 1045 * time.Millisecond,
	}
	l.HTTPRequest(&r)
	if got := content(t, o.HTTPlog); got != `1398088802 10.77.0.158:18906 *:2081 "POST api/v1/transmissions HTTP/1.0" 500 332 1045.000`+"\n" {
		t.Errorf("httplog %q", got)
	}
	if got := content(t, o.Paniclog); got != "" {
		t.Errorf("paniclog %q", got)
	}
	r.ToPaniclog, r.Method = true, "P\"O\nST"
	l.HTTPRequest(&r)
	if got := content(t, o.Paniclog); got != `1398088802:10.77.0.158 "P\"O ST api/v1/transmissions HTTP/1.0" 500 332 1045.000`+"\n" {
		t.Errorf("paniclog %q", got)
	}
}

// A reception over HTTP has no source in the mainlog, and has it in the JSON.
func TestJSONStream(t *testing.T) {
	l, o := openAll(t, nil)
	l.Classify = func(string) int { return 10 }
	m := &message.Message{
		ID: "id", BatchID: "batch", ConnID: "conn", Recipient: "a@b.test", Sender: "c\"@d.test\xff", Received: time.Unix(1, 5000).UTC(),
		Peer: netip.MustParseAddrPort("10.0.0.1:5"), Protocol: sdk.ProtocolREST, Binding: "b", BindingGroup: "g", Content: message.Content{Size: 7},
	}
	l.Reception(m)
	if got := content(t, o.Mainlog); !strings.Contains(got, "@unknown@7@rest@g@b\n") {
		t.Errorf("mainlog %q", got)
	}
	a := &Attempt{Message: m, Now: time.Unix(3, 0), ConnID: "out", Domain: "b.test", Binding: "b", Group: "g", Bytes: 7, Retries: 2, Remote: netip.MustParseAddr("10.0.0.2")}
	l.Delivery(a)
	a.Reply, a.Stage = "550 5.1.1 no\nsuch", StageAfterRcpt
	l.PermanentFailure(a)
	l.Rejection(&Rejection{Now: time.Unix(4, 0), ConnID: "conn", Phase: PhaseAwaitingMail, Reply: smtp.NewReply(550, "5.7.1", "no"),
		Module: "scriptlet", Conn: sdk.Dict{{Key: "k", Value: "v\n"}}})
	l.Authorization(&Authorization{Authentication: Authentication{Now: time.Unix(5, 0), Listener: ":1", User: "u", OK: true}, Command: "c", Role: "r"})
	l.HTTPRequest(&HTTPRequest{Now: time.Unix(6, 0), Method: "GET", Path: "/x", Version: "HTTP/2.0", Status: 404, Took: time.Second, User: "u"})
	var got []map[string]any
	for line := range strings.Lines(content(t, o.JSONlog)) {
		one := map[string]any{}
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		got = append(got, one)
	}
	mail := func(log, kind, at, conn string, more map[string]any) map[string]any {
		all := map[string]any{"log": log, "type": kind, "time": at, "message_id": "id", "batch_id": "batch", "connection_id": conn,
			"recipient": "a@b.test", "sender": "c\"@d.test\ufffd", "binding": "b", "binding_group": "g"}
		for k, v := range more {
			all[k] = v
		}
		return all
	}
	third := "1970-01-01T00:00:03.000000Z"
	want := []map[string]any{
		mail("mainlog", "R", "1970-01-01T00:00:01.000005Z", "conn", map[string]any{"source_ip": "10.0.0.1", "size": 7.0, "protocol": "rest"}),
		mail("mainlog", "D", third, "out", map[string]any{"domain": "b.test", "size": 7.0, "retries": 2.0, "seconds": 1.999995, "remote_ip": "10.0.0.2"}),
		mail("mainlog", "P", third, "out", map[string]any{"domain": "b.test", "bytes_sent": 7.0, "retries": 2.0, "seconds": 1.999995, "remote_ip": "10.0.0.2", "stage": 5.0, "reply": "550 5.1.1 no\nsuch"}),
		mail("bouncelog", "B", third, "out", map[string]any{"stage": 5.0, "class": 10.0, "size": 7.0, "remote_ip": "10.0.0.2", "reply": "550 5.1.1 no\nsuch"}),
		{"log": "rejectlog", "type": "reject", "time": "1970-01-01T00:00:04.000000Z", "remote": "", "local": "", "connection_id": "conn", "pathway": "default", "pathway_group": "default",
			"phase": "awaiting mailfrom", "code": 550.0, "enhanced": "5.7.1", "module": "scriptlet", "connection_context": map[string]any{"k": "v\n"}, "message_context": map[string]any{}, "reply": "no"},
		{"log": "acctlog", "type": "Z", "time": "1970-01-01T00:00:05.000000Z", "listener": "*:1", "peer": "", "user": "u", "ok": true, "command": "c", "role": "r", "error": false},
		{"log": "httplog", "type": "request", "time": "1970-01-01T00:00:06.000000Z", "remote": "", "listener": "", "method": "GET", "path": "/x", "version": "HTTP/2.0", "status": 404.0, "bytes": 0.0, "seconds": 1.0, "user": "u"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Each switch of bounce_logger works, and class 80 is never logged.
func TestBounceLoggerSwitches(t *testing.T) {
	m := &message.Message{ID: "id", Recipient: "a@b.test"}
	all := []func(*Logs){
		func(l *Logs) { l.TransientFailure(&Attempt{Message: m}) },
		func(l *Logs) { l.PermanentFailure(&Attempt{Message: m}) },
		func(l *Logs) { l.PermanentFailure(&Attempt{Message: m, Stage: StageOutOfBand}) },
	}
	for name, c := range map[string]struct {
		change func(*Options)
		class  int
		want   int
	}{
		"all": {nil, 10, 3}, "class 80": {nil, 80, 0},
		"transient": {func(o *Options) { o.NoTransientBounces = true }, 10, 2},
		"in band":   {func(o *Options) { o.NoInbandBounces = true }, 10, 2},
		"out":       {func(o *Options) { o.NoOutOfBandBounces, o.NoTransientFailures = true, true }, 10, 2},
	} {
		l, o := openAll(t, c.change)
		l.Classify = func(string) int { return c.class }
		for _, one := range all {
			one(l)
		}
		if got := strings.Count(content(t, o.Bouncelog), "\n"); got != c.want {
			t.Errorf("%s: %d records, want %d", name, got, c.want)
		}
	}
}
