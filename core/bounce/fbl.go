package bounce

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/mtad/mtad/sdk"
	classes "github.com/mtad/mtad/sdk/bounce"
	"github.com/mtad/mtad/sdk/mail"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/smtp"
)

// FBLOptions are an fbl scope (reference/modules.tsv).
type FBLOptions struct {
	Pos         option.Pos `opt:",pos"`
	AutoLog     bool       `opt:"auto_log" default:"false" help:"Write the fbllog; without it the header is not added either."`
	LogPath     string     `opt:"log_path" default:"/var/log/mtad/fbllog.ec" help:"A line for each complaint."`
	Addresses   []string   `opt:"addresses" type:"list" help:"Regular expressions of the mailboxes that get reports; their domains must be relayed."`
	HeaderName  string     `opt:"header_name" default:"X-MSFBL" help:"The field that tells whom a message went to."`
	UserString  string     `opt:"user_string" help:"Text in the field and in the fbllog, with %{vctx_mess:NAME} and %{vctx_conn:NAME}."`
	Disposition string     `opt:"message_disposition" enum:"blackhole,pass" default:"blackhole" help:"What becomes of a report once it is logged."`
	Condition   string     `opt:"condition" help:"Name of a variable of the message or connection; where it is set to anything but 0 or false the field is added, whatever enable_fbl_header_insertion says. Unset: that option alone counts."`
	HeaderKey   string     `opt:"header_key" help:"Secret of a digest in the field; reports without the right one are not logged, so that strangers cannot make complaints up. Unset: none, as in the original."`
}

// FBLInsertion is the option that has the field added.
type FBLInsertion struct {
	Insert string `opt:"enable_fbl_header_insertion" enum:"enabled,disabled" default:"disabled" scopes:"binding,binding_group,domain,global" help:"Add the field of the fbl module to mail that goes out; needs auto_log there."`
}

// FBL is the feedback loop of a configuration. It does not change.
type FBL struct {
	Options   FBLOptions
	addresses []*regexp.Regexp
}

// NewFBL checks a scope.
func NewFBL(o FBLOptions) (*FBL, option.Problems) {
	f := &FBL{Options: o}
	var bad option.Problems
	say := func(format string, args ...any) {
		bad = append(bad, option.Problem{Pos: o.Pos, Text: fmt.Sprintf(format, args...)})
	}
	for _, text := range o.Addresses {
		re, err := regexp.Compile("(?i)" + text)
		if err != nil {
			say("addresses: %v", err)
			continue
		}
		f.addresses = append(f.addresses, re)
	}
	if !mail.ValidName(o.HeaderName) {
		say("header_name: %q is no name of a field", o.HeaderName)
	}
	if _, err := expand(o.UserString, nil, nil); err != nil {
		say("user_string: %v", err)
	}
	return f, bad
}

// Takes reports an address that gets reports.
func (f *FBL) Takes(a smtp.Address) bool {
	for _, re := range f.addresses {
		if re.MatchString(string(a)) {
			return true
		}
	}
	return false
}

// Wants says whether a message gets the field; inserted is what the options of
// its lane say.
func (f *FBL) Wants(m *sdk.Message, inserted bool) bool {
	if !f.Options.AutoLog || m.Bounce {
		return false
	}
	name := f.Options.Condition
	if name == "" {
		return inserted
	}
	v, ok := m.Context.Get(name)
	if !ok {
		v, _ = m.ConnContext.Get(name)
	}
	return v != "" && v != "0" && !strings.EqualFold(v, "false")
}

// Mark is what the field says of a message.
type Mark struct {
	Recipient      smtp.Address
	Binding, Group string
	UserString     string
}

// ErrForged is for a field whose digest is not ours.
var ErrForged = errors.New("the field was not made here")

var errMark = errors.New("the field is malformed")

// Field is the field, with its line end, for a message that leaves by a binding.
func (f *FBL) Field(m *sdk.Message, binding, group string) []byte {
	user, _ := expand(f.Options.UserString, m.Context, m.ConnContext) // NewFBL has tried it
	local, domain := m.Recipient.Split()
	text := strings.Join([]string{local, domain, binding, group, oneLine(user)}, "@")
	value := base64.StdEncoding.EncodeToString([]byte(text[:min(len(text), maxMark)]))
	if f.Options.HeaderKey != "" {
		value += "." + f.digest(value)
	}
	var b strings.Builder
	b.WriteString(f.Options.HeaderName + ":")
	for len(value) > 0 { // RFC 5322 §2.1.1
		n := min(len(value), maxFold)
		if b.Len() > len(f.Options.HeaderName)+1 {
			b.WriteString("\r\n\t")
		} else {
			b.WriteByte(' ')
		}
		b.WriteString(value[:n])
		value = value[n:]
	}
	return []byte(b.String() + "\r\n")
}

// Bounds of the field's text and of its lines, in octets.
const (
	maxMark = 4 << 10
	maxFold = 900
)

// digest is of the field's text, shortened to 96 bits.
func (f *FBL) digest(value string) string {
	h := hmac.New(sha256.New, []byte(f.Options.HeaderKey))
	_, _ = h.Write([]byte(value)) // never fails
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12])
}

// ParseMark reads the field's value.
func (f *FBL) ParseMark(value string) (*Mark, error) {
	value = strings.Join(strings.Fields(value), "")
	text, digest, _ := strings.Cut(value, ".")
	if f.Options.HeaderKey != "" && !hmac.Equal([]byte(digest), []byte(f.digest(text))) {
		return nil, ErrForged
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errMark
	}
	p := strings.SplitN(string(raw), "@", 5)
	if len(p) != 5 {
		return nil, errMark
	}
	return &Mark{Recipient: smtp.Address(p[0] + "@" + p[1]), Binding: p[2], Group: p[3], UserString: p[4]}, nil
}

// Complaint reads a report (RFC 5965, or Microsoft's JMRP). ok is false where it
// has nothing that we sent.
func (f *FBL) Complaint(root *mail.Part) (m *Mark, feedback string, ok bool, err error) {
	report := classes.ParseFeedback(root)
	if report == nil {
		return nil, "", false, nil
	}
	values := mail.RawHeader(report.Original, f.Options.HeaderName)
	if len(values) == 0 {
		return nil, "", false, nil
	}
	if m, err = f.ParseMark(values[0]); err != nil {
		return nil, "", false, err
	}
	return m, report.Type(), true, nil
}

// expand replaces the macros of user_string.
func expand(text string, mess, conn sdk.Dict) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "%{")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		macro, after, closed := strings.Cut(rest, "}")
		kind, name, _ := strings.Cut(macro, ":")
		var v string
		switch {
		case !closed:
			return "", errors.New("%{ without }")
		case kind == "vctx_mess" || kind == "vctx":
			v, _ = mess.Get(name)
		case kind == "vctx_conn":
			v, _ = conn.Get(name)
		default:
			return "", fmt.Errorf("%%{%s} is none of vctx_mess:NAME and vctx_conn:NAME", macro)
		}
		b.WriteString(v)
		text = after
	}
}
