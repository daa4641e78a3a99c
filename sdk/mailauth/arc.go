package mailauth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
)

// ARC is the state of a message's chain (RFC 8617).
type ARC struct {
	Result Result // none, pass or fail: the chain validation status
	Reason string
	Length int    // how many sets there are
	Sealer string // d= of the newest seal
}

// maxSets is how long a chain may be (RFC 8617 §4.2.1).
const maxSets = 50

// The fields of a set.
const (
	arcResults   = "arc-authentication-results"
	arcSignature = "arc-message-signature"
	arcSeal      = "arc-seal"
)

// arcSet is what one host added.
type arcSet struct{ results, signature, seal []byte }

// VerifyARC validates a chain (RFC 8617 §5.2). The error tells of a body that
// could not be read.
func VerifyARC(ctx context.Context, m Message, o VerifyOptions) (*ARC, error) {
	fields, err := splitFields(m.Header)
	if err != nil {
		return &ARC{Result: Fail, Reason: err.Error()}, nil
	}
	sets, reason := collectSets(fields)
	a := &ARC{Length: len(sets), Result: Fail, Reason: reason}
	if reason != "" {
		return a, nil
	}
	if len(sets) == 0 {
		a.Result = None
		return a, nil
	}
	if f := checkSeals(ctx, sets, a, o); f != nil {
		a.Reason = f.text
		return a, nil
	}
	f, err := checkMessageSignature(ctx, m, fields, sets[len(sets)-1].signature, o)
	if err != nil {
		return nil, err
	}
	if f != nil {
		a.Reason = f.text
		return a, nil
	}
	a.Result = Pass
	return a, nil
}

// collectSets sorts the fields by their instance. The reason says what is wrong
// with the structure (RFC 8617 §5.2 step 3).
func collectSets(fields []field) (sets []arcSet, reason string) {
	found := map[int]*arcSet{}
	for i := range fields {
		f := &fields[i]
		if f.name != arcResults && f.name != arcSignature && f.name != arcSeal {
			continue
		}
		n := instance(f)
		if n < 1 || n > maxSets {
			return nil, "an ARC field without a proper instance"
		}
		if found[n] == nil {
			found[n] = &arcSet{}
		}
		if !found[n].put(f) {
			return nil, "instance " + strconv.Itoa(n) + " has a field twice"
		}
	}
	for n := 1; n <= len(found); n++ {
		s := found[n]
		if s == nil || s.results == nil || s.signature == nil || s.seal == nil {
			return nil, "the chain is not complete"
		}
		sets = append(sets, *s)
	}
	return sets, ""
}

func (s *arcSet) put(f *field) bool {
	at := &s.results
	switch f.name {
	case arcSignature:
		at = &s.signature
	case arcSeal:
		at = &s.seal
	}
	if *at != nil {
		return false
	}
	*at = f.raw
	return true
}

// instance is the i= of an ARC field; 0 where it has none. In the results it is
// the first tag (RFC 8617 §4.1.1).
func instance(f *field) int {
	value := f.value()
	if f.name == arcResults {
		first, _, _ := strings.Cut(value, ";")
		name, number, _ := strings.Cut(first, "=")
		if strings.Trim(name, blanks) != "i" {
			return 0
		}
		return instanceNumber(strings.Trim(number, blanks))
	}
	t, err := parseTags(value)
	if err != nil {
		return 0
	}
	return instanceNumber(t.get("i"))
}

func instanceNumber(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || s[0] < '0' || s[0] > '9' {
		return 0
	}
	return n
}

// checkSeals checks every seal, the newest first (RFC 8617 §5.2 steps 2, 3, 6).
func checkSeals(ctx context.Context, sets []arcSet, a *ARC, o VerifyOptions) *failure {
	for n := len(sets); n >= 1; n-- {
		s := &Signature{raw: sets[n-1].seal}
		if f := s.parseSeal(n); f != nil {
			return f
		}
		if n == len(sets) {
			a.Sealer = s.Domain
		}
		key, f := s.fetch(ctx, o.Resolver)
		if f != nil {
			return sealed(n, f)
		}
		if !key.verify(sealSum(sets[:n], withoutB(s.raw, &s.tags)), s.signature) {
			return sealed(n, fail(StatBadSig, "it does not match"))
		}
	}
	return nil
}

func sealed(n int, f *failure) *failure {
	return fail(f.status, "seal %d: %s", n, f.text)
}

// parseSeal reads an ARC-Seal (RFC 8617 §4.1.3).
func (s *Signature) parseSeal(n int) *failure {
	if len(s.raw) > maxField {
		return sealed(n, fail(StatSyntax, "%d bytes", len(s.raw)))
	}
	f := field{raw: s.raw}
	t, err := parseTags(f.value())
	if err != nil {
		return sealed(n, fail(StatSyntax, "%v", err))
	}
	s.tags = t
	s.Domain, s.Selector, s.Algorithm = t.get("d"), t.get("s"), strings.ToLower(t.get("a"))
	s.Identity = "@" + s.Domain
	for _, name := range []string{"a", "b", "cv", "d", "s"} {
		if t.get(name) == "" {
			return sealed(n, fail(StatSyntax, "it has no %s=", name))
		}
	}
	// RFC 8617 §4.1.3: a seal covers no header fields of its choice.
	if t.has("h") || t.has("bh") {
		return sealed(n, fail(StatSyntax, "it has h= or bh="))
	}
	want := "pass"
	if n == 1 {
		want = "none"
	}
	if cv := strings.ToLower(t.get("cv")); cv != want {
		return sealed(n, fail(StatBadSig, "cv=%.10s", cv))
	}
	if _, ok := s.time("t"); !ok {
		return sealed(n, fail(StatSyntax, "t= is no time"))
	}
	if s.signature, err = base64.StdEncoding.DecodeString(t.get("b")); err != nil {
		return sealed(n, fail(StatSyntax, "b=: %v", err))
	}
	return nil
}

// sealSum is what the seal of the last set signs: all sets in order, each its
// results, its signature, its seal; the last seal without its b= (RFC 8617
// §5.1.1).
func sealSum(sets []arcSet, last []byte) []byte {
	h := sha256.New()
	for i := range sets {
		h.Write(Relaxed.field(sets[i].results))
		h.Write(Relaxed.field(sets[i].signature))
		if i+1 < len(sets) {
			h.Write(Relaxed.field(sets[i].seal))
		}
	}
	h.Write(bytes.TrimSuffix(Relaxed.field(last), []byte("\r\n")))
	return h.Sum(nil)
}

// checkMessageSignature checks the newest ARC-Message-Signature (RFC 8617 §5.2
// step 4). That of an older one would say only who changed the message.
func checkMessageSignature(ctx context.Context, m Message, fields []field, raw []byte, o VerifyOptions) (*failure, error) {
	s := &Signature{raw: raw}
	wrap := func(f *failure) *failure { return fail(f.status, "message signature: %s", f.text) }
	if f := s.prepare(ctx, arcSignature, o); f != nil {
		return wrap(f), nil
	}
	// RFC 8617 §4.1.2: seals are not covered.
	if s.Covers(arcSeal) {
		return wrap(fail(StatSyntax, "it covers ARC-Seal")), nil
	}
	if err := hashBody(m.Body, []*bodyHasher{s.body}); err != nil {
		return nil, err
	}
	if f := s.check(fields, o); f != nil {
		return wrap(f), nil
	}
	return nil, nil
}

// Item is the result in Authentication-Results (RFC 8617 §10.1).
func (a *ARC) Item() Item {
	it := Item{Method: "arc", Result: a.Result, Reason: a.Reason}
	return it.with("header.oldest-pass", a.oldestPass())
}

// oldestPass is 0 where the newest signature is the only one that was checked.
func (a *ARC) oldestPass() string {
	if a.Result == Pass && a.Length == 1 {
		return "0"
	}
	return ""
}
