package httpd

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/mtad/mtad/core/reception"
	"github.com/mtad/mtad/sdk/smtp"
)

// lines passes content on with its line ends made CRLF. HTTP bodies often have
// bare LFs; and since a message's end is the body's end, no line end can smuggle
// a second message in.
type lines struct {
	dst io.Writer
	cr  bool // the last octet was a CR, already passed on as CRLF
	buf []byte
}

// copy passes p on.
func (l *lines) copy(p []byte) error {
	l.buf = l.buf[:0]
	for _, c := range p {
		switch {
		case c == '\n' && l.cr: // its line has ended
		case c == '\r' || c == '\n':
			l.buf = append(l.buf, '\r', '\n')
		default:
			l.buf = append(l.buf, c)
		}
		l.cr = c == '\r'
	}
	_, err := l.dst.Write(l.buf)
	return err
}

// body reads the request's body: each piece in time, all of it in maxReceive.
type body struct {
	io.Reader
	x   *exchange
	end time.Time
}

// Read is part of io.Reader.
func (b *body) Read(p []byte) (int, error) {
	by := time.Now().Add(b.x.requestTime())
	if by.After(b.end) {
		by = b.end
	}
	if err := b.x.control.SetReadDeadline(by); err != nil {
		return 0, err
	}
	return b.Reader.Read(p)
}

// body gives a reader of at most so many bytes.
func (x *exchange) body(most int64) io.Reader {
	r := io.Reader(x.r.Body)
	if most > 0 {
		r = http.MaxBytesReader(x.ResponseWriter, x.r.Body, most)
	}
	return &body{Reader: r, x: x, end: time.Now().Add(maxReceive)}
}

// settled ends the reading of a body. Where all of it is there, what comes next
// takes as long as it takes.
func (x *exchange) settled(err error) *problem {
	if errors.Is(err, io.EOF) {
		_ = x.control.SetReadDeadline(time.Time{}) // where it fails the connection has
		return nil
	}
	return x.written(err)
}

// written is what an error of reading a body, or of writing it to a draft, is to
// the client.
func (x *exchange) written(err error) *problem {
	var large *http.MaxBytesError
	var reply *smtp.Reply
	switch {
	case err == nil:
		return nil
	case errors.As(err, &reply):
		return nil // the draft knows, and Submit says it
	case errors.As(err, &large):
		return problemTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		x.Header().Set("Connection", "close")
		return problemSlow
	}
	return problemBroken
}

// copyBody passes the body on to a draft.
func (x *exchange) copyBody(dr *reception.Draft, most int64) *problem {
	if most > 0 && x.r.ContentLength > most {
		return problemTooLarge
	}
	l, r := lines{dst: dr}, x.body(most)
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if err := l.copy(buf[:n]); err != nil {
				return x.settled(err)
			}
		}
		if err != nil {
			return x.settled(err)
		}
	}
}

// readJSON reads a whole body, and counts what it holds among those of all
// requests. The caller gives back cap of what it gets.
func (x *exchange) readJSON() ([]byte, *problem) {
	most := x.p.MaxRequest
	if most <= 0 || most > mostJSON {
		most = mostJSON
	}
	if x.r.ContentLength > most {
		return nil, problemTooLarge
	}
	r, held := x.body(most), []byte(nil)
	for {
		if len(held) == cap(held) {
			grown := min(max(2*cap(held), 16<<10), int(most)+1)
			if x.srv.bodies.Add(int64(grown-cap(held))) > maxBodies {
				x.srv.bodies.Add(-int64(grown - cap(held)))
				return held, problemBusy
			}
			held = append(make([]byte, 0, grown), held...)
		}
		n, err := r.Read(held[len(held):cap(held)])
		held = held[:len(held)+n]
		if err != nil {
			return held, x.settled(err)
		}
	}
}

// trimmed is what a JSON request may begin with: a BOM is none of it
// (RFC 8259 §8.1).
func trimmed(b []byte) []byte { return bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")) }
