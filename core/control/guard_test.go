package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
)

// guarded serves commands on loopback, or on a socket, with a guard.
func guarded(t *testing.T, addr string, g *Guard) *Console {
	t.Helper()
	endpoint := addr
	s := &Server{pause: func(context.Context) {}, Table: table(), Guard: func(listen string, peer netip.AddrPort) *Guard {
		if listen != addr || peer.IsValid() == strings.HasPrefix(listen, "/") {
			t.Errorf("asked for %q and %v", listen, peer)
		}
		return g
	}}
	if err := s.Listen([]Listen{{Addr: addr}}); err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.Stop)
	if l := s.listeners[0]; l.Addr().Network() == "tcp" {
		endpoint = l.Addr().String()
	}
	c, err := Dial(endpoint, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// letmein lets root in.
func letmein(_ context.Context, peer, user, password string) bool {
	return strings.HasPrefix(peer, "127.0.0.1:") && user == "root" && password == "letmein"
}

func TestLogin(t *testing.T) {
	var orders []string
	c := guarded(t, "127.0.0.1:0", &Guard{Authenticate: letmein, Authorize: func(_ context.Context, _, user, command string) bool {
		orders = append(orders, user+": "+command)
		return command != "big"
	}})
	var out bytes.Buffer
	if err := c.Run([]string{"hello", "x"}, &out); !errors.Is(err, ErrLogin) || out.Len() > 0 {
		t.Errorf("before the login: %v, %q", err, &out)
	}
	if err := c.Login("root", "wrong"); !errors.Is(err, ErrRefused) {
		t.Errorf("a wrong password: %v", err)
	}
	if err := c.Run([]string{"hello"}, &out); !errors.Is(err, ErrLogin) {
		t.Errorf("after a wrong password: %v", err)
	}
	if err := c.Login("root", "letmein"); err != nil {
		t.Fatal(err)
	}
	if err := c.Run([]string{"hello", "x"}, &out); err != nil || out.String() != "from a script: hello|x\n" {
		t.Errorf("after the login: %v, %q", err, &out)
	}
	out.Reset()
	if err := c.Run([]string{"big"}, &out); !errors.Is(err, ErrRefused) || out.String() != "Not Authorized for this command\n" {
		t.Errorf("an order without a rule: %v, %q", err, &out)
	}
	if got := fmt.Sprint(orders); got != "[root: hello x root: big]" {
		t.Errorf("asked about %s", got)
	}
}

func TestGuessingEndsTheConnection(t *testing.T) {
	g := &caller{guard: &Guard{Authenticate: letmein}, peer: "127.0.0.1:1", pause: func(context.Context) {}}
	here, there := net.Pipe()
	defer here.Close()
	go func() {
		_, _ = bytes.NewBuffer(nil).ReadFrom(there)
	}()
	out := &reply{w: here}
	for i := range maxLogins {
		line := []byte(`{"user":"root","password":"tellnobody"}`)
		if err := g.login(context.Background(), line, out); (err != nil) != (i == maxLogins-1) {
			t.Errorf("login %d: %v", i+1, err)
		}
		if bytes.Contains(line, []byte("tellnobody")) {
			t.Error("the password stays in the buffer")
		}
	}
	if g.known {
		t.Error("a guesser is known")
	}
	there.Close()
}

func TestASocketNeedsNoLogin(t *testing.T) {
	var told []string
	c := guarded(t, filepath.Join(t.TempDir(), "control"), &Guard{
		Authenticate: func(context.Context, string, string, string) bool { return false },
		Connected:    func(user string) { told = append(told, user) },
		Authorize: func(_ context.Context, peer, user, _ string) bool {
			return peer == "" && len(told) == 1 && user == told[0]
		},
	})
	var out bytes.Buffer
	if err := c.Run([]string{"hello"}, &out); err != nil || out.String() != "from a script: hello\n" {
		t.Errorf("%v, %q", err, &out)
	}
	if err := c.Login("root", "x"); err != nil {
		t.Errorf("a login that is not needed: %v", err)
	}
}

func FuzzLoginRequest(f *testing.F) {
	f.Add([]byte(`{"user":"root","password":"x"}`))
	f.Add([]byte(`["summary"]`))
	f.Fuzz(func(t *testing.T, line []byte) {
		g := &caller{guard: &Guard{Authenticate: func(context.Context, string, string, string) bool { return false }}, peer: "x", pause: func(context.Context) {}}
		here, there := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = bytes.NewBuffer(nil).ReadFrom(there)
		}()
		if isLogin(line) {
			_ = g.login(context.Background(), line, &reply{w: here})
		}
		here.Close()
		there.Close()
		<-done
		if g.known {
			t.Fatalf("%q logs in", line)
		}
	})
}
