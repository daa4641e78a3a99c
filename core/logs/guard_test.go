package logs

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk/smtp"
)

// full is a file on a disk without room.
const full = "/dev/full"

func guarded(t *testing.T, refuse bool) (*Logs, Options) {
	t.Helper()
	l := New(time.Now)
	l.guard.after = func(time.Duration) <-chan time.Time { return time.After(time.Millisecond) }
	dir := t.TempDir()
	o := Options{Mainlog: full, Rejectlog: full, Paniclog: filepath.Join(dir, "paniclog.ec"), Refuse: refuse}
	if err := l.Open(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Yield(); l.Close() })
	o.Mainlog = filepath.Join(dir, "mainlog.ec")
	return l, o
}

func contents(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAFullDiskLosesRecordsAndSaysSo(t *testing.T) {
	l, o := guarded(t, false)
	for range 3 {
		l.Reception(&message.Message{ID: "lost", Received: time.Unix(1, 0)})
	}
	if l.Held() {
		t.Error("mail is refused")
	}
	if err := l.Open(o); err != nil {
		t.Fatal(err)
	}
	l.Reception(&message.Message{ID: "kept", Received: time.Unix(1, 0)})
	panics := contents(t, o.Paniclog)
	if n := strings.Count(panics, "mainlog cannot be written: write /dev/full: no space left on device; its records are lost until it can"); n != 1 {
		t.Errorf("said %d times:\n%s", n, panics)
	}
	if !strings.Contains(panics, "mainlog is written again; 3 of its records were lost") {
		t.Errorf("paniclog:\n%s", panics)
	}
	if got := contents(t, o.Mainlog); !strings.HasPrefix(got, "1@kept@") {
		t.Errorf("mainlog %q", got)
	}
	for _, loss := range l.Losses() {
		if want := map[string]int64{"mainlog": 3}[loss.Log]; loss.Lost != want || loss.Down {
			t.Errorf("%+v", loss)
		}
	}
}

// TestAFullDiskHoldsOutcomes: with log_full = "refuse" a record of mail waits for
// room; one of a refusal does not.
func TestAFullDiskHoldsOutcomes(t *testing.T) {
	l, o := guarded(t, true)
	l.Rejection(&Rejection{Now: time.Unix(1, 0), Reply: smtp.NewReply(421, "4.3.2", "busy")})
	if l.Held() {
		t.Error("a rejection holds mail up")
	}
	written := make(chan struct{})
	go func() {
		l.Delivery(&Attempt{Message: &message.Message{ID: "kept"}, Now: time.Unix(2, 0)})
		close(written)
	}()
	for !l.Held() {
		runtime.Gosched()
	}
	if err := l.Open(o); err != nil {
		t.Fatal(err)
	}
	<-written
	if got := contents(t, o.Mainlog); !strings.HasPrefix(got, "2@kept@") || l.Held() {
		t.Errorf("mainlog %q, held %v", got, l.Held())
	}
	o.Mainlog = full
	if err := l.Open(o); err != nil {
		t.Fatal(err)
	}
	l.Yield()
	l.Delivery(&Attempt{Message: &message.Message{ID: "lost"}, Now: time.Unix(3, 0)})
	if list := l.Losses(); list[0].Log != "mainlog" || list[0].Lost != 1 {
		t.Errorf("%+v", list)
	}
}
