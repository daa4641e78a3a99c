package httpd

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/mtad/mtad/core/smtpd"
	"github.com/mtad/mtad/sdk/smtp"
)

// Headers that name the envelope of a message that is sent as it is. In the
// query it is from and to.
const (
	headerFrom = "X-Envelope-From"
	headerTo   = "X-Envelope-To"
)

// envelope is who a message is from and for.
type envelope struct {
	from smtp.Address // "" is the null sender
	to   []smtp.Address
	utf8 bool // some address needs SMTPUTF8 (RFC 6531)
}

// rawEnvelope reads the envelope of a message that is sent as it is, of the query
// or else of the headers.
func rawEnvelope(h http.Header, query url.Values, most int) (*envelope, *problem) {
	from, to := query["from"], query["to"]
	inQuery := len(from)+len(to) > 0
	if inHeaders := h.Values(headerFrom); len(inHeaders) > 0 || len(h.Values(headerTo)) > 0 {
		if inQuery {
			return nil, wrong("the envelope is either in the query or in the headers")
		}
		from = inHeaders
		for _, v := range h.Values(headerTo) {
			to = append(to, splitList(v)...)
		}
	}
	if len(from) != 1 {
		return nil, wrong("one sender is needed: from in the query, or " + headerFrom)
	}
	return newEnvelope(from[0], to, most)
}

// splitList cuts a header's list of addresses at the commas outside of quotes.
func splitList(text string) []string {
	var out []string
	quoted, start := false, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			out, start = append(out, strings.TrimSpace(text[start:i])), i+1
		}
	}
	return append(out, strings.TrimSpace(text[start:]))
}

// newEnvelope checks an envelope's addresses. A recipient that is named twice gets
// one copy, as in SMTP.
func newEnvelope(from string, to []string, most int) (*envelope, *problem) {
	sender, utf8, ok := smtpd.ParseMailbox(nullSender(from))
	if !ok {
		return nil, wrong(fmt.Sprintf("sender %q is no address", shown(from)))
	}
	e := &envelope{from: sender, utf8: utf8}
	switch {
	case len(to) == 0:
		return nil, wrong("no recipient")
	case len(to) > most:
		return nil, wrong(fmt.Sprintf("more than %d recipients", most))
	}
	seen := make(map[smtp.Address]bool, len(to))
	for _, text := range to {
		a, utf8, ok := smtpd.ParseMailbox(text)
		if !ok || a.Null() {
			return nil, wrong(fmt.Sprintf("recipient %q is no address", shown(text)))
		}
		e.utf8 = e.utf8 || utf8
		if !seen[a] {
			seen[a] = true
			e.to = append(e.to, a)
		}
	}
	e.to = slices.Clip(e.to)
	return e, nil
}

// nullSender is an empty sender as a path (RFC 5321 §4.5.5).
func nullSender(text string) string {
	if text == "" {
		return "<>"
	}
	return text
}

// shown cuts what the client sent to what an answer may repeat.
func shown(text string) string { return text[:min(len(text), 100)] }
