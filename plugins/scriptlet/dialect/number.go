package dialect

import (
	"math"
	"strconv"
	"strings"
)

// ParseNumber reads a numeric string as the original does: octal and
// hexadecimal where a 0 (after an optional minus) is not followed by a dot,
// decimal otherwise, white space allowed around it. So "010" is 8, and "08",
// "0e1" and "" are no numbers (thrlua, luaO_str2d).
func ParseNumber(s string) (float64, bool) {
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i] // the original reads a C string
	}
	digits := strings.TrimPrefix(s, "-")
	if len(digits) > 0 && digits[0] == '0' && (len(digits) == 1 || digits[1] != '.') {
		return parseInteger(strings.TrimRight(digits, space), digits != s)
	}
	return parseFloat(strings.Trim(s, space))
}

const space = " \t\n\v\f\r"

// parseInteger is strtol with base 0: it stops at the first byte that is no
// digit, and the original then finds trailing characters. It saturates.
func parseInteger(digits string, negative bool) (float64, bool) {
	base := 8
	if len(digits) > 1 && (digits[1] == 'x' || digits[1] == 'X') {
		base, digits = 16, digits[2:]
	}
	n, err := strconv.ParseUint(digits, base, 64)
	if err != nil && !outOfRange(err) {
		return 0, false
	}
	if strings.ContainsRune(digits, '_') {
		return 0, false
	}
	if n > math.MaxInt64 {
		n = math.MaxInt64
	}
	if negative {
		return -float64(n), true
	}
	return float64(n), true
}

// parseFloat is strtod: what Go's parser takes and C's does not is refused.
func parseFloat(s string) (float64, bool) {
	if strings.ContainsAny(s, "_pPxX") {
		return hexFloat(s)
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil && !outOfRange(err) {
		return 0, false
	}
	return v, true
}

// hexFloat is strtod on "+0x10", where the sign or a space keeps the octal rule off.
func hexFloat(s string) (float64, bool) {
	body := strings.TrimLeft(s, "+-")
	if len(s)-len(body) > 1 || strings.Contains(s, "_") || len(body) < 3 || body[0] != '0' || body[1]|0x20 != 'x' {
		return 0, false
	}
	if !strings.ContainsAny(s, "pP") {
		s += "p0" // Go wants the exponent, C does not
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil && !outOfRange(err) {
		return 0, false
	}
	return v, true
}

func outOfRange(err error) bool {
	e, ok := err.(*strconv.NumError)
	return ok && e.Err == strconv.ErrRange
}

// NumberText writes a number as the original does in tostring, print and `..`:
// C's "%.14g", with inf and nan.
func NumberText(v float64) string {
	var buf [32]byte
	return string(appendNumber(buf[:0], v))
}

func appendNumber(b []byte, v float64) []byte {
	switch {
	case v != v:
		return append(b, "nan"...)
	case math.IsInf(v, 1):
		return append(b, "inf"...)
	case math.IsInf(v, -1):
		return append(b, "-inf"...)
	case v == math.Trunc(v) && math.Abs(v) < 1e14 && (v != 0 || !math.Signbit(v)):
		return strconv.AppendInt(b, int64(v), 10)
	}
	return strconv.AppendFloat(b, v, 'g', 14, 64)
}

// numeral is the value of a numeral as the compiler reads it back.
func numeral(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
