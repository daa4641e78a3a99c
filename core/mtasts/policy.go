package mtasts

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Mode is what a policy asks of senders (RFC 8461 §5).
type Mode string

// The modes.
const (
	Enforce Mode = "enforce"
	Testing Mode = "testing"
	None    Mode = "none"
)

// Policy is the policy of one domain.
type Policy struct {
	Domain  string        `json:"domain"`
	ID      string        `json:"id"` // of the TXT record it was fetched for
	Mode    Mode          `json:"mode"`
	MX      []string      `json:"mx"`
	MaxAge  time.Duration `json:"max_age"`
	Fetched time.Time     `json:"fetched"`
	Lines   []string      `json:"lines"` // as it was published, for reports
}

const (
	maxPolicy = 64 << 10               // bytes of a policy (RFC 8461 §3.3 leaves the bound to us)
	maxMX     = 200                    // patterns of a policy
	maxAge    = 31557600 * time.Second // RFC 8461 §3.2: about a year
	maxID     = 32                     // characters of an id, §3.1
)

// ErrPolicy is a policy that RFC 8461 §3.2 does not allow.
var ErrPolicy = errors.New("invalid MTA-STS policy")

// Parse reads a policy. Unknown keys are passed over; of a key that comes twice
// the first counts, mx excepted (RFC 8461 §3.2).
func Parse(text []byte) (*Policy, error) {
	if len(text) > maxPolicy {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrPolicy, maxPolicy)
	}
	p := &Policy{}
	seen := map[string]string{}
	for line := range strings.SplitSeq(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n") {
		key, value, ok := strings.Cut(line, ":")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !ok || key == "" {
			continue
		}
		if key == "mx" {
			p.MX = append(p.MX, strings.ToLower(strings.TrimSuffix(value, ".")))
		} else if _, twice := seen[key]; twice {
			continue
		} else {
			seen[key] = value
		}
		if key == "mx" || key == "version" || key == "mode" || key == "max_age" {
			p.Lines = append(p.Lines, key+": "+printable(value))
		}
	}
	return p, p.settle(seen)
}

// settle reads the keys that may come once.
func (p *Policy) settle(seen map[string]string) error {
	if seen["version"] != "STSv1" {
		return fmt.Errorf("%w: version %q", ErrPolicy, seen["version"])
	}
	p.Mode = Mode(seen["mode"])
	if p.Mode != Enforce && p.Mode != Testing && p.Mode != None {
		return fmt.Errorf("%w: mode %q", ErrPolicy, seen["mode"])
	}
	age, err := strconv.ParseUint(seen["max_age"], 10, 32)
	if err != nil {
		return fmt.Errorf("%w: max_age %q", ErrPolicy, seen["max_age"])
	}
	p.MaxAge = min(time.Duration(age)*time.Second, maxAge)
	if len(p.MX) == 0 && p.Mode != None || len(p.MX) > maxMX {
		return fmt.Errorf("%w: %d mx lines", ErrPolicy, len(p.MX))
	}
	return nil
}

// printable keeps what may stand in a report.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f {
			return '?'
		}
		return r
	}, s)
}

// Allows says that the policy names an exchanger. "*." stands for one label
// (RFC 8461 §4.1).
func (p *Policy) Allows(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	_, parent, _ := strings.Cut(host, ".")
	for _, mx := range p.MX {
		if mx == host {
			return true
		}
		if suffix, ok := strings.CutPrefix(mx, "*."); ok && parent != "" && suffix == parent {
			return true
		}
	}
	return false
}

func (p *Policy) expired(now time.Time) bool { return p == nil || !now.Before(p.Fetched.Add(p.MaxAge)) }

// recordID is the id of a TXT record that announces a policy (RFC 8461 §3.1).
func recordID(text string) (string, bool) {
	fields := strings.Split(text, ";")
	if strings.TrimSpace(fields[0]) != "v=STSv1" {
		return "", false
	}
	for _, f := range fields[1:] {
		key, value, _ := strings.Cut(strings.TrimSpace(f), "=")
		if key != "id" {
			continue
		}
		return value, value != "" && len(value) <= maxID && strings.Trim(strings.ToLower(value), "abcdefghijklmnopqrstuvwxyz0123456789") == ""
	}
	return "", false
}
