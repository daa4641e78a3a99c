package scan

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// Envelope is what rspamd is told beside the message; what is empty is left out.
type Envelope struct {
	IP, HELO, Hostname, From, User, QueueID string
	Rcpts                                   []string
	Password                                string
}

// maxRcpts is how many recipients rspamd is told.
const maxRcpts = 100

// Rated is what rspamd says of a message.
type Rated struct {
	Action           string // "no action", "greylist", "add header", "rewrite subject", "soft reject", "reject"
	Score, Threshold float64
	Symbols          []string // sorted
	Skipped          bool
	Message          string // what rspamd would tell the client
}

// Rspamd has rspamd check size bytes of content (HTTP, /checkv2).
func Rspamd(ctx context.Context, d Daemon, content io.Reader, size int64, e Envelope) (r Rated, err error) {
	err = d.exchange(ctx, func(ctx context.Context, c net.Conn) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://rspamd/checkv2", io.LimitReader(content, size))
		if err != nil {
			return err
		}
		req.ContentLength, req.Close, req.Header = size, true, e.header()
		if err := req.Write(c); err != nil {
			return err
		}
		resp, err := http.ReadResponse(bufio.NewReader(io.LimitReader(c, maxReply)), req)
		if err != nil {
			return fmt.Errorf("%w: %w", errReply, err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("rspamd answers %s", resp.Status)
		}
		r, err = parseRated(resp.Body)
		return err
	})
	return r, err
}

// header names the facts as rspamd does. What no header line can hold, is not told.
func (e *Envelope) header() http.Header {
	h := http.Header{"User-Agent": {"mtad"}}
	for _, f := range [][2]string{
		{"IP", e.IP}, {"Helo", e.HELO}, {"Hostname", e.Hostname}, {"From", e.From}, {"User", e.User}, {"Queue-Id", e.QueueID}, {"Password", e.Password},
	} {
		if f[1] != "" && httpguts.ValidHeaderFieldValue(f[1]) {
			h[f[0]] = []string{f[1]}
		}
	}
	for _, to := range e.Rcpts[:min(len(e.Rcpts), maxRcpts)] {
		if httpguts.ValidHeaderFieldValue(to) {
			h["Rcpt"] = append(h["Rcpt"], to)
		}
	}
	return h
}

func parseRated(body io.Reader) (Rated, error) {
	var in struct {
		Action   string                     `json:"action"`
		Score    float64                    `json:"score"`
		Required float64                    `json:"required_score"`
		Skipped  bool                       `json:"is_skipped"`
		Symbols  map[string]json.RawMessage `json:"symbols"`
		Messages map[string]any             `json:"messages"`
	}
	if err := json.NewDecoder(body).Decode(&in); err != nil || in.Action == "" && !in.Skipped {
		return Rated{}, fmt.Errorf("%w: no JSON with an action", errReply)
	}
	r := Rated{Action: strings.ToLower(in.Action), Score: in.Score, Threshold: in.Required, Skipped: in.Skipped}
	for name := range in.Symbols {
		r.Symbols = append(r.Symbols, name)
	}
	slices.Sort(r.Symbols)
	r.Message, _ = in.Messages["smtp_message"].(string)
	return r, nil
}
