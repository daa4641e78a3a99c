package core

import (
	"context"
	"errors"

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/sdk"
)

// host is what modules may ask of the core.
type host struct{ c *Core }

// Source is part of sdk.Host. While a configuration is being prepared, its own
// search path counts.
func (h host) Source(_ context.Context, name string) (*sdk.Source, error) {
	return h.c.sources.Load().Find(name)
}

// LookupDNS is part of sdk.Host.
func (h host) LookupDNS(ctx context.Context, q sdk.DNSQuery) (*sdk.DNSAnswer, error) {
	return h.c.dns.Lookup(ctx, q)
}

// StartDNS makes host an sdk.DNSStarter.
func (h host) StartDNS(q sdk.DNSQuery, done func(*sdk.DNSAnswer, error)) { h.c.dns.StartDNS(q, done) }

// Query is part of sdk.Host.
func (h host) Query(ctx context.Context, q *sdk.Query) (*sdk.Rows, error) {
	return h.c.modules.Query(ctx, q)
}

// ReadBody is part of sdk.Host.
func (h host) ReadBody(_ context.Context, handle uint64, offset, length int64) ([]byte, error) {
	return h.c.door.ReadBody(handle, offset, length)
}

// Inject is part of sdk.Host.
func (h host) Inject(ctx context.Context, in *sdk.Injection) ([]string, error) {
	in.Bounce = false // only the core makes bounces
	return h.c.door.Inject(ctx, in)
}

// Counter is part of sdk.Host.
func (h host) Counter(_ context.Context, op sdk.CounterOp) (int64, error) {
	return h.c.counterOf(op)
}

// ConfigValue is part of sdk.Host: "get ...", "eval ...", "set ..." or
// "unset ...", as on the console; or "bounce", "smtp" or "mdn", a text and a
// domain for a class by the overrides in force.
func (h host) ConfigValue(ctx context.Context, words []string) (string, error) {
	if len(words) > 0 && (words[0] == "set" || words[0] == "unset") {
		return h.c.configByScript(ctx, words[0], words[1:])
	}
	if len(words) == 4 && words[0] == "bounce" {
		return h.c.classFor(words[1], words[2], words[3]), nil
	}
	return configValue(h.c.settings.Load(), words)
}

// DelayDomain is part of sdk.Host.
func (h host) DelayDomain(ctx context.Context, domain, note string) (int, error) {
	return h.c.queue.DelayDomain(ctx, domain, note)
}

// Log is part of sdk.Host.
func (h host) Log(r sdk.LogRecord) {
	h.c.health.logged(&r)
	h.c.logs.Panic(r)
}

var errConfigWords = errors.New(`the first word must be "get", "eval", "set" or "unset"`)

func configValue(s *settings, words []string) (string, error) {
	if s == nil {
		return "", sdk.ErrNoIO
	}
	v := conf.Clear{View: conf.View{Tree: s.tree, Schema: s.schema}}
	switch {
	case len(words) > 1 && words[0] == "get":
		return v.Get(words[1:])
	case len(words) > 1 && words[0] == "eval":
		return v.Eval(words[1:])
	}
	return "", errConfigWords
}

// checkHost is the host of `mtad check`: it finds sources and does nothing
// else, except to show what scripts print.
type checkHost struct {
	sources *conf.Sources
	log     func(sdk.LogRecord)
}

// Source is part of sdk.Host.
func (h checkHost) Source(_ context.Context, name string) (*sdk.Source, error) {
	return h.sources.Find(name)
}

// LookupDNS is part of sdk.Host.
func (checkHost) LookupDNS(context.Context, sdk.DNSQuery) (*sdk.DNSAnswer, error) {
	return nil, sdk.ErrNoIO
}

// Query is part of sdk.Host.
func (checkHost) Query(context.Context, *sdk.Query) (*sdk.Rows, error) { return nil, sdk.ErrNoIO }

// ReadBody is part of sdk.Host.
func (checkHost) ReadBody(context.Context, uint64, int64, int64) ([]byte, error) {
	return nil, sdk.ErrNoIO
}

// Inject is part of sdk.Host.
func (checkHost) Inject(context.Context, *sdk.Injection) ([]string, error) { return nil, sdk.ErrNoIO }

// Counter is part of sdk.Host.
func (checkHost) Counter(context.Context, sdk.CounterOp) (int64, error) { return 0, sdk.ErrNoIO }

// ConfigValue is part of sdk.Host.
func (checkHost) ConfigValue(context.Context, []string) (string, error) { return "", sdk.ErrNoIO }

// DelayDomain is part of sdk.Host.
func (checkHost) DelayDomain(context.Context, string, string) (int, error) { return 0, sdk.ErrNoIO }

// Log is part of sdk.Host.
func (h checkHost) Log(r sdk.LogRecord) { h.log(r) }
