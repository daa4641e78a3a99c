package bounce

import (
	"strings"

	classes "github.com/mtad/mtad/sdk/bounce"
	"github.com/mtad/mtad/sdk/mail"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/smtp"
)

// InboundOptions say which mail is examined as a bounce beside bounce_domains
// (reference/config-options.tsv).
type InboundOptions struct {
	Behavior string `opt:"bounce_behavior" enum:"pass,blackhole" default:"pass" scopes:"domain,global" help:"What becomes of mail that is recognised as a bounce: it goes on, or is discarded once it is logged."`
	Pattern  string `opt:"bounce_pattern" scopes:"domain,global" help:"Regular expression that the recipient of a bounce must match; unset: all mail to bounce_domains is one."`
}

// SuppressOptions are those of the whole server.
type SuppressOptions struct {
	List string `opt:"bounce_suppress_list" scopes:"global" help:"Addresses and @domains, separated by commas, that are never taken for the original recipient of a bounce."`
}

// Suppressed makes a test of bounce_suppress_list.
func (o *SuppressOptions) Suppressed() func(address string) bool {
	set := map[string]bool{}
	for _, one := range strings.Split(o.List, ",") {
		set[strings.ToLower(strings.TrimSpace(one))] = true
	}
	return func(address string) bool {
		a := strings.ToLower(address)
		return set[a] || set[a[strings.LastIndexByte(a, '@'):]]
	}
}

// OutOfBand is what a bounce that came as mail says.
type OutOfBand struct {
	Class     classes.Class
	Recipient smtp.Address // whom the mail was for; "" where that cannot be told
	Text      string       // the record's reply (reference/logs.md, bouncelog)
}

// ReadOutOfBand reads a message that came to a bounce domain.
func ReadOutOfBand(root *mail.Part, rules *classes.Classification, suppressed func(string) bool) OutOfBand {
	var b OutOfBand
	b.Class, _ = rules.MDN.ClassifyMessage(root)
	b.Recipient = smtp.Address(classes.OriginalRecipient(root, suppressed))
	if b.Recipient == "" && b.Class == classes.Generic {
		b.Class = classes.NoRecipient
	}
	b.Text = "550 [internal] [oob] " + rules.Info(b.Class).Description
	return b
}

// CheckPatterns finds bounce_pattern that are no regular expressions, in every
// scope.
func CheckPatterns(scope *option.Scope, check func(pattern string) error) option.Problems {
	var bad option.Problems
	if a, ok := scope.Attr("bounce_pattern"); ok && a.Value.Text != "" {
		if err := check(a.Value.Text); err != nil {
			bad = append(bad, option.Problem{Pos: a.Pos, Text: "bounce_pattern: " + err.Error()})
		}
	}
	for i := range scope.Scopes {
		bad = append(bad, CheckPatterns(&scope.Scopes[i], check)...)
	}
	return bad
}
