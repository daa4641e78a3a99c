package mailauth

import (
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mailauth"
	"github.com/mtad/mtad/sdk/option"
)

// spfOptions are an spf_v1 scope (reference/modules.tsv).
type spfOptions struct {
	Enabled     bool   `opt:"enabled" default:"true" help:"Whether SPF is checked."`
	DefaultRule string `opt:"default_rule" default:"?all" help:"Counts for a domain that publishes no policy; empty: its result is none."`
	AddHeaders  bool   `opt:"add_headers" default:"true" help:"Add Received-SPF."`
	AddResults  bool   `opt:"add_authentication_results" default:"true" help:"Add the result to Authentication-Results."`
	Variable    string `opt:"context_variable" default:"spf_status" help:"Message context variable that gets the result: pass, fail, softfail, neutral, none, temperror or permerror."`
	DelayCheck  bool   `opt:"delay_check" default:"false" help:"Check at the first RCPT TO, not at MAIL FROM."`
	AuthServID  string `opt:"authserv_id" help:"Who speaks in Authentication-Results; default: hostname."`
	DebugLevel  string `opt:"debug_level" default:"" help:"Accepted for compatibility."`

	FailText      string `opt:"fail_fallback_string" default:"" help:"Accepted for compatibility: SPF refuses nothing; scripts do."`
	SoftFailText  string `opt:"softfail_fallback_string" default:"" help:"Accepted for compatibility."`
	NXDomainText  string `opt:"nxdomain_override_string" default:"" help:"Accepted for compatibility."`
	TempErrorText string `opt:"temperror_override_string" default:"" help:"Accepted for compatibility."`
	FailCode      int64  `opt:"fail_code" default:"250" help:"Accepted for compatibility; it was never configurable."`
	SoftFailCode  int64  `opt:"softfail_code" default:"250" help:"Accepted for compatibility."`
	PassCode      int64  `opt:"pass_code" default:"250" help:"Accepted for compatibility."`
	NXDomainCode  int64  `opt:"nxdomain_code" default:"250" help:"Accepted for compatibility."`
	PermErrorCode int64  `opt:"permerror_code" default:"250" help:"Accepted for compatibility."`
	UnknownCode   int64  `opt:"unknown_code" default:"250" help:"Accepted for compatibility."`
	TempErrorCode int64  `opt:"temperror_code" default:"250" help:"Accepted for compatibility."`
	Instance      string `opt:",instance,optional"`
}

// macroOptions are the spf_macros scope: the macros are always there.
type macroOptions struct {
	Enabled    bool   `opt:"enabled" default:"true" help:"Accepted for compatibility; %{spfv1:x} is always there."`
	DebugLevel string `opt:"debug_level" default:"" help:"Accepted for compatibility."`
	Instance   string `opt:",instance,optional"`
}

// validateOptions are a dkim_validate scope: with it all mail that comes by SMTP
// is verified.
type validateOptions struct {
	Enabled       bool   `opt:"enabled" default:"true" help:"Whether DKIM is verified without a script's asking."`
	AddResults    bool   `opt:"add_authentication_results" default:"true" help:"Add the results to Authentication-Results."`
	MaxSignatures int64  `opt:"max_signatures" default:"8" help:"How many signatures of a message are verified."`
	PartialBody   bool   `opt:"accept_body_length" default:"false" help:"Accept a signature over a part of the body (l=)."`
	AuthServID    string `opt:"authserv_id" help:"Who speaks in Authentication-Results; default: hostname."`
	DebugLevel    string `opt:"debug_level" default:"" help:"Accepted for compatibility."`
	Instance      string `opt:",instance,optional"`
}

// dmarcOptions are the dmarc scope, which is mtad's own.
type dmarcOptions struct {
	Enabled    bool   `opt:"enabled" default:"true" help:"Whether the policy of the domain in From is looked up. SPF and DKIM are checked for it whether or not they have scopes."`
	AddResults bool   `opt:"add_authentication_results" default:"true" help:"Add the result to Authentication-Results."`
	Variable   string `opt:"context_variable" default:"dmarc_status" help:"Message context variable that gets the result: pass, fail, none, temperror or permerror; the policy asked for is in <name>_policy."`
	AuthServID string `opt:"authserv_id" help:"Who speaks in Authentication-Results; default: hostname."`
	Instance   string `opt:",instance,optional"`
}

// arcOptions are the openarc scope.
type arcOptions struct {
	Enabled    bool   `opt:"enabled" default:"true" help:"Whether the scope counts."`
	Verify     bool   `opt:"verify" default:"false" help:"Validate the chain of every message into arc_cv; scripts do so with msys.validate.openarc.verify."`
	AddResults bool   `opt:"add_authentication_results" default:"true" help:"Add the result to Authentication-Results."`
	AuthServID string `opt:"authserv_id" help:"Who speaks in Authentication-Results; default: hostname."`
	DebugLevel string `opt:"debug_level" default:"" help:"Accepted for compatibility."`
	Instance   string `opt:",instance,optional"`
}

// Schemas are the module's scopes.
func Schemas() []option.Schema {
	list := []option.Schema{
		option.SchemaOf("spf_v1", spfOptions{}), option.SchemaOf("spf_macros", macroOptions{}),
		option.SchemaOf("opendkim", mailauth.OpenDKIM{}), option.SchemaOf("dkim_validate", validateOptions{}),
		option.SchemaOf("dmarc", dmarcOptions{}), option.SchemaOf("openarc", arcOptions{}),
	}
	help := []string{"SPF of MAIL FROM.", "The macros of SPF.", "DKIM signatures.", "Verification of DKIM.", "DMARC.", "ARC."}
	for i := range list {
		list[i].Help = help[i]
	}
	return list
}

// settings are a generation's scopes, decoded.
type settings struct {
	id       string // authserv-id
	spf      *spfOptions
	validate *validateOptions
	dmarc    *dmarcOptions
	arc      *arcOptions
	sign     []*mailauth.OpenDKIM
}

// decode reads the scopes; of several spf_v1 or dkim_validate the last counts.
func decode(c *sdk.Config) (*settings, []sdk.Problem) {
	s := &settings{id: c.Hostname}
	var problems []sdk.Problem
	report := func(pos option.Pos, text string) {
		problems = append(problems, sdk.Problem{File: pos.File, Line: pos.Line, Column: pos.Column, Text: text})
	}
	read := func(scope *option.Scope, into any) {
		for _, p := range option.Decode(scope, into) {
			report(p.Pos, p.Text)
		}
	}
	for i := range c.Scopes {
		scope := &c.Scopes[i]
		id := ""
		switch scope.Name {
		case "spf_v1":
			s.spf = &spfOptions{}
			read(scope, s.spf)
			id = s.spf.AuthServID
			if err := mailauth.CheckRule(s.spf.DefaultRule); err != nil {
				report(scope.Pos, "default_rule: "+err.Error())
			}
		case "dkim_validate":
			s.validate = &validateOptions{}
			read(scope, s.validate)
			id = s.validate.AuthServID
		case "dmarc":
			s.dmarc = &dmarcOptions{}
			read(scope, s.dmarc)
			id = s.dmarc.AuthServID
		case "openarc":
			s.arc = &arcOptions{}
			read(scope, s.arc)
			id = s.arc.AuthServID
		case "opendkim":
			o := &mailauth.OpenDKIM{}
			read(scope, o)
			s.sign = append(s.sign, o)
		case "spf_macros":
			read(scope, &macroOptions{})
		}
		if id != "" {
			s.id = id
		}
	}
	return s.enabled(), problems
}

// enabled drops what is switched off.
func (s *settings) enabled() *settings {
	if s.spf != nil && !s.spf.Enabled {
		s.spf = nil
	}
	if s.validate != nil && !s.validate.Enabled {
		s.validate = nil
	}
	if s.dmarc != nil && !s.dmarc.Enabled {
		s.dmarc = nil
	}
	if s.arc != nil && !(s.arc.Enabled && s.arc.Verify) {
		s.arc = nil
	}
	var sign []*mailauth.OpenDKIM
	for _, o := range s.sign {
		if o.Enabled && o.Signs() {
			sign = append(sign, o)
		}
	}
	s.sign = sign
	return s
}

func (s *settings) hooks() sdk.HookSet {
	var set sdk.HookSet
	if s.spf != nil || s.dmarc != nil {
		if s.spf != nil && s.spf.DelayCheck {
			set.Add(sdk.ValidateRcptTo)
		} else {
			set.Add(sdk.ValidateMailFrom)
		}
	}
	if s.spf != nil || s.validate != nil || s.dmarc != nil || s.arc != nil {
		set.Add(sdk.ValidateData)
	}
	if len(s.sign) > 0 {
		set.Add(sdk.CoreFinalValidation)
	}
	return set
}
