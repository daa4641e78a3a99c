package reception

// Options are the door's options (reference/config-options.tsv).
type Options struct {
	Date          string `opt:"rfc2822_date_header" enum:"ifneeded,pedantic,ignore" default:"ifneeded" scopes:"global,pathway,pathway_group" help:"Add, demand or ignore the Date field."`
	MessageID     string `opt:"rfc2822_messageid_header" enum:"ifneeded,ignore" default:"ifneeded" scopes:"global,pathway,pathway_group" help:"Add Message-ID where it is absent."`
	MissingHeader string `opt:"rfc2822_missing_headers" enum:"reject,allow" default:"reject" scopes:"global,pathway,pathway_group" help:"Refuse messages without a header section, or take them."`
	PartialBounce bool   `opt:"generate_bounces_for_multi_recipient_policy_rejections" default:"false" scopes:"global,pathway,pathway_group" help:"Bounce to everybody when policy refuses only some recipients; by default only peers that may relay get such bounces."`
	MaxHeader     int64  `opt:"max_header_size" type:"bytes" default:"262144" scopes:"global,pathway,pathway_group" help:"Largest header section, in bytes."`
}

// options are those that the draft's session has.
func (dr *Draft) options() *Options {
	if dr.env.Options != nil {
		return dr.env.Options
	}
	return dr.door.Options()
}
