package tlsrpt

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// The JSON of a report (RFC 8460 §4.4).
type report struct {
	Organization string         `json:"organization-name"`
	Range        dateRange      `json:"date-range"`
	Contact      string         `json:"contact-info"`
	ID           string         `json:"report-id"`
	Policies     []policyReport `json:"policies"`
}

type dateRange struct {
	Start time.Time `json:"start-datetime"`
	End   time.Time `json:"end-datetime"`
}

type policyReport struct {
	Policy  policyJSON   `json:"policy"`
	Summary summary      `json:"summary"`
	Details []detailJSON `json:"failure-details,omitempty"`
}

type policyJSON struct {
	Type   PolicyType `json:"policy-type"`
	Text   []string   `json:"policy-string,omitempty"`
	Domain string     `json:"policy-domain"`
	MX     []string   `json:"mx-host,omitempty"`
}

type summary struct {
	Succeeded int64 `json:"total-successful-session-count"`
	Failed    int64 `json:"total-failure-session-count"`
}

type detailJSON struct {
	Kind      Kind       `json:"result-type"`
	Sending   netip.Addr `json:"sending-mta-ip,omitzero"`
	MX        string     `json:"receiving-mx-hostname,omitempty"`
	Receiving netip.Addr `json:"receiving-ip,omitzero"`
	Count     int64      `json:"failed-session-count"`
}

// JSON is the report of a day.
func (d *Day) JSON(organization, contact, id string) ([]byte, error) {
	r := report{
		Organization: organization, Contact: contact, ID: id,
		Range: dateRange{d.Begin, d.Begin.Add(24*time.Hour - time.Second)},
	}
	for _, t := range d.Tallies {
		p := policyReport{
			Policy:  policyJSON{t.Policy.Type, t.Policy.Text, t.Policy.Domain, t.Policy.MX},
			Summary: summary{t.Succeeded, t.Failed},
		}
		for k, n := range t.Details {
			p.Details = append(p.Details, detailJSON{k.Kind, k.Sending, k.MX, k.Receiving, n})
		}
		slices.SortFunc(p.Details, func(a, b detailJSON) int {
			return strings.Compare(a.MX+string(a.Kind)+a.Receiving.String(), b.MX+string(b.Kind)+b.Receiving.String())
		})
		r.Policies = append(r.Policies, p)
	}
	return json.Marshal(r)
}

func compressed(text []byte) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// maxTargets bounds where one domain's report goes to.
const maxTargets = 4

// targets reads where a domain wants its reports: mailto and https URIs (RFC 8460
// §3).
func targets(record string) []string {
	fields := strings.Split(record, ";")
	if strings.TrimSpace(fields[0]) != "v=TLSRPTv1" {
		return nil
	}
	var out []string
	for _, f := range fields[1:] {
		key, value, _ := strings.Cut(strings.TrimSpace(f), "=")
		if strings.TrimSpace(key) != "rua" {
			continue
		}
		for uri := range strings.SplitSeq(value, ",") {
			uri = strings.TrimSpace(uri)
			if scheme, _, ok := strings.Cut(strings.ToLower(uri), ":"); ok && (scheme == "mailto" || scheme == "https") && len(out) < maxTargets {
				out = append(out, uri)
			}
		}
	}
	return out
}
