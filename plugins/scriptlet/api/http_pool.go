package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// The bounds of what scripts do over HTTP.
const (
	maxHTTPRequests  = 64               // under way at a time, of all scripts of a module
	maxHTTPBody      = 16 << 20         // bytes of an answer's body
	maxHTTPHeld      = 64 << 20         // bytes of all bodies that are being read
	maxHTTPHead      = 256 << 10        // bytes of an answer's header section
	maxHTTPRedirects = 5                // followed, where the script does not say how many
	httpTimeout      = 30 * time.Second // of a whole request, where the script does not say
	httpConnect      = 10 * time.Second // to open a connection
	httpIdle         = 30 * time.Second // that a connection is kept for the next request
)

// httpPool makes the HTTP requests of all scripts of one module, in the
// module's own process. A request runs on the goroutine of the hook that
// waits for it, so the pool has none of its own; connections are kept for
// later requests until close.
type httpPool struct {
	transport *http.Transport
	slots     chan struct{} // one for each request under way
	held      atomic.Int64  // bytes of bodies that are being read
}

// newHTTPPool makes a pool, which starts nothing before its first request.
// Names are resolved as the system does, so that /etc/hosts counts. TLS is
// always verified, against the system's roots or those given.
func newHTTPPool(roots *x509.CertPool) *httpPool {
	dialer := &net.Dialer{Timeout: httpConnect}
	return &httpPool{
		slots: make(chan struct{}, maxHTTPRequests),
		transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    httpConnect,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true, // what would be unpacked has no bound
			MaxIdleConns:           maxHTTPRequests,
			MaxIdleConnsPerHost:    8,
			IdleConnTimeout:        httpIdle,
			MaxResponseHeaderBytes: maxHTTPHead,
		},
	}
}

// close ends the kept connections.
func (p *httpPool) close() { p.transport.CloseIdleConnections() }

// httpRequest is a request as a script describes it.
type httpRequest struct {
	method    string
	url       string
	header    http.Header
	body      string
	timeout   time.Duration
	redirects int   // followed; 0: none, and the answer is the redirection
	bodyLimit int64 // bytes
}

// httpAnswer is what came back.
type httpAnswer struct {
	proto     string // "HTTP/1.1"
	code      int
	reason    string // "OK"
	header    http.Header
	body      string
	url       string // where the last redirection led
	redirects int
	took      time.Duration
}

// The errors that scripts tell apart by their curl code.
var (
	errHTTPScheme    = errors.New("only http:// and https:// URLs are known")
	errHTTPRedirects = errors.New("too many redirections")
	errHTTPDowngrade = errors.New("a redirection leads from https to http")
	errHTTPBody      = errors.New("the answer is too large")
	errHTTPTimeout   = errors.New("timed out")
	errHTTPBusy      = fmt.Errorf("%w waiting for one of %d requests under way to end", errHTTPTimeout, maxHTTPRequests)
	errHTTPFull      = fmt.Errorf("%w: all that are being read have more than %d bytes", errHTTPBody, maxHTTPHeld)
	errHTTPURL       = errors.New("malformed URL")
)

// do makes a request. It ends with ctx, and with the request's timeout.
func (p *httpPool) do(ctx context.Context, r *httpRequest) (*httpAnswer, error) {
	u, err := parseHTTPURL(r.url)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	if !p.take(ctx) {
		return nil, errHTTPBusy
	}
	defer func() { <-p.slots }()
	answer, err := p.exchange(ctx, r, u)
	if err != nil {
		return nil, plainHTTPError(ctx, err)
	}
	return answer, nil
}

// take takes a slot, false where none was free before ctx ended.
func (p *httpPool) take(ctx context.Context) bool {
	select {
	case p.slots <- struct{}{}:
		return true
	default:
	}
	select {
	case p.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// parseHTTPURL takes a URL apart. A file:// or gopher:// of libcurl's would
// reach what scripts may not.
func parseHTTPURL(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text // as libcurl guesses
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errHTTPURL
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errHTTPScheme
	case u.Hostname() == "":
		return nil, errHTTPURL
	}
	return u, nil
}

func (p *httpPool) exchange(ctx context.Context, r *httpRequest, u *url.URL) (*httpAnswer, error) {
	out := &httpAnswer{}
	client := &http.Client{Transport: p.transport, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		switch {
		case r.redirects == 0:
			return http.ErrUseLastResponse
		case len(via) > r.redirects:
			return errHTTPRedirects
		case via[0].URL.Scheme == "https" && next.URL.Scheme != "https":
			return errHTTPDowngrade
		}
		out.redirects = len(via)
		return nil
	}}
	req, err := r.request(ctx, u)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if out.body, err = p.read(resp.Body, r.bodyLimit); err != nil {
		return nil, err
	}
	out.proto, out.code, out.header = resp.Proto, resp.StatusCode, resp.Header
	out.reason = strings.TrimSpace(strings.TrimPrefix(resp.Status, fmt.Sprint(resp.StatusCode)))
	out.url, out.took = resp.Request.URL.String(), time.Since(began)
	return out, nil
}

// read reads a body. What the pool holds at a time is bounded besides: that
// memory counts for no script yet.
func (p *httpPool) read(body io.Reader, limit int64) (string, error) {
	var b strings.Builder
	defer func() { p.held.Add(-int64(b.Len())) }()
	for {
		n, err := io.CopyN(&b, body, 64<<10)
		switch held := p.held.Add(n); {
		case int64(b.Len()) > limit:
			return "", fmt.Errorf("%w: more than %d bytes", errHTTPBody, limit)
		case held > maxHTTPHeld:
			return "", errHTTPFull
		case errors.Is(err, io.EOF):
			return b.String(), nil
		case err != nil:
			return "", err
		}
	}
}

func (r *httpRequest) request(ctx context.Context, u *url.URL) (*http.Request, error) {
	var body io.Reader
	if r.body != "" {
		body = strings.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), body)
	if err != nil {
		return nil, err
	}
	req.Header = r.header.Clone()
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
		req.Header.Del("Host")
	}
	req.Header.Del("Content-Length") // it follows from the body
	if _, ok := req.Header["User-Agent"]; !ok {
		req.Header.Set("User-Agent", "mtad")
	}
	return req, nil
}

// plainHTTPError is an error without the URL, which the script knows and in
// which there may be secrets.
func plainHTTPError(ctx context.Context, err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		if wrapped.Timeout() {
			return errHTTPTimeout
		}
		err = wrapped.Err
	}
	if ctx.Err() != nil {
		return errHTTPTimeout
	}
	return err
}
