package smtpd

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/mtad/mtad/core/reception"
	"github.com/mtad/mtad/core/throttle"
	"github.com/mtad/mtad/sdk/smtp"
)

// Profile is what one kind of session runs with: resolved options in a form
// that costs nothing to ask. It is read-only and shared by sessions.
type Profile struct {
	Options
	// SessionScope names the scope that listener_sessions came from ("listen
	// 127.0.0.1:25", "peer 10.0.0.0/8"): sessions of one scope are counted
	// together. Set it before the profile's first use.
	SessionScope string
	// PathwayGroup names the group of the session's pathway; "" where it is in
	// none. Set it before the profile's first use.
	PathwayGroup string

	// Listed says whether the session's peer scope lists it.
	Listed Listed
	// Messages limits receptions; nil: nothing does. Set it before the profile's
	// first use.
	Messages *throttle.Limiter

	// Reception are the door's options. Set them before the profile's first use.
	Reception *reception.Options

	fronts   fronts
	greeting string      // lines in front of the banner
	early    *smtp.Reply // ends the session of an early talker; nil: nothing does
	banner   *smtp.Reply // nil: made from the host name
	relay    relay
	rules    contentRules
	tls      *tls.Config // nil: no TLS
	auth     authMethods
	plain    []string    // EHLO keywords before TLS
	secure   []string    // and under it
	reconfig *smtp.Reply // nil: move
}

// NewProfile checks options and makes them fit for use. It reads the TLS files.
func NewProfile(o Options) (*Profile, error) {
	p := &Profile{Options: o, SessionScope: "esmtp_listener"}
	var errs [6]error
	p.fronts = newFronts(&p.Options)
	p.banner, errs[0] = staticBanner(o.StaticBanner)
	p.relay, errs[1] = newRelay(&p.Options)
	p.tls, errs[2] = newTLS(&p.Options)
	p.rules, errs[3] = newRules(&p.Options)
	p.early, errs[5] = earlyReply(o.EarlyReply)
	p.auth, errs[4] = newAuthMethods(&p.Options)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	if o.UseSSL && p.tls == nil {
		return nil, errors.New("use_ssl needs tls_certificate")
	}
	if o.Reconfig == "close" {
		p.reconfig = smtp.ParseReplyText(421, o.ReconfigMessage)
	}
	p.plain, p.secure = keywords(p, false), keywords(p, true)
	return p, nil
}

// staticBanner reads a greeting as it is configured: "220 text", or several
// lines of which all but the last begin with "220-".
func staticBanner(text string) (*smtp.Reply, error) {
	if text == "" {
		return nil, nil
	}
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
	for i, line := range lines {
		if len(line) < 4 || line[:3] != "220" || line[3] != ' ' && line[3] != '-' {
			return nil, fmt.Errorf("static_banner: line %q does not start with 220", line)
		}
		lines[i] = line[4:]
	}
	return smtp.NewReply(220, "", strings.Join(lines, "\n")), nil
}

func newRules(o *Options) (contentRules, error) {
	r := contentRules{maxSize: o.MaxMessageSize}
	var errs [2]error
	r.header, errs[0] = lonePolicyOf("rfc2822_lone_lf_in_headers", o.LoneLFInHeaders)
	r.body, errs[1] = lonePolicyOf("rfc2822_lone_lf_in_body", o.LoneLFInBody)
	if r.header == loneIgnore {
		errs[0] = errors.New("rfc2822_lone_lf_in_headers: must be pedantic or fix")
	}
	if o.MaxLineLengthPol == "reject" {
		r.maxLine = int(o.MaxLineLength)
	}
	return r, errors.Join(errs[:]...)
}

func lonePolicyOf(name, value string) (lonePolicy, error) {
	switch value {
	case "", "pedantic":
		return loneReject, nil
	case "fix":
		return loneFix, nil
	case "ignore":
		return loneIgnore, nil
	}
	return loneReject, fmt.Errorf("%s: %q is not one of ignore, pedantic, fix", name, value)
}

// keywords are the EHLO keywords that a profile announces.
func keywords(p *Profile, secure bool) []string {
	out := []string{
		"PIPELINING", // RFC 2920
		"SIZE " + strconv.FormatInt(p.MaxMessageSize, 10), // RFC 1870 §4: 0 is no limit
		"8BITMIME", // RFC 6152
		"CHUNKING", // RFC 3030
	}
	if p.offers("ENHANCEDSTATUSCODES", true) {
		out = append(out, "ENHANCEDSTATUSCODES") // RFC 2034
	}
	// RFC 3207 §4.2: not announced once TLS is active.
	if p.startsTLS() && !secure {
		out = append(out, "STARTTLS")
	}
	if p.utf8() {
		out = append(out, "SMTPUTF8") // RFC 6531
	}
	if p.offers("DSN", false) {
		out = append(out, "DSN") // RFC 3461
	}
	if p.offers("MT-PRIORITY", false) {
		out = append(out, "MT-PRIORITY") // RFC 6710
	}
	if names := p.auth.offered(secure || p.AuthWithoutTLS); names != "" {
		out = append(out, "AUTH "+names) // RFC 4954 §3
	}
	return out
}

// offers reports whether an optional keyword is on.
func (p *Profile) offers(keyword string, unset bool) bool {
	if len(p.SMTPExtra) == 0 {
		return unset
	}
	for _, k := range p.SMTPExtra {
		if strings.EqualFold(k, keyword) {
			return true
		}
	}
	return false
}

func (p *Profile) startsTLS() bool { return p.tls != nil && !p.UseSSL && p.offers("STARTTLS", true) }

func (p *Profile) utf8() bool { return p.offers("SMTPUTF8", false) }

// recipients is the most recipients a transaction may have. The bound that
// holds without a configured one keeps a transaction within what a call to a
// module may carry.
func (p *Profile) recipients() int {
	const most = 10000
	if p.MaxRcpts > 0 && p.MaxRcpts < most {
		return int(p.MaxRcpts)
	}
	return most
}
