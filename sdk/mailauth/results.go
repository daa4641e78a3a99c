package mailauth

import "encoding/json"

// ResultsVariable is the message context variable that holds the results of
// DKIM, once they are known: what later phases tell of, when the message may no
// longer be as it was signed.
const ResultsVariable = "dkim_results"

// stored is a signature as ResultsVariable has it.
type stored struct {
	Status   Status `json:"status"`
	Error    string `json:"error,omitempty"`
	Flags    Flags  `json:"flags,omitempty"`
	Domain   string `json:"d"`
	Selector string `json:"s,omitempty"`
	Identity string `json:"i,omitempty"`
	Alg      string `json:"a,omitempty"`
	Query    string `json:"q,omitempty"`
	Mark     string `json:"b,omitempty"`
	Bits     int    `json:"bits,omitempty"`
}

// EncodeResults is the value of ResultsVariable.
func EncodeResults(list []*Signature) string {
	out := make([]stored, 0, len(list))
	for _, s := range list {
		out = append(out, stored{s.Status, clean(s.Error), s.Flags, clean(s.Domain), clean(s.Selector), clean(s.Identity),
			clean(s.Algorithm), clean(s.Query), clean(s.Mark), s.KeyBits})
	}
	text, err := json.Marshal(out)
	if err != nil {
		return "[]" // numbers and text: it cannot happen
	}
	return string(text)
}

// DecodeResults reads the value of ResultsVariable.
func DecodeResults(text string) ([]*Signature, bool) {
	var in []stored
	if json.Unmarshal([]byte(text), &in) != nil {
		return nil, false
	}
	list := make([]*Signature, 0, len(in))
	for _, s := range in {
		list = append(list, &Signature{Status: s.Status, Error: s.Error, Flags: s.Flags, Domain: s.Domain, Selector: s.Selector,
			Identity: s.Identity, Algorithm: s.Alg, Query: s.Query, Mark: s.Mark, KeyBits: s.Bits})
	}
	return list, true
}
