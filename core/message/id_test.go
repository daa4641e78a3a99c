package message

import (
	"errors"
	"sync"
	"testing"
	"time"
)

func TestIDText(t *testing.T) {
	// Samples of reference/logs.md: slot, process id and second are known.
	for _, c := range []struct {
		text string
		id   ID
	}{
		{"00/00-00000-00000000", ID{}},
		{"10/00-01974-C6DD1CA4", ID{Counter: 1, PID: 1974, Second: 1254219116}},
		{"18/00-00007-C6DD1CA4", ID{Counter: 0x81, PID: 7, Second: 1254219116}},
		{"00/00-01974-EBDC39A4", ID{PID: 1974, Second: 0x4A93CDBE}},
		{"FF/FF-4194304-FFFFFFFF", ID{Counter: 0xFFFF, PID: 4194304, Second: 0xFFFFFFFF}},
		{"43/21-12345-87654321", ID{Counter: 0x1234, PID: 12345, Second: 0x12345678}},
	} {
		if got := c.id.String(); got != c.text {
			t.Errorf("String() = %s, want %s", got, c.text)
		}
		if got, err := ParseID(c.text); err != nil || got != c.id {
			t.Errorf("ParseID(%s) = %+v, %v, want %+v", c.text, got, err, c.id)
		}
	}
}

func TestParseIDRefuses(t *testing.T) {
	for _, s := range []string{
		"", "00/00-01974", "00/00-1974-EBDC39A4", "00/00-001974-EBDC39A4", "00/00-+1974-EBDC39A4",
		"00-00-01974-EBDC39A4", "0g/00-01974-EBDC39A4", "00/00-01974-ebdc39a4", "00/00-01974-EBDC39A4 ",
		"00/00-99999999999-EBDC39A4", "../../-01974-EBDC39A4",
	} {
		if id, err := ParseID(s); !errors.Is(err, ErrID) {
			t.Errorf("ParseID(%q) = %v, %v, want ErrID", s, id, err)
		}
	}
}

func TestIDsAreUnique(t *testing.T) {
	const each, workers = 40000, 4 // more than two seconds' worth in one second
	g := NewIDs(1974, func() time.Time { return time.Unix(1254219116, 0) })
	var wg sync.WaitGroup
	made := make([][]ID, workers)
	for w := range workers {
		wg.Go(func() {
			for range each {
				made[w] = append(made[w], g.Next())
			}
		})
	}
	wg.Wait()
	seen := map[ID]bool{}
	for _, list := range made {
		for _, id := range list {
			if seen[id] {
				t.Fatalf("%s was given out twice", id)
			}
			seen[id] = true
		}
	}
	if last := g.Next(); last.Second != 1254219118 {
		t.Errorf("after %d ids the second is %d, want two borrowed", each*workers, last.Second)
	}
}

func TestIDsFollowTheClock(t *testing.T) {
	now := time.Unix(1000, 0)
	g := NewIDs(1, func() time.Time { return now })
	want := func(counter uint16, second uint32) {
		t.Helper()
		if id := g.Next(); id.Counter != counter || id.Second != second {
			t.Errorf("got %d in second %d, want %d in %d", id.Counter, id.Second, counter, second)
		}
	}
	want(0, 1000)
	want(1, 1000)
	now = time.Unix(1001, 0)
	want(0, 1001)
	now = time.Unix(900, 0) // stepped back
	want(1, 1001)
}

func FuzzParseID(f *testing.F) {
	f.Add("00/00-01974-EBDC39A4")
	f.Add("FF/FF-4194304-FFFFFFFF")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := ParseID(s); err == nil && id.String() != s {
			t.Errorf("%q reads as %s", s, id)
		}
	})
}
