package mailauth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"
)

// VerifyOptions are how a message is verified. Resolver and Now are required.
type VerifyOptions struct {
	Resolver Resolver
	Now      time.Time
	// MaxSignatures is how many signatures are looked at, from the top; those
	// below are flagged FlagIgnore. 0: DefaultMaxSignatures.
	MaxSignatures int
	// PartialBody accepts a signature over a part of the body (l=). What stands
	// behind that part may be anybody's (RFC 6376 §8.2).
	PartialBody bool
}

// DefaultMaxSignatures bounds the work that one message can ask for.
const DefaultMaxSignatures = 8

// The further bounds of one message's signatures.
const (
	maxListed  = 100 // signatures that are told of at all
	maxSigned  = 256 // names in one h=
	clockSkew  = 5 * time.Minute
	signerName = "dkim-signature"
)

// Signature is one DKIM-Signature field and how it verified.
type Signature struct {
	Status      Status
	Error       string // why it is not StatOK
	Flags       Flags
	Domain      string // d=, the responsible domain
	Selector    string // s=
	Identity    string // i=, or "@" and the domain
	Algorithm   string // a=
	HeaderCanon Canon
	BodyCanon   Canon
	Query       string   // q=
	Headers     []string // h=
	KeyBits     int      // 0 where the key was not read
	Mark        string   // the first eight characters of b= (RFC 6008 §4)

	raw       []byte
	tags      tags
	signature []byte
	bodyHash  []byte
	length    int64 // l=; -1: all
	body      *bodyHasher
	key       *publicKey
}

// VerifyDKIM verifies all signatures of a message. The error tells of a body
// that could not be read; everything else is in the signatures.
func VerifyDKIM(ctx context.Context, m Message, o VerifyOptions) ([]*Signature, error) {
	fields, err := splitFields(m.Header)
	if err != nil {
		return []*Signature{{Status: StatCantVerify, Error: err.Error()}}, nil
	}
	most := o.MaxSignatures
	if most <= 0 {
		most = DefaultMaxSignatures
	}
	var list []*Signature
	var hashers []*bodyHasher
	for i := range fields {
		if fields[i].name != signerName || len(list) == maxListed {
			continue
		}
		s := &Signature{raw: fields[i].raw}
		list = append(list, s)
		if len(list) > most {
			s.Flags |= FlagIgnore
			s.Status, s.Error = StatCBReject, "not verified: too many signatures"
			continue
		}
		if s.note(s.prepare(ctx, signerName, o)) {
			hashers = append(hashers, s.body)
		}
	}
	if len(hashers) > 0 {
		if err := hashBody(m.Body, hashers); err != nil {
			return nil, err
		}
	}
	for _, s := range list {
		if s.body != nil {
			s.note(s.check(fields, o))
		}
	}
	return list, nil
}

// note keeps why a signature does not verify; true where nothing is wrong yet.
func (s *Signature) note(f *failure) bool {
	if f == nil {
		return true
	}
	s.Status, s.Error = f.status, f.text
	return false
}

// prepare reads the signature, gets its key, and makes ready to hash the body.
func (s *Signature) prepare(ctx context.Context, kind string, o VerifyOptions) *failure {
	s.Status = StatInternal
	if f := s.parse(kind); f != nil {
		return f
	}
	if f := s.dated(o.Now); f != nil {
		return f
	}
	key, f := s.fetch(ctx, o.Resolver)
	if f != nil {
		return f
	}
	s.key = key
	s.body = newBodyHasher(s.BodyCanon, sha256.New(), s.length)
	return nil
}

// parse reads the tags (RFC 6376 §3.5) of a DKIM-Signature or, by RFC 8617
// §4.1.2, of an ARC-Message-Signature, whose i= is a number.
func (s *Signature) parse(kind string) *failure {
	if len(s.raw) > maxField {
		return fail(StatSyntax, "signature of %d bytes", len(s.raw))
	}
	_, value, _ := bytes.Cut(s.raw, []byte{':'})
	t, err := parseTags(string(value))
	if err != nil {
		return fail(StatSyntax, "%v", err)
	}
	s.tags = t
	s.Domain, s.Selector, s.Algorithm = t.get("d"), t.get("s"), strings.ToLower(t.get("a"))
	s.Identity, s.Headers, s.Query = "@"+s.Domain, t.list("h"), t.get("q")
	s.Mark = t.get("b")[:min(8, len(t.get("b")))]
	for _, name := range []string{"a", "b", "bh", "d", "s"} {
		if t.get(name) == "" {
			return fail(StatSyntax, "signature has no %s=", name)
		}
	}
	if !t.has("h") {
		return fail(StatSyntax, "signature has no h=")
	}
	canons := t.get("c")
	if kind == signerName {
		if f := s.parseOwner(); f != nil {
			return f
		}
	} else if !t.has("c") {
		canons = "relaxed/relaxed" // as the suite of ARC has it; RFC 8617 §4.1.2 is silent
	}
	if t.has("c") && canons == "" {
		return fail(StatSyntax, "c= is empty")
	}
	if s.HeaderCanon, s.BodyCanon, err = parseCanons(canons); err != nil {
		return fail(StatCantVerify, "%v", err)
	}
	return s.parseRest()
}

// parseOwner reads what only DKIM has: the version and the identity.
func (s *Signature) parseOwner() *failure {
	if v := s.tags.get("v"); v != "1" {
		return fail(StatSyntax, "signature of version %.10q", v)
	}
	// RFC 6376 §6.1.1: From must be signed.
	if !s.Covers("from") {
		return fail(StatSyntax, "From is not signed")
	}
	if !s.tags.has("i") {
		return nil
	}
	s.Identity = s.tags.get("i")
	at := strings.LastIndexByte(s.Identity, '@')
	// RFC 6376 §3.5, i=: the domain of d= or one below it.
	if at < 0 || !within(s.Identity[at+1:], s.Domain) {
		return fail(StatSyntax, "identity %.100q does not belong to %s", s.Identity, s.Domain)
	}
	return nil
}

func (s *Signature) parseRest() *failure {
	var err error
	if s.Query != "" && !slices.Contains(strings.Split(s.Query, ":"), "dns/txt") {
		return fail(StatCantVerify, "unknown query method %.40q", s.Query)
	}
	if len(s.Headers) > maxSigned {
		return fail(StatCantVerify, "signature names %d header fields", len(s.Headers))
	}
	if s.signature, err = base64.StdEncoding.DecodeString(s.tags.get("b")); err != nil {
		return fail(StatSyntax, "b=: %v", err)
	}
	if s.bodyHash, err = base64.StdEncoding.DecodeString(s.tags.get("bh")); err != nil {
		return fail(StatSyntax, "bh=: %v", err)
	}
	s.length = -1
	if s.tags.has("l") {
		if s.length, err = strconv.ParseInt(s.tags.get("l"), 10, 64); err != nil || s.length < 0 {
			return fail(StatSyntax, "l= is no length")
		}
	}
	return nil
}

// dated checks t= and x= (RFC 6376 §3.5).
func (s *Signature) dated(now time.Time) *failure {
	made, ok := s.time("t")
	if !ok {
		return fail(StatSyntax, "t= is no time")
	}
	ends, ok := s.time("x")
	if !ok {
		return fail(StatSyntax, "x= is no time")
	}
	switch {
	case made > 0 && ends > 0 && ends <= made:
		return fail(StatSyntax, "signature ends before it begins")
	case ends > 0 && now.Unix() > ends+int64(clockSkew/time.Second):
		return fail(StatCantVerify, "signature has expired")
	case made > now.Unix()+int64(clockSkew/time.Second):
		return fail(StatCantVerify, "signature is from the future")
	}
	return nil
}

// time is a tag that holds seconds since 1970; 0 where it is not there.
func (s *Signature) time(tag string) (int64, bool) {
	if !s.tags.has(tag) {
		return 0, true
	}
	n, err := strconv.ParseInt(s.tags.get(tag), 10, 64)
	return n, err == nil && n >= 0
}

// fetch gets the key and checks that it may be used with this signature (RFC
// 6376 §6.1.2).
func (s *Signature) fetch(ctx context.Context, r Resolver) (*publicKey, *failure) {
	kind, digest, _ := strings.Cut(s.Algorithm, "-")
	switch s.Algorithm {
	case "rsa-sha256", "ed25519-sha256":
	case "rsa-sha1":
		// RFC 8301 §3.1: verifiers must not consider it valid.
		return nil, fail(StatCantVerify, "rsa-sha1 is not accepted")
	default:
		return nil, fail(StatCantVerify, "unknown algorithm %.20q", s.Algorithm)
	}
	s.Flags |= FlagProcessed
	key, f := lookupKey(ctx, r, s.Selector, s.Domain)
	if key != nil {
		s.describe(key)
	}
	switch {
	case f != nil:
		return nil, f
	case key.algorithm != kind:
		return nil, fail(StatCantVerify, "key is for %s", key.algorithm)
	case key.hashes != nil && !slices.Contains(key.hashes, digest):
		return nil, fail(StatCantVerify, "key does not allow %s", digest)
	}
	at := strings.LastIndexByte(s.Identity, '@')
	if key.strict && !strings.EqualFold(s.Identity[at+1:], s.Domain) {
		return nil, fail(StatCantVerify, "key is not for subdomains")
	}
	return key, nil
}

func (s *Signature) describe(key *publicKey) {
	s.KeyBits = key.bits
	if key.testing {
		s.Flags |= FlagTestKey
	}
	if key.strict {
		s.Flags |= FlagNoSubdomain
	}
}

// check compares the hashes once the body is through.
func (s *Signature) check(fields []field, o VerifyOptions) *failure {
	if sum := s.body.sum(); !bytes.Equal(sum, s.bodyHash) || s.length > s.body.total {
		return fail(StatBadSig, "body hash does not match")
	}
	h := sha256.New()
	hashFields(h, s.HeaderCanon, fields, s.Headers, withoutB(s.raw, &s.tags))
	if !s.key.verify(h.Sum(nil), s.signature) {
		return fail(StatBadSig, "signature does not match")
	}
	if s.length >= 0 && s.length < s.body.total && !o.PartialBody {
		return fail(StatCBReject, "only %d of %d bytes of the body are signed", s.length, s.body.total)
	}
	s.Status, s.Error = StatOK, ""
	s.Flags |= FlagPassed
	return nil
}

// Covers reports whether a header field of that name is signed.
func (s *Signature) Covers(name string) bool {
	return slices.ContainsFunc(s.Headers, func(h string) bool { return strings.EqualFold(h, name) })
}

// Result is the signature's word in Authentication-Results. A key that says
// t=y is treated as no less (RFC 6376 §3.6.1).
func (s *Signature) Result() Result { return s.Status.Result() }

// Verified are the domains of the signatures that verified, each once, in order.
func Verified(list []*Signature) []string {
	var out []string
	for _, s := range list {
		if s.Status == StatOK && !slices.Contains(out, strings.ToLower(s.Domain)) {
			out = append(out, strings.ToLower(s.Domain))
		}
	}
	return out
}

// Overall is the status of a message: the first signature that verified, else
// the first there is, else StatNoSig.
func Overall(list []*Signature) Status {
	if len(list) == 0 {
		return StatNoSig
	}
	if len(Verified(list)) > 0 {
		return StatOK
	}
	return list[0].Status
}
