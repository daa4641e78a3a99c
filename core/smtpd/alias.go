package smtpd

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/mtad/mtad/core/alias"
	"github.com/mtad/mtad/sdk/smtp"
)

// Aliases expands recipients that policy has accepted. seen is the transaction's;
// an error of alias.ErrLoop refuses the recipient, any other puts it off.
type Aliases func(ctx context.Context, p *Profile, to smtp.Address, seen map[smtp.Address]bool) ([]smtp.Address, error)

// aliasTime bounds the expansion of one recipient.
const aliasTime = time.Minute

// ValidAddress reads an address with its domain by RFC 5321 §4.1.2; false where
// it is none.
func ValidAddress(text string) (smtp.Address, bool) {
	p, rest, ok := parsePath("<"+text+">", grammar{strict: true})
	return p.addr, ok && rest == "" && p.domain != "" && !p.intl
}

// expand puts what an accepted recipient stands for in its place. It gives the
// reply for one that cannot be had.
func (s *session) expand(to smtp.Address) *smtp.Reply {
	if s.srv.Aliases == nil {
		return nil
	}
	m := s.vs.State.Message
	at := slices.Index(m.Recipients, to)
	if at < 0 || s.txn.aliased[to] && s.drop(to) {
		return nil // policy has put others there, or it came before
	}
	ctx, cancel := context.WithTimeout(s.srv.ctx, aliasTime)
	defer cancel()
	seen := maps.Clone(s.txn.aliased)
	if seen == nil {
		seen = map[smtp.Address]bool{}
	}
	found, err := s.srv.Aliases(ctx, s.p, to, seen)
	switch {
	case errors.Is(err, alias.ErrLoop):
		s.drop(to)
		return replyAliasLoop
	case err != nil:
		s.drop(to)
		s.srv.Problem("alias: " + string(to) + ": " + err.Error())
		return replyAliasLater
	case len(found) == 1 && found[0] == to:
		return nil
	}
	s.drop(to)
	if len(m.Recipients)+len(found) > s.p.recipients() {
		return replyMaxRcpt
	}
	s.txn.aliased = seen
	for _, a := range found {
		if !slices.Contains(m.Recipients, a) {
			m.Recipients = append(m.Recipients, a)
		}
	}
	return nil
}

// drop takes a recipient off the list.
func (s *session) drop(to smtp.Address) bool {
	m := s.vs.State.Message
	m.Recipients = slices.DeleteFunc(m.Recipients, func(a smtp.Address) bool { return a == to })
	return true
}
