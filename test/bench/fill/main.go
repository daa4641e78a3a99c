// Command fill queues messages for many domains: -n of them over -c
// connections to -addr, each -size bytes and to one recipient, for the domains
// d0.bench.test to d<domains-1>.bench.test in turn.
//
// Next: drain.sh has them delivered.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"log"
	"net"
	"strings"
	"sync"
	"time"
)

// patience is for one connection, all its messages included.
const patience = 10 * time.Minute

type load struct {
	addr    string
	domains int
	body    string
}

func main() {
	n := flag.Int("n", 100000, "messages")
	c := flag.Int("c", 20, "connections")
	size := flag.Int("size", 4096, "bytes of a message")
	l := load{}
	flag.StringVar(&l.addr, "addr", "127.0.0.1:3525", "the server")
	flag.IntVar(&l.domains, "domains", 1000, "domains")
	flag.Parse()
	l.body = "From: a@bench.test\r\nSubject: a message of some size\r\n\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", *size/72) + ".\r\n"
	var all sync.WaitGroup
	for i := range *c {
		all.Go(func() {
			if err := l.send(i, *c, *n); err != nil {
				log.Fatalf("connection %d: %v", i, err)
			}
		})
	}
	all.Wait()
}

// send sends messages first, first+step, and so on below n.
func (l *load) send(first, step, n int) error {
	conn, err := net.Dial("tcp", l.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	r := bufio.NewReader(conn)
	if err := expect(r, "220"); err != nil {
		return err
	}
	if err := say(conn, r, "EHLO client.bench.test\r\n", "250"); err != nil {
		return err
	}
	for i := first; i < n; i += step {
		envelope := fmt.Sprintf("MAIL FROM:<a@bench.test>\r\nRCPT TO:<u%d@d%d.bench.test>\r\nDATA\r\n", i, i%l.domains)
		if err := say(conn, r, envelope, "250", "250", "354"); err != nil {
			return err
		}
		if err := say(conn, r, l.body, "250"); err != nil {
			return err
		}
	}
	return say(conn, r, "QUIT\r\n", "221")
}

func say(conn net.Conn, r *bufio.Reader, text string, codes ...string) error {
	if _, err := conn.Write([]byte(text)); err != nil {
		return err
	}
	for _, code := range codes {
		if err := expect(r, code); err != nil {
			return err
		}
	}
	return nil
}

// expect reads one reply (RFC 5321 §4.2).
func expect(r *bufio.Reader, code string) error {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		if !strings.HasPrefix(line, code) {
			return fmt.Errorf("expected %s, got %q", code, line)
		}
		if len(line) > 3 && line[3] != '-' {
			return nil
		}
	}
}
