package smtpd

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"
)

// FuzzBDAT: where content is cut into chunks makes no difference, and nothing in
// a chunk is ever a command.
func FuzzBDAT(f *testing.F) {
	for _, end := range endings {
		f.Add([]byte("Subject: x\r\n\r\nfirst"+end+smuggled), []byte{0, 7, 1})
	}
	f.Add([]byte(""), []byte{48})
	f.Add([]byte("BDAT 5 LAST\r\nMAIL FROM:<evil@x.test>\r\n"), []byte{13})
	o := options()
	o.Trace, o.LoneLFInBody, o.MaxErrors = false, "ignore", 0
	r := start(f, o, nil)
	f.Fuzz(func(t *testing.T, data, cuts []byte) {
		if len(data) > 4096 || len(cuts) > 100 {
			return
		}
		whole, first := r.chunked(t, [][]byte{data})
		var pieces [][]byte
		rest := data
		for _, n := range cuts {
			at := min(int(n), len(rest))
			pieces, rest = append(pieces, rest[:at]), rest[at:]
		}
		cut, second := r.chunked(t, append(pieces, rest))
		// A fault is told with the chunk that has it, and those behind are out of turn.
		if whole != cut || (whole == "") != !strings.HasPrefix(first, "250") || whole == "" && strings.HasPrefix(second, "250") {
			t.Fatalf("%q in one chunk is %q (%s), cut at %v %q (%s)", data, whole, first, cuts, cut, second)
		}
	})
}

// chunked sends one message in chunks, all pipelined, and gives what was taken,
// "" for nothing, and the reply to the last chunk.
func (r *rig) chunked(t *testing.T, chunks [][]byte) (text, reply string) {
	t.Helper()
	r.door.mu.Lock()
	r.door.mails = nil
	r.door.mu.Unlock()
	var b bytes.Buffer
	b.WriteString("EHLO x.test\r\nMAIL FROM:<a@x.test> BODY=8BITMIME\r\nRCPT TO:<b@relay.test>\r\n")
	for i, c := range chunks {
		last := ""
		if i == len(chunks)-1 {
			last = " LAST"
		}
		fmt.Fprintf(&b, "BDAT %d%s\r\n%s", len(c), last, c)
	}
	c, err := net.Dial("tcp", r.l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p := newPeer(t, c)
	p.send(b.String() + "QUIT\r\n")
	for range 4 { // banner, EHLO, MAIL, RCPT
		p.expect("^2")
	}
	for range chunks {
		reply = p.expect("^(250|5..) ")
	}
	p.expect("^221 ")
	p.expectEOF()
	r.door.mu.Lock()
	defer r.door.mu.Unlock()
	for _, m := range r.door.mails {
		if m.from != "a@x.test" || len(r.door.mails) > 1 {
			t.Fatalf("%d messages, one from %s", len(r.door.mails), m.from)
		}
		text = "taken: " + m.text
	}
	return text, reply
}
