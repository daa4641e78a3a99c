package api

import (
	"context"
	"errors"
	"fmt"
	"io"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mail"
)

// classMessage is the class of messages.
const classMessage = "ec_message"

// message is a message as a script holds it: the one a phase works on, or one
// of the script's own (ec_message_new, msg:copy).
type message struct {
	msg    *sdk.Message
	state  *sdk.State // nil: the script's own
	target sdk.Target
	copy   int

	// The MIME tree, and the header and body it was read from or last written
	// to; where the message has others by now, the tree follows.
	tree       *mail.Part
	treeHeader []byte
	treeBody   []byte
}

// newMessage makes the object for a message of f's state; nil where there is
// no message.
func newMessage(e *Env, L *lua.LState, f *Frame, m *sdk.Message) lua.LValue {
	if m == nil {
		return lua.LNil
	}
	obj := &message{msg: m, state: f.State, target: sdk.TargetTxn}
	for i, c := range f.State.Copies {
		if c == m {
			obj.target, obj.copy = sdk.TargetCopy, i
		}
	}
	return e.World.Object(L, classMessage, obj)
}

func newOwnMessage(e *Env, L *lua.LState, m *sdk.Message) lua.LValue {
	return e.World.Object(L, classMessage, &message{msg: m})
}

// frame is the phase being run; nil for a message of the script's own outside
// of any. It raises where the message was kept beyond the call it came with.
func (m *message) frame(e *Env, L *lua.LState) *Frame {
	f := e.World.Frame(L)
	if m.state != nil && (f == nil || !m.livesIn(f)) {
		L.RaiseError("message is no longer valid: it can be used only while the callout that got it runs (msg:copy() keeps one)")
	}
	return f
}

func (m *message) livesIn(f *Frame) bool {
	if f.State != m.state {
		return false
	}
	if m.target == sdk.TargetTxn {
		return f.State.Message == m.msg
	}
	return m.copy < len(f.State.Copies) && f.State.Copies[m.copy] == m.msg
}

// hook is the hook being run; HookNone for a message of the script's own.
func (m *message) hook(e *Env, L *lua.LState) sdk.Hook {
	if f := m.frame(e, L); m.state != nil {
		return f.Phase.Hook
	}
	return sdk.HookNone
}

// change records a change of the message and applies it.
func (m *message) change(e *Env, L *lua.LState, c sdk.Change) {
	f := m.frame(e, L)
	var err error
	if m.state == nil {
		c.Target, c.Copy = sdk.TargetCopy, 0
		err = sdk.Apply(&sdk.State{Copies: []*sdk.Message{m.msg}}, &c)
	} else {
		c.Target, c.Copy = m.target, m.copy
		err = f.change(c)
	}
	if err != nil {
		L.RaiseError("%s", err.Error())
	}
}

// change is Change, but where the last changes replaced the content of the same
// message too, the new content takes their place: a loop of edits would record
// the body each time.
func (f *Frame) change(c sdk.Change) error {
	for i := len(f.Changes) - 1; i >= 0; i-- {
		old := &f.Changes[i]
		if !replacesContent(c.Kind) || !replacesContent(old.Kind) || old.Target != c.Target || old.Copy != c.Copy {
			break
		}
		if old.Kind == c.Kind {
			old.Data = c.Data
			return sdk.Apply(f.State, &c)
		}
	}
	return f.Change(c)
}

func replacesContent(k sdk.ChangeKind) bool {
	return k == sdk.HeaderSection || k == sdk.BodyReplace || k == sdk.BodyPieces
}

// get implements contextual.
func (m *message) get(e *Env, L *lua.LState, id sdk.DictID) sdk.Dict {
	m.frame(e, L)
	switch {
	case id == sdk.DictMess:
		return m.msg.Context
	case m.target == sdk.TargetTxn && m.state != nil:
		return m.state.Conn.Context
	}
	return m.msg.ConnContext
}

// put implements contextual.
func (m *message) put(e *Env, L *lua.LState, c sdk.Change) { m.change(e, L, c) }

// The bounds of a body that a script reads.
const (
	maxBody   = 64 << 20
	bodyChunk = 1 << 20
)

// body is the message's raw body. One that did not come with the call is read
// from the core, and kept for as long as the call runs.
func (m *message) body(e *Env, L *lua.LState) []byte {
	m.frame(e, L)
	b := m.msg.Body
	if b.Whole() {
		return b.Inline
	}
	if b.Size > maxBody {
		L.RaiseError("the body of %d bytes is too large for a script (at most %d)", b.Size, maxBody)
	}
	data, host := make([]byte, 0, b.Size), e.World.Host()
	var err error
	e.World.Wait(L, false, func(ctx context.Context) { data, err = readBody(ctx, host, b, data) })
	if err != nil {
		L.RaiseError("the body cannot be read: %s", err.Error())
	}
	if now := &m.msg.Body; now.Handle == b.Handle && !now.Changed && now.Size == b.Size && len(now.Pieces) == len(b.Pieces) {
		now.Inline = data
	}
	return data
}

func readBody(ctx context.Context, host sdk.Host, b sdk.Body, data []byte) ([]byte, error) {
	r := sdk.BodyReader{Pieces: b.All(), Read: func(offset, length int64) ([]byte, error) {
		return host.ReadBody(ctx, b.Handle, offset, length)
	}}
	for int64(len(data)) < b.Size {
		chunk, err := r.Next(bodyChunk)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("it ends after %d of %d bytes", len(data), b.Size)
		}
		if err != nil {
			return nil, err
		}
		data = append(data, chunk...)
	}
	return data, nil
}

// spendOn counts the reading of n bytes against the script's budget: about a
// nanosecond each.
func spendOn(e *Env, L *lua.LState, n int) { e.World.Spend(L, 1+n/10) }

// mime is the root of the message's MIME tree.
func (m *message) mime(e *Env, L *lua.LState) *mail.Part {
	body := m.body(e, L)
	header := m.msg.Header
	switch {
	case m.tree == nil || !sameBytes(body, m.treeBody):
		if m.tree != nil {
			m.tree.Owner = staleTree{}
		}
		spendOn(e, L, len(header)+len(body))
		m.tree = mail.ParseMIME(header, body)
		m.tree.Owner = m
	case !sameBytes(header, m.treeHeader):
		m.tree.SetHeader(header)
	}
	m.treeHeader, m.treeBody = header, body
	return m.tree
}

// commit records what edits of the tree changed.
func (m *message) commit(e *Env, L *lua.LState) {
	if header := m.tree.Header(); !sameBytes(header, m.treeHeader) {
		m.change(e, L, sdk.Change{Kind: sdk.HeaderSection, Data: header})
	}
	if body := m.tree.Body(); !sameBytes(body, m.treeBody) {
		spendOn(e, L, len(body))
		m.setBody(e, L, body)
	}
	m.treeHeader, m.treeBody = m.msg.Header, m.msg.Body.Inline
}

// sameBytes reports that a and b are the same bytes in memory.
func sameBytes(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// needContent raises in the phases in which a message has no content yet.
func (m *message) needContent(e *Env, L *lua.LState, what string) {
	if h := m.hook(e, L); h != sdk.HookNone && h.Info().PreData {
		L.RaiseError("%s: a message has no content before validate_data; this is %s", what, h)
	}
}

// needOpen raises in the log hooks, which run when all is decided.
func (m *message) needOpen(e *Env, L *lua.LState, what string) {
	if h := m.hook(e, L); isLogHook(h) {
		L.RaiseError("%s: a message cannot be changed any more in %s", what, h)
	}
}

func isLogHook(h sdk.Hook) bool { return h.Info().Args.Log() }
