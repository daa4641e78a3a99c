package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mail"
)

// plainText is how a body that the core has can be read as text as it stands:
// the message is one text part, in UTF-8 and without a transfer encoding.
type plainText struct {
	utf8  bool // else only where it turns out to be ASCII
	eight bool // the transfer encoding allows other than ASCII
}

// plain is nil where the text has to be decoded.
func (m *message) plain() *plainText {
	root := mail.NewPart(m.msg.Header, nil)
	if !m.streams() || !root.IsText() {
		return nil
	}
	t := root.ContentType()
	p := &plainText{eight: t.Encoding == mail.Encoding8Bit || t.Encoding == mail.EncodingBinary}
	if !p.eight && t.Encoding != mail.Encoding7Bit {
		return nil
	}
	switch strings.ToLower(t.Charset) {
	case "utf-8", "utf8":
		p.utf8 = true
	case "", "us-ascii", "ascii":
	default:
		return nil
	}
	return p
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

func textMatch(e *Env, L *lua.LState, m *message) int {
	if p := m.plain(); p != nil {
		t := m.source(L, false)
		if first := firstIn(e, L, t); p.utf8 || !t.eight {
			return pushFound(L, first)
		}
	}
	return matchIn(e, L, texts(e, L, m.mime(e, L))...)
}

func textReplace(e *Env, L *lua.LState, m *message) bool {
	if p := m.plain(); p != nil {
		if done, ok := m.replacePlain(e, L, p); ok {
			return done
		}
	}
	done := replaceTexts(e, L, m.mime(e, L))
	if done {
		m.commit(e, L)
	}
	return done
}

// replacePlain replaces in a plain text as it stands; ok is false where the
// result needs a charset or a transfer encoding.
func (m *message) replacePlain(e *Env, L *lua.LState, p *plainText) (done, ok bool) {
	t := m.source(L, false)
	edits, ok := findEdits(e, L, t)
	if !ok || t.eight && !p.utf8 {
		return false, false
	}
	for i := range edits {
		edits[i].text = mail.CanonicalLines(edits[i].text)
		if !(p.utf8 && p.eight) && !isASCII([]byte(edits[i].text)) {
			return false, false
		}
	}
	if len(edits) == 0 {
		return false, true
	}
	pieces := t.edited(edits)
	if !m.linesFit(e, L, pieces) {
		return false, false
	}
	m.setPieces(e, L, pieces)
	return true, true
}

// maxLine is the longest line of a message, without its end (RFC 5322 §2.1.1).
const maxLine = 998

// linesFit reports that no line of an edited body is longer than a message may
// have.
func (m *message) linesFit(e *Env, L *lua.LState, pieces []sdk.BodyPiece) bool {
	fit, host, b := true, e.World.Host(), m.msg.Body
	var err error
	e.World.Wait(L, false, func(ctx context.Context) {
		r := sdk.BodyReader{Pieces: pieces, Read: func(offset, length int64) ([]byte, error) {
			return host.ReadBody(ctx, b.Handle, offset, length)
		}}
		line := 0
		for fit {
			var data []byte
			if data, err = r.Next(bodyChunk); err != nil {
				return
			}
			for len(data) > 0 && fit {
				i := bytes.IndexByte(data, '\n')
				if i < 0 {
					line, data = line+len(data), nil
				} else {
					line, data = line+i, data[i+1:]
				}
				fit = line <= maxLine+1 // the CR
				if i >= 0 {
					line = 0
				}
			}
		}
	})
	if err != nil && !errors.Is(err, io.EOF) {
		L.RaiseError("the body cannot be read: %s", err.Error())
	}
	return fit
}
