package sdk

// hookAlias is a second name of a hook in registered Lua tables.
type hookAlias struct {
	name string
	hook Hook
}

// hookAliases are the names by which parts of the documentation call a hook of
// the table (reference/lua-api.tsv).
func hookAliases() []hookAlias {
	return []hookAlias{{"core_validate_auth_hook", CoreValidateAuth}, {"outbound_smtp_auth_v0_config", OutboundSMTPAuthConfig}}
}

// Names gives every name under which a registered table may hold a callout for
// the hook, its own name first.
func (h Hook) Names() []string {
	names := []string{h.String()}
	for _, a := range hookAliases() {
		if a.hook == h {
			names = append(names, a.name)
		}
	}
	return names
}

func hookByAlias(name string) Hook {
	for _, a := range hookAliases() {
		if a.name == name {
			return a.hook
		}
	}
	return HookNone
}
