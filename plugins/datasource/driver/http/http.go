// Package http is the datasource driver for services that answer JSON over HTTP:
// "http://host/base/" and "https://host/base/". A query is a path below the base.
// It runs in the datasource module.
//
// Next: the rows go back to plugins/datasource.
package http

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
	"os"
	"path"
	"strings"
	"time"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/sdk"
)

// Driver asks services. Scheme is "http" or "https".
type Driver struct{ Scheme string }

// Name is the scheme.
func (d Driver) Name() string { return d.Scheme }

// Bounds of what is kept, waited for and read.
const (
	connections    = 50
	idle           = 8
	connectTimeout = 10 * time.Second
	answerTimeout  = 20 * time.Second
	maxBody        = 4 << 20
)

// Open takes the base, and behind a # what is not the server's business:
// ca=/path/of/anchors.pem.
func (d Driver) Open(c driver.Config) (driver.Pool, error) {
	base, err := url.Parse(d.Scheme + ":" + c.Rest)
	if err != nil || base.Host == "" || base.RawQuery != "" || base.Opaque != "" {
		return nil, fmt.Errorf("%s: the uri must be %s://host/path/, and behind # nothing but ca=/path", d.Scheme, d.Scheme)
	}
	anchors, err := trust(d.Scheme, base.Fragment)
	if err != nil {
		return nil, err
	}
	p := &pool{how: c, user: base.User}
	base.Fragment, base.User = "", nil
	if !strings.HasSuffix(base.Path, "/") {
		base.Path += "/"
	}
	p.base = base
	p.client.Transport = &http.Transport{
		DialContext:         (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSHandshakeTimeout: connectTimeout, ResponseHeaderTimeout: answerTimeout,
		TLSClientConfig: &tls.Config{RootCAs: anchors, MinVersion: tls.VersionTLS12},
		MaxConnsPerHost: connections, MaxIdleConnsPerHost: idle, IdleConnTimeout: time.Minute,
		MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
	}
	// Where a redirection leads to, the operator has not agreed to.
	p.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return p, nil
}

// trust reads the anchors that a uri names; nil: the system's.
func trust(scheme, fragment string) (*x509.CertPool, error) {
	if fragment == "" {
		return nil, nil
	}
	file, ok := strings.CutPrefix(fragment, "ca=")
	if !ok || scheme != "https" {
		return nil, errors.New(scheme + ": behind # may only be ca=/path, and only with https")
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s: ca: %w", scheme, err)
	}
	anchors := x509.NewCertPool()
	if !anchors.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: ca: %s holds no certificate", scheme, file)
	}
	return anchors, nil
}

type pool struct {
	base   *url.URL
	user   *url.Userinfo
	client http.Client
	how    driver.Config
}

// Query is part of driver.Pool. A GET changes nothing, so another server may be
// asked where this one did not answer.
func (p *pool) Query(ctx context.Context, st *driver.Statement, limit int) (*sdk.Rows, error) {
	if st.Execute {
		return nil, driver.ReadOnly(p.base.Scheme)
	}
	request, err := p.request(ctx, st)
	if err != nil {
		return nil, err
	}
	answer, err := p.client.Do(request)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) { // whose text has the url, parameters and all
			err = failed.Err
		}
		return nil, driver.Unreachable(ctx, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, driver.Unreachable(ctx, err)
	case answer.StatusCode == http.StatusNotFound, answer.StatusCode == http.StatusNoContent:
		return &sdk.Rows{}, nil
	case answer.StatusCode != http.StatusOK:
		return nil, &driver.Error{Code: answer.StatusCode, Text: "the server answered " + answer.Status, Down: answer.StatusCode >= 500}
	case len(body) > maxBody:
		return nil, &driver.Error{Text: fmt.Sprintf("the answer has more than %d bytes", maxBody)}
	}
	return rowsOf(body, limit)
}

func (p *pool) request(ctx context.Context, st *driver.Statement) (*http.Request, error) {
	target, err := p.target(st)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, &driver.Error{Text: "the query is no path"}
	}
	r.Header.Set("Accept", "application/json")
	if p.user != nil {
		own, _ := p.user.Password()
		secret, err := p.how.Secret(driver.Account{Facility: "http", Host: p.base.Hostname(), User: p.user.Username()}, own)
		if err != nil {
			return nil, err
		}
		r.SetBasicAuth(p.user.Username(), secret)
	}
	return r, nil
}

// target is the url of a query. Parameters are escaped, and nothing leads out of
// the base.
func (p *pool) target(st *driver.Statement) (*url.URL, error) {
	way, question, asked := strings.Cut(strings.TrimSpace(st.SQL), "?")
	way, err := st.Fill(way, nil, segment)
	if err != nil {
		return nil, err
	}
	if asked {
		if question, err = st.Fill(question, nil, func(v string) (string, error) { return url.QueryEscape(v), nil }); err != nil {
			return nil, err
		}
		way += "?" + question
	}
	ref, err := url.Parse(way)
	if err != nil || ref.IsAbs() || ref.Host != "" || ref.User != nil || ref.Fragment != "" {
		return nil, &driver.Error{Text: "the query must be a path below the uri, without scheme and host"}
	}
	target := p.base.ResolveReference(ref)
	if clean := path.Clean(target.Path); !strings.HasPrefix(clean+"/", p.base.Path) {
		return nil, &driver.Error{Text: "the query leads out of the uri"}
	}
	return target, nil
}

// segment is a parameter within a path: never more than part of one segment.
func segment(value string) (string, error) {
	if value == "" || value == "." || value == ".." {
		return "", &driver.Error{Text: "a parameter in a path must not be empty, . or .."}
	}
	return url.PathEscape(value), nil
}

// Close is part of driver.Pool.
func (p *pool) Close() error {
	p.client.CloseIdleConnections()
	return nil
}
