package scan

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// Status is what a virus scan comes to.
type Status uint8

// The statuses.
const (
	Clean Status = iota
	Infected
	Unscannable // the engine does not take such content
)

// Verdict is what clamd says of content.
type Verdict struct {
	Status Status
	Virus  string // of Infected
	Code   string // the last word of the answer: "OK", "FOUND", "ERROR"
	Text   string // of Unscannable: why
}

// chunk is how much goes to clamd in one piece, in bytes.
const chunk = 64 << 10

// Clamd has clamd scan content (clamd(8), INSTREAM).
func Clamd(ctx context.Context, d Daemon, content io.Reader) (v Verdict, err error) {
	err = d.exchange(ctx, func(_ context.Context, c net.Conn) error {
		sendErr := stream(c, content)
		if errors.As(sendErr, new(contentError)) {
			return sendErr
		}
		// clamd answers and closes in the middle of what is too large for it.
		reply, err := readReply(c)
		switch {
		case sendErr != nil && len(reply) == 0:
			return sendErr
		case err != nil:
			return err
		}
		v, err = parseVerdict(reply)
		return err
	})
	return v, err
}

// contentError is content that could not be read.
type contentError struct{ error }

// stream sends content as INSTREAM wants it: chunks behind their length, and a
// length of 0 at the end.
func stream(c net.Conn, content io.Reader) error {
	if _, err := c.Write([]byte("zINSTREAM\x00")); err != nil {
		return err
	}
	buf := make([]byte, 4+chunk)
	for {
		n, err := io.ReadFull(content, buf[4:])
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return contentError{err}
		}
		binary.BigEndian.PutUint32(buf, uint32(n))
		if _, werr := c.Write(buf[:4+n]); werr != nil {
			return werr
		}
		if n == 0 {
			return nil
		}
	}
}

// readReply reads to the NUL that ends an answer.
func readReply(c io.Reader) (string, error) {
	reply, err := bufio.NewReader(io.LimitReader(c, maxReply)).ReadBytes(0)
	if errors.Is(err, io.EOF) && len(reply) > 0 {
		err = nil
	}
	return string(bytes.TrimRight(reply, "\x00\r\n")), err
}

// parseVerdict reads "stream: OK", "stream: Name FOUND", "Text. ERROR".
func parseVerdict(reply string) (Verdict, error) {
	text := strings.TrimPrefix(reply, "stream: ")
	switch {
	case text == "OK", text == "Empty file":
		return Verdict{Code: text}, nil
	case strings.HasSuffix(text, " FOUND"):
		return Verdict{Status: Infected, Virus: strings.TrimSuffix(text, " FOUND"), Code: "FOUND"}, nil
	case strings.HasPrefix(text, "INSTREAM size limit exceeded"):
		return Verdict{Status: Unscannable, Code: "ERROR", Text: strings.TrimSuffix(text, ". ERROR")}, nil
	case strings.HasSuffix(text, "ERROR"):
		return Verdict{}, errors.New(strings.TrimSuffix(strings.TrimSuffix(text, "ERROR"), " "))
	}
	return Verdict{}, fmt.Errorf("%w: %.80q", errReply, reply)
}

// ClamdVersion is what clamd says of itself and its signatures.
func ClamdVersion(ctx context.Context, d Daemon) (version string, err error) {
	err = d.exchange(ctx, func(_ context.Context, c net.Conn) error {
		if _, err := c.Write([]byte("zVERSION\x00")); err != nil {
			return err
		}
		version, err = readReply(c)
		return err
	})
	return version, err
}

// Told is what context variables say of a scan: a status, "" for what is clean,
// and the virus or the reason.
func Told(v Verdict, err error) (status, info string) {
	switch {
	case err != nil:
		return "error", err.Error()
	case v.Status == Infected:
		return "infected", v.Virus
	case v.Status == Unscannable:
		return "unscannable", v.Text
	}
	return "", ""
}
