package auth

import (
	"fmt"
	"strings"
)

// The schemes of the core's own (reference/modules.tsv, "auth storage").
const (
	schemeFile   = "file"
	schemeDigest = "digest"
	schemeGroups = "groups"
)

// Target is where credentials or roles are looked up: one dictionary of the
// configuration, such as authplainparameters.
type Target struct {
	URI    string            // "file:///etc/mtad/passwd"
	Scheme string            // lower case: "file", or one of auth_ds or a script
	Path   string            // what follows "scheme://"
	Params map[string]string // the whole dictionary
}

// NewTarget reads a dictionary with its uri. The error names no path.
func NewTarget(params map[string]string) (Target, error) {
	uri := params["uri"]
	scheme, path, ok := strings.Cut(uri, "://")
	if !ok || scheme == "" {
		return Target{}, fmt.Errorf("it needs uri = \"scheme://...\", such as file:///etc/mtad/passwd")
	}
	t := Target{URI: uri, Scheme: strings.ToLower(scheme), Path: path, Params: params}
	if t.isFile() && path == "" {
		return Target{}, fmt.Errorf("uri = %q names no file", uri)
	}
	return t, nil
}

// isFile reports a target whose Path is a file's.
func (t *Target) isFile() bool {
	return t.Scheme == schemeFile || t.Scheme == schemeDigest || t.Scheme == schemeGroups
}

// BuiltIn reports a scheme that the core has itself; the others must be in
// auth_ds or be registered by a script.
func (t *Target) BuiltIn() bool { return t.isFile() }

// Logs reports whether attempts are to be written to the acctlog
// (log_authentication; reference/logs.md).
func (t *Target) Logs() bool { return strings.EqualFold(t.Params["log_authentication"], "true") }

// realm is the realm that a digest:// file is read for; "" is any.
func (t *Target) realm() string { return t.Params["realm"] }
