package api

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// mailWorld is a world that serves a session with a message.
type mailWorld struct {
	*fakeWorld
	config sdk.Config
}

func (w *mailWorld) Config() *sdk.Config { return &w.config }

const sampleHeader = "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nX-Custom: first\r\nx-custom: second\r\n" +
	"From: Bob <bob+news@example.com>\r\nTo: \"A, B\" <ab@x.test>, c@y.test\r\n"

const sampleParts = "Content-Type: multipart/mixed; boundary=out\r\n"

const sampleMultipart = "--out\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9 SECRET\r\n" +
	"--out\r\nContent-Type: text/html\r\n\r\n<b>SECRET</b>\r\n" +
	"--out\r\nContent-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--out--\r\n"

func newMailWorld(t testing.TB, hook sdk.Hook) *mailWorld {
	t.Helper()
	w := &mailWorld{fakeWorld: newWorld(t), config: sdk.Config{
		Hostname: "mx.test", Bindings: []string{"default", "b1", "b2"},
		BindingGroups: []sdk.Group{{Name: "pool", Bindings: []string{"b1", "b2"}}},
	}}
	w.env.World = w
	w.enter(sampleState(), hook)
	return w
}

func sampleState() *sdk.State {
	peer, local := netip.MustParseAddrPort("192.0.2.1:4711"), netip.MustParseAddrPort("127.0.0.1:25")
	body := "the SECRET word\r\n.dot\r\n"
	return &sdk.State{
		Conn: sdk.Conn{Session: 7, ID: "00/00-00001-CONN", Protocol: sdk.ProtocolESMTP, Peer: peer, Local: local,
			Context: sdk.Dict{{Key: "ehlo_domain", Value: "client.test"}, {Key: "connection_message_count", Value: "3"}}},
		Message: &sdk.Message{
			ID: "00/00-01974-EBDC39A4", BatchID: "00/00-01974-BATCH", ConnID: "00/00-00001-CONN",
			Sender: "sender@relay.test", Recipients: []smtp.Address{"a@relay.test", "b@relay.test"},
			Context: sdk.Dict{{Key: "k", Value: "v"}}, Header: []byte(sampleHeader),
			Body:     sdk.Body{Size: int64(len(body)), Inline: []byte(body)},
			Protocol: sdk.ProtocolESMTP, RecvFrom: peer, RecvVia: local, Created: time.Unix(1251200446, 5000),
		},
	}
}

// enter begins a phase: the message is split where the phase works on a copy,
// and the callout's arguments are globals by their usual names.
func (w *mailWorld) enter(s *sdk.State, hook sdk.Hook) {
	w.t.Helper()
	p := sdk.Phase{Hook: hook, Line: "LINE\r\n"}
	info := hook.Info()
	if info.Target == sdk.TargetCopy && s.Copies == nil && s.Message != nil {
		s.Split([]string{"id-a", "id-b"})
	}
	w.frames(s, p)
	names := map[sdk.Args]string{
		sdk.ArgsAcVctx: "ac vctx", sdk.ArgsStrAcVctx: "str ac vctx", sdk.ArgsMsgStrAcVctx: "msg str ac vctx", sdk.ArgsListVctx: "list vctx",
		sdk.ArgsMsgAcVctx: "msg ac vctx", sdk.ArgsMsg: "msg", sdk.ArgsMsgAc: "msg ac", sdk.ArgsVctxAuth: "vctx info status", sdk.ArgsAcMcVctx: "ac mc vctx",
		sdk.ArgsAcMsgNow: "ac msg now note len", sdk.ArgsMsgRecordNow: "msg dr now note len", sdk.ArgsRejection: "now ac vctx phase text args",
		sdk.ArgsAc: "ac", sdk.ArgsMsgNow: "msg now", sdk.ArgsMsgGroup: "msg group", sdk.ArgsRouting: "cs msg buff", sdk.ArgsReceived: "msg mc ac vctx response",
		sdk.ArgsMsgEnabled: "msg enabled", sdk.ArgsBounce: "orig msg action", sdk.ArgsAddrRecord: "addr dr slot now", sdk.ArgsAddrErrRecord: "addr err dr slot now",
	}[info.Args]
	args := HookArgs(w.env, w.L, w.frame)
	for i, name := range strings.Fields(names) {
		w.L.SetGlobal(name, args[i])
	}
	if len(args) != len(strings.Fields(names)) {
		w.t.Errorf("%s has %d arguments", hook, len(args))
	}
	w.L.SetGlobal("M", lua.LNumber(sdk.DictMess))
	w.L.SetGlobal("C", lua.LNumber(sdk.DictConn))
}

// multipart gives the message three parts.
func (w *mailWorld) multipart() *mailWorld {
	for _, m := range append([]*sdk.Message{w.frame.State.Message}, w.frame.State.Copies...) {
		m.Header = []byte(sampleParts)
		m.Body = sdk.Body{Size: int64(len(sampleMultipart)), Inline: []byte(sampleMultipart)}
	}
	return w
}

// body is the body of the message the phase works on.
func (w *mailWorld) body() string { return string(w.frame.Message().Body.Inline) }

// replayed is what the core makes of the recorded changes: the state must come
// out as the script saw it.
func (w *mailWorld) replayed(s *sdk.State) *sdk.State {
	w.t.Helper()
	if w.frame.Phase.Hook.Info().Target == sdk.TargetCopy {
		s.Split([]string{"id-a", "id-b"})
	}
	for i := range w.frame.Changes {
		if err := sdk.Apply(s, &w.frame.Changes[i]); err != nil {
			w.t.Errorf("change %d: %v", i, err)
		}
	}
	return s
}
