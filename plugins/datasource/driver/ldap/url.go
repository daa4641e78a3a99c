package ldap

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	ldap3 "github.com/go-ldap/ldap/v3"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/sdk/option"
)

// target is an LDAP URL (RFC 4516 §2): a datasource's uri, a query, or both
// together. What is "" was not said.
type target struct {
	scheme, host  string // host with its port
	dn            string
	attributes    []string
	scope, filter string
	extensions    map[string]string // lower-case names
}

// The extensions there are (reference/datasource.md §1, ldap).
const (
	extBind      = "bindname"
	extPassword  = "x-bindpw"
	extConnect   = "x-connect-timeout"
	extSearch    = "x-search-timeout"
	extVersion   = "x-ldap-version"
	extReferrals = "x-ignore-referrals"
	extDN        = "x-return-dn"
	extNoCache   = "x-disable-connection-cache"
	extCA        = "x-tls-ca"
)

func extensionNames() []string {
	return []string{extBind, extPassword, extConnect, extSearch, extVersion, extReferrals, extDN, extNoCache, extCA}
}

// The parts of a URL behind the host, between question marks.
const (
	partDN = iota
	partAttributes
	partScope
	partFilter
	partExtensions
	parts
)

// parse reads a URL. The parameters of st are put where they stand, escaped as
// the place wants it: one is a value, never syntax.
func parse(text string, st *driver.Statement) (*target, error) {
	scheme, rest, ok := strings.Cut(strings.TrimSpace(text), "://")
	if scheme = strings.ToLower(scheme); !ok || scheme != "ldap" && scheme != "ldaps" {
		return nil, errors.New("it must be a URL: ldap://host:port/dn?attributes?scope?filter?extensions")
	}
	t := &target{scheme: scheme, extensions: map[string]string{}}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	if err := t.setHost(rest[:end]); err != nil {
		return nil, err
	}
	list := strings.Split(strings.TrimPrefix(rest[end:], "/"), "?")
	if len(list) > parts {
		return nil, fmt.Errorf("it has more than %d parts between question marks; within one write %%3F", parts)
	}
	return t, t.fill(append(list, make([]string, parts-len(list))...), st)
}

func (t *target) setHost(text string) error {
	if text == "" {
		return nil
	}
	if strings.ContainsAny(text, "@$ ") {
		return errors.New("what is between // and / must be host or host:port")
	}
	port := "389"
	if t.scheme == "ldaps" {
		port = "636"
	}
	if host, own, err := net.SplitHostPort(text); err == nil {
		text, port = host, own
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return errors.New("the port must be a number from 1 to 65535")
	}
	t.host = net.JoinHostPort(strings.Trim(text, "[]"), port)
	return nil
}

func (t *target) fill(list []string, st *driver.Statement) error {
	var err error
	value := func(text string, escape func(string) string) string {
		s, failed := st.Fill(text, url.PathUnescape, func(v string) (string, error) { return escape(v), nil })
		if failed != nil && err == nil {
			err = errors.New("a percent sign must be followed by two hexadecimal digits")
		}
		return s
	}
	same := func(v string) string { return v }
	t.dn = value(list[partDN], ldap3.EscapeDN)
	t.filter = value(list[partFilter], ldap3.EscapeFilter)
	t.scope = strings.ToLower(value(list[partScope], same))
	if list[partAttributes] != "" {
		for _, name := range strings.Split(list[partAttributes], ",") {
			t.attributes = append(t.attributes, value(name, same))
		}
	}
	if list[partExtensions] != "" {
		for _, one := range strings.Split(list[partExtensions], ",") {
			name, text, _ := strings.Cut(one, "=")
			escape := same
			if name = strings.ToLower(value(name, same)); strings.TrimPrefix(name, "!") == extBind {
				escape = ldap3.EscapeDN
			}
			t.extensions[name] = value(text, escape)
		}
	}
	if err != nil {
		return err
	}
	return t.check()
}

// check looks at what can be judged without the rest. A critical extension that
// is unknown makes a URL useless (RFC 4516 §2).
func (t *target) check() error {
	switch t.scope {
	case "", "base", "one", "sub":
	default:
		return errors.New("the scope must be base, one or sub")
	}
	for name, value := range t.extensions {
		if critical, ok := strings.CutPrefix(name, "!"); ok {
			delete(t.extensions, name)
			name = critical
			t.extensions[name] = value
		}
		if !known(name) {
			if near := option.Nearest(name, extensionNames()); near != "" {
				return fmt.Errorf("there is no extension %q; did you mean %q?", name, near)
			}
			return fmt.Errorf("there is no extension %q; there are %s", name, strings.Join(extensionNames(), ", "))
		}
		if err := checkExtension(name, value); err != nil {
			return err
		}
	}
	return nil
}

func known(name string) bool {
	for _, n := range extensionNames() {
		if n == name {
			return true
		}
	}
	return false
}

func checkExtension(name, value string) error {
	switch name {
	case extVersion:
		if value != "3" {
			return errors.New(extVersion + " must be 3: nobody speaks LDAP 2 any more (RFC 3494)")
		}
	case extConnect, extSearch:
		if n, err := strconv.Atoi(value); err != nil || n < 1 || n > 3600 {
			return errors.New(name + " must be a number of seconds from 1 to 3600")
		}
	}
	return nil
}

// with takes what a query does not say from the uri. The uri's password goes to
// the uri's server alone, whatever host a query names.
func (t *target) with(base *target) *target {
	out := *t
	out.extensions = map[string]string{}
	own := t.host == "" || t.host == base.host && t.scheme == base.scheme
	for name, value := range base.extensions {
		if own || name != extBind && name != extPassword {
			out.extensions[name] = value
		}
	}
	if _, other := t.extensions[extBind]; other {
		delete(out.extensions, extPassword)
	}
	for name, value := range t.extensions {
		if name != extCA { // a file of ours is not for a query to choose
			out.extensions[name] = value
		}
	}
	if t.host == "" {
		out.scheme, out.host = base.scheme, base.host
	}
	for _, f := range []struct {
		to   *string
		from string
	}{{&out.dn, base.dn}, {&out.scope, base.scope}, {&out.filter, base.filter}} {
		if *f.to == "" {
			*f.to = f.from
		}
	}
	if len(out.attributes) == 0 {
		out.attributes = base.attributes
	}
	return &out
}

// bindsOnly reports a query that asks for nothing but whether its name and
// password are right (reference/datasource.md §1, ldap).
func (t *target) bindsOnly() bool {
	_, binds := t.extensions[extBind]
	return binds && t.dn == "" && len(t.attributes) == 0 && t.scope == "" && t.filter == ""
}

func (t *target) seconds(name string, otherwise time.Duration) time.Duration {
	if n, err := strconv.Atoi(t.extensions[name]); err == nil {
		return time.Duration(n) * time.Second
	}
	return otherwise
}
