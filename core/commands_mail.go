package core

import (
	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/core/control"
	"github.com/mtad/mtad/core/queue"
)

// mailCommands are the console's commands about queued mail
// (reference/console.tsv).
func (c *Core) mailCommands() []control.Command {
	const clauses = "[--dry-run] [--meta KEY VALUE | --header NAME LINE] [--sender PATTERN] [--recipient PATTERN]"
	return []control.Command{
		{Name: "why", Usage: "MESSAGE-ID | DOMAIN | BINDING | binding BINDING [--json]", Help: "Say what holds mail now, the configuration line that says so, and when it is tried next.",
			Example: "why example.com", Run: answering(lookTime, c.why)},
		{Name: "active", Usage: "THRESHOLD [--limit N] [--json]", Help: "Show domains with more due messages than that.", Example: "active 100", Run: answering(lookTime, c.busyDomains(dueMail))},
		{Name: "delayed", Usage: "THRESHOLD [--limit N] [--json]", Help: "Show domains with more delayed messages than that.", Example: "delayed 100", Run: answering(lookTime, c.busyDomains(delayedMail))},
		{Name: "binding active", Usage: "BINDING THRESHOLD [--limit N] [--json]", Help: "Show a binding's domains with more due messages than that.", Example: "binding active smtp-01 100", Run: answering(lookTime, c.ofBinding(dueMail))},
		{Name: "binding delayed", Usage: "BINDING THRESHOLD [--limit N] [--json]", Help: "Show a binding's domains with more delayed messages than that.", Example: "binding delayed smtp-01 100", Run: answering(lookTime, c.ofBinding(delayedMail))},
		{Name: "binding summary", Usage: "[NAME | SLOT | group:GROUP] [--json]", Help: "Show the counters of bindings.", Example: "binding summary group:bulk", Run: answering(lookTime, c.bindingSummary)},
		{Name: "binding suspend", Usage: "BINDING|group:GROUP|all [DOMAIN] [--for SECONDS] [NOTE] [--json]", Help: "Stop deliveries until binding resume, a restart, or so many seconds later; connections finish what they have.",
			Example: "binding suspend smtp-01 example.com --for 3600 asked us to wait", Run: answering(lookTime, c.bindingSuspend)},
		{Name: "binding resume", Usage: "BINDING|group:GROUP|all [DOMAIN] [--json]", Help: "End a binding suspend that was given in the same words.", Example: "binding resume smtp-01 example.com", Run: answering(lookTime, c.bindingResume)},
		{Name: "binding suspensions", Usage: "[--json]", Help: "Show what binding suspend has stopped.", Run: answering(lookTime, c.bindingSuspensions)},
		{Name: "domain", Usage: "NAME [--json]", Help: "Show a domain's options, exchangers, queues and connections.", Example: "domain example.com", Run: answering(lookTime, c.domain)},
		{Name: "domain all", Usage: "[--limit N] [--json]", Help: "Show all domains that mail was for.", Run: answering(lookTime, c.domainAll)},
		{Name: "domains", Usage: "[--limit N] [--json]", Help: "The same as domain all.", Run: answering(lookTime, c.domainAll)},
		{Name: "showqueue", Usage: "[binding BINDING|all] DOMAIN [LIMIT,OFFSET] [--json]", Help: "List a domain's messages, of the binding default where none is named.", Example: "showqueue binding all example.com 100,0", Run: answering(lookTime, c.showqueue)},
		{Name: "message details", Usage: "[full|body] MESSAGE-ID [--json]", Help: "Show a message's metadata, its content, or both.", Example: "message details full 00/00-01974-EBDC39A4", Run: answering(lookTime, c.messageDetails)},
		{Name: "message retry", Usage: "MESSAGE-ID [--json]", Help: "Make a delayed message due.", Example: "message retry 00/00-01974-EBDC39A4", Run: answering(lookTime, c.messageRetry)},
		{Name: "message fail", Usage: "MESSAGE-ID [--json]", Help: "Fail a message for good; its sender gets a bounce.", Example: "message fail 00/00-01974-EBDC39A4", Run: answering(lookTime, c.messageFail(queue.Bounce))},
		{Name: "message fail quiet", Usage: "MESSAGE-ID [--json]", Help: "Fail a message without a bounce.", Example: "message fail quiet 00/00-01974-EBDC39A4", Run: answering(lookTime, c.messageFail(queue.Quiet))},
		{Name: "fail domain", Usage: clauses + " DOMAIN [NOTE] [--json]", Help: "Fail a domain's mail for good; senders get bounces.",
			Example: "fail domain --dry-run --sender *@news.example.org example.com", Run: answering(workTime, c.failDomain(queue.Bounce))},
		{Name: "fail domain quiet", Usage: clauses + " DOMAIN [NOTE] [--json]", Help: "Fail a domain's mail without bounces.", Example: "fail domain quiet --meta campaign summer example.com", Run: answering(workTime, c.failDomain(queue.Quiet))},
		{Name: "fail all", Usage: clauses + " [NOTE] [--json]", Help: "Fail mail of every domain; a clause is needed.", Example: "fail all --header X-Campaign summer 554 Campaign withdrawn", Run: answering(workTime, c.failAll(queue.Bounce))},
		{Name: "fail all quiet", Usage: clauses + " [NOTE] [--json]", Help: "Fail mail of every domain without bounces; a clause is needed.", Example: "fail all quiet --meta tenant gone", Run: answering(workTime, c.failAll(queue.Quiet))},
		{Name: "binding fail domain", Usage: clauses + " BINDING DOMAIN|all [REPLY] [--json]", Help: "Fail a binding's mail for good; senders get bounces.", Example: "binding fail domain smtp-01 all 554 Withdrawn", Run: answering(workTime, c.bindingFail(queue.Bounce))},
		{Name: "binding fail domain quiet", Usage: clauses + " BINDING DOMAIN|all [REPLY] [--json]", Help: "Fail a binding's mail without bounces.", Example: "binding fail domain quiet smtp-01 example.com", Run: answering(workTime, c.bindingFail(queue.Quiet))},
		{Name: "flush domain", Usage: "DOMAIN|all [--json]", Help: "Make delayed mail due.", Example: "flush domain example.com", Run: answering(workTime, c.flushDomain)},
		{Name: "binding flush domain", Usage: "BINDING DOMAIN|all [--json]", Help: "Make a binding's delayed mail due.", Example: "binding flush domain smtp-01 all", Run: answering(workTime, c.bindingFlush)},
		{Name: "delay", Usage: "SECONDS [--domain D] [--binding B] [--meta KEY VALUE | --header NAME LINE] [--json]", Help: "Put due mail off; say of which.", Example: "delay 300 --domain example.com", Run: answering(workTime, c.delay)},
		{Name: "reroute queue", Usage: clauses + " DOMAIN|all DOMAIN [--json]", Help: "Move mail from a domain's queues to another's.", Example: "reroute queue relay.example.com other.example.com", Run: answering(workTime, c.reroute)},
		{Name: "rebind", Usage: "BINDING|all [DOMAIN] [--json]", Help: "Ask policy again for the binding of queued mail.", Example: "rebind smtp-01 example.com", Run: answering(workTime, c.rebind)},
		{Name: "refresh domain", Usage: "DOMAIN|all [--json]", Help: "Forget what the DNS said of a domain, and look it up again.", Example: "refresh domain example.com", Run: answering(lookTime, c.refreshDomain)},
		{Name: "dig", Usage: "DOMAIN [--json]", Help: "Have a domain's MX records looked up.", Example: "dig example.com", Run: answering(lookTime, c.dig)},
		{Name: "dns_cache lookup", Usage: "NAME TYPE [--json]", Help: "Show what the DNS cache holds.", Example: "dns_cache lookup example.com MX", Run: answering(lookTime, c.dnsLookup)},
		{Name: "dns_cache submit", Usage: "NAME TYPE [--json]", Help: "Have a name looked up into the DNS cache.", Example: "dns_cache submit example.com MX", Run: answering(lookTime, c.dnsSubmit)},
		{Name: "dns_cache stats", Usage: "[--json]", Help: "Show the counters of the DNS.", Run: answering(lookTime, c.dnsStats)},
		{Name: "show outbound", Usage: "[--limit N] [--json]", Help: "Show the outbound connections.", Run: answering(lookTime, c.showOutbound)},
		{Name: "show inbound", Usage: "[--limit N] [--json]", Help: "Show the inbound sessions.", Run: answering(lookTime, c.showInbound)},
		{Name: "pid", Usage: "[--json]", Help: "Show the process id.", Run: answering(lookTime, c.pid)},
		{Name: "config show", Usage: "[SCOPE [INSTANCE]]... [--json]", Help: "Show a scope of the running configuration, inner scopes as { ... }.", Example: "config show domain example.com", Run: transacting(lookTime, c.configShow(conf.View.Show))},
		{Name: "config showrecurse", Usage: "[SCOPE [INSTANCE]]... [--json]", Help: "Show a scope with its inner scopes.", Run: transacting(lookTime, c.configShow(conf.View.ShowRecurse))},
		{Name: "config set", Usage: "[SCOPE [INSTANCE]]... OPTION [=] VALUE|( VALUES ) [--json]", Help: "Change the running configuration until config reload or a restart.", Example: "config set domain example.com max_outbound_connections 5", Run: transacting(workTime, c.configSet)},
		{Name: "config unset", Usage: "[SCOPE [INSTANCE]]... [OPTION] [--json]", Help: "Clear an option, or a whole scope, of the running configuration.", Example: "config unset domain example.com max_outbound_connections", Run: transacting(workTime, c.configUnset)},
	}
}
