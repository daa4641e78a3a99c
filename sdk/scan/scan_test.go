package scan

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/sdktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// daemon serves one connection, and gives where.
func daemon(t *testing.T, serve func(c net.Conn)) Daemon {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		serve(c)
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return Daemon{l.Addr().String(), time.Minute}
}

// clamdSays is a clamd that reads a whole stream, or most bytes of it, and
// answers; got is what it read.
func clamdSays(t *testing.T, reply string, most int) (d Daemon, got *bytes.Buffer) {
	t.Helper()
	got = &bytes.Buffer{}
	return daemon(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		if word, err := r.ReadString(0); err != nil || word != "zINSTREAM\x00" {
			t.Errorf("command %q", word)
		}
		for got.Len() < most {
			var n uint32
			if binary.Read(r, binary.BigEndian, &n) != nil || n == 0 {
				break
			}
			if _, err := io.CopyN(got, r, int64(n)); err != nil {
				break
			}
		}
		_, _ = io.WriteString(c, reply) // the client says what it got
	}), got
}

func TestClamd(t *testing.T) {
	body := strings.Repeat("0123456789abcde\n", 20000) // 320 KB
	for reply, want := range map[string]Verdict{
		"stream: OK\x00":                             {Code: "OK"},
		"stream: Win.Test.EICAR_HDB-1 FOUND\x00":     {Status: Infected, Virus: "Win.Test.EICAR_HDB-1", Code: "FOUND"},
		"INSTREAM size limit exceeded. ERROR\x00":    {Status: Unscannable, Code: "ERROR", Text: "INSTREAM size limit exceeded"},
		"stream: Heuristics.Encrypted.Zip FOUND\x00": {Status: Infected, Virus: "Heuristics.Encrypted.Zip", Code: "FOUND"},
	} {
		d, got := clamdSays(t, reply, 1<<30)
		v, err := Clamd(context.Background(), d, strings.NewReader(body))
		if err != nil || v != want {
			t.Errorf("%q: %+v %v", reply, v, err)
		}
		if got.String() != body {
			t.Errorf("clamd got %d of %d bytes", got.Len(), len(body))
		}
	}
	for reply, want := range map[string]string{
		"stream: Can't allocate memory ERROR\x00": "Can't allocate memory",
		"gibberish\x00": "the answer is not understood",
		"":              "EOF",
	} {
		d, _ := clamdSays(t, reply, 1<<30)
		if _, err := Clamd(context.Background(), d, strings.NewReader(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", reply, err)
		}
	}
}

// A clamd that has enough answers and hangs up while the rest is on its way.
func TestClamdStopsReading(t *testing.T) {
	d, _ := clamdSays(t, "INSTREAM size limit exceeded. ERROR\x00", 100<<10)
	v, err := Clamd(context.Background(), d, strings.NewReader(strings.Repeat("x", 150<<10)))
	if err != nil && !strings.Contains(err.Error(), "reset") || err == nil && v.Status != Unscannable {
		t.Errorf("%+v %v", v, err)
	}
}

func TestDeadDaemons(t *testing.T) {
	silent := daemon(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	silent.Timeout = 50 * time.Millisecond
	if _, err := Clamd(context.Background(), silent, strings.NewReader("x")); !errors.Is(err, errTimeout) {
		t.Errorf("a silent one: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Spamd(ctx, Daemon{"127.0.0.1:9", time.Minute}, strings.NewReader("x"), 1); !errors.Is(err, errTimeout) {
		t.Errorf("a session that ended: %v", err)
	}
	if _, err := ClamdVersion(context.Background(), Daemon{t.TempDir() + "/none", time.Minute}); err == nil {
		t.Error("a socket that is not there answers")
	}
	broken := io.MultiReader(strings.NewReader("x"), &failing{})
	d, _ := clamdSays(t, "stream: OK\x00", 1<<30)
	if _, err := Clamd(context.Background(), d, broken); err == nil || err.Error() != "no body" {
		t.Errorf("a body that cannot be read: %v", err)
	}
}

type failing struct{}

func (*failing) Read([]byte) (int, error) { return 0, errors.New("no body") }

func TestVersion(t *testing.T) {
	d := daemon(t, func(c net.Conn) {
		if word, err := bufio.NewReader(c).ReadString(0); err != nil || word != "zVERSION\x00" {
			t.Errorf("command %q", word)
		}
		_, _ = io.WriteString(c, "ClamAV 1.4.6/27000\x00")
	})
	if v, err := ClamdVersion(context.Background(), d); err != nil || v != "ClamAV 1.4.6/27000" {
		t.Errorf("%q %v", v, err)
	}
}

func TestGate(t *testing.T) {
	var g Gate
	d := Daemon{"127.0.0.1:1", 10 * time.Millisecond}
	leave, err := g.Enter(context.Background(), d, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Enter(context.Background(), d, 1); !errors.Is(err, errBusy) {
		t.Errorf("a second scan: %v", err)
	}
	leave()
	again, err := g.Enter(context.Background(), d, 1)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

func TestContent(t *testing.T) {
	h := &sdktest.Host{Bodies: map[uint64][]byte{7: []byte("one two three")}}
	for _, c := range []struct {
		body sdk.Body
		most int64
		want string
	}{
		{sdk.Body{Size: 5, Inline: []byte("hello")}, 0, "hello"},
		{sdk.Body{Size: 5, Inline: []byte("hello")}, 2, "he"},
		{sdk.Body{Size: 13, Handle: 7}, 0, "one two three"},
		{sdk.Body{Size: 13, Handle: 7}, 7, "one two"},
		{sdk.Body{Size: 11, Handle: 7, Base: 13, Pieces: []sdk.BodyPiece{{Length: 4}, {Data: []byte("2")}, {Offset: 7, Length: 6}}}, 0, "one 2 three"},
	} {
		r, size := Content(context.Background(), h, &sdk.Message{Header: []byte("A: b\r\n"), Body: c.body}, c.most)
		got, err := io.ReadAll(r)
		if err != nil || string(got) != "A: b\r\n\r\n"+c.want || int64(len(got)) != size {
			t.Errorf("%q, %d bytes, %v; want %q", got, size, err, c.want)
		}
	}
}
