package tlsrpt

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mtad/mtad/core/dns"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// Options are those of reporting.
type Options struct {
	Enabled      bool   `opt:"tls_reporting" default:"false" scopes:"global" help:"Send daily reports (RFC 8460) of TLS with domains that have an MTA-STS policy or TLSA records and ask for reports."`
	Organization string `opt:"tls_report_organization" scopes:"global" help:"Who reports; default: the hostname."`
	Contact      string `opt:"tls_report_contact" scopes:"global" help:"Address that reports come from, and that their readers may write to; default: postmaster at the hostname."`
}

// Reporter counts sessions and sends the reports. Its fields are set once.
type Reporter struct {
	Resolver dns.Resolver
	Options  func() *Options
	Hostname func() string
	NewID    func() string
	Inject   func(ctx context.Context, in *sdk.Injection) ([]string, error)
	Post     func(ctx context.Context, uri string, report []byte) error
	Now      func() time.Time
	After    func(time.Duration) <-chan time.Time
	Problem  func(text string)

	Counts
}

// Report counts a session, where reports are wanted.
func (r *Reporter) Report(e Event) {
	if r.Options().Enabled {
		r.Add(e)
	}
}

// look is how often the day is looked at: reports go out once it is over.
const look = 10 * time.Minute

// Run sends what is due until ctx ends.
func (r *Reporter) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.After(look):
			r.Send(ctx)
		}
	}
}

// Send sends the reports of a day that is over. What cannot be sent is said, and
// not kept: the next day has its own.
func (r *Reporter) Send(ctx context.Context) {
	for _, d := range r.Take(r.Now()) {
		for _, uri := range r.wanted(ctx, d.Domain) {
			if err := r.one(ctx, &d, uri); err != nil && ctx.Err() == nil {
				r.Problem(fmt.Sprintf("TLS report for %s to %s: %v", d.Domain, uri, err))
			}
		}
	}
}

// wanted is where a domain wants its reports; two records are none (RFC 8460 §3).
func (r *Reporter) wanted(ctx context.Context, domain string) []string {
	a, err := r.Resolver.Lookup(ctx, sdk.DNSQuery{Name: "_smtp._tls." + domain, Type: "TXT"})
	if err != nil {
		return nil
	}
	var out [][]string
	for _, rec := range a.Records {
		if t := targets(rec.Value); t != nil {
			out = append(out, t)
		}
	}
	if len(out) != 1 {
		return nil
	}
	return out[0]
}

func (r *Reporter) one(ctx context.Context, d *Day, uri string) error {
	o, host := r.Options(), r.Hostname()
	org, contact := o.Organization, o.Contact
	if org == "" {
		org = host
	}
	if contact == "" {
		contact = "postmaster@" + host
	}
	id := strings.ReplaceAll(r.NewID(), "/", ".") + "@" + host
	text, err := d.JSON(org, contact, id)
	if err != nil {
		return err
	}
	if text, err = compressed(text); err != nil {
		return err
	}
	if to, ok := cutScheme(uri, "mailto:"); ok {
		return r.mail(ctx, d, letter{to: to, from: contact, id: id, host: host, report: text})
	}
	limited, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	return r.Post(limited, uri, text)
}

func cutScheme(uri, scheme string) (string, bool) {
	if len(uri) < len(scheme) || !strings.EqualFold(uri[:len(scheme)], scheme) {
		return "", false
	}
	rest, _, _ := strings.Cut(uri[len(scheme):], "?")
	rest, err := url.PathUnescape(rest)
	return rest, err == nil
}

// letter is a report as mail.
type letter struct {
	to, from, id, host string
	report             []byte
}

// mail sends a report through our own queue (RFC 8460 §5.3).
func (r *Reporter) mail(ctx context.Context, d *Day, l letter) error {
	if strings.ContainsAny(l.to, " \r\n<>") || strings.Count(l.to, "@") != 1 {
		return fmt.Errorf("%q is no address", l.to)
	}
	header, body := l.write(d, r.Now())
	_, err := r.Inject(ctx, &sdk.Injection{
		Sender: smtp.Address(l.from), Recipients: []smtp.Address{smtp.Address(l.to)}, Header: header,
		Body: sdk.Body{Size: int64(len(body)), Inline: body, Changed: true},
	})
	return err
}

func (l *letter) write(d *Day, now time.Time) (header, body []byte) {
	boundary := "=_" + strings.NewReplacer("@", "_", "/", "_").Replace(l.id)
	var h, b bytes.Buffer
	field := func(name, value string) { fmt.Fprintf(&h, "%s: %s\r\n", name, value) }
	field("From", "<"+l.from+">")
	field("To", "<"+l.to+">")
	field("Subject", "Report Domain: "+d.Domain+"\r\n Submitter: "+l.host+"\r\n Report-ID: <"+l.id+">")
	field("Date", now.Format(time.RFC1123Z))
	field("Message-ID", "<"+l.id+">")
	field("Auto-Submitted", "auto-generated") // RFC 3834 §5
	field("TLS-Report-Domain", d.Domain)
	field("TLS-Report-Submitter", l.host)
	field("MIME-Version", "1.0")
	field("Content-Type", "multipart/report; report-type=\"tlsrpt\";\r\n\tboundary=\""+boundary+"\"")
	name := fmt.Sprintf("%s!%s!%d!%d.json.gz", l.host, d.Domain, d.Begin.Unix(), d.Begin.Add(24*time.Hour).Unix()-1)
	fmt.Fprintf(&b, "--%s\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n", boundary)
	fmt.Fprintf(&b, "This is an aggregate TLS report of %s about %s.\r\n\r\n", l.host, d.Domain)
	fmt.Fprintf(&b, "--%s\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\n", boundary)
	fmt.Fprintf(&b, "Content-Disposition: attachment; filename=\"%s\"\r\n\r\n", name)
	for text := base64.StdEncoding.EncodeToString(l.report); text != ""; {
		n := min(76, len(text))
		b.WriteString(text[:n] + "\r\n")
		text = text[n:]
	}
	fmt.Fprintf(&b, "--%s--\r\n", boundary)
	return h.Bytes(), b.Bytes()
}

// postTimeout bounds one report over HTTPS.
const postTimeout = 30 * time.Second

// Poster sends reports over HTTPS (RFC 8460 §5.4) by connections that it makes.
type Poster func(ctx context.Context, network, address string) (net.Conn, error)

// Post sends a report.
func (dial Poster) Post(ctx context.Context, uri string, report []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, uri, bytes.NewReader(report))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/tlsrpt+gzip")
	transport := &http.Transport{DialContext: dial, DisableKeepAlives: true}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.CopyN(io.Discard, resp.Body, 64<<10); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}
