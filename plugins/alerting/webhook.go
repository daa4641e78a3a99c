package alerting

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/mtad/mtad/sdk/option"
)

// webhookOptions are a webhook scope.
type webhookOptions struct {
	Name       string            `opt:",instance"`
	Pos        option.Pos        `opt:",pos"`
	URL        string            `opt:"url" help:"Gets a POST with each notice as JSON."`
	SecretPath string            `opt:"secret_path" help:"The end of the URL, where that is a secret: neither logs nor the console show it."`
	Secret     string            `opt:"secret" help:"Sent as Authorization: Bearer."`
	Headers    map[string]string `opt:"headers" help:"Further header fields."`
	CAFile     string            `opt:"ca_file" help:"Certificates (PEM) to trust in place of the system's. The server's certificate is always verified."`
	Timeout    time.Duration     `opt:"timeout" default:"10" unit:"seconds" help:"Of one attempt."`
	Retries    int64             `opt:"retries" default:"3" help:"Further attempts, after 1, 2, 4 seconds and so on, where none was answered with 2xx. 4xx but 408 and 429 ends them."`
}

// webhook is the target.
type webhook struct {
	webhookOptions
	client *http.Client
}

// maxAnswer is how much of an answer is read, so that its connection can be used
// again.
const maxAnswer = 64 << 10

func newWebhook(o webhookOptions) (*webhook, error) {
	u, err := url.Parse(o.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("webhook %q: url must be https://... or http://...", o.Name)
	case u.Scheme == "http" && o.secret() && !loopback(u.Hostname()):
		return nil, fmt.Errorf("webhook %q: a secret goes over https only", o.Name)
	}
	if err := checkSending(o.Timeout, o.Retries); err != nil {
		return nil, fmt.Errorf("webhook %q: %w", o.Name, err)
	}
	roots, err := certificates(o.CAFile)
	if err != nil {
		return nil, fmt.Errorf("webhook %q: %w", o.Name, err)
	}
	return &webhook{o, &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func (o *webhookOptions) secret() bool { return o.Secret != "" || o.SecretPath != "" }

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// checkSending looks at the bounds of a target.
func checkSending(timeout time.Duration, retries int64) error {
	if timeout < time.Second || timeout > time.Minute {
		return errors.New("timeout must be from 1 to 60")
	}
	if retries < 0 || retries > maxRetries {
		return fmt.Errorf("retries must be from 0 to %d", maxRetries)
	}
	return nil
}

// certificates reads a file of trusted ones; nil: the system's.
func certificates(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s has no certificate", file)
	}
	return pool, nil
}

// String is part of target.
func (w *webhook) String() string { return "webhook " + w.Name }

// send is part of target.
func (w *webhook) send(ctx context.Context, n *notice) error {
	body, err := json.Marshal(n)
	if err != nil {
		return lasting{err}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL+w.SecretPath, bytes.NewReader(body))
	if err != nil {
		return lasting{errors.New("url and secret_path make no URL")}
	}
	for name, value := range w.Headers {
		r.Header.Set(name, value)
	}
	r.Header.Set("Content-Type", "application/json")
	if w.Secret != "" {
		r.Header.Set("Authorization", "Bearer "+w.Secret)
	}
	answer, err := w.client.Do(r)
	if err != nil {
		var known *url.Error
		if errors.As(err, &known) {
			err = known.Err // without the URL, which may be a secret
		}
		return err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer)) // only the status counts
	_ = answer.Body.Close()
	return judgeStatus(answer.StatusCode)
}

// judgeStatus says what an HTTP status means for the notice (RFC 9110 §15).
func judgeStatus(status int) error {
	err := fmt.Errorf("status %d", status)
	switch {
	case status/100 == 2:
		return nil
	case status/100 == 5 || status == http.StatusRequestTimeout || status == http.StatusTooManyRequests:
		return err
	}
	return lasting{err}
}
