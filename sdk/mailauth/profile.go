package mailauth

import (
	"fmt"
	"strings"
	"time"

	"github.com/mtad/mtad/sdk/mail"
	"github.com/mtad/mtad/sdk/option"
)

// OpenDKIM is an opendkim scope (reference/modules.tsv): what the server signs
// with, and the defaults of msys.validate.opendkim.sign.
type OpenDKIM struct {
	Enabled       bool     `opt:"enabled" default:"true" help:"Whether the scope counts."`
	Key           string   `opt:"key" help:"Path of the private key, PEM; %{d} is the signing domain, %{s} the selector. A key that is not there means that the domain is not signed for."`
	Selector      string   `opt:"selector" help:"Selector where a dkim_domain names no other."`
	HeaderList    []string `opt:"headerlist" help:"Header fields to sign, in this order; those that a message lacks are signed as absent unless written with ? at the end. Unset: those of RFC 6376 §5.4.1."`
	Oversign      []string `opt:"oversign_headerlist" help:"Header fields signed once more than they occur, so that none can be added."`
	Skip          []string `opt:"skip_headerlist" help:"Header fields that are never signed."`
	HeaderCanon   string   `opt:"header_canon" enum:"simple,relaxed" default:"simple" help:"Canonical form of the header."`
	BodyCanon     string   `opt:"body_canon" enum:"simple,relaxed" default:"simple" help:"Canonical form of the body."`
	Digest        string   `opt:"digest" enum:"rsa-sha256,rsa-sha1,ed25519-sha256" default:"rsa-sha256" help:"Algorithm; rsa-sha1 signs with rsa-sha256 (RFC 8301)."`
	BodyLength    bool     `opt:"body_length_limit" default:"false" help:"Tell the length of the body (l=): what is added behind it stays unsigned."`
	CopyHeaders   bool     `opt:"copy_headers" default:"false" help:"Copy what is signed into the signature (z=)."`
	Lifetime      int64    `opt:"lifetime" default:"0" unit:"hours" help:"How long a signature counts; 0: for ever."`
	SignCondition string   `opt:"sign_condition" help:"Only messages are signed whose context has this variable, as can_relay or auth_user."`
	CacheSize     int64    `opt:"keycache_size" default:"2048" unit:"keys" help:"Private keys kept in memory."`
	NegativeTTL   int64    `opt:"neg_keycache_ttl" default:"3600" unit:"seconds" help:"How long a key that is not there is not looked for again."`
	PositiveTTL   int64    `opt:"pos_keycache_ttl" default:"300" unit:"seconds" help:"How long a key is used before its file is read again."`
	Testing       bool     `opt:"testing" default:"false" help:"Accepted for compatibility; t=y is said in the key record."`
	DebugLevel    string   `opt:"debug_level" default:"" help:"Accepted for compatibility."`

	Instance string          `opt:",instance,optional"`
	Pos      option.Pos      `opt:",pos"`
	Domains  []OpenDKIMScope `scope:"dkim_domain" help:"What differs for one domain of From or Sender."`
}

// OpenDKIMScope is a dkim_domain scope; what it does not set is the opendkim
// scope's.
type OpenDKIMScope struct {
	Domain        string     `opt:",instance,required"`
	Pos           option.Pos `opt:",pos"`
	BaseDomain    *string    `opt:"base_domain" help:"The domain to sign as; default: the scope's own."`
	Key           *string    `opt:"key" help:"As in opendkim."`
	Selector      *string    `opt:"selector" help:"As in opendkim."`
	HeaderCanon   *string    `opt:"header_canon" enum:"simple,relaxed" help:"As in opendkim."`
	BodyCanon     *string    `opt:"body_canon" enum:"simple,relaxed" help:"As in opendkim."`
	Digest        *string    `opt:"digest" enum:"rsa-sha256,rsa-sha1,ed25519-sha256" help:"As in opendkim."`
	BodyLength    *bool      `opt:"body_length_limit" help:"As in opendkim."`
	SignCondition *string    `opt:"sign_condition" help:"As in opendkim."`
	Testing       *bool      `opt:"testing" help:"As in opendkim."`
	CacheSize     *int64     `opt:"key_cache_size" help:"Accepted; the cache is that of opendkim."`
	NegativeTTL   *int64     `opt:"neg_keycache_ttl" help:"Accepted; the cache is that of opendkim."`
	PositiveTTL   *int64     `opt:"pos_keycache_ttl" help:"Accepted; the cache is that of opendkim."`
}

// Profile is all that one signature is made with but the key itself.
type Profile struct {
	Domain, Selector, Identity string
	KeyPath                    string // with %{d} and %{s}
	KeyText                    string // the key itself, in place of a path
	HeaderCanon, BodyCanon     string
	Digest                     string
	Headers, Oversign, Skip    []string
	BodyLength, Copy           bool
	ConditionName              string
	Lifetime                   time.Duration
}

// DefaultOpenDKIM is an opendkim scope with nothing set.
func DefaultOpenDKIM() *OpenDKIM {
	o := &OpenDKIM{}
	option.Decode(&option.Scope{Name: "opendkim"}, o)
	return o
}

// Signs reports whether the scope can sign by itself: it has a selector and a key,
// be it for one domain.
func (o *OpenDKIM) Signs() bool {
	if o.Key != "" && o.Selector != "" {
		return true
	}
	for i := range o.Domains {
		if p := o.For(o.Domains[i].Domain); p.KeyPath != "" && p.Selector != "" {
			return true
		}
	}
	return false
}

// For is the profile for mail whose responsible domain is domain.
func (o *OpenDKIM) For(domain string) Profile {
	p := Profile{
		Domain: domain, Selector: o.Selector, KeyPath: o.Key, HeaderCanon: o.HeaderCanon, BodyCanon: o.BodyCanon,
		Digest: o.Digest, Headers: o.HeaderList, Oversign: o.Oversign, Skip: o.Skip,
		BodyLength: o.BodyLength, Copy: o.CopyHeaders, ConditionName: o.SignCondition,
		Lifetime: time.Duration(o.Lifetime) * time.Hour,
	}
	for i := range o.Domains {
		if strings.EqualFold(o.Domains[i].Domain, domain) {
			o.Domains[i].over(&p)
		}
	}
	return p
}

func (d *OpenDKIMScope) over(p *Profile) {
	p.Domain = d.Domain
	for _, o := range []struct{ to, from *string }{
		{&p.Domain, d.BaseDomain}, {&p.KeyPath, d.Key}, {&p.Selector, d.Selector}, {&p.HeaderCanon, d.HeaderCanon},
		{&p.BodyCanon, d.BodyCanon}, {&p.Digest, d.Digest}, {&p.ConditionName, d.SignCondition},
	} {
		if o.from != nil {
			*o.to = *o.from
		}
	}
	if d.BodyLength != nil {
		p.BodyLength = *d.BodyLength
	}
}

// ResponsibleDomain is the domain that answers for a message: that of Sender,
// else of the first address in From; "" where there is none.
func ResponsibleDomain(section []byte) string {
	for _, name := range []string{"Sender", "From"} {
		for _, value := range mail.RawHeader(section, name) {
			for _, a := range mail.ParseAddresses(value) {
				if a.Domain != "" {
					return strings.ToLower(a.Domain)
				}
			}
		}
	}
	return ""
}

// signing turns a profile and its key into what Sign takes.
func (p *Profile) signing(k keyEntry, now time.Time) (Signing, error) {
	header, err := ParseCanon(p.HeaderCanon)
	if err != nil {
		return Signing{}, err
	}
	body, err := ParseCanon(p.BodyCanon)
	if err != nil {
		return Signing{}, err
	}
	algorithm, err := algorithmOf(k.key)
	if err != nil {
		return Signing{}, err
	}
	// rsa-sha1 is signed as rsa-sha256: RFC 8301 §3.1 forbids it.
	kind, _, _ := strings.Cut(strings.ToLower(p.Digest), "-")
	if have, _, _ := strings.Cut(algorithm, "-"); p.Digest != "" && kind != have {
		return Signing{}, fmt.Errorf("digest is %s, and the key is for %s", p.Digest, algorithm)
	}
	return Signing{
		Domain: p.Domain, Selector: p.Selector, Identity: p.Identity, Key: k.key, HeaderCanon: header, BodyCanon: body,
		Headers: p.Headers, Oversign: p.Oversign, Skip: p.Skip, BodyLength: p.BodyLength, Copy: p.Copy, Lifetime: p.Lifetime, Now: now,
	}, nil
}
