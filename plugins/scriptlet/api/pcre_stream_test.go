package api

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// pieces reads a text n bytes at a time.
func pieces(text string, n int) func(int64) ([]byte, error) {
	return func(most int64) ([]byte, error) {
		if text == "" {
			return nil, io.EOF
		}
		k := min(n, len(text), int(most))
		out := text[:k]
		text = text[k:]
		return []byte(out), nil
	}
}

// whole and streamed list the matches that Each and Stream find.
func atOnce(re Regexp, text string) (out []string) {
	err := re.Each(text, func(loc []int) bool {
		out = append(out, describe(0, text, loc))
		return true
	})
	return append(out, fmt.Sprint(err))
}

func streamed(re Regexp, text string, n int) (out []string) {
	err := re.Stream(int64(len(text)), pieces(text, n), func(base int64, window string, loc []int) bool {
		out = append(out, describe(int(base), window, loc))
		return true
	})
	return append(out, fmt.Sprint(err))
}

func describe(base int, text string, loc []int) string {
	var b strings.Builder
	for i := 0; i < len(loc); i += 2 {
		if loc[i] < 0 {
			b.WriteString("- ")
			continue
		}
		fmt.Fprintf(&b, "%d:%q ", base+loc[i], text[loc[i]:max(loc[i], loc[i+1])])
	}
	return b.String()
}

var streamPatterns = []string{
	"SECRET", "(?i)secret", `\bo\w+`, `^the`, `(?m)^the (\w+)`, `(?m)\w+$`, `word\r\n\z`, `\Athe`, `(?s)the.*word`, `(?<=the )\w+`,
	`(?<!x)e`, `(\w)\1`, `x*`, `a|b|`, `é+`, `[^a-z\s]+`, `(?P<first>\w)(?:\w*)\r\n`, `\R`, `(?s)E.{5}`, `o(?=v)`, `.\Z`, `$`, `(?:ab)?c|\B`,
	`q\Ku`, `\X`, `(?|(e)|(o))`,
}

var streamTexts = []string{
	"", "the SECRET word\r\nover the quick brown fox\r\nthe word\r\n", "aabbccd\n\nnoon\r\n", "caf\u00e9 \u00e9\u00e9t\u00e9 \U0001f600 x\r\n", strings.Repeat("abc abcc ", 9), "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9",
}

func TestStreamFindsWhatEachFinds(t *testing.T) {
	p := NewPatterns()
	for _, window := range []int{1, 2, 5, 16} {
		p.window = window
		for _, pattern := range streamPatterns {
			re, err := p.Compile(pattern)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range streamTexts {
				want, got := atOnce(re, text), streamed(re, text, 3)
				if strings.Join(want, "\n") != strings.Join(got, "\n") {
					t.Errorf("window %d, %q in %q\ngot  %q\nwant %q", window, pattern, text, got, want)
				}
			}
		}
	}
}

// Where a text is not UTF-8, the library takes each piece between such bytes for
// a subject with ends of its own; a plain search finds the same all the same.
func TestStreamNotUTF8(t *testing.T) {
	p := NewPatterns()
	p.window = 3
	for _, pattern := range []string{"word", `[0-9]+`, `\w+`} {
		re, err := p.Compile(pattern)
		if err != nil {
			t.Fatal(err)
		}
		const text = "caf\xe9 word 12345\xff\xfe78 word\xc3"
		if want, got := atOnce(re, text), streamed(re, text, 3); strings.Join(want, "\n") != strings.Join(got, "\n") {
			t.Errorf("%q\ngot  %q\nwant %q", pattern, got, want)
		}
	}
}

func FuzzStream(f *testing.F) {
	for i, pattern := range streamPatterns {
		f.Add(pattern, streamTexts[i%len(streamTexts)], uint8(i))
	}
	p := NewPatterns()
	p.time = 20 * time.Millisecond
	f.Fuzz(func(t *testing.T, pattern, text string, window uint8) {
		if strings.Contains(pattern, `\G`) || strings.Contains(pattern, "(*") {
			return // they ask where a search began
		}
		re, err := p.Compile(pattern)
		if err != nil || len(text) > 200 || !utf8.ValidString(text) {
			return
		}
		p.window = int(window)%64 + 1
		want, got := atOnce(re, text), streamed(re, text, 7)
		if strings.Contains(want[len(want)-1]+got[len(got)-1], "stopped") {
			return
		}
		if strings.Join(want, "\n") != strings.Join(got, "\n") {
			t.Errorf("window %d, %q in %q\ngot  %q\nwant %q", p.window, pattern, text, got, want)
		}
	})
}

func TestStreamBounds(t *testing.T) {
	p := NewPatterns()
	p.time, p.window = 50*time.Millisecond, 4<<10
	re, err := p.Compile(`(?:x+x+)+[yz]`)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 64<<10)
	var limit *RegexpLimit
	if err := re.Stream(0, pieces(long, 4096), func(int64, string, []int) bool { return true }); !errors.As(err, &limit) {
		t.Errorf("a pattern without end gave %v", err)
	}
	broken := errors.New("the disk")
	err = re.Stream(0, func(int64) ([]byte, error) { return nil, broken }, func(int64, string, []int) bool { return true })
	if !errors.Is(err, broken) {
		t.Errorf("a failing reader gave %v", err)
	}
}
