package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Console is the asking end of the channel.
type Console struct {
	conn net.Conn
	in   *bufio.Reader
}

// ErrRefused is the error of a command that failed; its text was in the reply.
var ErrRefused = errors.New("the command failed")

// Dial connects to an endpoint: a socket's path, or host:port. The path of the
// original's socket, /tmp/2025, finds ours where it does not exist itself. A
// socket that belongs to a stranger is refused: whoever owns it would read our
// commands.
func Dial(endpoint, fallback string) (*Console, error) {
	network := "tcp"
	if strings.ContainsRune(endpoint, '/') || !strings.ContainsRune(endpoint, ':') {
		network = "unix"
		abs, err := filepath.Abs(endpoint)
		if err != nil {
			return nil, err
		}
		if _, err := os.Lstat(abs); abs == originalSocket && errors.Is(err, os.ErrNotExist) {
			abs = fallback
		}
		if err := checkOwner(abs); err != nil {
			return nil, err
		}
		endpoint = abs
	}
	c, err := net.DialTimeout(network, endpoint, 5*time.Second)
	if err != nil {
		return nil, fmt.Errorf("no console at %s: %w", endpoint, err)
	}
	return &Console{conn: c, in: bufio.NewReader(c)}, nil
}

const originalSocket = "/tmp/2025"

// checkOwner accepts a socket of ours, of root, or of whoever owns its
// directory while nobody else can write there.
func checkOwner(path string) error {
	st, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("no console at %s: %w", path, err)
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok || sys.Uid == 0 || int(sys.Uid) == os.Geteuid() {
		return nil
	}
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	if d, ok := dir.Sys().(*syscall.Stat_t); ok && d.Uid == sys.Uid && dir.Mode().Perm()&0o002 == 0 {
		return nil
	}
	return fmt.Errorf("the socket %s belongs to another user (uid %d)", path, sys.Uid)
}

// Close ends the connection.
func (c *Console) Close() error { return c.conn.Close() }

// Run sends a command and copies its reply to out as it comes. ErrRefused: the
// command failed.
func (c *Console) Run(words []string, out io.Writer) error {
	line, err := json.Marshal(words)
	if err != nil {
		return err
	}
	return c.exchange(line, out)
}

// exchange sends a request and copies its reply to out.
func (c *Console) exchange(line []byte, out io.Writer) error {
	if _, err := c.conn.Write(append(line, '\n')); err != nil {
		return err
	}
	for {
		head, err := c.in.ReadString('\n')
		if err != nil {
			return fmt.Errorf("the console closed the connection: %w", err)
		}
		head = strings.TrimSuffix(head, "\n")
		switch {
		case head == ".0":
			return nil
		case head == loginHead:
			return ErrLogin
		case strings.HasPrefix(head, "."):
			return ErrRefused
		}
		n, err := strconv.ParseInt(strings.TrimPrefix(head, "+"), 10, 32)
		if err != nil || n < 0 || n > maxRequest {
			return fmt.Errorf("not a console: it said %q", head)
		}
		if _, err := io.CopyN(out, c.in, n); err != nil {
			return err
		}
	}
}

// SplitWords splits a typed line into words: blanks separate, single and double
// quotes group, a backslash takes the next character as it is.
func SplitWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	started, quote := false, rune(0)
	runes := []rune(line)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case r == '\\' && quote != '\'' && i+1 < len(runes):
			i++
			word.WriteRune(runes[i])
			started = true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, started = r, true
		case quote == 0 && (r == ' ' || r == '\t'):
			if started {
				words = append(words, word.String())
				word.Reset()
				started = false
			}
		default:
			word.WriteRune(r)
			started = true
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote is not closed")
	}
	if started {
		words = append(words, word.String())
	}
	return words, nil
}
