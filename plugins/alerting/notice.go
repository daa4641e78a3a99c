package alerting

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// The kinds of notice.
const (
	kindRaised    = "raised"
	kindOngoing   = "ongoing"
	kindRecovered = "recovered"
	kindTest      = "test"
)

// notice is what people are told; a webhook gets it as this JSON.
type notice struct {
	Host      string    `json:"host"`
	Rule      string    `json:"rule"`
	Kind      string    `json:"state"` // raised, ongoing, recovered or test
	Key       string    `json:"key"`   // the domain, binding or peer it is about; "" for none
	Condition string    `json:"condition"`
	Value     int64     `json:"value"`
	Detail    string    `json:"detail"` // the last event
	Since     time.Time `json:"since"`
	Time      time.Time `json:"time"`
	Held      int       `json:"held_back"` // alerts that were held back since the last notice
	Text      string    `json:"text"`      // all of it on one line, for people
}

// summary is the notice on one line.
func (n *notice) summary() string {
	name := n.Rule
	if n.Key != "" {
		name += " (" + n.Key + ")"
	}
	switch n.Kind {
	case kindTest:
		return "test of the alerts of " + n.Host
	case kindRecovered:
		return oneLine(fmt.Sprintf("%s is over after %s: %s no longer holds, now %d", name, n.Time.Sub(n.Since).Round(time.Second), n.Condition, n.Value))
	}
	text := fmt.Sprintf("%s: %s, now %d", name, n.Condition, n.Value)
	if n.Detail != "" {
		text += "; the last: " + n.Detail
	}
	return oneLine(text)
}

// mailText is the body of alert mail.
func (n *notice) mailText() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("%s\r\n", n.Text)
	line("Host:      %s", n.Host)
	line("State:     %s", n.Kind)
	if n.Kind != kindTest {
		line("Since:     %s", n.Since.UTC().Format(time.RFC3339))
	}
	line("Time:      %s", n.Time.UTC().Format(time.RFC3339))
	if n.Held > 0 {
		line("Held back: %d further alerts (max_alerts_per_hour)", n.Held)
	}
	line("\r\nThe console command \"alerting\" shows where all rules stand.")
	return b.String()
}

// maxText bounds what a peer can make people read, in bytes.
const maxText = 500

// oneLine makes of any text one line that can be shown.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	return strings.ToValidUTF8(s[:min(len(s), maxText)], "")
}
