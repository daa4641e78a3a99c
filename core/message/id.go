package message

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"
)

// ID is a message, batch or connection id (reference/logs.md, "IDs"). Its text
// form is CC/CC-PPPPP-TTTTTTTT: the counter in four hex digits and the epoch
// second in eight, both with their digits reversed, which spreads ids that
// follow each other, and the process id in between, at least five digits. The
// zero ID is the null id.
type ID struct {
	Counter uint16 // counts within the second
	PID     uint32
	Second  uint32 // Unix time
}

// ErrID is wrapped by every error of ParseID.
var ErrID = errors.New("not a message id")

const hexDigits = "0123456789ABCDEF"

// appendReversed writes n hex digits of v, least significant first.
func appendReversed(b []byte, v uint32, n int) []byte {
	for range n {
		b = append(b, hexDigits[v&15])
		v >>= 4
	}
	return b
}

// Append writes the text form to b.
func (id ID) Append(b []byte) []byte {
	b = appendReversed(b, uint32(id.Counter), 2)
	b = append(b, '/')
	b = appendReversed(b, uint32(id.Counter)>>8, 2)
	b = append(b, '-')
	for limit := uint32(10000); limit > id.PID && limit > 1; limit /= 10 {
		b = append(b, '0')
	}
	b = strconv.AppendUint(b, uint64(id.PID), 10)
	b = append(b, '-')
	return appendReversed(b, id.Second, 8)
}

// String is the text form, such as "00/00-01974-EBDC39A4".
func (id ID) String() string { return string(id.Append(make([]byte, 0, 24))) }

// Time is the second the id was made in.
func (id ID) Time() time.Time { return time.Unix(int64(id.Second), 0) }

// ParseID reads the text form. It accepts just what String writes, so that
// equal ids are equal texts.
func ParseID(s string) (ID, error) {
	const head, tail = len("CC/CC-"), len("-TTTTTTTT")
	if len(s) < head+5+tail || s[2] != '/' || s[5] != '-' || s[len(s)-tail] != '-' {
		return ID{}, fmt.Errorf("%w: %q", ErrID, s)
	}
	low, ok1 := readReversed(s[:2])
	high, ok2 := readReversed(s[3:5])
	second, ok3 := readReversed(s[len(s)-tail+1:])
	pid, err := strconv.ParseUint(s[head:len(s)-tail], 10, 32)
	id := ID{Counter: uint16(high<<8 | low), PID: uint32(pid), Second: second}
	if err != nil || !ok1 || !ok2 || !ok3 || id.String() != s {
		return ID{}, fmt.Errorf("%w: %q", ErrID, s)
	}
	return id, nil
}

func readReversed(s string) (v uint32, ok bool) {
	for i := len(s) - 1; i >= 0; i-- {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | uint32(c-'0')
		case c >= 'A' && c <= 'F':
			v = v<<4 | uint32(c-'A'+10)
		default:
			return 0, false
		}
	}
	return v, true
}

// IDs makes ids that are unique in the life of a process. It is safe for
// concurrent use.
type IDs struct {
	now  func() time.Time
	pid  uint32
	mu   sync.Mutex
	last ID
	used bool // last has been given out
}

// NewIDs makes a generator for the process pid that reads the clock now.
func NewIDs(pid int, now func() time.Time) *IDs {
	return &IDs{now: now, pid: uint32(pid)}
}

// Next is an id that was not given out before. More than 65536 in a second take
// theirs from the seconds to come, and a clock that steps back is waited for in
// the same way.
func (g *IDs) Next() ID {
	second := uint32(g.now().Unix())
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case !g.used || second > g.last.Second:
		g.last = ID{PID: g.pid, Second: second}
	case g.last.Counter == 1<<16-1:
		g.last = ID{PID: g.pid, Second: g.last.Second + 1}
	default:
		g.last.Counter++
	}
	g.used = true
	return g.last
}
