package interop

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sort"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mtad/mtad/test/mtatest"
)

// differSeed makes the same streams each time; rounds is how many of each kind.
const (
	differSeed = 5
	rounds     = 4
)

// verdict is what a server made of a stream: the class of each reply, in order,
// x where it hangs up, and the messages it took.
type verdict struct {
	classes string
	taken   int
	text    string // all it said
}

// ask sends a stream in one piece and its end behind it, and reads all replies.
func ask(addr, stream string) (v verdict, err error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return v, err
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(c, stream)
		if err == nil {
			err = c.(*net.TCPConn).CloseWrite()
		}
		sent <- err
	}()
	text, err := io.ReadAll(c)
	if e := <-sent; err == nil {
		err = e
	}
	// A server that hangs up need not read what is left.
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ENOTCONN) {
		err = nil
	}
	return judge(string(text)), err
}

// judge reads replies. The 354 of DATA and the reply to its content count
// together, so do those to the chunks of BDAT.
func judge(text string) verdict {
	v := verdict{text: text}
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\r\n") {
		if len(line) < 4 || line[3] != ' ' {
			continue
		}
		switch {
		case strings.HasPrefix(line, "221"), strings.HasPrefix(line, "421"):
			b.WriteByte('x') // the end
		default:
			b.WriteByte(line[0])
		}
		if strings.Contains(line, "queued") || strings.HasPrefix(line, "250 2.0.0 OK ") {
			v.taken++
		}
	}
	v.classes = b.String()
	return v
}

// TestDifferences feeds the same streams to Postfix and to mtad. Every kind of
// difference has its row in docs/quirks.md; nothing is smuggled through either.
func TestDifferences(t *testing.T) {
	t.Parallel()
	postfix := startPostfix(t)
	s := mtatest.Start(t, mtatest.Config{Next: mtatest.NewSink(t), Listen: "max_message_size = 100000\n max_errors = 0\n max_junk_commands = 0"})
	justified := quirks(t)
	seen := map[string]string{}
	var mu sync.Mutex
	work := make(chan one)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for w := range work {
				diff := w.compare(t, postfix, s.SMTP)
				mu.Lock()
				if diff != "" && seen[w.kind] == "" {
					seen[w.kind] = diff
				}
				mu.Unlock()
			}
		})
	}
	for _, w := range streams() {
		work <- w
	}
	close(work)
	wg.Wait()
	report(t, seen, justified)
}

// one is one stream.
type one struct{ kind, stream string }

func streams() (out []one) {
	r := rand.New(rand.NewPCG(differSeed, 0))
	for range 20 {
		out = append(out, one{"nothing odd", stream(nil, r)})
	}
	for _, o := range oddities() {
		for range rounds {
			out = append(out, one{o.kind, stream(&o, r)})
		}
	}
	return out
}

// compare gives the difference, if there is one.
func (w *one) compare(t *testing.T, postfix, mtad string) string {
	theirs, err := ask(postfix, w.stream)
	if err != nil {
		t.Errorf("Postfix, %q: %v", w.stream, err)
	}
	ours, err := ask(mtad, w.stream)
	if err != nil {
		t.Errorf("mtad, %q: %v", w.stream, err)
	}
	if strings.HasPrefix(w.kind, "end of data") {
		if most := strings.Count(w.stream, "DATA\r\nSubject: x"); ours.taken > most {
			t.Errorf("%s: %d messages of %d came through:\n%q", w.kind, ours.taken, most, w.stream)
		}
	}
	if ours.classes == theirs.classes && ours.taken == theirs.taken {
		return ""
	}
	return fmt.Sprintf("%q\n\tPostfix %s, %d taken: %q\n\tmtad    %s, %d taken: %q",
		clip(w.stream), theirs.classes, theirs.taken, clip(theirs.text), ours.classes, ours.taken, clip(ours.text))
}

func clip(s string) string {
	if len(s) > 1500 {
		return s[:1500] + "..."
	}
	return s
}

func report(t *testing.T, seen map[string]string, justified map[string]bool) {
	var kinds []string
	for kind := range seen {
		kinds = append(kinds, kind)
	}
	sort.Strings(kinds)
	for _, kind := range kinds {
		if !justified[kind] {
			t.Errorf("%s: a difference that docs/quirks.md does not justify:\n\t%s", kind, seen[kind])
		}
	}
	for kind := range justified {
		if seen[kind] == "" {
			t.Logf("%s: docs/quirks.md justifies it, and this Postfix agrees with us", kind)
		}
	}
}

// quirks are the kinds in the table "Beside Postfix" of docs/quirks.md.
func quirks(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../../docs/quirks.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "\n## Beside Postfix\n")
	if !ok {
		t.Fatal("docs/quirks.md has no section \"Beside Postfix\"")
	}
	table, _, _ = strings.Cut(table, "\n## ")
	out := map[string]bool{}
	for line := range strings.SplitSeq(table, "\n") {
		cells := strings.Split(line, " | ")
		if len(cells) < 4 || !strings.HasPrefix(line, "| ") || cells[0] == "| stream" {
			continue
		}
		for kind := range strings.SplitSeq(strings.TrimPrefix(cells[0], "| "), "; ") {
			out[strings.Trim(strings.ReplaceAll(kind, "&#124;", "|"), " `")] = true
		}
	}
	return out
}
