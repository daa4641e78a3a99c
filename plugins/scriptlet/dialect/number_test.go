package dialect

import (
	"math"
	"strings"
	"testing"
)

func TestParseNumber(t *testing.T) {
	none := math.Copysign(0, -1) // stands for "no number"
	for s, want := range map[string]float64{
		"0": 0, "10": 10, "010": 8, "0660": 432, "-010": -8, "+010": 10, " 010": 10, "08": none, "09": none, "019": none,
		"0x1F": 31, "0X1f": 31, "-0x10": -16, "+0x10": 16, " 0x10 ": 16, "0x": none, "0xg": none, "0x1p4": none, " 0x1p4": 16,
		"0.5": 0.5, "-0.5": -0.5, ".5": 0.5, "5.": 5, "0e1": none, "1e2": 100, "1E+2": 100, "1e-2": 0.01, "1e": none, "1e999": math.Inf(1),
		"": none, " ": none, "abc": none, "1a": none, "1 2": none, " 7 ": 7, "7\n": 7, "010 ": 8, "- 1": none, "--1": none, "1_000": none, "0_1": none, "0b11": none,
		"0o17": none, "inf": math.Inf(1), "-inf": math.Inf(-1), "Infinity": math.Inf(1), "0x7fffffffffffffff": math.MaxInt64,
		"0xffffffffffffffffff": math.MaxInt64, "12\x00junk": 12, "00": 0, "000017": 15, "+-1": none, "+": none, ".": none, "+0x": none, "0x_1": none,
	} {
		got, ok := ParseNumber(s)
		if !ok {
			got = none
		}
		if got != want || math.Signbit(got) != math.Signbit(want) {
			t.Errorf("ParseNumber(%q) = %v %v, want %v", s, got, ok, want)
		}
	}
	if v, ok := ParseNumber("nan"); !ok || v == v {
		t.Errorf("nan is %v %v", v, ok)
	}
}

func TestNumberText(t *testing.T) {
	for want, v := range map[string]float64{
		"0": 0, "1": 1, "-1": -1, "0.1": 0.1, "0.3": 0.1 + 0.2, "0.33333333333333": 1. / 3, "1e+15": 1e15, "1e+14": 1e14, "99999999999999": 99999999999999,
		"1.2345678901234e+17": 123456789012340000, "1e+100": 1e100, "1e-05": 1e-5, "0.0001": 0.0001, "inf": math.Inf(1), "-inf": math.Inf(-1), "nan": math.NaN(),
		"-0": math.Copysign(0, -1), "3.1415926535898": math.Pi, "123456.789": 123456.789,
	} {
		if got := NumberText(v); got != want {
			t.Errorf("NumberText(%v) = %s, want %s", v, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	hooks := []string{"validate_connect", "validate_ehlo", "validate_data", "validate_data_spool", "core_final_validation"}
	for name, want := range map[string]string{
		"validate_conect": "validate_connect", "validate_helo": "validate_ehlo", "Validate_Data": "validate_data", "validate_dataspool": "validate_data_spool",
		"core_finalvalidation": "core_final_validation", "validate_domain": "", "trim": "", "helper": "", "": "",
	} {
		if got := nearest(name, hooks); got != want {
			t.Errorf("nearest(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestAppendUTF8(t *testing.T) {
	for v, want := range map[uint32]string{
		0: "\x00", 0x7f: "\x7f", 0x80: "\xc2\x80", 0x7ff: "\xdf\xbf", 0x800: "\xe0\xa0\x80", 0xffff: "\xef\xbf\xbf", 0x10000: "\xf0\x90\x80\x80",
		0x1fffff: "\xf7\xbf\xbf\xbf", 0x200000: "\xf8\x88\x80\x80\x80", 0x3ffffff: "\xfb\xbf\xbf\xbf\xbf", 0x4000000: "\xfc\x84\x80\x80\x80\x80", 0x7fffffff: "\xfd\xbf\xbf\xbf\xbf\xbf",
	} {
		if got := string(appendUTF8(nil, v)); got != want {
			t.Errorf("%#x is %x, want %x", v, got, want)
		}
	}
}

func TestTokens(t *testing.T) {
	l := newLexer("a..b ... ~= != == <= >= << >> ^^ ^ ~ ! \\ & | [[x\ny]] 0x1F 'q' -- c\nend")
	var kinds []string
	for {
		tok := l.next()
		kinds = append(kinds, tok.kind.text())
		if tok.kind == tEOF {
			break
		}
	}
	want := `<name> .. <name> ... ~= ~= == <= >= << >> ^^ ^ ~ ! \ & | <string> <number> <string> end <eof>`
	if got := strings.Join(kinds, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
