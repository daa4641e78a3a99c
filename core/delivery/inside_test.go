package delivery

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/core/message"
)

func TestReadReply(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for in, want := range map[string]string{
		"250 ok\r\n":                       "250|| ok",
		"250 ok\n":                         "250|| ok",
		"250\r\n":                          "250|| ",
		"250 \r\n":                         "250|| ",
		"550 5.1.1 no such user\r\n":       "550|5.1.1| no such user",
		"550 2.1.1 odd\r\n":                "550|| 2.1.1 odd",
		"550-5.1.1 one\r\n550 5.1.1 two\n": "550|5.1.1| one\ntwo",
		"550-5.1.1 one\r\n550 two\r\n":     "550|5.1.1| one\ntwo",
		"250-a\r\n250-\r\n250 b\r\n":       "250|| a\n\nb",
		"220 ta\tb\x01c\xff\r\n":           "220|| ta b c?",
		"199 x\r\n":                        "malformed reply",
		"650 x\r\n":                        "malformed reply",
		"25x x\r\n":                        "malformed reply",
		"25\r\n":                           "malformed reply",
		"250:x\r\n":                        "malformed reply",
		"250-a\r\n251 b\r\n":               "malformed reply",
		"\r\n":                             "malformed reply",
		"":                                 "EOF",
		"250-a\r\n":                        "EOF",
		"250 no end":                       "EOF",
		"250 " + long + "\r\n":             "reply is too long",
		strings.Repeat("250-x\r\n", 200):   "reply is too long",
	} {
		r, err := readReply(bufio.NewReaderSize(strings.NewReader(in), readBuffer))
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = fmt.Sprintf("%d|%s| %s", r.Code, r.Enhanced, r.Text)
		}
		if got != want {
			t.Errorf("%.40q = %q, want %q", in, got, want)
		}
	}
}

func TestReplyTextIsBounded(t *testing.T) {
	in := strings.Repeat("550-"+strings.Repeat("y", 1000)+"\r\n", 100) + "550 end\r\n"
	r, err := readReply(bufio.NewReaderSize(strings.NewReader(in), readBuffer))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(r.Text); n > maxReplyText+maxReplyLines || n < maxReplyText/2 {
		t.Errorf("%d bytes of text were kept", n)
	}
}

func FuzzReply(f *testing.F) {
	for _, in := range []string{"250 ok\r\n", "550-5.1.1 a\r\n550 5.1.1 b\r\n", "250-a\r\n251 b\r\n", "\x00\r\n"} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := readReply(bufio.NewReaderSize(bytes.NewReader(in), readBuffer))
		if err != nil {
			return
		}
		if r.Code < 200 || r.Code > 599 || len(r.Text) > maxReplyText+maxReplyLines {
			t.Fatalf("reply %d with %d bytes", r.Code, len(r.Text))
		}
		if strings.ContainsAny(r.String(), "\r\n\x00") {
			t.Fatalf("control characters in %q", r.String())
		}
		parseExtensions(r)
	})
}

// stuff writes content in pieces of the given sizes.
func stuff(in string, pieces ...int) string {
	var out bytes.Buffer
	w := bufio.NewWriterSize(&out, 16)
	d := stuffer{w: w}
	for _, n := range pieces {
		n = min(n, len(in))
		d.write([]byte(in[:n]))
		in = in[n:]
	}
	d.write([]byte(in))
	d.end()
	w.Flush()
	return out.String()
}

var stuffed = map[string]string{
	"":                               ".\r\n",
	"a\r\n":                          "a\r\n.\r\n",
	"a":                              "a\r\n.\r\n",
	".\r\n":                          "..\r\n.\r\n",
	"a\r\n.\r\nb\r\n":                "a\r\n..\r\nb\r\n.\r\n",
	"a\r\n..b\r\n.c":                 "a\r\n...b\r\n..c\r\n.\r\n",
	"a.b\r\n":                        "a.b\r\n.\r\n",
	"a\nb\n":                         "a\r\nb\r\n.\r\n",
	"a\rb\r":                         "a\r\nb\r\n.\r\n",
	"a\n.\r\nQUIT\r\n":               "a\r\n..\r\nQUIT\r\n.\r\n",
	"a\r.\r\nQUIT\r\n":               "a\r\n..\r\nQUIT\r\n.\r\n",
	"a\r\n.\rQUIT\r\n":               "a\r\n..\r\nQUIT\r\n.\r\n",
	"a\n.\nMAIL FROM:<b@c>\r\n":      "a\r\n..\r\nMAIL FROM:<b@c>\r\n.\r\n",
	"a\r\r\n.\r\n":                   "a\r\n\r\n..\r\n.\r\n",
	"\r\n\r\n":                       "\r\n\r\n.\r\n",
	"\n\r":                           "\r\n\r\n.\r\n",
	"a\x00b\xff\r\n":                 "a\x00b\xff\r\n.\r\n",
	"long line that spans pieces .x": "long line that spans pieces .x\r\n.\r\n",
}

// However the content is cut into pieces, it comes out the same.
func TestStuffer(t *testing.T) {
	for in, want := range stuffed {
		for first := range len(in) + 1 {
			for second := range 3 {
				if got := stuff(in, first, second); got != want {
					t.Errorf("%q cut at %d, %d = %q, want %q", in, first, second, got, want)
				}
			}
		}
	}
}

// Every line ends in CRLF, the lone dot is the last, and undoing the stuffing
// gives the content with its line ends normalised.
func FuzzStuffer(f *testing.F) {
	for in := range stuffed {
		f.Add(in, 1, 2)
	}
	f.Fuzz(func(t *testing.T, in string, a, b int) {
		out := stuff(in, max(0, a), max(0, b))
		body, ok := strings.CutSuffix("\r\n"+out, "\r\n.\r\n")
		if !ok {
			t.Fatalf("%q does not end in a lone dot", out)
		}
		if bare := strings.ReplaceAll(out, "\r\n", ""); strings.ContainsAny(bare, "\r\n") {
			t.Fatalf("bare CR or LF in %q", out)
		}
		if strings.Contains(body, "\r\n.\r\n") || strings.HasSuffix(body, "\r\n.") {
			t.Fatalf("a lone dot inside %q", out)
		}
		want := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(in)
		want = strings.TrimSuffix(want, "\n")
		got := strings.ReplaceAll(strings.ReplaceAll(body, "\r\n.", "\r\n"), "\r\n", "\n")
		if in != "" {
			got = strings.TrimPrefix(got, "\n")
		}
		if got != want {
			t.Fatalf("%q came out as %q", want, got)
		}
	})
}

func TestParseRoutes(t *testing.T) {
	for _, good := range []string{
		"a.example", "a.example:26", "192.0.2.1", "192.0.2.1:26", "[2001:db8::1]", "[2001:db8::1]:26", "2001:db8::1",
		"__mx__", "smtp://a.example", "smtp://192.0.2.1:26/?pref=1", "SMTP://[2001:db8::1]:26?PREF=1&ttl=3&type=A&port=27",
	} {
		if err := CheckRoute(good); err != nil {
			t.Errorf("CheckRoute(%q) = %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "a b", "a.example:", "a.example:0", "a.example:x", "a.example:70000", "[a.example]", "u@a.example",
		"lmtp://a.example", "smtp://a.example/x", "smtp://a.example?pref=x", "smtp://a.example?type=b", "smtp://a.example?colour=red", "smtp://",
	} {
		if err := CheckRoute(bad); !errors.Is(err, errRoute) {
			t.Errorf("CheckRoute(%q) = %v", bad, err)
		}
	}
}

func FuzzRoute(f *testing.F) {
	for _, in := range []string{"a.example:26", "[::1]:26", "smtp://a?pref=1&port=2", "__mx__"} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		r, err := parseRoute(in, "example.com")
		if err == nil && r.kind == routeAddress != r.addr.IsValid() {
			t.Fatalf("%q: %+v", in, r)
		}
	})
}

type stamp int

func (n stamp) stale(now time.Time) bool { return time.Unix(int64(n), 0).Before(now) }

func TestMemoryIsBounded(t *testing.T) {
	var m memory[int, stamp]
	now := time.Unix(100, 0)
	for i := range maxMemory * 2 {
		life := stamp(200)
		if i%2 == 0 {
			life = 50 // stale from the start
		}
		m.update(i, now, func(stamp) stamp { return life })
	}
	if len(m.data) > maxMemory {
		t.Errorf("%d entries", len(m.data))
	}
	if _, ok := m.get(maxMemory*2-1, now); !ok {
		t.Error("the newest entry is gone")
	}
	if _, ok := m.get(maxMemory*2-2, now); ok {
		t.Error("a stale entry was given")
	}
	m.forget(maxMemory*2 - 1)
	if _, ok := m.get(maxMemory*2-1, now); ok {
		t.Error("a forgotten entry was given")
	}
}

type record struct {
	*strings.Reader
	closed *bool
}

func (r record) Close() error { *r.closed = true; return nil }

func TestRecords(t *testing.T) {
	const text = "Subject: old\r\n\r\nbody\r\n"
	closed := false
	records := Records(func(ref message.BodyRef) (Body, error) {
		if ref.Segment != 7 {
			return nil, errRead
		}
		return record{strings.NewReader(text + "next record"), &closed}, nil
	})
	m := &message.Message{Content: message.Content{Body: message.BodyRef{Segment: 7, Length: int64(len(text))}, BodyOffset: 16}}
	for header, want := range map[string]string{"": text, "Subject: new\r\nX: y\r\n": "Subject: new\r\nX: y\r\n\r\nbody\r\n"} {
		m.Content.Header = nil
		if header != "" {
			m.Content.Header = []byte(header)
		}
		r, err := records.Open(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		r.Close()
		if string(got) != want || err != nil || !closed {
			t.Errorf("header %q: %q %v, closed %v", header, got, err, closed)
		}
	}
	m.Content.Body.Segment = 8
	if _, err := records.Open(m); !errors.Is(err, errRead) {
		t.Errorf("missing record: %v", err)
	}
}

// Targets of one preference come in any order, those of two never do.
func TestShuffled(t *testing.T) {
	c := &Courier{}
	f := &finder{c: c, opt: Defaults()}
	r := &route{}
	first := map[string]bool{}
	for range 200 {
		hosts := []*exchanger{
			{host: "a", pref: 10, route: r, addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}},
			{host: "b", pref: 10, route: r, addrs: []netip.Addr{netip.MustParseAddr("192.0.2.2")}},
			{host: "c", pref: 20, route: r, addrs: []netip.Addr{netip.MustParseAddr("192.0.2.3")}},
		}
		rand.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
		out, failed := f.order(hosts, sources{any: true})
		if failed != nil || out[2].host != "c" {
			t.Fatalf("%v %v", out, failed)
		}
		first[out[0].host] = true
	}
	if len(first) != 2 {
		t.Errorf("only %v came first", first)
	}
}

// The defaults are those of the reference, but for what Options says.
func TestDefaults(t *testing.T) {
	o := Defaults()
	if o.RemotePort != 25 || o.ConnectTimeout != 300*time.Second || o.BodyTimeout != 600*time.Second ||
		o.IdleTimeout != 5*time.Second || o.HostFailureRetry != 120*time.Second || o.TLS != "no" || o.TLSVerify != "no" ||
		!o.TLSFallback || o.UseIPv6 || !o.OnlyBestMX || o.BindAddress != "*" || o.EHLOHostname != "__hostname__" ||
		o.Send8BitMIME != "ifavailable" || o.FallbackToA != 3 || o.FailuresToPurge != 10 {
		t.Errorf("%+v", o)
	}
}
