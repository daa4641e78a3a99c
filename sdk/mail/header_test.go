package mail

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sample = "Received: from a\r\n\tby b; today\r\nSubject: one\r\nX-A: 1\r\nx-a : 2\r\nTo: <t@x.test>\r\n"

func TestEdits(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func() []byte
		want string
	}{
		{"replace", func() []byte { return ReplaceHeader([]byte(sample), "X-A", []string{"n"}) },
			"Received: from a\r\n\tby b; today\r\nSubject: one\r\nX-A: n\r\nTo: <t@x.test>\r\n"},
		{"replace by two", func() []byte { return ReplaceHeader([]byte(sample), "subject", []string{"n", "m"}) },
			"Received: from a\r\n\tby b; today\r\nsubject: n\r\nsubject: m\r\nX-A: 1\r\nx-a : 2\r\nTo: <t@x.test>\r\n"},
		{"replace absent", func() []byte { return ReplaceHeader([]byte(sample), "X-B", []string{"n"}) }, sample + "X-B: n\r\n"},
		{"set", func() []byte { return SetHeader([]byte(sample), "X-A", []string{"n", "m"}) },
			"Received: from a\r\n\tby b; today\r\nSubject: one\r\nTo: <t@x.test>\r\nX-A: n\r\nX-A: m\r\n"},
		{"set absent", func() []byte { return SetHeader([]byte(sample), "X-B", []string{"n"}) }, sample + "X-B: n\r\n"},
		{"set to nothing", func() []byte { return SetHeader([]byte(sample), "received", nil) }, "Subject: one\r\nX-A: 1\r\nx-a : 2\r\nTo: <t@x.test>\r\n"},
		{"set a bad name", func() []byte { return SetHeader([]byte(sample), "x-a ", []string{"n"}) }, sample},
		{"prepend", func() []byte { return PrependHeader([]byte(sample), "X-A", []string{"n", "m"}) }, "X-A: n\r\nX-A: m\r\n" + sample},
		{"append", func() []byte { return AppendHeader([]byte(sample), "X-A", []string{"n"}) }, sample + "X-A: n\r\n"},
		{"delete", func() []byte { return DeleteHeader([]byte(sample), "x-a") },
			"Received: from a\r\n\tby b; today\r\nSubject: one\r\nTo: <t@x.test>\r\n"},
		{"delete folded", func() []byte { return DeleteHeader([]byte(sample), "RECEIVED") },
			"Subject: one\r\nX-A: 1\r\nx-a : 2\r\nTo: <t@x.test>\r\n"},
		{"empty value", func() []byte { return AppendHeader(nil, "X", []string{""}) }, "X:\r\n"},
		{"bad name", func() []byte { return AppendHeader([]byte("A: b\r\n"), "X\r\nY", []string{"v"}) }, "A: b\r\n"},
		{"no line end before", func() []byte { return AppendHeader([]byte("A: b"), "X", []string{"v"}) }, "A: b\r\nX: v\r\n"},
		{"injection", func() []byte { return AppendHeader(nil, "X", []string{"a\r\nBcc: b\rc\nd\x00e"}) }, "X: a Bcc: b c d e\r\n"},
		{"folded argument", func() []byte { return AppendHeader(nil, "X", []string{"a\r\n b"}) }, "X: a b\r\n"},
	} {
		if got := string(c.do()); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestEditLeavesItsArgument(t *testing.T) {
	raw := append(make([]byte, 0, 4096), sample...)
	ReplaceHeader(raw, "X-A", []string{"a longer value than before"})
	AppendHeader(raw, "X-New", []string{"v"})
	if string(raw) != sample || string(raw[:len(raw)+10][len(raw):]) != strings.Repeat("\x00", 10) {
		t.Error("the argument was written into")
	}
}

func TestHeader(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for _, c := range []struct {
		section, name string
		want          []string
	}{
		{sample, "x-A", []string{"1", "2"}},
		{sample, "received", []string{"from a\tby b; today"}},
		{sample, "Date", nil},
		{"From me@x Mon Jan 1 10:00:00 2000\r\nSubject: a\r\n", "from me@x mon jan 1 10", nil},
		{">From x: y\r\nFrom: me\r\n", "From", []string{"me"}},
		{"no colon here\r\nSubject: a\r\n", "Subject", []string{"a"}},
		{"Subject: a\n b\nTo: c\n", "Subject", []string{"a b"}},
		{"Subject: a\n b\nTo: c\n", "To", []string{"c"}},
		{"Subject: a\rTo: b\r\n", "Subject", []string{"a\rTo: b"}},
		{"Subject:\r\n", "Subject", []string{""}},
		{"Subject", "Subject", nil},
		{": v\r\n", "", nil},
		{"\tfirst\r\nA: b\r\n", "A", []string{"b"}},
		{"X: " + long + "\r\n", "X", []string{long}},
		{"X: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= =?iso-8859-1?Q?_caf=E9?=\r\n", "X", []string{"Grüße café"}},
		{"X: \xfcber\r\n", "X", []string{"über"}},
	} {
		if diff := cmp.Diff(c.want, Header([]byte(c.section), c.name)); diff != "" {
			t.Errorf("Header(%.40q, %q): %s", c.section, c.name, diff)
		}
	}
}

func TestRawHeaderDoesNotDecode(t *testing.T) {
	got := RawHeader([]byte("X: =?utf-8?q?a?=\r\n"), "x")
	if diff := cmp.Diff([]string{"=?utf-8?q?a?="}, got); diff != "" {
		t.Error(diff)
	}
}

func TestSplitMessage(t *testing.T) {
	for _, c := range []struct{ raw, section, body string }{
		{"A: b\r\n\r\nbody", "A: b\r\n", "body"},
		{"A: b\n\nbody\n\n", "A: b\n", "body\n\n"},
		{"\r\nbody", "", "body"},
		{"A: b\r\n", "A: b\r\n", ""},
		{"A: b", "A: b", ""},
		{"", "", ""},
		{"A: b\r\n \r\nC: d\r\n\r\n\r\nx", "A: b\r\n \r\nC: d\r\n", "\r\nx"},
	} {
		section, body := SplitMessage([]byte(c.raw))
		if string(section) != c.section || string(body) != c.body {
			t.Errorf("SplitMessage(%q) = %q, %q", c.raw, section, body)
		}
	}
}

func TestFold(t *testing.T) {
	value := strings.TrimSpace(strings.Repeat("word  and\tmore ", 40))
	out := string(AppendHeader(nil, "Subject", []string{value}))
	for _, line := range strings.Split(strings.TrimSuffix(out, "\r\n"), "\r\n") {
		if len(line) > foldColumn || strings.Trim(line, " \t") == "" {
			t.Errorf("line of %d: %q", len(line), line)
		}
	}
	if got := Header([]byte(out), "Subject")[0]; got != value {
		t.Errorf("folding changed the value: %q", got)
	}
	word := strings.Repeat("w", 300)
	if got := string(AppendHeader(nil, "X", []string{word})); got != "X: "+word+"\r\n" {
		t.Errorf("a word was cut: %q", got)
	}
}

func TestEncodedHeaderLines(t *testing.T) {
	for _, value := range []string{
		"Grüße aus Köln", strings.Repeat("日本語", 60), "Re: " + strings.Repeat("é ", 100) + "end",
		"plain then ünicode then plain", `"Smith, Jörg" and more`, "tab\tü\tü",
	} {
		out := string(AppendHeader(nil, "Subject", []string{value}))
		if !isASCII(out) {
			t.Errorf("%q is not ASCII", out)
		}
		for _, line := range strings.Split(strings.TrimSuffix(out, "\r\n"), "\r\n") {
			if len(line) > 76 { // RFC 2047 §2
				t.Errorf("line of %d: %q", len(line), line)
			}
		}
		if got := Header([]byte(out), "Subject")[0]; got != value {
			t.Errorf("got %q, want %q", got, value)
		}
	}
}

func TestEncodedAddressFields(t *testing.T) {
	for _, c := range []struct{ value, want string }{
		{"Jörg <j@x.test>", "From: =?utf-8?q?J=C3=B6rg?= <j@x.test>\r\n"},
		{`"Smith, Jörg" <j@x.test>`, "From: =?utf-8?q?=22Smith=2C_J=C3=B6rg=22?= <j@x.test>\r\n"},
		{`"Jörg"<j@x.test>`, "From: =?utf-8?q?=22J=C3=B6rg=22?= <j@x.test>\r\n"},
		{"<jörg@x.test>", "From: <jörg@x.test>\r\n"},
		{"A <a@x.test>, Ü <u@x.test>", "From: A <a@x.test>, =?utf-8?q?=C3=9C?= <u@x.test>\r\n"},
	} {
		if got := string(AppendHeader(nil, "From", []string{c.value})); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
