package mailauth

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// errChain is a chain that cannot be continued.
var errChain = errors.New("the ARC chain cannot be continued")

// Sealing is what a set is made with.
type Sealing struct {
	Signing
	AuthServID string
	Results    string // the results without authserv-id, as "spf=pass smtp.mailfrom=..."
}

// Seal makes a set for a chain in the state a, and gives its three fields to be
// put on top of the message. A chain that failed is not sealed by us again.
func Seal(m Message, a *ARC, o Sealing) (string, error) {
	fields, err := splitFields(m.Header)
	if err != nil {
		return "", err
	}
	algorithm, err := algorithmOf(o.Key)
	if err != nil {
		return "", err
	}
	sets, reason := collectSets(fields)
	if reason != "" || a.Result == Fail || len(sets) >= maxSets {
		return "", errChain
	}
	number := strconv.Itoa(len(sets) + 1)
	results := "ARC-Authentication-Results: i=" + number + "; " + word(o.AuthServID) + "; " + foldResults(o.Results) + "\r\n"
	names := o.sealedNames(fields)
	body := newBodyHasher(o.BodyCanon, sha256.New(), -1)
	if err := hashBody(m.Body, []*bodyHasher{body}); err != nil {
		return "", err
	}
	w := newTagWriter("ARC-Message-Signature")
	w.put("i", number)
	w.put("a", algorithm)
	w.put("c", string(o.HeaderCanon)+"/"+string(o.BodyCanon))
	w.put("d", o.Domain)
	w.put("s", o.Selector)
	w.put("t", strconv.FormatInt(o.Now.Unix(), 10))
	w.putList("h", names)
	w.put("bh", base64.StdEncoding.EncodeToString(body.sum()))
	signature, err := w.sign(o.Key, func(own []byte) []byte {
		h := sha256.New()
		hashFields(h, o.HeaderCanon, fields, names, own)
		return h.Sum(nil)
	})
	if err != nil {
		return "", err
	}
	return sealSet(append(sets, arcSet{results: []byte(results), signature: []byte(signature)}), number, algorithm, o)
}

func sealSet(sets []arcSet, number, algorithm string, o Sealing) (string, error) {
	cv := "pass"
	if len(sets) == 1 {
		cv = "none"
	}
	w := newTagWriter("ARC-Seal")
	w.put("i", number)
	w.put("a", algorithm)
	w.put("t", strconv.FormatInt(o.Now.Unix(), 10))
	w.put("cv", cv)
	w.put("d", o.Domain)
	w.put("s", o.Selector)
	seal, err := w.sign(o.Key, func(own []byte) []byte { return sealSum(sets, own) })
	if err != nil {
		return "", err
	}
	last := sets[len(sets)-1]
	return seal + string(last.signature) + string(last.results), nil
}

// sealedNames are the h= of an ARC-Message-Signature: never its own kind nor the
// results of other hosts (RFC 8617 §4.1.2).
func (o *Sealing) sealedNames(fields []field) []string {
	never := []string{arcSeal, arcSignature, arcResults, "authentication-results"}
	return slices.DeleteFunc(o.names(fields), func(name string) bool { return containsFold(never, name) })
}

// foldResults puts each result on a line of its own.
func foldResults(text string) string {
	text = oneLine(text)
	if text == "" {
		return "none"
	}
	return strings.ReplaceAll(text, "; ", ";\r\n\t")
}
