package lpattern

// charSet is a set of characters, a bit each.
type charSet [4]uint64

func (c *charSet) has(b byte) bool { return c[b>>6]&(1<<(b&63)) != 0 }

func (c *charSet) addRange(from, to byte) {
	for b := int(from); b <= int(to); b++ {
		c[b>>6] |= 1 << (b & 63)
	}
}

// addClass adds what %class matches; a letter that is no class is itself.
func (c *charSet) addClass(class byte) {
	lower := class | 0x20
	set, ok := classSet(lower)
	if !ok || !isLetter(class) {
		c.addRange(class, class)
		return
	}
	for i := range c {
		if class == lower {
			c[i] |= set[i]
		} else {
			c[i] |= ^set[i]
		}
	}
}

// The classes of the C locale, as bits.
const (
	digits  = 0x03ff000000000000
	spaces  = 1<<'\t' | 1<<'\n' | 1<<'\v' | 1<<'\f' | 1<<'\r' | 1<<' '
	control = 0xffffffff
	uppers  = 0x07fffffe
	lowers  = 0x07fffffe << 32
	hexes   = 0x7e | 0x7e<<32
)

// classSet is the set of a class letter in lower case.
func classSet(class byte) (charSet, bool) {
	switch class {
	case 'a':
		return charSet{0, uppers | lowers}, true
	case 'c':
		return charSet{control, 1 << 63}, true
	case 'd':
		return charSet{digits}, true
	case 'l':
		return charSet{0, lowers}, true
	case 'p':
		return charSet{^uint64(digits | control | 1<<' '), ^uint64(uppers | lowers | 1<<63)}, true
	case 's':
		return charSet{spaces}, true
	case 'u':
		return charSet{0, uppers}, true
	case 'w':
		return charSet{digits, uppers | lowers}, true
	case 'x':
		return charSet{digits, hexes}, true
	case 'z':
		return charSet{1}, true
	}
	return charSet{}, false
}

// inClass tells whether %class matches c.
func inClass(c, class byte) bool {
	if !isLetter(class) {
		return c == class
	}
	set, ok := classSet(class | 0x20)
	if !ok {
		return c == class
	}
	return set.has(c) == (class&0x20 != 0)
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// setCache keeps the sets of a pattern as bits. A pattern with more goes without.
type setCache struct {
	n    int
	at   [cachedSets]int32
	sets [cachedSets]charSet
	one  charSet
}

const cachedSets = 4

// get is the set that opens at p and ends before end.
func (c *setCache) get(pattern string, p, end int) *charSet {
	for i := range c.n {
		if int(c.at[i]) == p {
			return &c.sets[i]
		}
	}
	set := &c.one
	if c.n < cachedSets {
		c.at[c.n] = int32(p)
		set = &c.sets[c.n]
		c.n++
	}
	*set = parseSet(pattern[p+1 : end-1])
	return set
}

// parseSet reads what is between the brackets.
func parseSet(body string) charSet {
	var set charSet
	negative := len(body) > 0 && body[0] == '^'
	if negative {
		body = body[1:]
	}
	for i := 0; i < len(body); i++ {
		switch {
		case body[i] == '%':
			i++
			if i == len(body) {
				body += "]" // after a range that ends in %, stock Lua reads on
			}
			set.addClass(body[i])
		case i+2 < len(body) && body[i+1] == '-':
			set.addRange(body[i], body[i+2])
			i += 2
		default:
			set.addRange(body[i], body[i])
		}
	}
	if negative {
		for i := range set {
			set[i] = ^set[i]
		}
	}
	return set
}
