package api

import (
	"errors"
	"io"
	"runtime"
	"time"
	"unicode/utf8"
	"unsafe"

	"go.elara.ws/pcre/lib"
)

// The bounds of matching a text that is read in pieces.
const (
	streamWindow = 1 << 20                // bytes that are looked at at once; a longer match makes it grow
	streamTime   = 100 * time.Millisecond // for each MiB of the text, beside matchTime
	streamLook   = 16                     // start positions between two looks at the time
)

// Stream finds the matches of a text that next reads from front to end, at most
// as many bytes at a time as it is asked for and io.EOF at the end; size is
// about how long it is. Memory holds a window of the text, and of a match that is
// longer all of it. yield gets the offset of the window in the text, the window,
// and the offsets of a match in the window; it keeps no hold of them and returns
// false to stop. The error is next's, or a *RegexpLimit.
func (re *pattern) Stream(size int64, next func(most int64) ([]byte, error), yield func(base int64, window string, loc []int) bool) error {
	s := &stream{re: re, next: next, left: re.owner.time + time.Duration(size>>20)*streamTime, window: re.owner.window}
	s.m = re.owner.take()
	defer re.owner.give(s.m)
	defer runtime.KeepAlive(re)
	return s.run(yield)
}

// stream is one use of Stream.
type stream struct {
	re     *pattern
	m      *matcher
	next   func(most int64) ([]byte, error)
	left   time.Duration // for matching
	window int           // how much is looked at

	code    *code // that fits the window
	options uint32
	data    uintptr // match data
	pairs   int

	base   int64 // of buf in the text
	buf    []byte
	usable int  // of buf: without the part of a last character
	final  bool // nothing follows buf
	closed bool // the window ends with bytes that are not UTF-8: no match goes on behind them
	start  int  // in buf: where the next match is looked for
	extra  uint32
}

func (s *stream) run(yield func(base int64, window string, loc []int) bool) error {
	s.pairs = s.re.code.pairs
	s.data = lib.Xpcre2_match_data_create_8(s.m.tls, lib.Tuint32_t(s.pairs), 0)
	defer func() { lib.Xpcre2_match_data_free_8(s.m.tls, s.data) }()
	if err := s.fill(0, s.window); err != nil {
		return err
	}
	loc := make([]int, 2*s.pairs)
	for {
		rc, err := s.find()
		if err != nil {
			return err
		}
		switch {
		case rc == lib.DPCRE2_ERROR_PARTIAL:
			err = s.more(loc)
		case rc != lib.DPCRE2_ERROR_NOMATCH && !s.beyond(loc):
			if !yield(s.base, textOf(s.buf[:s.usable]), loc) {
				return nil
			}
			s.extra = 0
			if loc[0] == loc[1] {
				s.extra = lib.DPCRE2_NOTEMPTY_ATSTART | lib.DPCRE2_ANCHORED
			}
			s.start = max(loc[1], s.start)
		case s.extra != 0 && s.start < s.usable:
			s.start, s.extra = s.after(s.start), 0
		case s.final:
			return nil
		default:
			// Behind an empty match at the end of the window no other empty one
			// may be found there, whatever follows.
			s.start = s.usable
			err = s.refill(s.start)
		}
		if err != nil {
			return err
		}
	}
}

// beyond reads the offsets of a match, and reports one behind the bytes that
// close the window: what follows them decides.
func (s *stream) beyond(loc []int) bool {
	s.offsets(loc)
	return s.closed && loc[0] >= s.usable
}

// textOf is bytes as a string that shares them.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// after is the start of the character behind the one at pos.
func (s *stream) after(pos int) int {
	pos++
	for s.code.utf && pos < s.usable && s.buf[pos]&0xC0 == 0x80 {
		pos++
	}
	return pos
}

// find looks for a match in the window. Until the text has ended, one that could
// go on behind the window is partial.
func (s *stream) find() (int32, error) {
	options := s.options | s.extra
	switch {
	case s.final:
	case s.closed:
		options |= lib.DPCRE2_NOTEOL
	default:
		options |= lib.DPCRE2_PARTIAL_HARD
	}
	if s.left <= 0 {
		return 0, &RegexpLimit{Text: "it took too long"}
	}
	began := time.Now()
	*s.m.clock = clock{deadline: began.Add(s.left).UnixNano(), mask: streamLook - 1}
	rc := lib.Xpcre2_match_8(s.m.tls, s.code.ptr, s.m.buf, lib.Tsize_t(s.usable), lib.Tsize_t(s.start), options, s.data, s.m.context)
	s.left -= time.Since(began)
	switch {
	case rc >= 0 || rc == lib.DPCRE2_ERROR_NOMATCH || rc == lib.DPCRE2_ERROR_PARTIAL:
		return rc, nil
	case rc == lib.DPCRE2_ERROR_CALLOUT:
		return 0, &RegexpLimit{Text: "it took too long"}
	}
	return 0, &RegexpLimit{Text: errorText(s.m.tls, rc)}
}

func (s *stream) offsets(loc []int) {
	(&search{m: s.m, data: s.data}).offsets(loc)
}

// more reads on from where a partial match begins.
func (s *stream) more(loc []int) error {
	s.offsets(loc)
	if begin := max(loc[0], s.start); begin > s.start {
		s.start, s.extra = begin, 0
	}
	return s.refill(s.start)
}

// refill drops what no match can need any more, and reads on: a window, or as
// much again as a match needs already.
func (s *stream) refill(keep int) error {
	// Assertions look back so many characters, and at least at the one before.
	from := max(keep-4*(s.code.lookbehind+1), 0)
	if s.closed {
		from = keep
	}
	for i := 0; s.code.utf && i < 3 && from < keep && s.buf[from]&0xC0 == 0x80; i++ {
		from++
	}
	return s.fill(from, max(s.window, 2*(len(s.buf)-from)))
}

// fill drops the bytes of the window before from, reads until it has size bytes,
// and makes it what find looks at.
func (s *stream) fill(from, size int) error {
	s.drop(from)
	for len(s.buf) < size && !s.final {
		data, err := s.next(int64(size - len(s.buf)))
		if errors.Is(err, io.EOF) {
			s.final = true
		} else if err != nil {
			return err
		}
		s.buf = append(s.buf, data...)
	}
	if len(s.buf) > maxBody+streamWindow {
		return &RegexpLimit{Text: "a match is longer than a script may hold"}
	}
	s.usable, s.closed = len(s.buf), false
	if !s.final && s.re.utf {
		s.close()
	}
	var err error
	if s.code, s.options, err = s.re.codeFor(textOf(s.buf[:s.usable])); err != nil {
		return err
	}
	return s.m.load(textOf(s.buf[:s.usable]))
}

// drop forgets the bytes of the window before from.
func (s *stream) drop(from int) {
	rest := copy(s.buf, s.buf[from:])
	s.buf, s.base, s.start = s.buf[:rest], s.base+int64(from), max(s.start-from, 0)
}

// close ends the window in front of a character that is not whole, or behind its
// last bytes that are not UTF-8. The library forgets a partial match that ends at
// such bytes; but no match contains them, so it is whole.
func (s *stream) close() {
	s.usable -= brokenTail(s.buf)
	if utf8.Valid(s.buf[:s.usable]) {
		return
	}
	end := s.usable
	for {
		r, n := utf8.DecodeLastRune(s.buf[:end])
		if r == utf8.RuneError && n == 1 {
			break
		}
		end -= n
	}
	if end <= s.start {
		s.usable -= end
		s.drop(end)
		return
	}
	s.usable, s.closed = end, true
}

// brokenTail is how many bytes at the end of b begin a character that is not
// whole.
func brokenTail(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if c := b[len(b)-n]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(b[len(b)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}
