package httpd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/sdk"
)

// dial gives a connection that is written by hand.
func (w *world) dial() (net.Conn, *bufio.Reader) {
	w.t.Helper()
	c, err := net.Dial("tcp", w.listener.Addr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	// Only a test that fails waits this long.
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		w.t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

func (w *world) write(c net.Conn, text string) {
	w.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		w.t.Fatal(err)
	}
}

// status reads an answer.
func (w *world) status(r *bufio.Reader) (int, *http.Response) {
	w.t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, resp
}

func onWire(length int, content string) string {
	return fmt.Sprintf("POST %s%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		injectPath, onWay, goodToken, rawType, length, content)
}

func (w *world) wantEOF(r *bufio.Reader) {
	w.t.Helper()
	if _, err := r.ReadByte(); err == nil {
		w.t.Error("the connection goes on")
	} else if ne := net.Error(nil); errors.As(err, &ne) && ne.Timeout() {
		w.t.Errorf("the connection is open: %v", err)
	}
}

// Requests that come pipelined are answered in order, as many as are allowed.
func TestPipelinedRequests(t *testing.T) {
	w := start(t, Options{MaxRequests: 3}, nil)
	c, r := w.dial()
	w.write(c, strings.Repeat(onWire(len(simple), simple), 10))
	for i := range 3 {
		status, resp := w.status(r)
		if status != 200 || resp.Close != (i == 2) {
			t.Errorf("answer %d: %d, close %v", i, status, resp.Close)
		}
	}
	w.wantEOF(r)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queued) != 3 {
		t.Errorf("%d messages", len(w.queued))
	}
}

// A client that stops in the middle is not waited for.
func TestSlowBody(t *testing.T) {
	w := start(t, Options{RequestTime: 50 * time.Millisecond}, nil)
	c, r := w.dial()
	w.write(c, onWire(len(simple)+100, simple))
	if status, resp := w.status(r); status != 408 || !resp.Close {
		t.Errorf("%d, close %v", status, resp.Close)
	}
	w.wantEOF(r)
	c, r = w.dial()
	w.write(c, strings.Replace(onWire(100, "{"), rawType, jsonType, 1))
	if status, _ := w.status(r); status != 408 {
		t.Errorf("%d", status)
	}
}

// A client that hangs up within its message has sent none.
func TestCutOffBody(t *testing.T) {
	w := start(t, Options{}, nil)
	c, r := w.dial()
	w.write(c, onWire(len(simple)+100, simple))
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if status, _ := w.status(r); status != 400 {
		t.Errorf("%d", status)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queued) != 0 {
		t.Error("half a message was queued")
	}
}

func TestHeaderLimit(t *testing.T) {
	w := start(t, Options{}, nil)
	c, r := w.dial()
	go func() { // the server does not read all of it
		_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("x", 3*maxHeader)+"\r\n\r\n")
	}()
	// What it does not read may cost the client the answer.
	if resp, err := http.ReadResponse(r, nil); err == nil {
		if resp.Body.Close(); resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%d", resp.StatusCode)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.requests) != 0 {
		t.Errorf("%+v", w.requests)
	}
}

// Idle connections end after idle_time, and those over the limit at once.
func TestConnectionLimits(t *testing.T) {
	w := start(t, Options{IdleTime: time.Hour, Sessions: 1}, nil)
	c, r := w.dial()
	w.write(c, onWire(len(simple), simple))
	w.status(r)
	_, second := w.dial()
	w.wantEOF(second)
	w.use(Options{IdleTime: time.Millisecond, Sessions: 1})
	w.write(c, onWire(len(simple), simple))
	w.status(r)
	w.wantEOF(r)
}

// A listener that a reload took away answers what it has begun with.
func TestClosedListener(t *testing.T) {
	w := start(t, Options{IdleTime: time.Hour}, nil)
	idle, r := w.dial()
	w.write(idle, onWire(len(simple), simple))
	w.status(r)
	busy, br := w.dial()
	w.write(busy, onWire(len(simple), simple[:10]))
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !w.active(2) { // the server has read the head
		<-tick.C
	}
	if err := w.listener.Close(); err != nil {
		t.Fatal(err)
	}
	w.wantEOF(r)
	w.write(busy, simple[10:])
	if status, resp := w.status(br); status != 200 || !resp.Close {
		t.Errorf("%d, close %v", status, resp.Close)
	}
	w.wantEOF(br)
	if _, err := net.Dial("tcp", w.listener.Addr().String()); err == nil {
		t.Error("it still listens")
	}
}

// A socket's path works too, also one that a crash left behind; one that another
// process answers on stays that process's.
func TestSocketPath(t *testing.T) {
	w := start(t, Options{AlwaysAllow: true}, nil)
	dir, err := os.MkdirTemp("", "http") // a socket's path must stay short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Listen(path, 0o660); err == nil {
		t.Error("two listen at one path")
	}
	left.SetUnlinkOnClose(false)
	left.Close()
	l, err := w.Listen(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", st, err)
	}
	l.Start()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	w.write(c, onWire(len(simple), simple))
	if status, _ := w.status(bufio.NewReader(c)); status != 200 {
		t.Errorf("%d", status)
	}
	if _, m := w.stored(); m.Peer.Addr() != loopback() {
		t.Errorf("from %s", m.Peer)
	}
}

// active reports whether so many requests have been begun.
func (w *world) active(n int64) bool {
	w.listener.mu.Lock()
	defer w.listener.mu.Unlock()
	var total int64
	for c := range w.listener.conns {
		total += c.requests.Load()
	}
	return total >= n
}

// Drain answers the request under way, and cuts it off when its time is over.
func TestDrain(t *testing.T) {
	for _, inTime := range []bool{true, false} {
		asked, release := make(chan struct{}), make(chan struct{})
		w := start(t, Options{}, func(ctx context.Context, _ *sdk.Message) sdk.PhaseResult {
			close(asked)
			select {
			case <-release:
			case <-ctx.Done():
			}
			return sdk.PhaseResult{}
		})
		c, r := w.dial()
		w.write(c, onWire(len(simple), simple))
		<-asked
		ctx, cancel := context.WithCancel(context.Background())
		drained := make(chan struct{})
		go func() {
			w.Drain(ctx)
			close(drained)
		}()
		if inTime {
			close(release)
			if status, _ := w.status(r); status != 200 {
				t.Errorf("%d", status)
			}
		}
		cancel()
		<-drained
		w.wantEOF(r)
		if _, err := net.Dial("tcp", w.listener.Addr().String()); err == nil {
			t.Error("it still listens")
		}
	}
}
