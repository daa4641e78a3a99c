package delivery_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mtad/mtad/core/delivery"
	"github.com/mtad/mtad/core/dns"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/queue"
)

// sink is the simplest server there is: it answers as soon as it has read.
func sink(b *testing.B) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { swallow(conn) })
		}
	})
	b.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return l.Addr().String()
}

func swallow(conn net.Conn) {
	defer conn.Close()
	r, w := bufio.NewReaderSize(conn, 64<<10), bufio.NewWriter(conn)
	w.WriteString("220 sink\r\n")
	for inData := false; ; {
		if r.Buffered() == 0 {
			w.Flush()
		}
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		switch {
		case inData && !bytes.Equal(line, []byte(".\r\n")):
			continue
		case inData:
			inData = false
			w.WriteString("250 2.0.0 ok\r\n")
		case bytes.HasPrefix(line, []byte("EHLO")):
			w.WriteString("250-sink\r\n250-PIPELINING\r\n250-SIZE 0\r\n250 8BITMIME\r\n")
		case bytes.HasPrefix(line, []byte("DATA")):
			inData = true
			w.WriteString("354 go\r\n")
		default:
			w.WriteString("250 2.0.0 ok\r\n")
		}
	}
}

type fixed struct{ text string }

func (f fixed) Open(*message.Message) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(f.text)), nil
}

// counted hands out n batches of one message.
type counted struct {
	n int
	b *queue.Batch
	t *testing.B
}

func (c *counted) Next(context.Context, time.Duration) *queue.Batch {
	if c.n == 0 {
		return nil
	}
	c.n--
	return c.b
}

func (c *counted) Settle(_ *message.Message, r queue.Result) {
	if r.Verdict != queue.Delivered {
		c.t.Errorf("%v %v", r.Verdict, r.Reply)
	}
}

func benchmark(b *testing.B, size int) {
	o := delivery.Defaults()
	o.Gateway = sink(b)
	line := strings.Repeat("x", 70) + "\r\n"
	text := "Subject: x\r\n\r\n" + strings.Repeat(line, size/len(line))
	c := &delivery.Courier{
		Resolver: dns.Mock{}, Contents: fixed{text},
		OptionsFor: func(string, string, string) *delivery.Options { return o },
		NewConnID:  func() string { return "c" },
		Hostname:   func() string { return "me.example" },
	}
	src := &counted{n: b.N, b: batch("s@x.org", "a@example.com"), t: b}
	src.b.Messages[0].Content.Size = int64(len(text))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	b.ResetTimer()
	c.Serve(context.Background(), queue.Lane{Domain: "example.com"}, src)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
}

// Deliveries over one connection to a server that does nothing.
func BenchmarkDelivery(b *testing.B) {
	b.Run("4KiB", func(b *testing.B) { benchmark(b, 4<<10) })
	b.Run("64KiB", func(b *testing.B) { benchmark(b, 64<<10) })
}
