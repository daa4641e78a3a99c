package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func table() *Table {
	return &Table{
		Commands: []Command{
			{Name: "config reload", Help: "Read the configuration again.", Run: func(_ context.Context, c *Call) error {
				fmt.Fprintf(c, "args %q\n", c.Args)
				return errors.New("Reconfigure failed")
			}},
			{Name: "config", Help: "Configuration.", Run: func(_ context.Context, c *Call) error { return fmt.Errorf("%w: which?", ErrUsage) }},
			{Name: "big", Help: "A long reply.", Run: func(_ context.Context, c *Call) error {
				_, err := c.Write(bytes.Repeat([]byte("0123456789"), 20000))
				return err
			}},
		},
		Further: func(_ context.Context, words []string) (string, bool, error) {
			return "from a script: " + strings.Join(words, "|"), words[0] == "hello", nil
		},
		FurtherNames: func() []string { return []string{"hello"} },
	}
}

func serve(t *testing.T) (*Console, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "control")
	s := &Server{Table: table()}
	if err := s.Listen([]Listen{{Addr: path}}); err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.Stop)
	c, err := Dial(path, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, path
}

func TestCommands(t *testing.T) {
	c, _ := serve(t)
	for _, tc := range []struct {
		words []string
		reply string
		err   error
	}{
		{[]string{"config", "reload", "a b"}, "args [\"a b\"]\nReconfigure failed\n", ErrRefused},
		{[]string{"config:config1", "reload"}, "args []\nReconfigure failed\n", ErrRefused},
		{[]string{"CONFIG", "Reload"}, "args []\nReconfigure failed\n", ErrRefused},
		{[]string{"config"}, "usage: which?\nusage: config \n", ErrRefused},
		{[]string{"hello", "you"}, "from a script: hello|you\n", nil},
		{[]string{"confg", "reload"}, "unknown command \"confg reload\"; did you mean \"config reload\"?\n", ErrRefused},
		{nil, "", nil},
	} {
		var out bytes.Buffer
		err := c.Run(tc.words, &out)
		if out.String() != tc.reply || !errors.Is(err, tc.err) {
			t.Errorf("%q: %q, %v; want %q, %v", tc.words, out.String(), err, tc.reply, tc.err)
		}
	}
}

func TestHelpAndNames(t *testing.T) {
	c, _ := serve(t)
	var out bytes.Buffer
	if err := c.Run([]string{"help"}, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"config reload", "Read the configuration again.", "hello"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("help lacks %q:\n%s", want, out.String())
		}
	}
	out.Reset()
	if err := c.Run([]string{"help", "--names"}, &out); err != nil || out.String() != "big\nconfig\nconfig reload\nhello\nhelp\n" {
		t.Errorf("names %q %v", out.String(), err)
	}
}

func TestHelpAsLastWord(t *testing.T) {
	table := &Table{Commands: []Command{{Name: "counter list", Help: "List them."}, {Name: "mailq", Help: "Show the queues."}}}
	var out bytes.Buffer
	if err := table.Run(context.Background(), []string{"counter", "help"}, &Call{Writer: &out}); err != nil || !strings.Contains(out.String(), "List them.") || strings.Contains(out.String(), "mailq") {
		t.Errorf("%v\n%s", err, out.String())
	}
	if err := table.Run(context.Background(), []string{"zip", "help"}, &Call{Writer: &out}); err == nil {
		t.Error("help on nothing is no error")
	}
}

func TestLongReply(t *testing.T) {
	c, _ := serve(t)
	var out bytes.Buffer
	if err := c.Run([]string{"big"}, &out); err != nil || out.Len() != 200000 {
		t.Errorf("%d bytes, %v", out.Len(), err)
	}
}

func TestSocketOwnershipAndReuse(t *testing.T) {
	c, path := serve(t)
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o660 {
		t.Fatalf("mode %v %v", st.Mode(), err)
	}
	second := &Server{Table: table()}
	if err := second.Listen([]Listen{{Addr: path}}); err == nil {
		second.Stop()
		t.Fatal("a second server took a socket that answers")
	}
	if err := c.Run([]string{"hello"}, &bytes.Buffer{}); err != nil {
		t.Fatalf("the first server suffered: %v", err)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	s := &Server{Table: table()}
	if err := s.Listen([]Listen{{Addr: path}}); err != nil {
		t.Fatal(err)
	}
	s.Stop()
}

func TestSplitWords(t *testing.T) {
	for line, want := range map[string][]string{
		`config reload`:          {"config", "reload"},
		`  a  "b c" 'd "e' f\ g`: {"a", "b c", `d "e`, "f g"},
		`""`:                     {""},
		``:                       nil,
	} {
		if got, err := SplitWords(line); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q %v", line, got, err)
		}
	}
	if _, err := SplitWords(`a "b`); err == nil {
		t.Error("an open quote must be an error")
	}
}

func FuzzSplitWords(f *testing.F) {
	f.Add(`a "b c" 'd' \e`)
	f.Fuzz(func(t *testing.T, line string) {
		words, err := SplitWords(line)
		if err == nil && len(words) > len(line) {
			t.Errorf("%d words from %d bytes", len(words), len(line))
		}
	})
}
