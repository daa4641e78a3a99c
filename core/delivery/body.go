package delivery

import (
	"bytes"
	"io"
)

var crlf = []byte("\r\n")

// stuffer writes content in the form that DATA wants: a dot before each line
// that begins with one (RFC 5321 §4.5.2), and every line ended by CRLF. A bare
// CR or LF in the content becomes CRLF. It must not go out as it is: "MUST NOT
// ... generate any other character or character sequence as a line terminator"
// (RFC 5321 §2.3.8), and a peer that takes it for a line end would see the end
// of the message, and what follows as commands, where we do not.
//
// Content without such faults is passed on in spans as long as they come.
type stuffer struct {
	w     io.Writer
	raw   bool // no dots are added, and none ends it: for BDAT
	begun bool // inside a line
	cr    bool // a CR came last and is held back
	err   error
}

// write passes on a piece of content.
func (d *stuffer) write(p []byte) error {
	from, at := 0, 0
	if d.cr && len(p) > 0 {
		d.cr = false
		d.put(crlf)
		d.begun = false
		if p[0] == '\n' {
			from, at = 1, 1
		}
	}
	for at < len(p) {
		if !d.begun && p[at] == '.' && !d.raw {
			d.put(p[from:at])
			d.put(p[at : at+1])
			from = at
		}
		from, at = d.line(p, from, at)
	}
	d.put(p[from:])
	return d.err
}

// line goes over one line of p, or what there is of it, from at on. It returns
// where the span that is not yet written begins, and where to go on.
func (d *stuffer) line(p []byte, from, at int) (int, int) {
	d.begun = true
	end := len(p)
	lf := bytes.IndexByte(p[at:], '\n')
	if lf >= 0 {
		end = at + lf
	}
	cr := bytes.IndexByte(p[at:end], '\r')
	switch {
	case cr < 0 && lf < 0: // the line goes on in the next piece
		return from, end
	case cr >= 0 && lf >= 0 && at+cr == end-1: // CRLF
		d.begun = false
		return from, end + 1
	case cr < 0: // bare LF
		d.put(p[from:end])
	case at+cr == len(p)-1: // CR at the end of the piece
		d.put(p[from : at+cr])
		d.cr = true
		return len(p), len(p)
	default: // bare CR
		end = at + cr
		d.put(p[from:end])
	}
	d.put(crlf)
	d.begun = false
	return end + 1, end + 1
}

// end completes the last line and writes the dot that ends the content (RFC
// 5321 §4.1.1.4), where it is not raw.
func (d *stuffer) end() error {
	if d.cr || d.begun {
		d.put(crlf)
	}
	if !d.raw {
		d.put([]byte(".\r\n"))
	}
	return d.err
}

func (d *stuffer) put(p []byte) {
	if d.err == nil && len(p) > 0 {
		_, d.err = d.w.Write(p)
	}
}
