package scriptlet

import (
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
			L.RaiseError("resulting string too large")
		}
		r.spend(L, 10)
	}
	r.spend(L, len(f.buf)/16)
	L.Push(lua.LString(f.buf))
	return 1
}

// conversion writes one conversion, and gives how far its letter is.
func (f *formatter) conversion(s string) int {
	flags := len(s) - len(strings.TrimLeft(s, "-+ #0"))
	if flags > 5 {
		f.L.RaiseError("invalid format (repeated flags)")
	}
	end := flags + digits(s[flags:])
	if end < len(s) && s[end] == '.' {
		end += 1 + digits(s[end+1:])
	}
	if end-flags > 5 || end < len(s) && '0' <= s[end] && s[end] <= '9' {
		f.L.RaiseError("invalid format (width or precision too long)")
	}
	if end >= len(s) {
		f.L.RaiseError("%s", "invalid option '%' to 'format'")
	}
	f.arg++
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
		f.buf = fmt.Appendf(f.buf, "%"+spec+"d", truncate(f.number()))
	case 'u':
		f.buf = fmt.Appendf(f.buf, "%"+spec+"d", uint64(truncate(f.number())))
	case 'o', 'x', 'X':
		f.buf = fmt.Appendf(f.buf, "%"+spec+string(letter), uint64(truncate(f.number())))
	case 'e', 'E', 'f', 'g', 'G':
		f.float(spec, letter)
	case 'c':
		f.pad(spec, string([]byte{byte(f.number())}))
	case 's':
		f.pad(spec, f.text())
	case 'q':
		f.quote(f.text())
	default:
		f.L.RaiseError("invalid option '%%%c' to 'format'", letter)
	}
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
		f.buf = fmt.Appendf(f.buf, "%"+spec+string(letter), v)
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
