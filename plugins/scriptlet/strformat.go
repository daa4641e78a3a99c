package scriptlet

import (
	"bytes"
	"fmt"
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/api"
)

// formatter is one call of string.format.
type formatter struct {
	L   *lua.LState
	buf []byte
	arg int
}

// strFormat is Lua 5.1's: C's conversions, and an error where an argument is
// not what its conversion needs.
func (in *interpreter) strFormat(L *lua.LState) int {
	format := checkString(L, 1)
	f := formatter{L: L, arg: 1}
	r := threadOf(L).run
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			f.buf = append(f.buf, format[i])
			continue
		}
		i++
		if i < len(format) && format[i] == '%' {
			f.buf = append(f.buf, '%')
			continue
		}
		i += f.conversion(format[i:])
		if len(f.buf) > in.limits.text() {
			raisef(L, "resulting string too large")
		}
		r.spend(L, 10)
	}
	r.spend(L, len(f.buf)/16)
	L.Push(lua.LString(f.buf))
	return 1
}

// conversion writes one conversion, and gives how far its letter is.
func (f *formatter) conversion(s string) int {
	if f.arg++; f.arg > f.L.GetTop() {
		argError(f.L, f.arg, "no value")
	}
	flags := len(s) - len(strings.TrimLeft(s, "-+ #0"))
	if flags > 5 {
		raisef(f.L, "invalid format (repeated flags)")
	}
	end := flags + digits(s[flags:])
	if end < len(s) && s[end] == '.' {
		end += 1 + digits(s[end+1:])
	}
	if end < len(s) && '0' <= s[end] && s[end] <= '9' {
		raisef(f.L, "invalid format (width or precision too long)")
	}
	if end >= len(s) {
		raisef(f.L, "%s", "invalid option '%' to 'format'")
	}
	f.write(s[:end], s[end])
	return end
}

// digits is how many of at most two digits s begins with.
func digits(s string) int {
	n := 0
	for n < 2 && n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

func (f *formatter) write(spec string, letter byte) {
	switch letter {
	case 'd', 'i':
		f.signed(spec)
	case 'u', 'o', 'x', 'X':
		f.unsigned(spec, letter)
	case 'e', 'E', 'f', 'g', 'G':
		f.float(spec, letter)
	case 'c':
		f.character(spec, byte(f.number()))
	case 's':
		f.cText(spec, f.text())
	case 'q':
		f.quote(f.text())
	default:
		raisef(f.L, "invalid option '%%%c' to 'format'", letter)
	}
}

// signed: 0 with a precision of 0 has no digit, but a sign.
func (f *formatter) signed(spec string) {
	v := truncate(f.number())
	width, precision, dot := strings.Cut(spec, ".")
	if v != 0 || !dot || decimal(precision) != 0 {
		f.buf = fmt.Appendf(f.buf, "%"+spec+"d", v)
		return
	}
	sign := ""
	if strings.Contains(width, "+") {
		sign = "+"
	} else if strings.Contains(width, " ") {
		sign = " "
	}
	f.pad(width, sign)
}

// unsigned knows no sign and no blank for one, and writes no 0x before a 0.
func (f *formatter) unsigned(spec string, letter byte) {
	v := uint64(truncate(f.number()))
	spec = strings.Map(func(r rune) rune {
		if r == '+' || r == ' ' || r == '#' && (letter == 'u' || v == 0 && letter != 'o') {
			return -1
		}
		return r
	}, spec)
	if letter == 'u' {
		letter = 'd'
	}
	f.buf = fmt.Appendf(f.buf, "%"+spec+string(letter), v)
}

// truncate is a C cast to a 64-bit integer.
func truncate(v float64) int64 {
	if v >= -(1<<63) && v < 1<<63 {
		return int64(v)
	}
	if v >= 1<<63 && v < 1<<64 {
		return int64(uint64(v))
	}
	return math.MinInt64
}

func (f *formatter) number() float64 { return checkNumber(f.L, f.arg) }

// text is a string argument. A native object that knows its text is taken too,
// where the original would raise.
func (f *formatter) text() string {
	v := f.L.Get(f.arg)
	if !lua.LVCanConvToString(v) && v.Type() != lua.LTUserData {
		typeError(f.L, f.arg, "string")
	}
	return api.Text(f.L, v)
}

func (f *formatter) float(spec string, letter byte) {
	v := f.number()
	if !math.IsNaN(v) && !math.IsInf(v, 0) {
		if !strings.Contains(spec, ".") {
			spec += ".6" // Go's %g would write as many digits as there are
		}
		f.finite(spec, letter, v)
		return
	}
	text := "nan"
	switch {
	case math.IsInf(v, -1):
		text = "-inf"
	case math.IsInf(v, 1) && strings.Contains(spec, "+"):
		text = "+inf"
	case math.IsInf(v, 1):
		text = "inf"
	}
	width, _, _ := strings.Cut(spec, ".")
	f.pad(strings.ReplaceAll(width, "0", ""), text)
}

// finite: of %#.0e and the like Go makes something else than C, which only
// writes the dot.
func (f *formatter) finite(spec string, letter byte, v float64) {
	width, precision, _ := strings.Cut(spec, ".")
	if !strings.Contains(spec, "#") || strings.ContainsRune("gG", rune(letter)) {
		f.buf = fmt.Appendf(f.buf, "%"+spec+string(letter), v)
		return
	}
	flags := width[:len(width)-len(strings.TrimLeft(width, "-+ #0"))]
	text := fmt.Sprintf("%"+strings.Trim(flags, "-#0")+"."+precision+string(letter), v)
	if decimal(precision) == 0 {
		mantissa, exponent, _ := strings.Cut(text, string(letter))
		text = mantissa + "." + text[len(text)-len(exponent):]
		if exponent != "" {
			text = mantissa + "." + string(letter) + exponent
		}
	}
	f.pad(width, text)
}

// pad writes text with the width and precision of spec, in bytes.
func (f *formatter) pad(spec, text string) {
	left := strings.Contains(spec, "-")
	width, precision, cut := strings.Cut(strings.TrimLeft(spec, "-+ #0"), ".")
	if n := decimal(precision); cut && n < len(text) {
		text = text[:n]
	}
	fill := strings.Repeat(" ", max(decimal(width)-len(text), 0))
	if left {
		f.buf = append(append(f.buf, text...), fill...)
		return
	}
	f.buf = append(append(f.buf, fill...), text...)
}

// cText ends at a zero byte, as C's strings do, unless it is so long that Lua 5.1
// does not give it to sprintf.
func (f *formatter) cText(spec, text string) {
	if len(text) < 100 || strings.Contains(spec, ".") {
		text, _, _ = strings.Cut(text, "\x00")
	} else {
		spec = ""
	}
	f.pad(spec, text)
}

// character is %c. A zero byte ends what sprintf has written.
func (f *formatter) character(spec string, c byte) {
	before := len(f.buf)
	f.pad(spec, string([]byte{c}))
	if i := bytes.IndexByte(f.buf[before:], 0); c == 0 && i >= 0 {
		f.buf = f.buf[:before+i]
	}
}

func decimal(s string) int {
	n := 0
	for _, c := range []byte(s) {
		n = 10*n + int(c-'0')
	}
	return n
}

// quote writes text as a Lua string that reads back as the same.
func (f *formatter) quote(text string) {
	f.buf = append(f.buf, '"')
	for _, c := range []byte(text) {
		switch c {
		case '"', '\\', '\n':
			f.buf = append(f.buf, '\\', c)
		case '\r':
			f.buf = append(f.buf, `\r`...)
		case 0:
			f.buf = append(f.buf, `\000`...)
		default:
			f.buf = append(f.buf, c)
		}
	}
	f.buf = append(f.buf, '"')
}
