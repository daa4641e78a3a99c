package smtpd

import (
	"slices"
	"testing"

	"github.com/mtad/mtad/sdk"
)

// Policy that opened the relay learns which recipients everybody may send to.
func TestRelayDomainIsNoted(t *testing.T) {
	var seen []string
	open := sdk.Change{Kind: sdk.ContextSet, Dict: sdk.DictConn, Name: varCanRelay, Value: "true"}
	r := start(t, options(), policy{
		sdk.ValidateMailFrom: func(st *sdk.State, p sdk.Phase) sdk.PhaseResult {
			if st.Message.Sender == "plain@x.test" {
				return sdk.PhaseResult{}
			}
			return change(open)(st, p)
		},
		sdk.ValidateRcptTo: func(st *sdk.State, p sdk.Phase) sdk.PhaseResult {
			word, _ := st.Conn.Context.Get(varRelayDomain)
			seen = append(seen, string(p.Address)+" "+word)
			return sdk.PhaseResult{}
		},
	})
	p := r.dial()
	p.talk(hello + `
			C: MAIL FROM:<plain@x.test>
			S: ^250
			C: RCPT TO:<b@relay.test>
			S: ^250
			C: RSET
			S: ^250
			C: MAIL FROM:<a@x.test>
			S: ^250
			C: RCPT TO:<b@relay.test>
			S: ^250
			C: RCPT TO:<b@other.test>
			S: ^250
			C: RCPT TO:<postmaster>
			S: ^250`)
	want := []string{"b@relay.test ", "b@relay.test true", "b@other.test false"}
	if len(seen) != 4 || !slices.Equal(seen[:3], want) || seen[3][len(seen[3])-5:] != " true" {
		t.Errorf("policy saw %q", seen)
	}
}
