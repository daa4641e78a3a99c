package lpattern

import "testing"

// TestClasses compares the bits with C's predicates, written out.
func TestClasses(t *testing.T) {
	between := func(c, from, to byte) bool { return from <= c && c <= to }
	alpha := func(c byte) bool { return between(c, 'a', 'z') || between(c, 'A', 'Z') }
	digit := func(c byte) bool { return between(c, '0', '9') }
	predicates := map[byte]func(c byte) bool{
		'a': alpha, 'd': digit,
		'c': func(c byte) bool { return c < 32 || c == 127 },
		'l': func(c byte) bool { return between(c, 'a', 'z') },
		'u': func(c byte) bool { return between(c, 'A', 'Z') },
		'w': func(c byte) bool { return alpha(c) || digit(c) },
		'p': func(c byte) bool { return between(c, 33, 126) && !alpha(c) && !digit(c) },
		's': func(c byte) bool { return c == ' ' || between(c, 9, 13) },
		'x': func(c byte) bool { return digit(c) || between(c, 'a', 'f') || between(c, 'A', 'F') },
		'z': func(c byte) bool { return c == 0 },
	}
	for class, in := range predicates {
		var set, complement charSet
		set.addClass(class)
		complement.addClass(class &^ 0x20)
		for i := range 256 {
			c := byte(i)
			if set.has(c) != in(c) || complement.has(c) == in(c) || inClass(c, class) != in(c) || inClass(c, class&^0x20) == in(c) {
				t.Errorf("%%%c of %d", class, c)
			}
		}
	}
	for _, class := range []byte("egyE.[%\x00\xff") {
		var set charSet
		set.addClass(class)
		for i := range 256 {
			if c := byte(i); set.has(c) != (c == class) || inClass(c, class) != (c == class) {
				t.Errorf("%%%c of %d", class, c)
			}
		}
	}
}
