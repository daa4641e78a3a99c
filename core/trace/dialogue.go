package trace

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// maxLine bounds what is kept of a line, in bytes.
const maxLine = 2000

// Dialogue is a connection that is traced. One goroutine tells it what is read
// and written; nil is a connection that is not.
type Dialogue struct {
	about   About
	tracers []*Tracer

	client, server lines
	content        bool  // the client sends content until the dot
	octets         int64 // of it
	chunk          int64 // octets of BDAT that are still to come
	greeted        bool
	pending        int // commands without a reply
	auth           int // replies until AUTH has its own; 0: there is no AUTH
}

// lines cuts a stream into lines.
type lines struct {
	part []byte
	long bool // the line was cut
}

// next takes a line without its end; false: there is none yet.
func (l *lines) next(p []byte) (line, rest []byte, ok bool) {
	i := bytes.IndexByte(p, '\n')
	piece := p
	if i >= 0 {
		piece, rest = p[:i], p[i+1:]
	}
	room := maxLine - len(l.part)
	if l.long = l.long || len(piece) > room; len(piece) > room {
		piece = piece[:room]
	}
	l.part = append(l.part, piece...)
	if i < 0 {
		return nil, nil, false
	}
	line = bytes.TrimSuffix(l.part, []byte("\r"))
	if l.long {
		line = append(line, "..."...)
	}
	l.part, l.long = nil, false
	return line, rest, true
}

// Client is told of what the client sends.
func (d *Dialogue) Client(p []byte) {
	if d == nil {
		return
	}
	for len(p) > 0 {
		if d.chunk > 0 {
			n := min(d.chunk, int64(len(p)))
			d.chunk, p = d.chunk-n, p[n:]
			continue
		}
		line, rest, ok := d.client.next(p)
		if !ok {
			return
		}
		p = rest
		d.command(line)
	}
}

// command is a line of the client.
func (d *Dialogue) command(line []byte) {
	switch {
	case d.content && string(line) == ".":
		d.say('C', fmt.Sprintf("(%d octets of content)", d.octets))
		d.say('C', ".")
		d.content, d.octets = false, 0
		d.pending++
		return
	case d.content:
		d.octets += int64(len(line)) + 2
		return
	case d.auth > 0: // a password, or what was pipelined behind it
		d.say('C', "***")
		return
	}
	d.pending++
	text := string(line)
	words := strings.Fields(text)
	switch {
	case len(words) > 0 && strings.EqualFold(words[0], "AUTH"):
		d.auth = d.pending
		if len(words) > 2 {
			text = strings.Join(words[:2], " ") + " ***"
		}
	case len(words) > 1 && strings.EqualFold(words[0], "BDAT"):
		if n, err := strconv.ParseInt(words[1], 10, 64); err == nil && n > 0 {
			d.chunk = n
		}
	}
	d.say('C', text)
}

// Server is told of what the server sends.
func (d *Dialogue) Server(p []byte) {
	if d == nil {
		return
	}
	for len(p) > 0 {
		line, rest, ok := d.server.next(p)
		if !ok {
			return
		}
		p = rest
		d.say('S', string(line))
		if len(line) == 3 || len(line) > 3 && line[3] == ' ' {
			d.reply(string(line[:3]))
		}
	}
}

// reply is the last line of a reply.
func (d *Dialogue) reply(code string) {
	if !d.greeted { // the banner answers nothing
		d.greeted = true
		return
	}
	d.pending = max(0, d.pending-1)
	if d.auth > 0 {
		if d.auth--; d.auth == 0 && code == "334" { // RFC 4954 §4: more is to come
			d.auth = 1
		}
	}
	d.content = d.content || code == "354"
}

// Note is a word of ours between the lines.
func (d *Dialogue) Note(text string) {
	if d != nil {
		d.say('*', text)
	}
}

func (d *Dialogue) say(side byte, text string) {
	for _, t := range d.tracers {
		t.write(&d.about, side, clean(text))
	}
}

// clean keeps a terminal safe.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, text)
}
