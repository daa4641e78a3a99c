package out

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mtad/mtad/sdk/jlog"
)

// post hands records to a web server, as the lines of a POST. They have arrived
// when it answers with 2xx. Idempotency-Key is the same where a batch comes
// again, so that a receiver can tell.
type post struct {
	url    string
	user   *url.Userinfo
	log    string
	host   string
	kind   string // media type
	client *http.Client
}

const postTime = 30 * time.Second

func newPost(t target, c *Config) (*post, error) {
	if t.url.Host == "" {
		return nil, errors.New("http:// wants a host: https://logs.example.com/path")
	}
	u := *t.url
	u.User = nil // neither in an error nor in a log of the way there
	p := &post{url: u.String(), user: t.url.User, log: c.Log, host: c.Hostname, kind: "text/plain; charset=utf-8"}
	if c.Log == "jsonlog" {
		p.kind = "application/x-ndjson"
	}
	p.client = &http.Client{
		Timeout:       postTime,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConns: 1, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return p, nil
}

func (p *post) carry(ctx context.Context, batch []jlog.Record) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(joined(batch)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", p.kind)
	req.Header.Set("User-Agent", "mtad")
	req.Header.Set("X-Log", p.log)
	first, last := batch[0], batch[len(batch)-1]
	req.Header.Set("Idempotency-Key", fmt.Sprintf("%s-%s-%x-%s-%s", p.host, p.log, first.Time.UnixMicro(), first.ID, last.ID))
	if p.user != nil {
		password, _ := p.user.Password()
		req.SetBasicAuth(p.user.Username(), password)
	}
	answer, err := p.client.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10) // so that the connection can be used again
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s answers %s", strings.TrimSpace(p.url), answer.Status)
	}
	return nil
}

func (p *post) drop() { p.client.CloseIdleConnections() }
