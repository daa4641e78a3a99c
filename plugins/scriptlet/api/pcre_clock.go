package api

import (
	"time"
	"unsafe"

	"go.elara.ws/pcre/lib"
	"modernc.org/libc"
)

// clockMark is put in front of a pattern: a callout, which the library makes at
// every start position it tries. The library's own match limit counts anew at
// each of them, and does not see the characters that one item runs over, so a
// search of "a*b" in a megabyte of "a" would take hours within that limit.
const clockMark = "(?C255)"

// leadingVerbs is the length of the verbs a pattern begins with, such as
// "(*ANYCRLF)". Nothing may stand in front of them.
func leadingVerbs(text string) int {
	n := 0
	for len(text) > n+2 && text[n:n+2] == "(*" {
		end := n + 2
		for end < len(text) && (text[end] >= 'A' && text[end] <= 'Z' || text[end] >= '0' && text[end] <= '9' || text[end] == '_' || text[end] == '=') {
			end++
		}
		if end == n+2 || end == len(text) || text[end] != ')' {
			break
		}
		n = end + 1
	}
	return n
}

// clock ends a match that takes too long. It lives in C memory.
type clock struct {
	deadline int64 // Unix time in nanoseconds
	calls    uint64
	mask     uint64 // the time is looked at where calls&mask is 0
}

// rareLook is how many start positions of a short subject pass between two
// looks at the time.
const rareLook = 64

func (c *clock) start(limit time.Duration, subject int) {
	*c = clock{deadline: time.Now().Add(limit).UnixNano()}
	if subject < 64<<10 {
		c.mask = rareLook - 1
	}
}

// look is the callout (pcre2callout): 0 goes on, a negative number ends the
// match with that error.
func look(_ *libc.TLS, _, data uintptr) int32 {
	c := (*clock)(at(data))
	c.calls++
	if c.calls&c.mask == 0 && time.Now().UnixNano() > c.deadline {
		return lib.DPCRE2_ERROR_CALLOUT
	}
	return 0
}

// functionPointer is a top-level function in the form that translated C calls.
func functionPointer(f func(*libc.TLS, uintptr, uintptr) int32) uintptr {
	return *(*uintptr)(unsafe.Pointer(&f))
}
