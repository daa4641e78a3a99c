package mailauth

import (
	"context"
	"errors"
	"strings"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mailauth"
)

// sign adds a signature for each opendkim scope that has a key for the message.
// A message that cannot be signed goes unsigned, and the paniclog says why; one
// that no key is there for is no fault.
func (t *task) sign(ctx context.Context) error {
	domain := mailauth.ResponsibleDomain(t.msg.Header)
	if domain == "" || !t.switchedOn(ctx) {
		return nil
	}
	header := t.msg.Header
	for _, s := range t.w.signers {
		p := s.scope.For(domain)
		if p.Selector == "" || p.KeyPath == "" || !t.condition(p.ConditionName) {
			continue
		}
		// Every signature is over the message without the others of ours.
		m := *t.msg
		m.Header = header
		field, err := s.keys.SignCopy(ctx, t.w.host, &m, p, t.w.now())
		if errors.Is(err, mailauth.ErrNoKey) {
			continue
		}
		if err != nil {
			t.log("message %s is not signed for %s: %v", t.msg.ID, p.Domain, err)
			continue
		}
		section := append([]byte(field), t.msg.Header...)
		if err := t.change(sdk.Change{Kind: sdk.HeaderSection, Data: section}); err != nil {
			return err
		}
	}
	return nil
}

// condition is sign_condition: the variable is there, in either context.
func (t *task) condition(name string) bool {
	if name == "" {
		return true
	}
	for _, d := range []sdk.Dict{t.msg.Context, t.msg.ConnContext, t.call.State.Conn.Context} {
		if v, ok := d.Get(name); ok && v != "" && v != "false" && v != "0" {
			return true
		}
	}
	return false
}

// switchedOn evaluates opendkim_sign for the message's binding and domain.
func (t *task) switchedOn(ctx context.Context) bool {
	words := []string{"eval"}
	for _, w := range [][2]string{{"binding_group", t.msg.BindingGroup}, {"binding", t.msg.Binding}, {"domain", t.routingDomain()}} {
		if w[1] != "" {
			words = append(words, w[0], w[1])
		}
	}
	line, err := t.w.host.ConfigValue(ctx, append(words, "opendkim_sign"))
	if err != nil {
		t.log("opendkim_sign for %s: %v", strings.Join(words, " "), err)
		return false
	}
	_, value, _ := strings.Cut(line, "=")
	switch strings.ToLower(strings.Trim(value, ` "`)) {
	case "0", "false", "off", "disabled":
		return false
	}
	return true
}

func (t *task) routingDomain() string {
	if t.msg.RoutingDomain != "" {
		return t.msg.RoutingDomain
	}
	_, domain := t.msg.Recipient.Split()
	return domain
}
