package api

import (
	"bytes"
	"context"
	"io"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mail"
)

// streams reports a body that the core has: it is searched piece by piece, and
// an edit is told as what changes, so that a body of any size costs a window.
func (m *message) streams() bool { return m.msg.Body.Handle != 0 && !m.msg.Body.Changed }

// maxEdits bounds the replacements of one edit that is told as what changes;
// beyond it the whole text is.
const maxEdits = 100000

// edit is one replacement in a text: text stands for the bytes from at to end.
type edit struct {
	at, end int64
	text    string
}

// found is one match: the part of the text that its groups lie in, and where.
type found struct {
	at   int64
	text string
	loc  []int
}

// keepMatch copies a match out of its window.
func keepMatch(base int64, window string, loc []int) found {
	low, high := loc[0], loc[0]
	for _, v := range loc {
		if v >= 0 {
			low, high = min(low, v), max(high, v)
		}
	}
	f := found{at: base + int64(low), text: strings.Clone(window[low:high]), loc: append([]int(nil), loc...)}
	for i, v := range f.loc {
		if v >= 0 {
			f.loc[i] = v - low
		}
	}
	return f
}

// span is where a match lies in the text.
func (f *found) span() (at, end int64) {
	return f.at + int64(f.loc[0]), f.at + int64(max(f.loc[0], f.loc[1]))
}

// bodyText is a text to search: bytes in front, the body, and with ended what
// ends a message in SMTP.
type bodyText struct {
	head  []byte
	body  sdk.Body
	ended bool
	tail  []byte // what ended added, once the body was read

	reader sdk.BodyReader
	last   []byte // the last bytes of the body so far
	eight  bool   // bytes that are not ASCII were seen
}

func (t *bodyText) size() int64 { return int64(len(t.head)) + t.body.Size }

// open gives the function that reads the text.
func (t *bodyText) open(ctx context.Context, host sdk.Host) func(most int64) ([]byte, error) {
	head, body := t.head, &t.body
	t.reader = sdk.BodyReader{Pieces: body.All(), Read: func(offset, length int64) ([]byte, error) {
		return host.ReadBody(ctx, body.Handle, offset, length)
	}}
	if body.Whole() {
		t.reader.Pieces = []sdk.BodyPiece{{Data: body.Inline}}
	}
	return func(most int64) ([]byte, error) {
		if len(head) > 0 {
			out := head
			head = nil
			return out, nil
		}
		data, err := t.reader.Next(min(most, bodyChunk))
		if err == io.EOF && t.ended {
			t.ended = false
			t.tail = []byte(withTerminator(string(t.last))[len(t.last):])
			return t.tail, nil
		}
		t.eight = t.eight || !isASCII(data)
		t.last = append(t.last, data[max(len(data)-2, 0):]...)
		t.last = t.last[max(len(t.last)-2, 0):]
		return data, err
	}
}

// searchText runs a pattern over a text while other sessions go on; yield must not
// touch Lua. A tenth of the time counts as Lua's.
func searchText(e *Env, L *lua.LState, re Regexp, t *bodyText, yield func(base int64, window string, loc []int) bool) {
	host, began := e.World.Host(), time.Now()
	var err error
	e.World.Wait(L, false, func(ctx context.Context) {
		err = re.Stream(t.size(), t.open(ctx, host), yield)
	})
	spendTime(e, L, time.Since(began)/10)
	if err != nil {
		L.RaiseError("%s", err.Error())
	}
}

// source is the text that body_* or, with whole, raw_* look at.
func (m *message) source(L *lua.LState, whole bool) *bodyText {
	t := &bodyText{body: m.msg.Body, ended: namesTerminator(L.ToString(2))}
	if whole {
		t.head = append(bytes.Clone(m.msg.Header), "\r\n"...)
	}
	return t
}

// streamMatch pushes the captures of the first match, else false.
func (m *message) streamMatch(e *Env, L *lua.LState, whole bool) int {
	return pushFound(L, firstIn(e, L, m.source(L, whole)))
}

// firstIn is the first match in a text, nil where there is none.
func firstIn(e *Env, L *lua.LState, t *bodyText) (first *found) {
	searchText(e, L, MustCompile(L, L.ToString(2)), t, func(base int64, window string, loc []int) bool {
		f := keepMatch(base, window, loc)
		first = &f
		return false
	})
	return first
}

// pushFound pushes the captures of a match, false for none.
func pushFound(L *lua.LState, f *found) int {
	if f == nil {
		return pushBool(L, false)
	}
	L.Push(Captures(L, MustCompile(L, L.ToString(2)), f.text, f.loc))
	return 1
}

// streamReplace replaces in the body, or with whole in the message. ok is false
// where it is for the caller to do it in memory.
func (m *message) streamReplace(e *Env, L *lua.LState, whole bool) (done, ok bool) {
	t := m.source(L, whole)
	edits, ok := findEdits(e, L, t)
	if !ok || len(edits) == 0 {
		return false, ok
	}
	var header []byte
	if whole {
		if header, edits, ok = editHead(t.head, edits); !ok {
			return false, false
		}
	}
	pieces := t.edited(edits)
	if header != nil {
		m.change(e, L, sdk.Change{Kind: sdk.HeaderSection, Data: header})
	}
	m.setPieces(e, L, pieces)
	return true, true
}

// edited is the body that was read with edits, by their places in it.
func (t *bodyText) edited(edits []edit) []sdk.BodyPiece {
	pieces := t.body.All()
	if len(t.tail) == 0 {
		return splice(pieces, edits)
	}
	pieces = append(pieces[:len(pieces):len(pieces)], sdk.BodyPiece{Data: t.tail})
	return withoutTerminator(splice(pieces, edits))
}

// setPieces makes the body these pieces of the one that the core has.
func (m *message) setPieces(e *Env, L *lua.LState, pieces []sdk.BodyPiece) {
	data := sdk.EncodePieces(pieces)
	if len(data) > maxReplaced {
		L.RaiseError("the replaced text would be longer than %d bytes", maxReplaced)
	}
	m.change(e, L, sdk.Change{Kind: sdk.BodyPieces, Number: int64(m.msg.Body.Handle), Data: data})
}

// setBody makes the body this text. Where the core has the one that it was made
// from, what lies between their common start and end is told.
func (m *message) setBody(e *Env, L *lua.LState, body []byte) {
	old := m.msg.Body
	if !m.streams() || !old.Whole() || len(body) == 0 {
		m.change(e, L, sdk.Change{Kind: sdk.BodyReplace, Data: body})
		return
	}
	start, end := common(old.Inline, body)
	m.setPieces(e, L, splice(old.All(), []edit{{int64(start), old.Size - int64(end), string(body[start : len(body)-end])}}))
	m.msg.Body.Inline = body
}

// common is how many bytes a and b begin and end with that are the same.
func common(a, b []byte) (start, end int) {
	n := min(len(a), len(b))
	for start < n && a[start] == b[start] {
		start++
	}
	for end < n-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	return start, end
}

// findEdits finds the matches in a text and what stands for each; false where
// there are too many.
func findEdits(e *Env, L *lua.LState, t *bodyText) (edits []edit, ok bool) {
	re := MustCompile(L, L.ToString(2))
	fn, _ := L.Get(3).(*lua.LFunction)
	template := parseTemplate(lua.LVAsString(L.Get(3)), re.Names())
	var calls []found
	end, size := int64(0), 0
	searchText(e, L, re, t, func(base int64, window string, loc []int) bool {
		at := base + int64(loc[0])
		if at < end { // \K can go back behind the match before
			return true
		}
		end = base + int64(max(loc[0], loc[1]))
		if fn != nil {
			calls = append(calls, keepMatch(base, window, loc))
			return len(calls) <= maxEdits
		}
		r := replacer{subject: window}
		r.expand(template, loc)
		edits = append(edits, edit{at, end, r.out.String()})
		size += r.out.Len()
		return len(edits) <= maxEdits && size <= maxReplaced
	})
	for i := range calls {
		at, end := calls[i].span()
		edits = append(edits, edit{at, end, callReplacement(L, fn, re, calls[i].text, calls[i].loc)})
	}
	return edits, len(edits) <= maxEdits && size <= maxReplaced
}

// editHead carries out the edits of a message's header section and the empty
// line, and gives the others as edits of the body; false where the result has to
// be cut into header and body anew. header is nil where nothing changes.
func editHead(head []byte, edits []edit) (header []byte, rest []edit, ok bool) {
	n := int64(len(head))
	var out []byte
	end := int64(0)
	for i := range edits {
		ed := &edits[i]
		if ed.at >= n {
			break
		}
		if ed.end > n-2 {
			return nil, nil, false
		}
		out = append(append(out, head[end:ed.at]...), ed.text...)
		end = ed.end
		rest = edits[i+1:]
	}
	if end > 0 {
		out = append(out, head[end:]...)
		section, body := mail.SplitMessage(out)
		if len(body) > 0 || len(section) != len(out)-2 {
			return nil, nil, false
		}
		header = section
	} else {
		rest = edits
	}
	moved := make([]edit, len(rest))
	for i, ed := range rest {
		moved[i] = edit{ed.at - n, ed.end - n, ed.text}
	}
	return header, moved, true
}

// splice carries out edits, which go from front to end, on a text of pieces.
func splice(pieces []sdk.BodyPiece, edits []edit) []sdk.BodyPiece {
	s := splicer{in: pieces}
	for _, ed := range edits {
		s.take(ed.at-s.pos, true)
		s.literal([]byte(ed.text))
		s.take(ed.end-s.pos, false)
	}
	s.take(1<<62, true)
	return s.out
}

type splicer struct {
	in  []sdk.BodyPiece
	at  int64 // within in[0]
	pos int64 // in the text
	out []sdk.BodyPiece
}

// take goes on by n bytes, which are kept or left out.
func (s *splicer) take(n int64, keep bool) {
	for n > 0 && len(s.in) > 0 {
		p := &s.in[0]
		k := min(n, p.Size()-s.at)
		switch {
		case !keep:
		case len(p.Data) > 0:
			s.literal(p.Data[s.at : s.at+k])
		default:
			s.span(p.Offset+s.at, k)
		}
		n, s.at, s.pos = n-k, s.at+k, s.pos+k
		if s.at == p.Size() {
			s.in, s.at = s.in[1:], 0
		}
	}
}

func (s *splicer) literal(data []byte) {
	if len(data) == 0 {
		return
	}
	if n := len(s.out); n > 0 && len(s.out[n-1].Data) > 0 {
		s.out[n-1].Data = append(s.out[n-1].Data[:len(s.out[n-1].Data):len(s.out[n-1].Data)], data...)
		return
	}
	s.out = append(s.out, sdk.BodyPiece{Data: data})
}

func (s *splicer) span(offset, length int64) {
	if length == 0 {
		return
	}
	if n := len(s.out); n > 0 && len(s.out[n-1].Data) == 0 && s.out[n-1].Offset+s.out[n-1].Length == offset {
		s.out[n-1].Length += length
		return
	}
	s.out = append(s.out, sdk.BodyPiece{Offset: offset, Length: length})
}

// withoutTerminator takes the terminator's dot off again.
func withoutTerminator(pieces []sdk.BodyPiece) []sdk.BodyPiece {
	if n := len(pieces); n > 0 {
		last := pieces[n-1]
		pieces = pieces[:n-1]
		if data, had := bytes.CutSuffix(last.Data, []byte(".\r\n")); had {
			last.Data = data
		}
		if last.Size() > 0 {
			pieces = append(pieces, last)
		}
	}
	return pieces
}
