package api

import "strings"

// reason says why names of the documentation are not supported, and what to use
// instead. It counts only for names that no package declares, so that it ends
// with the lack that it explains.
type reason struct {
	kinds string   // kinds of rows, separated by blanks; "" for any
	names []string // as the documentation has them; a * at the end stands for any rest
	why   string
}

// Reasons that several lists share.
const (
	engineWhy  = "it needs a commercial engine that mtad does not link; a hook module (docs/hooks/modules.md) can call one"
	mobileWhy  = "mtad carries no mobile messaging (SMS, MMS, push, XMPP); a gateway that takes mail or HTTP does"
	httpOutWhy = "mtad delivers over SMTP only; a gateway that takes mail does the rest"
	sieveWhy   = "mtad runs no Sieve; write the policy in Lua"
	streamWhy  = "mtad has no event stream or webhooks that read it; a script may set it, and a core_log_* callout may log it"
	notInMtad  = "the module of the original that sets it is not in mtad"
)

// reasonFor is the first reason that covers a name, "" where none does.
func reasonFor(kind, name string) string {
	for _, list := range [][]reason{functionReasons(), partReasons(), hookReasons(), fieldReasons()} {
		for i := range list {
			if list[i].covers(kind, name) {
				return list[i].why
			}
		}
	}
	return ""
}

func (r *reason) covers(kind, name string) bool {
	if r.kinds != "" && !strings.Contains(" "+r.kinds+" ", " "+kind+" ") {
		return false
	}
	for _, n := range r.names {
		if prefix, open := strings.CutSuffix(n, "*"); n == name || open && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// LackingConstants are the documented constants that mtad lacks in packages that
// it has, by their full name, with the reason. A script reads nil there.
func LackingConstants() map[string]string {
	have := newIndex(Packages(), nil)
	lacks := make(map[string]string)
	for _, d := range documentedNames() {
		dot := strings.LastIndexByte(d.name, '.')
		if d.kind != "constant" || dot < 0 || !have.packages[d.name[:dot]] {
			continue
		}
		if status, why := have.status(&d); status == Unsupported {
			lacks[d.name] = why
		}
	}
	return lacks
}

// withReasons gives the packages whose reason stands in one of these lists that
// reason.
func withReasons(list []Missing) []Missing {
	for i := range list {
		if why := reasonFor("package", list[i].Name); why != "" {
			list[i].Why = why
		}
	}
	return list
}

// functionReasons are the reasons of packages, functions, methods and
// constants.
func functionReasons() []reason {
	return []reason{
		{"", []string{"msys.extended.httpsrv*", "msys.httpsrv*", "session:*", "url_details.*"}, "mtad serves no HTTP for scripts; a console command (msys.registerControl) can be called over the control listener"},
		{"", []string{"msys.mcmt*", "msg:get_delivery_method"}, "messages for several channels are none of mtad's; it carries mail"},
		{"", []string{"msys.tls_params*", "params.*"}, "TLS is configured per domain and per listener (tls, tls_verify, tls_ca and the other tls_ options), not by scripts"},
		{"", []string{"msys.validate.dkim2*"}, "DKIM2 is a draft that mtad does not have; DKIM (RFC 6376) is"},
		{"", []string{"msys.validate.dk.*", "msys.sign.dk*", "msys.validate.dk"}, "DomainKeys was replaced by DKIM (RFC 6376)"},
		{"", []string{"msys.validate.dkim.reflect"}, "mails that answer with a check's result are backscatter; write the result into a header with msg:header"},
		{"", []string{"msys.policyeditor.get_binding_domain_failure_rate"}, "mtad keeps no failure rates for scripts; count in core_log_* callouts with msys.counter"},
		{"", []string{"msys.mstore*"}, "messages are stored by mtad's spool alone; msg:inject sends a copy, msys.db keeps data"},
		{"", []string{"msys.cast", "msys.getClassMetaTable"}, "objects are of one class each, and safe; a method of your own is a function that takes the object"},
		{"", []string{"msys.runInInst", "msys.core.scheduler_for_domain"}, "there is one scheduler; msys.runInPool runs a function beside the session"},
		{"", []string{"msys.runSieveScript", "msys.core.SIEVEREQ_*"}, sieveWhy},
		{"", []string{"msys.core.ec_blobject_delref", "msys.core.ec_message_blobject_get", "msys.core.ec_double_list_shift"}, "native structures are not shown to scripts; context variables (msg:context_set) carry data with a message"},
		{"", []string{"msys.core.rfc2822_prepend_headers"}, `use msg:header(name, value, "prepend")`},
		{"", []string{"os.setenv"}, "a script may not change the environment of its process; a global keeps a value"},
		{"", []string{"thread.create"}, `a script starts no threads; msys.runInPool("IO", fn, true) runs fn beside the session`},
		{"", []string{"thread:*"}, "a script starts no threads, so there is none to wait for"},
		{"", []string{"msys.beta.*"}, "it was a trial of the original's; msys.db and msys.log do what it was tried for"},
		{"", []string{"msys.aggregator.*", "msys.apn*", "msys.gcm*", "msys.mms*", "msys.mm7*", "msys.smpp*", "msys.xmpp*", "msys.mobility*", "apn_*", "gcm_*", "smpp_conn*", "smpp_pdu*"}, mobileWhy},
		{"", []string{"msys.brightmail*", "msys.cloudmark*", "msys.commtouch*", "msys.expurgate*", "msys.goodmail*", "msys.symantec_beik*"}, engineWhy},
	}
}
