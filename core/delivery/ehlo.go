package delivery

import (
	"strconv"
	"strings"

	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/sdk/smtp"
)

// extensions are what the peer's EHLO reply offers, as far as we use it.
type extensions struct {
	pipelining   bool // RFC 2920
	eightBitMIME bool // RFC 6152
	smtpUTF8     bool // RFC 6531
	startTLS     bool // RFC 3207
	chunking     bool // RFC 3030
	dsn          bool // RFC 3461
	size         bool // RFC 1870
	maxSize      int64
	auth         []string // RFC 4954: mechanisms, in upper case
}

// parseExtensions reads the lines behind the first of an EHLO reply (RFC 5321
// §4.1.1.1); keywords are matched without case.
func parseExtensions(r *smtp.Reply) extensions {
	var x extensions
	lines := strings.Split(r.Text, "\n")
	for _, line := range lines[1:] {
		word, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(word) {
		case "PIPELINING":
			x.pipelining = true
		case "8BITMIME":
			x.eightBitMIME = true
		case "SMTPUTF8":
			x.smtpUTF8 = true
		case "STARTTLS":
			x.startTLS = true
		case "CHUNKING":
			x.chunking = true
		case "DSN":
			x.dsn = true
		case "AUTH":
			x.auth = mechanisms(rest)
		case "SIZE":
			x.size = true
			// 0 or nothing is no fixed limit (RFC 1870 §4).
			if n, err := strconv.ParseInt(strings.TrimSpace(rest), 10, 64); err == nil && n > 0 {
				x.maxSize = n
			}
		}
	}
	return x
}

// hello says EHLO, and HELO to a peer that does not know it (RFC 5321 §3.2).
func (s *session) hello(name string) *queue.Result {
	r, failed := s.command(stepEHLO, "EHLO "+name)
	if failed != nil {
		return failed
	}
	if r.Permanent() {
		if r, failed = s.command(stepEHLO, "HELO "+name); failed != nil {
			return failed
		}
		s.ext = extensions{}
	} else {
		s.ext = parseExtensions(r)
	}
	if r.Code/100 != 2 {
		return s.refusal(r, stepEHLO)
	}
	return nil
}

// helloName is the name for EHLO (ehlo_hostname). A sender's domain that is no
// plain host name does not get into a command line.
func (c *Courier) helloName(o *Options, b *queue.Batch) string {
	switch strings.ToLower(o.EHLOHostname) {
	case "__message__":
		if domain := b.Messages[0].Sender.Domain(); domain != "" && strings.Trim(domain, hostBytes) == "" {
			return domain
		}
	case "", "__hostname__":
	default:
		return o.EHLOHostname
	}
	return c.Hostname()
}

// hostBytes are those of a domain or an address literal (RFC 5321 §4.1.2).
const hostBytes = "abcdefghijklmnopqrstuvwxyz0123456789-.[]:_"
