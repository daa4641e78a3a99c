package core

import (
	"github.com/mtad/mtad/core/adaptive"
	"github.com/mtad/mtad/core/audit"
	"github.com/mtad/mtad/core/bounce"
	"github.com/mtad/mtad/core/delivery"
	"github.com/mtad/mtad/core/dns"
	"github.com/mtad/mtad/core/httpd"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/core/reception"
	"github.com/mtad/mtad/core/smtpd"
	"github.com/mtad/mtad/core/spool"
	"github.com/mtad/mtad/core/tlsrpt"
	"github.com/mtad/mtad/sdk/option"
)

// Schema is what a configuration may hold: the scopes of the core, each option
// put where its owner says, and the scopes of the modules.
func Schema(modules []option.Schema) *option.Schema {
	named := func(name, help string, inner ...option.Schema) option.Schema {
		return option.Schema{Name: name, Instance: option.InstanceRequired, Help: help, Scopes: inner}
	}
	peer := func() option.Schema { return named("peer", "A client network; the most specific one counts.") }
	listen := func() option.Schema { return named("listen", "One listening socket.", peer()) }
	domain := func() option.Schema { return named("domain", "A destination: a name, or /regex/.") }
	host := func() option.Schema { return named("host", "A host that mail is sent to.") }
	binding := func() option.Schema { return named("binding", "A virtual MTA.", domain(), host()) }
	pathway := func() option.Schema { return named("pathway", "Reception options that listeners and peers share.") }
	root := &option.Schema{Name: "global", Instance: option.InstanceForbidden, Scopes: []option.Schema{
		{Name: "esmtp_listener", Help: "SMTP reception.", Scopes: []option.Schema{listen(), peer()}},
		{Name: "control_listener", Help: "Where consoles connect.", Scopes: []option.Schema{listen(), peer()}},
		{Name: "http_listener", Help: "Reception over HTTP.", Scopes: []option.Schema{listen(), peer()}},
		withInstance(option.SchemaOf("http_logger", httpLoggerOptions{})),
		withInstance(option.SchemaOf("ec_logger", loggerOptions{})),
		withInstance(option.SchemaOf("bounce_logger", bounceLoggerOptions{})),
		withInstance(option.SchemaOf("module", moduleOptions{})),
		option.SchemaOf("inbound_audit", audit.Options{}),
		authScope(), authorizationScope(), aliasScope(),
		withInstance(option.SchemaOf("mail_loop", reception.LoopOptions{})),
		withInstance(option.SchemaOf("conntrol", smtpd.Conntrol{})),
		option.SchemaOf("outbound_smtp_auth", outboundAuthOptions{}),
		option.SchemaOf("bounce_classifier_override", bounce.OverrideOptions{}),
		option.SchemaOf("fbl", bounce.FBLOptions{}),
		withInstance(option.SchemaOf("suppression_list", bounce.SuppressionOptions{})),
		withInstance(option.SchemaOf("delay_dsn", delayScope{})),
		withInstance(option.SchemaOf("threadpool", poolOptions{})),
		domain(), host(), binding(), pathway(),
		named("binding_group", "Bindings that share settings.", binding(), domain()),
		named("pathway_group", "Pathways that share settings.", pathway()),
	}}
	root.Scopes = append(root.Scopes, option.SchemaOf("adaptive", adaptive.Module{}), option.SchemaOf("adaptive_backstore_leveldb", adaptive.Store{}))
	addSweepRules(root)
	for _, tagged := range optionOwners() {
		option.Distribute(root, tagged)
	}
	root.Scopes = append(root.Scopes, modules...)
	return root
}

// optionOwners are the tagged structs of the parts whose options fall back over
// scopes.
func optionOwners() []any {
	return []any{
		globals{}, listenerOptions{}, socketOptions{}, controlOptions{}, guardOptions{}, dns.Options{}, spool.Config{}, reception.Options{},
		smtpd.Options{}, queue.Options{}, queue.Rates{}, queue.Limits{}, delivery.Options{}, delivery.HostOptions{}, bounce.Options{}, signOptions{}, aliasOptions{}, adaptive.Options{},
		httpd.Options{}, httpModeOptions{},
		policyOptions{}, tlsrpt.Options{},
		bounce.DelayOptions{}, bounce.FBLInsertion{}, bounce.InboundOptions{}, bounce.SuppressOptions{},
	}
}

func withInstance(s option.Schema) option.Schema {
	s.Instance = option.InstanceRequired
	return s
}
