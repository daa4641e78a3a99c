package scan

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"strings"
)

// Spam is what spamd says of a message.
type Spam struct {
	Spam             bool
	Score, Threshold float64
	Symbols          string // the rules that matched, with commas between
}

// Spamd has spamd check size bytes of content (SPAMC/1.5, SYMBOLS).
func Spamd(ctx context.Context, d Daemon, content io.Reader, size int64) (s Spam, err error) {
	err = d.exchange(ctx, func(_ context.Context, c net.Conn) error {
		if _, err := fmt.Fprintf(c, "SYMBOLS SPAMC/1.5\r\nContent-length: %d\r\n\r\n", size); err != nil {
			return err
		}
		if _, err := io.CopyN(c, content, size); err != nil {
			return err
		}
		if half, ok := c.(interface{ CloseWrite() error }); ok {
			if err := half.CloseWrite(); err != nil {
				return err
			}
		}
		s, err = parseSpam(bufio.NewReader(io.LimitReader(c, maxReply)))
		return err
	})
	return s, err
}

// parseSpam reads an answer: "SPAMD/1.1 0 EX_OK", header lines with
// "Spam: True ; 7.12 / 5.00" among them, an empty line, the symbols.
func parseSpam(r *bufio.Reader) (s Spam, err error) {
	in := textproto.NewReader(r)
	first, err := in.ReadLine()
	if err != nil {
		return s, err
	}
	words := strings.Fields(first)
	if len(words) < 3 || !strings.HasPrefix(words[0], "SPAMD/") {
		return s, fmt.Errorf("%w: %.80q", errReply, first)
	}
	if words[1] != "0" || words[2] != "EX_OK" {
		return s, errors.New(strings.Join(words[1:], " "))
	}
	header, err := in.ReadMIMEHeader()
	if err != nil {
		return s, fmt.Errorf("%w: %w", errReply, err)
	}
	if s, err = parseScore(header.Get("Spam")); err != nil {
		return s, err
	}
	rest, err := io.ReadAll(r)
	s.Symbols = strings.TrimSpace(string(rest))
	return s, err
}

func parseScore(text string) (s Spam, err error) {
	verdict, numbers, ok := strings.Cut(text, ";")
	score, threshold, slash := strings.Cut(numbers, "/")
	var err1, err2 error
	s.Score, err1 = strconv.ParseFloat(strings.TrimSpace(score), 64)
	s.Threshold, err2 = strconv.ParseFloat(strings.TrimSpace(threshold), 64)
	if !ok || !slash || err1 != nil || err2 != nil {
		return Spam{}, fmt.Errorf("%w: Spam: %.80q", errReply, text)
	}
	switch strings.ToLower(strings.TrimSpace(verdict)) {
	case "true", "yes":
		s.Spam = true
	}
	return s, nil
}
