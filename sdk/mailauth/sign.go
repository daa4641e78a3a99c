package mailauth

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Signing is what a signature is made with.
type Signing struct {
	Domain      string // d=
	Selector    string // s=
	Identity    string // i=; "": left out
	Key         crypto.Signer
	HeaderCanon Canon
	BodyCanon   Canon
	// Headers are the fields to sign: each name as often as it occurs, and once
	// where it does not, which forbids adding one. A name with "?" at its end is
	// signed only where it occurs. Empty: DefaultHeaders.
	Headers    []string
	Oversign   []string // these once more than they occur
	Skip       []string // never these
	BodyLength bool     // tell how much of the body is signed (l=)
	Copy       bool     // copy what is signed into z=
	Lifetime   time.Duration
	Now        time.Time
}

// DefaultHeaders are those of RFC 6376 §5.4.1 that change a message's meaning.
func DefaultHeaders() []string {
	return []string{
		"From", "Reply-To?", "Subject", "Date", "To?", "Cc?", "Message-ID?", "In-Reply-To?", "References?",
		"MIME-Version?", "Content-Type?", "Content-Transfer-Encoding?",
	}
}

// ErrNoFrom is a message without From, or a list of headers without it: RFC 6376
// §5.4 forbids to sign it.
var ErrNoFrom = errors.New("the From header field must be signed")

// Sign makes a signature and gives its whole field, with CRLF at the end, to be
// put on top of the message.
func Sign(m Message, o Signing) (string, error) {
	fields, err := splitFields(m.Header)
	if err != nil {
		return "", err
	}
	algorithm, err := algorithmOf(o.Key)
	if err != nil {
		return "", err
	}
	if !queryable(o.Domain) || !queryable(o.Selector) {
		return "", fmt.Errorf("%q and %q cannot be domain and selector", o.Domain, o.Selector)
	}
	if at := strings.LastIndexByte(o.Identity, '@'); o.Identity != "" && (at < 0 || !within(o.Identity[at+1:], o.Domain) || strings.ContainsAny(o.Identity, blanks+";")) {
		return "", fmt.Errorf("identity %q does not belong to %s", o.Identity, o.Domain)
	}
	names := o.names(fields)
	if !slices.Contains(names, "from") || !slices.ContainsFunc(fields, func(f field) bool { return f.name == "from" }) {
		return "", ErrNoFrom
	}
	body := newBodyHasher(o.BodyCanon, sha256.New(), -1)
	if err := hashBody(m.Body, []*bodyHasher{body}); err != nil {
		return "", err
	}
	w := newTagWriter("DKIM-Signature")
	w.put("v", "1")
	w.put("a", algorithm)
	w.put("c", string(o.HeaderCanon)+"/"+string(o.BodyCanon))
	w.put("d", o.Domain)
	w.put("s", o.Selector)
	o.putOptional(w)
	sum := body.sum()
	if o.BodyLength {
		w.put("l", strconv.FormatInt(body.total, 10))
	}
	w.putList("h", names)
	if o.Copy {
		w.putList("z", copied(fields, names))
	}
	w.put("bh", base64.StdEncoding.EncodeToString(sum))
	return w.sign(o.Key, func(own []byte) []byte {
		h := sha256.New()
		hashFields(h, o.HeaderCanon, fields, names, own)
		return h.Sum(nil)
	})
}

func (o *Signing) putOptional(w *tagWriter) {
	if o.Identity != "" {
		w.put("i", o.Identity)
	}
	w.put("t", strconv.FormatInt(o.Now.Unix(), 10))
	if o.Lifetime > 0 {
		w.put("x", strconv.FormatInt(o.Now.Add(o.Lifetime).Unix(), 10))
	}
}

// names are the h= list.
func (o *Signing) names(fields []field) []string {
	list := o.Headers
	if len(list) == 0 {
		list = DefaultHeaders()
	}
	var out []string
	add := func(name string, times int) {
		// RFC 6376 §3.5: the new signature's own field is never in h=.
		for ; times > 0 && len(out) < maxSigned; times-- {
			out = append(out, name)
		}
	}
	done := map[string]bool{}
	for _, name := range append(slices.Clone(list), o.Oversign...) {
		name, optional := strings.CutSuffix(strings.ToLower(strings.TrimSpace(name)), "?")
		if name == "" || done[name] || containsFold(o.Skip, name) || strings.ContainsAny(name, blanks+":;") {
			continue
		}
		done[name] = true
		n := count(fields, name)
		switch {
		case containsFold(o.Oversign, name):
			n++
		case n == 0 && !optional:
			n = 1
		}
		add(name, n)
	}
	return out
}

func containsFold(list []string, name string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, name) })
}

func count(fields []field, name string) int {
	n := 0
	for i := range fields {
		if fields[i].name == name {
			n++
		}
	}
	return n
}

// copied is the z= list of what is signed (RFC 6376 §3.5).
func copied(fields []field, names []string) []string {
	p := newPicker(fields)
	var out []string
	for _, name := range names {
		if raw := p.pick(name); raw != nil {
			f := field{raw: raw}
			out = append(out, name+":"+dkimQuoted(strings.TrimRight(strings.TrimLeft(f.value(), " "), "\r\n")))
		}
	}
	return out
}

// dkimQuoted is dkim-quoted-printable (RFC 6376 §2.11); "|" parts the list.
func dkimQuoted(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; c > ' ' && c < 0x7f && c != ';' && c != '=' && c != '|' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	return b.String()
}

// algorithmOf is the a= of a key.
func algorithmOf(key crypto.Signer) (string, error) {
	if key == nil {
		return "", errors.New("no key")
	}
	switch k := key.Public().(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < minKeyBits || bits > maxKeyBits {
			return "", fmt.Errorf("key of %d bits (%d to %d)", bits, minKeyBits, maxKeyBits)
		}
		return "rsa-sha256", nil
	case ed25519.PublicKey:
		return "ed25519-sha256", nil
	}
	return "", fmt.Errorf("a key of type %T cannot sign", key)
}

// tagWriter writes a signature's field, folded.
type tagWriter struct {
	b      strings.Builder
	column int
	first  bool
}

const foldAt = 76

func newTagWriter(name string) *tagWriter {
	w := &tagWriter{first: true}
	w.write(name + ":")
	return w
}

func (w *tagWriter) write(s string) {
	w.b.WriteString(s)
	w.column += len(s)
}

// put adds a tag, on a line of its own where it does not fit.
func (w *tagWriter) put(name, value string) {
	text := name + "=" + value
	if w.first {
		w.write(" " + text)
		w.first = false
		return
	}
	w.write(";")
	if w.column+1+len(text) > foldAt {
		w.fold()
	} else {
		w.write(" ")
	}
	w.write(text)
}

func (w *tagWriter) fold() {
	w.b.WriteString("\r\n\t")
	w.column = 8
}

// putList adds a tag whose value may be folded between its items: behind ":" in
// h=, in front of "|" in z=.
func (w *tagWriter) putList(name string, list []string) {
	w.write(";")
	w.fold()
	w.write(name + "=")
	for i, item := range list {
		if i > 0 && name == "z" {
			item = "|" + item
		} else if i > 0 {
			w.write(":")
		}
		if w.column > 12 && w.column+len(item) > foldAt {
			w.fold()
		}
		w.write(item)
	}
}

// sign ends the field with its signature over what digest makes of it, b= empty.
func (w *tagWriter) sign(key crypto.Signer, digest func(own []byte) []byte) (string, error) {
	w.write(";")
	w.fold()
	w.write("b=")
	opts := crypto.SignerOpts(crypto.SHA256)
	if _, is := key.Public().(ed25519.PublicKey); is {
		opts = crypto.Hash(0) // RFC 8463 §3: the sum is the message
	}
	signature, err := key.Sign(rand.Reader, digest([]byte(w.b.String()+"\r\n")), opts)
	if err != nil {
		return "", err
	}
	text := base64.StdEncoding.EncodeToString(signature)
	for len(text) > 0 {
		n := min(len(text), foldAt-w.column)
		w.write(text[:n])
		if text = text[n:]; text != "" {
			w.fold()
		}
	}
	return w.b.String() + "\r\n", nil
}
