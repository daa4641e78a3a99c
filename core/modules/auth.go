package modules

import (
	"context"
	"fmt"
	"slices"

	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc"
)

// Authenticate asks the module of the current generation that registered the
// scheme.
func (m *Manager) Authenticate(ctx context.Context, r *sdk.AuthRequest) (*sdk.AuthAnswer, error) {
	for _, mem := range m.committed() {
		if slices.Contains(mem.sub.AuthSchemes, r.Scheme) {
			return mem.unit.authenticate(ctx, r)
		}
	}
	return nil, fmt.Errorf("no script registered the authentication scheme %q (msys.registerAuth): %w", r.Scheme, sdk.ErrNotSupported)
}

// AuthSchemes gives the schemes that the modules of a prepared generation
// registered.
func (p *Prepared) AuthSchemes() []string {
	var out []string
	for _, mem := range p.g.members {
		out = append(out, mem.sub.AuthSchemes...)
	}
	return out
}

// AdaptiveRules gives the rules for adaptive delivery that the modules of a
// prepared generation registered, in order.
func (p *Prepared) AdaptiveRules() [][]byte {
	var out [][]byte
	for _, mem := range p.g.members {
		out = append(out, mem.sub.AdaptiveRules...)
	}
	return out
}

func (l *local) authenticate(ctx context.Context, r *sdk.AuthRequest) (*sdk.AuthAnswer, error) {
	if m, ok := l.module.(sdk.Authenticator); ok {
		return m.Authenticate(ctx, r)
	}
	return nil, sdk.ErrNotSupported
}

func (p *process) authenticate(ctx context.Context, r *sdk.AuthRequest) (*sdk.AuthAnswer, error) {
	return ask(ctx, p, &validate.Seat{}, func(client *rpc.Client) (*sdk.AuthAnswer, error) { return client.Authenticate(ctx, r) })
}
