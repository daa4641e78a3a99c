package dns

import (
	"context"
	"strings"

	mdns "github.com/miekg/dns"

	"github.com/mtad/mtad/sdk"
)

// Mock is a Resolver made of what it knows, for tests. Names are written
// without a final dot and in lower case:
//
//	dns.Mock{
//		MX:   map[string][]sdk.DNSRecord{"example.com": {{Value: "mx.example.com", Preference: 10}}},
//		A:    map[string][]string{"mx.example.com": {"192.0.2.1"}},
//		Fail: map[string]string{"MX broken.example": dns.ServFail},
//	}
//
// A name that no map has is NXDOMAIN; one with other records only is NODATA.
type Mock struct {
	A, AAAA, TXT, PTR, NS, CNAME map[string][]string
	TLSA                         map[string][]string
	Secure                       func(name string) bool // DNSSEC proves answers about it; nil: none
	MX                           map[string][]sdk.DNSRecord
	Fail                         map[string]string // "TYPE name" to the word of its failure
}

// Lookup implements Resolver.
func (m Mock) Lookup(_ context.Context, q sdk.DNSQuery) (*sdk.DNSAnswer, error) {
	key, word, err := parseQuestion(q)
	if err != nil {
		return nil, err
	}
	if word != "" {
		return &sdk.DNSAnswer{Error: word}, nil
	}
	kind, name := mdns.TypeToString[key.qtype], plain(key.name)
	if word, ok := m.Fail[kind+" "+name]; ok {
		return &sdk.DNSAnswer{Error: word}, nil
	}
	secure := m.Secure != nil && m.Secure(name)
	records := m.records(kind, name)
	for range maxChain {
		target := m.CNAME[name]
		if len(records) > 0 || len(target) == 0 {
			break
		}
		name = target[0]
		records = m.records(kind, name)
	}
	if len(records) > 0 {
		return &sdk.DNSAnswer{Records: records, Secure: secure}, nil
	}
	if m.exists(name) {
		return &sdk.DNSAnswer{Error: NoData, Secure: secure}, nil
	}
	return &sdk.DNSAnswer{Error: NXDomain, Secure: secure}, nil
}

func (m Mock) texts(kind string) map[string][]string {
	switch kind {
	case "AAAA":
		return m.AAAA
	case "TXT":
		return m.TXT
	case "PTR":
		return m.PTR
	case "NS":
		return m.NS
	case "CNAME":
		return m.CNAME
	case "TLSA":
		return m.TLSA
	}
	return m.A
}

func (m Mock) records(kind, name string) []sdk.DNSRecord {
	if kind == "MX" {
		return m.MX[name]
	}
	var out []sdk.DNSRecord
	for _, v := range m.texts(kind)[name] {
		out = append(out, sdk.DNSRecord{Value: v})
	}
	return out
}

func (m Mock) exists(name string) bool {
	for _, kind := range []string{"A", "AAAA", "TXT", "PTR", "NS", "CNAME", "TLSA"} {
		if len(m.texts(kind)[name]) > 0 {
			return true
		}
	}
	for q := range m.Fail {
		if strings.HasSuffix(q, " "+name) {
			return true
		}
	}
	return len(m.MX[name]) > 0
}
