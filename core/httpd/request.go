package httpd

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/mtad/mtad/sdk/mail"
)

// Bounds of a request's parts.
const (
	maxAttachments = 1000
	maxHeaders     = 1000
)

// request is a JSON request (docs/http.md).
type request struct {
	Sender     *string `json:"sender"`
	Recipients many    `json:"recipients"`
	Raw        string  `json:"raw"`

	From        *mailbox          `json:"from"`
	To          many              `json:"to"`
	Cc          many              `json:"cc"`
	ReplyTo     *mailbox          `json:"reply_to"`
	Subject     string            `json:"subject"`
	Text        string            `json:"text"`
	HTML        string            `json:"html"`
	Headers     map[string]string `json:"headers"`
	Attachments []attachment      `json:"attachments"`
}

// attachment is a file; its content is base64.
type attachment struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Content string `json:"content"`
}

// mailbox is an address, and the name of whom it belongs to: "a@b", "A <a@b>" or
// {"email": "a@b", "name": "A"}.
type mailbox struct {
	Email string `json:"email"`
	Name  string `json:"name"`
}

// UnmarshalJSON is part of json.Unmarshaler.
func (m *mailbox) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		type plain mailbox
		return strict(b, (*plain)(m))
	}
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	m.Email = text
	if list := mail.ParseAddresses(text); len(list) == 1 && strings.Contains(text, "<") {
		m.Email, m.Name = list[0].String(), list[0].Name
	}
	return nil
}

// value is the mailbox as a field has it (RFC 5322 §3.4).
func (m *mailbox) value() string {
	if m.Name == "" {
		return m.Email
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(m.Name) + `" <` + m.Email + ">"
}

// many is one mailbox or a list.
type many []mailbox

// UnmarshalJSON is part of json.Unmarshaler.
func (l *many) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		return json.Unmarshal(b, (*[]mailbox)(l))
	}
	var one mailbox
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	*l = many{one}
	return nil
}

func (l many) value() string {
	out := make([]string, len(l))
	for i := range l {
		out[i] = l[i].value()
	}
	return strings.Join(out, ", ")
}

// strict decodes one JSON value whose names must all be known: a misspelt one
// would send another mail than was meant.
func strict(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more behind the value")
	}
	return nil
}

// parseRequest reads a request.
func parseRequest(b []byte) (*request, *problem) {
	var r request
	if err := strict(trimmed(b), &r); err != nil {
		return nil, wrong("JSON: " + strings.TrimPrefix(err.Error(), "json: "))
	}
	parts := r.From != nil || r.Subject != "" || r.Text != "" || r.HTML != "" || len(r.To)+len(r.Cc)+len(r.Headers)+len(r.Attachments) > 0 || r.ReplyTo != nil
	switch {
	case r.Raw != "" && parts:
		return nil, wrong("raw is a whole message: there can be no parts beside it")
	case r.Raw == "" && r.From == nil:
		return nil, wrong("from is needed, or raw")
	case r.Raw != "" && r.Sender == nil:
		return nil, wrong("sender is needed")
	case len(r.Attachments) > maxAttachments || len(r.Headers) > maxHeaders:
		return nil, wrong("too many headers or attachments")
	}
	return &r, nil
}

// sender is the envelope's: from's address unless there is one.
func (r *request) sender() string {
	if r.Sender != nil {
		return *r.Sender
	}
	return r.From.Email
}

// recipients are the envelope's.
func (r *request) recipients() []string {
	out := make([]string, len(r.Recipients))
	for i := range r.Recipients {
		out[i] = r.Recipients[i].Email
	}
	return out
}

// message is the message as it is sent: raw, or built of the parts.
func (r *request) message(env *envelope) ([]byte, *problem) {
	if r.Raw != "" {
		return []byte(r.Raw), nil
	}
	d := mail.Draft{}
	add := func(name, value string) {
		if value != "" {
			d.Headers = append(d.Headers, mail.HeaderLine{Name: name, Value: value})
		}
	}
	add("From", r.From.value())
	switch {
	case len(r.To) > 0:
		add("To", r.To.value())
	case len(r.Cc) > 0:
	case len(env.to) == 1:
		add("To", string(env.to[0]))
	default: // the recipients need not know each other
		add("To", "undisclosed-recipients:;")
	}
	add("Cc", r.Cc.value())
	if r.ReplyTo != nil {
		add("Reply-To", r.ReplyTo.value())
	}
	add("Subject", r.Subject)
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		if bad := badHeader(name); bad != nil {
			return nil, bad
		}
		add(name, r.Headers[name])
	}
	if bad := r.parts(&d); bad != nil {
		return nil, bad
	}
	section, body, err := mail.Build(rand.Reader, d)
	if err != nil {
		return nil, wrong("the parts make no message")
	}
	return slices.Concat(section, []byte("\r\n"), body), nil
}

// ownFields are made of other parts of a request.
const ownFields = " from to cc bcc reply-to subject mime-version content-type content-transfer-encoding received return-path "

func badHeader(name string) *problem {
	if !mail.ValidName(name) || strings.Contains(ownFields, " "+strings.ToLower(name)+" ") {
		return wrong(fmt.Sprintf("headers: %q cannot be set", shown(name)))
	}
	return nil
}

// parts are the text, its HTML form, and the attachments.
func (r *request) parts(d *mail.Draft) *problem {
	if r.Text != "" || r.HTML == "" {
		d.Alternatives = append(d.Alternatives, mail.Alternative{ContentType: "text/plain", Content: r.Text})
	}
	if r.HTML != "" {
		d.Alternatives = append(d.Alternatives, mail.Alternative{ContentType: "text/html", Content: r.HTML})
	}
	for i, a := range r.Attachments {
		content, err := base64.StdEncoding.DecodeString(a.Content)
		if err != nil {
			return wrong(fmt.Sprintf("attachments: number %d: content is not base64", i+1))
		}
		d.Attachments = append(d.Attachments, mail.Attachment{ContentType: a.Type, Name: a.Name, Content: content, Binary: true})
	}
	return nil
}
