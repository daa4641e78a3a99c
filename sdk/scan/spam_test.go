package scan

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
)

// spamdSays is a spamd that reads a request of 9 bytes of content, and answers.
func spamdSays(t *testing.T, reply string) Daemon {
	t.Helper()
	const want = "SYMBOLS SPAMC/1.5\r\nContent-length: 9\r\n\r\nA: b\r\n\r\nx"
	return daemon(t, func(c net.Conn) {
		got := make([]byte, len(want))
		if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
			t.Errorf("spamd got %q, %v", got, err)
		}
		_, _ = io.WriteString(c, reply) // the client says what it got
	})
}

func TestSpamd(t *testing.T) {
	for reply, want := range map[string]any{
		"SPAMD/1.1 0 EX_OK\r\nContent-length: 7\r\nSpam: True ; 7.12 / 5.00\r\n\r\nA,B\r\n": Spam{true, 7.12, 5, "A,B"},
		"SPAMD/1.1 0 EX_OK\r\nSpam: False ; -1.9 / 5.0\r\n\r\n":                             Spam{false, -1.9, 5, ""},
		"SPAMD/1.0 76 EX_PROTOCOL Bad header\r\n":                                           "76 EX_PROTOCOL Bad header",
		"SPAMD/1.1 0 EX_OK\r\nSpam: True ; much / 5.0\r\n\r\n":                              "the answer is not understood",
		"SPAMD/1.1 0 EX_OK\r\n\r\n":                                                         "the answer is not understood",
		"HTTP/1.1 200 OK\r\n":                                                               "the answer is not understood",
		"":                                                                                  "EOF",
	} {
		s, err := Spamd(context.Background(), spamdSays(t, reply), strings.NewReader("A: b\r\n\r\nx and more"), 9)
		switch want := want.(type) {
		case Spam:
			if err != nil || s != want {
				t.Errorf("%q: %+v %v", reply, s, err)
			}
		case string:
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v", reply, err)
			}
		}
	}
}

func TestRspamd(t *testing.T) {
	reply, status := "", 200
	var got http.Header
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		if body, err := io.ReadAll(r.Body); err != nil || string(body) != "content" || r.URL.Path != "/checkv2" {
			t.Errorf("%s %q %v", r.URL, body, err)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, reply)
	}))
	defer s.Close()
	d := Daemon{s.Listener.Addr().String(), time.Minute}
	e := Envelope{IP: "192.0.2.1", From: "a@b.test", HELO: "two\r\nlines", Rcpts: []string{"c@d.test", "e@f.test"}, Password: "secret"}
	ask := func() (Rated, error) { return Rspamd(context.Background(), d, strings.NewReader("content"), 7, e) }

	reply = `{"action":"add header","score":6.5,"required_score":15,"symbols":{"B":{"score":1},"A":{}},"messages":{"smtp_message":"no"}}`
	r, err := ask()
	want := Rated{Action: "add header", Score: 6.5, Threshold: 15, Symbols: []string{"A", "B"}, Message: "no"}
	if err != nil || !reflect.DeepEqual(r, want) {
		t.Errorf("%+v %v", r, err)
	}
	if got.Get("Ip") != "192.0.2.1" || got.Get("Helo") != "" || len(got["Rcpt"]) != 2 || got.Get("Password") != "secret" {
		t.Errorf("rspamd was told %v", got)
	}
	reply = `{"error":"no"}`
	if _, err := ask(); err == nil || !strings.Contains(err.Error(), "no JSON with an action") {
		t.Errorf("%v", err)
	}
	status = 503
	if _, err := ask(); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("%v", err)
	}
}

// FuzzAnswers: nothing that a daemon says makes a parser crash, and no answer is
// both an error and a verdict.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		"stream: OK", "stream: X FOUND", "INSTREAM size limit exceeded. ERROR", " FOUND", "ERROR",
		"SPAMD/1.1 0 EX_OK\r\nSpam: True ; 7.12 / 5.00\r\n\r\nA,B", `{"action":"reject","symbols":{"A":1},"messages":{"smtp_message":1}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		if v, err := parseVerdict(answer); err != nil && v != (Verdict{}) {
			t.Errorf("clamd: %+v and %v", v, err)
		}
		if s, err := parseSpam(bufio.NewReader(strings.NewReader(answer))); err == nil && s.Symbols != strings.TrimSpace(s.Symbols) {
			t.Errorf("spamd: %+v", s)
		}
		if r, err := parseRated(strings.NewReader(answer)); err != nil && r.Action != "" {
			t.Errorf("rspamd: %+v and %v", r, err)
		}
	})
}
