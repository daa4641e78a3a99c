package api

import (
	"strconv"
	"strings"

	"github.com/mtad/mtad/sdk"
)

// String is the status as `mtad api` prints it.
func (s Status) String() string {
	switch s {
	case Supported:
		return "supported"
	case Partial:
		return "partial"
	}
	return "unsupported"
}

// Row is one name of the Lua API and how far it works. The names that the
// original documents come first, then what mtad adds.
type Row struct {
	Kind    string `json:"kind"` // hook, function, method, field, constant, macro
	Package string `json:"package"`
	Name    string `json:"name"`
	Status  string `json:"status"` // supported, partial, unsupported
	Why     string `json:"why,omitempty"`
	Tier    string `json:"tier,omitempty"` // S, A, B or C: how much published scripts use it
}

// Conformance is the list behind `mtad api`: a row for every documented name
// and for every name of the packages.
func Conformance() []Row {
	have := newIndex(Packages(), MissingPackages())
	var rows []Row
	told := make(map[string]bool)
	for _, d := range documentedNames() {
		status, why := have.status(&d)
		rows = append(rows, Row{d.kind, d.pkg, d.name, status.String(), why, d.tier})
		told[have.key(&d)] = true
	}
	for _, n := range have.names {
		if !told[n.key] {
			rows = append(rows, n.row)
		}
	}
	return rows
}

// standing is how far a name works.
type standing struct {
	status Status
	why    string
}

// declaredName is a name of the packages, by the key under which the index has
// it.
type declaredName struct {
	key string
	row Row
}

// index is what the packages declare, by "kind name".
type index struct {
	known     map[string]standing
	names     []declaredName
	packages  map[string]bool
	preloaded map[string]bool
	missing   map[string]string
	classes   map[string]string // the package that declares a class first
}

func newIndex(packages []Package, missing []Missing) *index {
	x := &index{
		known: make(map[string]standing), packages: make(map[string]bool), preloaded: make(map[string]bool),
		missing: make(map[string]string), classes: make(map[string]string),
	}
	for _, m := range missing {
		x.missing[m.Name] = m.Why
	}
	for i := range packages {
		p := &packages[i]
		x.packages[p.Name] = true
		x.preloaded[p.Name] = x.preloaded[p.Name] || p.Preload
		for j := range p.Funcs {
			f := &p.Funcs[j]
			x.add("function", p.Name, qualified(p.Name, f.Name), standing{f.standing(), f.Why})
		}
		for _, c := range p.Consts {
			x.add("constant", p.Name, qualified(p.Name, c.Name), standing{})
		}
		for j := range p.Classes {
			x.addClass(p.Name, &p.Classes[j])
		}
	}
	// The stages of the logs are the phases that core_log_rejection gives.
	for i := range sessionStates()[:22] {
		x.known["constant reception_state."+strconv.Itoa(i)] = standing{}
	}
	for _, m := range Macros() {
		x.add("macro", "msys.expandMacro", m.Name, standing{m.Status, m.Why})
	}
	return x
}

// standing is Status, but a function without code is not supported.
func (f *Func) standing() Status {
	if f.Do == nil {
		return Unsupported
	}
	return f.Status
}

func (x *index) add(kind, pkg, name string, s standing) {
	key := kind + " " + name
	if _, ok := x.known[key]; ok {
		return
	}
	x.known[key] = s
	x.names = append(x.names, declaredName{key, Row{kind, pkg, name, s.status.String(), s.why, ""}})
}

func (x *index) addClass(pkg string, c *Class) {
	if _, ok := x.classes[c.Name]; !ok {
		x.classes[c.Name] = pkg
	}
	for i := range c.Methods {
		x.add("method", pkg, c.Name+":"+c.Methods[i].Name, standing{c.Methods[i].standing(), c.Methods[i].Why})
	}
	for i := range c.Fields {
		x.add("field", pkg, c.Name+"."+c.Fields[i].Name, standing{})
	}
	for name := range c.Meta {
		x.known["meta "+c.Name+"."+name] = standing{}
	}
}

// key is the key under which the index has a documented name, if it has it.
func (x *index) key(d *documented) string {
	switch d.kind {
	case "method", "field":
		class, member := d.member()
		switch {
		case class == "":
		case d.kind == "field":
			return "field " + class + "." + member
		case strings.HasPrefix(member, "__"):
			return "meta " + class + "." + member
		default:
			return "method " + class + ":" + member
		}
	case "constant":
		for _, name := range []string{qualified(d.owner(), d.name), qualified("msys.core", d.name)} {
			if _, ok := x.known["constant "+name]; ok {
				return "constant " + name
			}
		}
	}
	return d.kind + " " + d.name
}

// status finds how far a documented name works.
func (x *index) status(d *documented) (Status, string) {
	if s, ok := x.known[x.key(d)]; ok {
		return s.status, s.why
	}
	switch d.kind {
	case "hook":
		status, why := hookStatus(d)
		if r := reasonFor(d.kind, d.name); status == Unsupported && r != "" {
			why = r
		}
		return status, why
	case "field":
		if s, ok := x.field(d); ok {
			return s.status, s.why
		}
	case "function":
		if d.name == "require" {
			return Supported, ""
		}
	}
	return Unsupported, x.why(d)
}

// why is the reason of a name, else of its whole package.
func (x *index) why(d *documented) string {
	if why := reasonFor(d.kind, d.name); why != "" {
		return why
	}
	if why := x.missing[d.owner()]; why != "" {
		return why
	}
	if why := curlLack(d); why != "" {
		return why
	}
	if why := libraryLack(d); why != "" {
		return why
	}
	return notYet
}

// field is a field that no class declares: a package for require, a context
// variable, a global of the interpreter.
func (x *index) field(d *documented) (standing, bool) {
	if name, ok := strings.CutPrefix(d.name, "require '"); ok {
		name = strings.TrimSuffix(name, "'")
		if x.packages[name] {
			return standing{}, true
		}
		if why := x.missing[name]; why != "" {
			return standing{Unsupported, why}, true
		}
		return standing{}, false
	}
	for _, v := range otherFields() {
		if v == d.name {
			return standing{}, true
		}
	}
	return standing{}, false
}

// otherFields are documented fields that the core and the interpreter give.
func otherFields() []string {
	return []string{
		"strict", "statvfs.record",
		"msys/default_policy.lua", "msys.dp_config", "msys.dp_config.custom_policy", "vctx_conn:dp_whitelist_NAME",
		"msys.dp_config.whitelist", "msys.dp_config.rbls", "msys.dp_config.early_talker", "msys.dp_config.fcdns",
		"msys.dp_config.concurrent_connection_limits", "msys.dp_config.mail_from_domain_validate", "msys.dp_config.recipient_validation",
		"msys.dp_config.relay_authorization", "msys.dp_config.audit_series", "msys.dp_config.message_size_limits",
		"msys.dp_config.keyword_filter", "msys.dp_config.antivirus",
		"vctx_mess:ENGINE_status", "vctx_mess:ENGINE_status_info", "vctx_mess:skip_virus_check", // msys.av
		"vctx_mess:spamc_status", "vctx_mess:spamc_spam", "vctx_mess:spamc_score", "vctx_mess:spamc_thresh", "vctx_mess:spamc_symbols",
		"self", "ctx.ec_message", "msys.boot", "_TLS", "_OSTLS", "_VERSION",
		"vctx_conn:ehlo_string", "vctx_conn:ehlo_domain", "vctx_conn:pathway", "vctx_conn:can_relay",
		"vctx_conn:connection_message_count", "vctx_conn:connection_rcpt_count", "vctx_conn:message_rcpt_count",
		"vctx_conn:conntrol_bad_commands", "vctx_conn:conntrol_unrecognized_commands", "vctx_conn:__bypass_MODULE",
		"vctx_conn:auth_name", "vctx_conn:auth_status", "vctx_conn:auth_user",
		"authtable.authenticate", "authtable.enumGroups", "authtable.queryGroups",
		"vctx_conn:reverse_dns", "vctx_conn:fcdns_status", // msys.pbp.fcdns_check
		"vctx_conn:early_talker", "vctx_conn:(listener context=[…] keys)",
		"vctx_conn:tls", "vctx_conn:tls_cipher", "vctx_conn:tls_cipher_algbits", "vctx_conn:tls_cipher_usebits",
		"vctx_conn:tls_client_cert_subject", "vctx_conn:tls_client_cert_subject_cn",
		"vctx_conn:tls_client_cert_issuer", "vctx_conn:tls_client_cert_issuer_cn", "vctx_conn:tls_client_verified",
		"vctx_conn:mail_loop_header_count", "vctx_conn:mail_loop_ip", "vctx_mess:binding", "vctx_mess:binding_group",
		"vctx_mess:outbound_smtp_auth_user", "vctx_mess:outbound_smtp_auth_pass", "vctx_mess:outbound_smtp_auth_type",
		"vctx_mess:outbound_smtp_auth_key",
		"vctx_mess:#8bitmime", "vctx_mess:rfc2822_date_missing",
		"vctx_mess:spf_status", "vctx_mess:arc_cv", "vctx_mess:arc_seal",
		"vctx_mess:mailfrom_domain", "vctx_mess:mailfrom_localpart", "vctx_mess:mailfrom_string",
		"vctx_mess:rcptto_domain", "vctx_mess:rcptto_localpart", "vctx_mess:rcptto_string",
	}
}

// hookStatus says whether a callout is ever called.
func hookStatus(d *documented) (Status, string) {
	switch d.name {
	case "init", "deinit", "rsrc_setup", "control handler":
		return Supported, ""
	}
	if strings.HasPrefix(d.name, "msys.dp_config.custom_policy.") { // the default policy calls it
		return Supported, ""
	}
	switch h := sdk.HookByName(d.name); h {
	case sdk.HookNone:
		return Unsupported, "mtad has no such callout yet"
	}
	return Supported, ""
}

// lacking is the function for a documented one that a package is without.
func (x *index) lacking(d *documented) (pkg string, f Func, ok bool) {
	dot := strings.LastIndexByte(d.name, '.')
	if d.kind != "function" || dot < 0 || !x.packages[d.name[:dot]] {
		return "", f, false
	}
	// A package that is itself a function is absent like any other.
	if _, known := x.known[x.key(d)]; known || x.packages[d.name] || d.owner() == d.name || libraryLack(d) != "" {
		return "", f, false
	}
	return d.name[:dot], unwritten(d, d.name[dot+1:]), true
}

// lackingMethod is the method for a documented one that a class is without.
func (x *index) lackingMethod(d *documented) (pkg, class string, f Func, ok bool) {
	class, name := d.member()
	pkg, declared := x.classes[class]
	if d.kind != "method" || !declared || strings.HasPrefix(name, "__") {
		return "", "", f, false
	}
	if _, known := x.known[x.key(d)]; known {
		return "", "", f, false
	}
	return pkg, class, unwritten(d, name), true
}
