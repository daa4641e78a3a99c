package trace

import (
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func newTable() *Table { return &Table{Now: func() time.Time { return time.Unix(0, 0) }} }

// play tells a dialogue of turns, "C: " and "S: " lines, in random pieces, and
// gives the lines that came out.
func play(t *testing.T, turns string) []string {
	t.Helper()
	table := newTable()
	_, ch, err := table.Live(Filter{})
	if err != nil {
		t.Fatal(err)
	}
	d := table.Open(About{ConnID: "id", Peer: netip.MustParseAddrPort("192.0.2.1:25")})
	for _, turn := range strings.Split(strings.TrimSpace(turns), "\n") {
		turn = strings.TrimSpace(turn)
		tell, text := d.Client, strings.ReplaceAll(turn[3:], "|", "\r\n")+"\r\n"
		if turn[0] == 'S' {
			tell = d.Server
		}
		for len(text) > 0 {
			n := 1 + rand.IntN(len(text))
			tell([]byte(text[:n]))
			text = text[n:]
		}
	}
	var out []string
	for len(ch) > 0 {
		line := <-ch
		out = append(out, line.Side+": "+line.Text)
	}
	return out
}

func TestDialogue(t *testing.T) {
	const dialogue = `S: 220 mx
		C: EHLO me
		S: 250-mx|250 AUTH PLAIN LOGIN
		C: AUTH LOGIN
		S: 334 VXNlcm5hbWU6
		C: c2VjcmV0dXNlcg==
		S: 334 UGFzc3dvcmQ6
		C: c2VjcmV0cGFzcw==
		S: 535 no
		C: auth plain AHNlY3JldABzZWNyZXQ=
		S: 235 yes
		C: MAIL FROM:<a@b>|RCPT TO:<c@d>|DATA
		S: 250 ok|250 ok|354 go
		C: Subject: c2VjcmV0|AUTH PLAIN not a command|..|.
		S: 250 taken
		C: BDAT 8 LAST|secret
		S: 250 taken
		C: QUIT
		S: 221 bye`
	got := strings.Join(play(t, dialogue), "\n")
	want := strings.Join([]string{
		"S: 220 mx", "C: EHLO me", "S: 250-mx", "S: 250 AUTH PLAIN LOGIN", "C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6", "C: ***", "S: 334 UGFzc3dvcmQ6",
		"C: ***", "S: 535 no", "C: auth plain ***", "S: 235 yes", "C: MAIL FROM:<a@b>", "C: RCPT TO:<c@d>", "C: DATA", "S: 250 ok", "S: 250 ok", "S: 354 go",
		"C: (49 octets of content)", "C: .", "S: 250 taken", "C: BDAT 8 LAST", "S: 250 taken", "C: QUIT", "S: 221 bye",
	}, "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestSecretsOfAClientThatDoesNotWait: what is pipelined behind AUTH is hidden
// too, whatever replies come in between.
func TestSecretsOfAClientThatDoesNotWait(t *testing.T) {
	for _, dialogue := range []string{
		"C: EHLO me|AUTH LOGIN\nS: 220 mx\nS: 250 mx\nC: c2VjcmV0\nS: 334 x\nC: c2VjcmV0\nS: 235 yes",
		"S: 220 mx\nC: EHLO me|AUTH LOGIN|c2VjcmV0|c2VjcmV0\nS: 250 mx\nS: 334 x\nS: 334 x\nS: 235 yes",
		"S: 220 mx\nC: NOOP|  AUTH   PLAIN   c2VjcmV0\nS: 250 ok\nS: 501 no",
	} {
		if got := strings.Join(play(t, dialogue), "\n"); strings.Contains(got, "c2VjcmV0") {
			t.Errorf("%s\nshows\n%s", dialogue, got)
		}
	}
}

func TestTableChoosesAndEnds(t *testing.T) {
	table := newTable()
	name := filepath.Join(t.TempDir(), "trace")
	out, err := table.ToFile(Filter{Outbound: true, Binding: "b", Domain: "example.com"}, name)
	if err != nil {
		t.Fatal(err)
	}
	in, err := table.ToFile(Filter{Network: netip.MustParsePrefix("192.0.2.0/24")}, name)
	if err != nil || in.ID != 2 {
		t.Fatal(in, err)
	}
	peer := netip.MustParseAddrPort("192.0.2.1:25")
	for about, want := range map[About]bool{
		{Outbound: true, Binding: "b", Domain: "example.com", Peer: peer}: true,
		{Outbound: true, Binding: "c", Domain: "example.com", Peer: peer}: false,
		{Outbound: true, Binding: "b", Domain: "example.org", Peer: peer}: false,
		{Peer: peer}: true,
		{Peer: netip.MustParseAddrPort("198.51.100.1:25")}: false,
	} {
		if d := table.Open(about); (d != nil) != want {
			t.Errorf("%+v: %v", about, d != nil)
		} else {
			d.Server([]byte("220 \x1b[0m\r\n"))
		}
	}
	text, err := os.ReadFile(name)
	if err != nil || strings.Count(string(text), "\n") != 2 || strings.Contains(string(text), "\x1b") ||
		!strings.Contains(string(text), "1970-01-01T00:00:00.000Z out  b example.com 192.0.2.1:25 S: 220 ?[0m\n") {
		t.Errorf("file %q, %v", text, err)
	}
	d := table.Open(About{Peer: peer})
	long := []byte(strings.Repeat("x", maxLine*2) + "\r\n")
	for range MaxBytes / maxLine {
		d.Client(long)
	}
	if left, lost := in.State(); left < 0 || lost == 0 {
		t.Errorf("left %d, lost %d", left, lost)
	}
	if !table.Remove(out.ID) || table.Remove(out.ID) {
		t.Error("a tracer cannot be removed once")
	}
	table.Close()
	d.Client(long) // its tracer is gone
	if table.Open(About{Peer: peer}) != nil || len(table.List()) != 0 {
		t.Error("a closed table traces")
	}
	if _, err := table.ToFile(Filter{}, os.DevNull); err == nil {
		t.Error("a device is written to")
	}
}

func FuzzDialogue(f *testing.F) {
	f.Add([]byte("220 x\r\n"), []byte("AUTH LOGIN\r\nx\r\n"))
	f.Fuzz(func(t *testing.T, server, client []byte) {
		table := newTable()
		if _, _, err := table.Live(Filter{}); err != nil {
			t.Fatal(err)
		}
		d := table.Open(About{})
		d.Client(client)
		d.Server(server)
		d.Client(client)
		if len(d.client.part) > maxLine || len(d.server.part) > maxLine {
			t.Error("a line is not bounded")
		}
	})
}
