package api

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

// newHTTPWorld is a world whose requests go through pool; url is that of a
// server with an answer for every mood.
func newHTTPWorld(t *testing.T, url string, roots *x509.CertPool) *fakeWorld {
	t.Helper()
	w := newWorld(t)
	pool := newHTTPPool(roots)
	t.Cleanup(pool.close)
	for _, p := range []Package{httpClientPackage(pool), curlPackage(pool)} {
		w.env.Registry().build(w.L, &p)
	}
	w.L.SetGlobal("url", lua.LString(url))
	w.run(`client = require("msys.http.client").new() curl = require "curl" c = curl.new()`)
	return w
}

// newWebServer answers by path.
func newWebServer(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Add("X-Two", "a")
		w.Header().Add("x-two", "b")
		w.Header().Set("X-Method", r.Method)
		fmt.Fprintf(w, "%s %s type=%s ua=%s custom=%s host=%s body=%s", r.Method, r.URL.RequestURI(), r.Header.Get("Content-Type"),
			r.UserAgent(), strings.Join(r.Header.Values("X-Custom"), "|"), strings.Split(r.Host, ":")[0], body)
	})
	mux.HandleFunc("/teapot", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "short and stout")
	})
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/slowbody", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "begun")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/huge", func(w http.ResponseWriter, _ *http.Request) {
		chunk := make([]byte, 1<<20)
		for range 20 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/hugehead", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Big", strings.Repeat("x", 1<<20))
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/echo?moved", http.StatusFound) })
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
	})
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) {
		hijacked(w, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
	})
	mux.HandleFunc("/garbage", func(w http.ResponseWriter, _ *http.Request) { hijacked(w, "\x00\x01 what?\r\n\r\n") })
	mux.HandleFunc("/gone", func(w http.ResponseWriter, _ *http.Request) { hijacked(w, "") })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// hijacked writes bytes that are no proper answer, and hangs up.
func hijacked(w http.ResponseWriter, text string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	io.WriteString(conn, text)
	conn.Close()
}

func TestHTTPClient(t *testing.T) {
	w := newHTTPWorld(t, newWebServer(t).URL, nil)
	for _, c := range []struct{ script, want string }{
		{`return client:get_status(), client:get_body(), #client:get_headers()`, `0  0`},
		{`return client:do_request("GET", url .. "/echo?a=b"), client:get_body()`, `true GET /echo?a=b type= ua=mtad custom= host=127.0.0.1 body=`},
		{`return client:get_status()`, `200 OK`},
		{`return client:do_request("POST", url .. "/echo", "x=1"), client:get_body()`,
			`true POST /echo type=application/x-www-form-urlencoded ua=mtad custom= host=127.0.0.1 body=x=1`},
		{`client:set_header("Content-Type: text/xml; charset=utf-8") client:set_header("X-Custom: 1") client:set_header("x-custom:2\r\n")
			client:set_header("User-Agent: policy") client:set_header("Host: other.test") client:set_header("Content-Length: 5")
			client:do_request("PUT", url .. "/echo", "<doc/>") return client:get_body()`,
			`PUT /echo type=text/xml; charset=utf-8 ua=policy custom=1|2 host=other.test body=<doc/>`},
		{`client:set_header() client:do_request("DELETE", url .. "/echo") return client:get_body()`, `DELETE /echo type= ua=mtad custom= host=127.0.0.1 body=`},
		{`local h = client:parse_headers(client:get_headers()) return h["X-Method"], h["x-METHOD"], h["X-Two"], h.none, h[1]`, `DELETE DELETE a, b nil nil`},
		{`return client:do_request("GET", url .. "/teapot"), client:get_body(), client:get_status()`, `true short and stout 418 I'm a teapot`},
		{`return client:do_request("GET", url .. "/moved"), client:get_body():sub(1, 15)`, `true GET /echo?moved`},
		{`return client:do_request("GET", (url:gsub("http://", "")) .. "/teapot")`, `true`},
	} {
		w.is(c.want, c.script)
	}
	if w.waits == 0 {
		t.Error("the interpreter was held while a request was under way")
	}
}

func TestHTTPFailures(t *testing.T) {
	w := newHTTPWorld(t, newWebServer(t).URL, nil)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for url, want := range map[string]string{
		"/huge":                            "the answer is too large: more than 16777216 bytes",
		"/hugehead":                        "server response headers exceeded",
		"/loop":                            "too many redirections",
		"/file":                            "unsupported protocol scheme",
		"/broken":                          "unexpected EOF",
		"/garbage":                         "malformed HTTP",
		"/gone":                            "EOF",
		"file:///etc/passwd":               "only http:// and https://",
		"gopher://127.0.0.1:25/_HELO":      "only http:// and https://",
		"http://":                          "malformed URL",
		"http://a b/":                      "malformed URL",
		"http://" + closed.Addr().String(): "connection refused",
	} {
		if strings.HasPrefix(url, "/") {
			w.is("", `url2 = url .. "`+url+`"`)
		} else {
			w.is("", `url2 = "`+url+`"`)
		}
		got := w.run(`local ok, err = client:do_request("GET", url2) return ok, err, client:get_status()`)
		if got[0] != "nil" || !strings.Contains(got[1], want) || got[2] != "0" || got[3] != got[1] {
			t.Errorf("%s gave %q, wanted %q", url, got, want)
		}
	}
	w.is(" 0", `return client:get_body(), #client:get_headers()`)
}

func TestHTTPTimeout(t *testing.T) {
	w := newHTTPWorld(t, newWebServer(t).URL, nil)
	w.is("nil timed out", `client:set_timeout(0.05) return client:do_request("GET", url .. "/slow")`)
	w.is("nil timed out", `return client:do_request("GET", url .. "/slowbody")`)
	ctx, cancel := context.WithCancel(context.Background())
	w.ctx = ctx
	cancel()
	w.is("nil timed out", `client:set_timeout() return client:do_request("GET", url .. "/echo")`)
}

func TestHTTPPoolIsBounded(t *testing.T) {
	arrived := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	pool := newHTTPPool(nil)
	t.Cleanup(pool.close)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	r := &httpRequest{method: "GET", url: server.URL, header: http.Header{}, timeout: httpTimeout, bodyLimit: 1}
	for range maxHTTPRequests {
		wg.Go(func() {
			if _, err := pool.do(ctx, r); err == nil {
				t.Error("a request that was cancelled succeeded")
			}
		})
	}
	for range maxHTTPRequests {
		<-arrived
	}
	late, stop := context.WithCancel(context.Background())
	stop()
	if _, err := pool.do(late, r); err == nil || !strings.Contains(err.Error(), "waiting for one of 64 requests") {
		t.Errorf("%v", err)
	}
	cancel()
	wg.Wait()
}

func TestHTTPHoldsSoMuchOnly(t *testing.T) {
	pool := newHTTPPool(nil)
	pool.held.Store(maxHTTPHeld - 10)
	if _, err := pool.read(strings.NewReader("more than ten bytes"), 100); !errors.Is(err, errHTTPFull) {
		t.Error(err)
	}
	if text, err := pool.read(strings.NewReader("ten bytes!"), 10); err != nil || text != "ten bytes!" {
		t.Errorf("%q %v", text, err)
	}
	if _, err := pool.read(strings.NewReader("ten bytes!"), 9); err == nil || !strings.Contains(err.Error(), "more than 9 bytes") {
		t.Error(err)
	}
	if held := pool.held.Load(); held != maxHTTPHeld-10 {
		t.Errorf("%d bytes are held", held)
	}
}

func TestHTTPVerifiesTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/down" {
			http.Redirect(w, r, "http://"+r.Host+"/", http.StatusFound)
			return
		}
		io.WriteString(w, "secret")
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	trusting, strange := newHTTPWorld(t, server.URL, roots), newHTTPWorld(t, server.URL, nil)
	trusting.is("true secret", `return client:do_request("GET", url), client:get_body()`)
	trusting.is("nil a redirection leads from https to http", `return client:do_request("GET", url .. "/down")`)
	if got := strange.run(`return client:do_request("GET", url)`); got[0] != "nil" || !strings.Contains(got[1], "certificate") {
		t.Errorf("a certificate of nobody was taken: %q", got)
	}
}

func TestHTTPMisuse(t *testing.T) {
	w := newHTTPWorld(t, newWebServer(t).URL, nil)
	w.raises("GET, POST, PUT or DELETE expected, got TRACE", `client:do_request("TRACE", url)`)
	w.raises("bad argument #2 to 'do_request' (string expected, got no value)", `client:do_request("GET")`)
	w.raises(`"Name: value" expected, got "no colon"`, `client:set_header("no colon")`)
	w.raises(`"Name: value" expected`, `client:set_header("X: a\r\nEvil: b")`)
	w.raises(`"Name: value" expected`, `client:set_header("Bad Name: b")`)
	w.raises("more than 200 header lines", `for i = 1, 300 do client:set_header("X: y") end`)
	w.raises("0 or more seconds expected", `client:set_timeout(-1)`)
	w.raises("0 or more seconds expected", `client:set_timeout(0/0)`)
	w.raises("bad self", `client.get_body(url)`)
}

// checkWorld is a world of `mtad check`.
type checkWorld struct{ *fakeWorld }

func (checkWorld) Config() *sdk.Config { return &sdk.Config{CheckOnly: true} }

func TestHTTPNotWhileChecking(t *testing.T) {
	w := newHTTPWorld(t, newWebServer(t).URL, nil)
	w.env.World = checkWorld{w}
	w.is("nil "+sdk.ErrNoIO.Error(), `return client:do_request("GET", url .. "/echo")`)
}
