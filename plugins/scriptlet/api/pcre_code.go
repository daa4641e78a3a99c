package api

import (
	"runtime"
	"unsafe"

	"go.elara.ws/pcre/lib"
	"modernc.org/libc"
)

// code is a compiled pattern in C memory.
type code struct {
	ptr   uintptr
	utf   bool
	pairs int // of offsets in a match
	names []RegexpName

	lookbehind int // how many characters before a match it may look at
}

// at is the Go view of an address in C memory, which Go's collector neither
// moves nor frees.
func at(addr uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&addr)) }

func compile(text string, flags uint32) (*code, error) {
	tls := libc.NewTLS()
	defer tls.Close()
	verbs := leadingVerbs(text)
	source := text[:verbs] + clockMark + text[verbs:]
	src := libc.Xmalloc(tls, libc.Tsize_t(len(source)))
	defer libc.Xfree(tls, src)
	copy(unsafe.Slice((*byte)(at(src)), len(source)), source)
	const errorNumber, errorOffset = 0, 8
	result := libc.Xmalloc(tls, 16)
	defer libc.Xfree(tls, result)
	*(*uint64)(at(result + errorOffset)) = 0

	ptr := lib.Xpcre2_compile_8(tls, src, lib.Tsize_t(len(source)), flags|lib.DPCRE2_NEVER_BACKSLASH_C, result+errorNumber,
		result+errorOffset, 0)
	if ptr == 0 {
		offset := int(*(*lib.Tsize_t)(at(result + errorOffset)))
		return nil, &RegexpError{
			Text:   errorText(tls, *(*int32)(at(result + errorNumber))),
			Offset: max(offset-len(clockMark), min(offset, verbs)),
		}
	}
	c := &code{
		ptr: ptr, utf: flags&lib.DPCRE2_UTF != 0, pairs: int(info(tls, ptr, lib.DPCRE2_INFO_CAPTURECOUNT)) + 1, names: groupNames(tls, ptr),
		lookbehind: int(info(tls, ptr, lib.DPCRE2_INFO_MAXLOOKBEHIND)),
	}
	runtime.AddCleanup(c, freeCode, ptr)
	return c, nil
}

func freeCode(ptr uintptr) {
	tls := libc.NewTLS()
	lib.Xpcre2_code_free_8(tls, ptr)
	tls.Close()
}

func errorText(tls *libc.TLS, number int32) string {
	const size = 256
	buf := libc.Xmalloc(tls, size)
	defer libc.Xfree(tls, buf)
	if lib.Xpcre2_get_error_message_8(tls, number, buf, size) < 0 {
		return "unknown error"
	}
	return libc.GoString(buf)
}

func info(tls *libc.TLS, ptr uintptr, what uint32) uint32 {
	out := libc.Xmalloc(tls, 8)
	defer libc.Xfree(tls, out)
	*(*uint64)(at(out)) = 0
	lib.Xpcre2_pattern_info_8(tls, ptr, what, out)
	return *(*uint32)(at(out))
}

// groupNames reads the name table: entries of a fixed size, a big-endian group
// number and then the name.
func groupNames(tls *libc.TLS, ptr uintptr) []RegexpName {
	count := int(info(tls, ptr, lib.DPCRE2_INFO_NAMECOUNT))
	if count == 0 {
		return nil
	}
	size := uintptr(info(tls, ptr, lib.DPCRE2_INFO_NAMEENTRYSIZE))
	out := libc.Xmalloc(tls, 8)
	defer libc.Xfree(tls, out)
	lib.Xpcre2_pattern_info_8(tls, ptr, lib.DPCRE2_INFO_NAMETABLE, out)
	table := *(*uintptr)(at(out))
	names := make([]RegexpName, count)
	for i := range names {
		entry := table + uintptr(i)*size
		number := unsafe.Slice((*byte)(at(entry)), 2)
		names[i] = RegexpName{Name: libc.GoString(entry + 2), Group: int(number[0])<<8 | int(number[1])}
	}
	return names
}

// matcher is what one match needs of C: a stack, limits, and a copy of the
// subject, since C may hold no Go pointer.
type matcher struct{ *matcherMemory }

type matcherMemory struct {
	tls     *libc.TLS
	context uintptr
	buf     uintptr
	size    int
	clock   *clock // in C memory
}

func newMatcher() *matcher {
	mem := &matcherMemory{tls: libc.NewTLS()}
	mem.context = lib.Xpcre2_match_context_create_8(mem.tls, 0)
	lib.Xpcre2_set_match_limit_8(mem.tls, mem.context, matchLimit)
	lib.Xpcre2_set_heap_limit_8(mem.tls, mem.context, heapLimitKiB)
	ptr := libc.Xcalloc(mem.tls, 1, libc.Tsize_t(unsafe.Sizeof(clock{})))
	mem.clock = (*clock)(at(ptr))
	lib.Xpcre2_set_callout_8(mem.tls, mem.context, functionPointer(look), ptr)
	m := &matcher{mem}
	runtime.AddCleanup(m, (*matcherMemory).close, mem)
	return m
}

func (m *matcherMemory) close() {
	if m.tls == nil {
		return
	}
	m.free()
	libc.Xfree(m.tls, uintptr(unsafe.Pointer(m.clock)))
	lib.Xpcre2_match_context_free_8(m.tls, m.context)
	m.tls.Close()
	m.tls = nil
}

func (m *matcherMemory) free() {
	if m.buf != 0 {
		libc.Xfree(m.tls, m.buf)
	}
	m.buf, m.size = 0, 0
}

// keptBuffer is the largest subject buffer an idle matcher keeps.
const keptBuffer = 256 << 10

func (m *matcherMemory) shrink() {
	if m.size > keptBuffer {
		m.free()
	}
}

func (m *matcherMemory) load(subject string) error {
	if m.size < len(subject)+1 {
		m.free()
		m.size = max(len(subject)+1, 512)
		if m.buf = libc.Xmalloc(m.tls, libc.Tsize_t(m.size)); m.buf == 0 {
			m.size = 0
			return &RegexpLimit{Text: "no memory for the subject"}
		}
	}
	copy(unsafe.Slice((*byte)(at(m.buf)), m.size), subject)
	return nil
}

// each runs the pattern over the subject. After an empty match it looks for one
// that is not empty at the same place, and then goes on by a character, as Perl
// does.
func (m *matcher) each(c *code, subject string, options uint32, yield func([]int) bool) error {
	if err := m.load(subject); err != nil {
		return err
	}
	data := lib.Xpcre2_match_data_create_8(m.tls, lib.Tuint32_t(c.pairs), 0)
	defer lib.Xpcre2_match_data_free_8(m.tls, data)
	defer runtime.KeepAlive(c)
	s := search{m: m, code: c, data: data, subject: subject}
	loc := make([]int, 2*c.pairs)
	for start, extra := 0, uint32(0); start <= len(subject); {
		found, err := s.find(start, options|extra)
		if err != nil {
			return err
		}
		if !found {
			if extra == 0 {
				return nil
			}
			start, extra = s.next(start), 0
			continue
		}
		s.offsets(loc)
		if !yield(loc) {
			return nil
		}
		extra = 0
		if loc[0] == loc[1] {
			extra = lib.DPCRE2_NOTEMPTY_ATSTART | lib.DPCRE2_ANCHORED
		}
		start = max(loc[1], start) // \K may set the end before the start
	}
	return nil
}

// search finds one match after another.
type search struct {
	m       *matcher
	code    *code
	data    uintptr
	subject string
}

// next is the start of the character behind the one at pos.
func (s *search) next(pos int) int {
	pos++
	for s.code.utf && pos < len(s.subject) && s.subject[pos]&0xC0 == 0x80 {
		pos++
	}
	return pos
}

func (s *search) find(start int, options uint32) (bool, error) {
	rc := lib.Xpcre2_match_8(s.m.tls, s.code.ptr, s.m.buf, lib.Tsize_t(len(s.subject)), lib.Tsize_t(start), options, s.data, s.m.context)
	switch rc {
	case lib.DPCRE2_ERROR_NOMATCH:
		return false, nil
	case lib.DPCRE2_ERROR_CALLOUT:
		return false, &RegexpLimit{Text: "it took too long"}
	}
	if rc < 0 {
		return false, &RegexpLimit{Text: errorText(s.m.tls, rc)}
	}
	return true, nil
}

func (s *search) offsets(loc []int) {
	vector := unsafe.Slice((*lib.Tsize_t)(at(lib.Xpcre2_get_ovector_pointer_8(s.m.tls, s.data))), len(loc))
	for i, v := range vector {
		loc[i] = int(v)
		if v == ^lib.Tsize_t(0) {
			loc[i] = -1
		}
	}
}
