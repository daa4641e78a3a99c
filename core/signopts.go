package core

// signOptions switch DKIM signatures for a part of outbound mail; the module
// mailauth asks for the value that counts (reference/config-options.tsv).
type signOptions struct {
	OpenDKIMSign bool `opt:"opendkim_sign" default:"true" scopes:"global,binding,binding_group,domain" help:"Sign with DKIM, where an opendkim scope has a key."`
}
