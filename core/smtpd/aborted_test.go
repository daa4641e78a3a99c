package smtpd

import (
	"strings"
	"testing"
)

func TestTraceText(t *testing.T) {
	for text, want := range map[string]string{
		"from a by b":                           "from a by b",
		"Received: from a\nby b":                "from a\r\n\tby b",
		"received:from a\r\n\tby b\r\n":         "from a\r\n\tby b",
		"from a\r\n\r\nX-Evil: yes\r\n\r\nbody": "from a\r\n\tX-Evil: yes\r\n\tbody",
		"a\x00b\x7f\tc\rd":                      "ab\tc\r\n\td",
		" \r\n ":                                "",
		"received":                              "received",
		strings.Repeat("x", maxTrace+1):         "",
	} {
		if got := traceText(text); got != want {
			t.Errorf("%.40q became %.60q, want %q", text, got, want)
		}
	}
}

// Whatever policy says, it is one header field.
func FuzzTraceText(f *testing.F) {
	f.Add("Received: from a\r\n\r\nbody")
	f.Add("\rX: y\n\n.")
	f.Fuzz(func(t *testing.T, text string) {
		got := traceText(text)
		for _, line := range strings.Split(got, "\r\n")[1:] {
			if len(line) < 2 || line[0] != '\t' {
				t.Errorf("%q has the line %q", got, line)
			}
		}
		if strings.ContainsAny(strings.ReplaceAll(got, "\r\n\t", ""), "\r\n\x00") || len(got) > maxTrace {
			t.Errorf("%q", got)
		}
	})
}
