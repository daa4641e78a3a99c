package mail

import (
	"strings"
	"testing"
)

func TestDecodeWords(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"plain", "plain"},
		{"=?utf-8?q?a?=", "a"},
		{"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"}, // RFC 2047 §8
		{"=?utf-8?q?a?=  \t =?iso-8859-1?q?b?=", "ab"},
		{"(=?ISO-8859-1?Q?a?= b)", "(a b)"},
		{"x =?utf-8?q?a?= y", "x a y"},
		{"=?utf-8?q?a?= ", "a "},
		{"=?ISO-8859-1?Q?a_b?=", "a b"},
		{"=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße"},
		{"=?UTF-8?B?R3LDvMOfZQ?=", "Grüße"},
		{"=?utf-8?b?w?= =?utf-8?b?7w=?=", "\uFFFD"},
		{"=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "ü"},
		{"=?iso-2022-jp?B?GyRCJDMkcyRLJEEkTxsoQg==?=", "こんにちは"},
		{"=?gb2312?B?xOO6ww==?=", "你好"},
		{"=?windows-1251?Q?=CF=F0?=", "Пр"},
		{"=?utf-8*en?q?a?=", "a"},
		{"=?nonsense?q?a?=", "=?nonsense?q?a?="},
		{"=?utf-8?x?a?=", "=?utf-8?x?a?="},
		{"=?utf-8?q?a", "=?utf-8?q?a"},
		{"=?utf-8?q?two words?=", "two words"},
		{"=?utf-8?q??=", ""},
		{"=?=?utf-8?q?a?=", "=?a"},
		{"=?", "=?"},
		{"a=?utf-8?q?b?=c", "abc"},
		{"caf\xe9", "café"},
	} {
		if got := DecodeWords(c.in); got != c.want {
			t.Errorf("DecodeWords(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestEncodeWords(t *testing.T) {
	if got := EncodeWords("only ASCII"); got != "only ASCII" {
		t.Errorf("got %q", got)
	}
	for _, s := range []string{"ü", "a ü b", "ü ü", "日本語 日本語", "x\xe9"} {
		got := EncodeWords(s)
		if !isASCII(got) || DecodeWords(got) != toUTF8(s) {
			t.Errorf("EncodeWords(%q) = %q", s, got)
		}
	}
}

func TestDecodeWordsIsLinear(t *testing.T) {
	for _, piece := range []string{"=?", "=?a?", "=?utf-8?q?", "=?=?a?b?", `\"`} {
		in := strings.Repeat(piece, 50000)
		DecodeWords(in)
		splitWords(in, true)
		ParseAddresses(in)
		ParseParams(in)
	}
}

func FuzzDecodeWords(f *testing.F) {
	for _, s := range []string{"=?utf-8?q?a_=41?= =?utf-8?b?YQ==?=", "=?gb2312?B?xOO6ww==?=", "=?=?=?", "a\xff=?x?q??="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := DecodeWords(s); toUTF8(got) != got {
			t.Errorf("DecodeWords(%q) = %q is not UTF-8", s, got)
		}
		if clean := cleanValue(s); !strings.Contains(clean, "=?") {
			if got := DecodeWords(EncodeWords(clean)); got != clean {
				t.Errorf("round trip of %q gave %q", clean, got)
			}
		}
	})
}
