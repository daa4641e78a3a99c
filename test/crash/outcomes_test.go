package crash

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk/jlog"
	"github.com/mtad/mtad/test/mtatest"
)

// outcome is what a record of the JSON stream says of a message.
type outcome struct {
	Log       string `json:"log"`
	Type      string `json:"type"`
	ID        string `json:"message_id"`
	Recipient string `json:"recipient"`
}

// ended reads a jlog of the JSON stream and counts the terminal records of each
// recipient.
func ended(t *testing.T, dir string) map[string]int {
	t.Helper()
	r, err := jlog.Open(dir, "billing")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	out := map[string]int{}
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		var o outcome
		if err == nil {
			err = json.Unmarshal(rec.Data, &o)
		}
		if err != nil {
			t.Fatalf("record %s: %q, %v", rec.ID, rec.Data, err)
		}
		if o.Log == "mainlog" && (o.Type == "D" || o.Type == "P") {
			out[o.Recipient]++
		}
	}
}

// TestOutcomesSurviveKills: kill -9 under load, again and again; afterwards every
// message that was answered with 250 has a terminal record, in the mainlog and in
// a jlog, and no record is torn.
func TestOutcomesSurviveKills(t *testing.T) {
	t.Parallel()
	sink := mtatest.NewSink(t)
	for k := range 10 { // some fail for good
		sink.AtRcpt(fmt.Sprintf("o0-%d-3-0@example.com", k), "550 5.1.1 no such user")
		sink.AtRcpt(fmt.Sprintf("o1-%d-5-0@example.com", k), "550 5.1.1 no such user")
	}
	s := mtatest.Start(t, mtatest.Config{
		Next: sink, Scripts: []mtatest.Script{policy()},
		Global: "generate_bounces = false\nec_logger \"out\" {\n  jsonlog = \"jlog://@DIR@/json.jlog=>billing\"\n}\n",
	})
	l := &ledger{fates: map[string]fate{}}
	for kill := range 3 {
		stop := make(chan struct{})
		clients := load(s, l, fmt.Sprintf("o%d", kill), 10, 1000, stop)
		accepts(t, s, l, 100*(kill+1))
		s.Kill9()
		close(stop)
		clients.Wait()
		s.Launch()
	}
	arrives(t, s, l, sink)
	s.Term()

	records, err := mtatest.MainLog(s.Log("mainlog.ec"))
	if err != nil {
		t.Fatal(err)
	}
	open := map[string]bool{} // by message id
	for _, r := range records {
		switch r.Type {
		case 'R':
			open[r.Message] = true
		case 'D', 'P':
			open[r.Message] = false
		}
	}
	for id, still := range open {
		if still {
			t.Errorf("message %s has an R record and none of its end", id)
		}
	}
	terminal := ended(t, filepath.Join(s.Dir, "json.jlog"))
	failed := 0
	for id, f := range l.fates {
		n := terminal[id+"@example.com"]
		if f == accepted && n == 0 {
			t.Errorf("%s was answered with 250 and has no terminal record", id)
		}
		if f == refused && n > 0 {
			t.Errorf("%s was refused and has a terminal record", id)
		}
		if len(sink.For(id+"@example.com")) == 0 && n > 0 && !strings.HasPrefix(id, "o2") {
			failed++
		}
	}
	if failed == 0 {
		t.Error("nothing failed for good")
	}
	t.Logf("%d accepted, %d failed", l.accepted(), failed)
}
