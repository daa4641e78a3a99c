package smtpd

import (
	"slices"
	"strings"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

func (s *session) ehlo(arg string) error { return s.greet("EHLO ", arg, true) }

func (s *session) heloCommand(arg string) error { return s.greet("HELO ", arg, false) }

// greet is EHLO and HELO (RFC 5321 §4.1.1.1). Either ends a transaction, and
// the session moves to the current generation (design section 4).
func (s *session) greet(verb, name string, esmtp bool) error {
	name = strings.Trim(name, " ")
	if !isHeloName(name) {
		return s.refuse(logs.PhaseAwaitingEHLO, replyBadHELO)
	}
	s.endTransaction()
	s.vs.Move()
	s.caps = s.caps[:s.ownCaps]
	chosen := s.introduce(verb, name)
	if chosen.Refuses() {
		s.helo, s.esmtp = "", false
		return s.refuse(logs.PhaseAwaitingEHLO, chosen)
	}
	s.helo, s.esmtp = name, esmtp
	if !esmtp {
		s.succeed(chosen, 250, "250 "+s.srv.Hostname()+"\r\n")
		return nil
	}
	s.wire.reply(s.capabilities(chosen))
	return nil
}

// introduce asks policy about a name, and gives the reply that it chose.
func (s *session) introduce(verb, name string) *smtp.Reply {
	ctx := &s.vs.State.Conn.Context
	ctx.Set("ehlo_string", verb+name)
	ctx.Set("ehlo_domain", name)
	chosen, _ := s.hooks(sdk.Phase{Hook: sdk.ValidateEHLO, Line: verb + name + "\r\n"})
	return chosen
}

// isHeloName takes any one word of printable ASCII: RFC 5321 §4.1.4 wants no
// mail refused because the name is not right, and many are not even names.
func isHeloName(name string) bool {
	if name == "" || len(name) > maxDomain {
		return false
	}
	for i := 0; i < len(name); i++ {
		if name[i] <= ' ' || name[i] >= 0x7f {
			return false
		}
	}
	return true
}

// capabilities is the EHLO reply: the host or policy's text, then the keywords.
func (s *session) capabilities(chosen *smtp.Reply) *smtp.Reply {
	words := s.p.plain
	if s.tls {
		words = s.p.secure
	}
	if s.p.offers("XCLIENT", false) && s.trusted(s.p.fronts.xclient) {
		words = append(slices.Clip(words), sayXCLIENT)
	}
	if len(s.caps) > 0 {
		words = changeCapabilities(words, s.caps)
	}
	first := s.srv.Hostname()
	if chosen != nil && chosen.Positive() {
		first, _, _ = strings.Cut(chosen.FullText(), "\n")
	}
	if len(words) == 0 {
		return smtp.NewReply(250, "", first)
	}
	return smtp.NewReply(250, "", first+"\n"+strings.Join(words, "\n"))
}

// sameKeyword compares the first word of a capability.
func sameKeyword(capability, keyword string) bool {
	k, _, _ := strings.Cut(capability, " ")
	return strings.EqualFold(k, keyword)
}

// changeCapabilities applies what policy set and deleted. A keyword is the
// first word of a capability.
func changeCapabilities(words []string, changes []sdk.Change) []string {
	out := append([]string(nil), words...)
	for i := range changes {
		keyword, _, _ := strings.Cut(changes[i].Name, " ")
		kept := out[:0]
		for _, w := range out {
			if !sameKeyword(w, keyword) {
				kept = append(kept, w)
			}
		}
		out = kept
		if changes[i].Kind == sdk.CapabilitySet {
			out = append(out, strings.ReplaceAll(changes[i].Name, "\n", " "))
		}
	}
	return out
}
