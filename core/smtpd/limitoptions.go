package smtpd

import (
	"errors"
	"strings"
	"time"

	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/smtp"
)

// LimitOptions are what a session may cost. Those of idle time, sessions and
// sizes that the original has are in Options.
type LimitOptions struct {
	MessageRate     option.Throttle `opt:"inbound_throttle_messages" scopes:"global,pathway,pathway_group" help:"Messages received; all that fall back to a scope share its rate. A message waits up to 10 s for its turn, then 451. Unset: any rate."`
	AddressSessions int64           `opt:"sessions_per_address" default:"0" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Concurrent sessions of one address, over all listeners; 0: unlimited."`
	NetworkSessions int64           `opt:"sessions_per_network" default:"0" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Concurrent sessions of one network, /24 for IPv4 and /64 for IPv6; 0: unlimited."`
	ConnectionRate  option.Throttle `opt:"connection_rate" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Connections of one address, or one /64 for IPv6, then 421; unset: any rate."`
	CommandRate     option.Throttle `opt:"command_rate" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Commands of a session; faster ones are held back. Unset: any rate."`
	MaxCommands     int64           `opt:"max_commands_per_connection" default:"0" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Commands of a session, then 421; 0: unlimited."`
	MaxJunk         int64           `opt:"max_junk_commands" default:"1000" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"NOOP, RSET, VRFY, HELP, HELO and EHLO between two MAIL commands, then 421; 0: unlimited."`
	MaxErrors       int64           `opt:"max_errors" default:"20" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Wrong commands between two messages, then 421; 0: unlimited."`
	ErrorDelay      time.Duration   `opt:"error_delay" type:"seconds" unit:"seconds" default:"0" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Hold back the reply to a wrong command."`
	MinRate         int64           `opt:"min_data_rate" type:"bytes" unit:"bytes" default:"1000" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Least bytes a minute while content arrives, and while a command line does, after their first minute; 0: any pace."`
	MaxEnvelope     int64           `opt:"max_envelope_size" type:"bytes" unit:"bytes" default:"1048576" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Largest recipient list of a transaction; 0: unlimited."`
	MaxMemory       int64           `opt:"max_reception_memory" type:"bytes" unit:"bytes" default:"67108864" scopes:"global" help:"Memory for header sections, small bodies and recipient lists that are arriving, of all sessions together; beyond it: 452. 0: unlimited."`

	BannerPause time.Duration `opt:"banner_pause" type:"seconds" unit:"seconds" default:"0" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Wait before the banner for peers that talk early; unset: pause_time of conntrol."`
	EarlyReply  string        `opt:"early_talker_reply" scopes:"esmtp_listener,listen,pathway,pathway_group,peer" help:"Whole reply, such as \"554 5.5.1 wait for the banner\", that ends the session of an early talker; unset: disconnect_ratware of conntrol."`
}

// Conntrol are the options of the conntrol scope (reference/modules.tsv). They
// count where a listener or peer says nothing of its own.
type Conntrol struct {
	Banner  string        `opt:"banner" help:"First lines of the greeting, each with 220-, sent before the pause."`
	Pause   time.Duration `opt:"pause_time" type:"seconds" default:"0" unit:"seconds" help:"Wait before the banner."`
	Ratware string        `opt:"disconnect_ratware" help:"Whole reply that ends the session of a peer that talks before the banner."`
}

// NewProfileWith is NewProfile with the conntrol scope's options.
func NewProfileWith(o Options, c Conntrol) (*Profile, error) {
	if o.BannerPause == 0 {
		o.BannerPause = c.Pause
	}
	if o.EarlyReply == "" {
		o.EarlyReply = c.Ratware
	}
	p, err := NewProfile(o)
	if err != nil {
		return nil, err
	}
	p.greeting, err = greeting(c.Banner)
	return p, err
}

// greeting checks the lines that go in front of the banner.
func greeting(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
	for _, line := range lines {
		if !strings.HasPrefix(line, "220-") || hasControl([]byte(line)) {
			return "", errors.New("conntrol: banner: every line starts with 220-")
		}
	}
	return strings.Join(lines, "\r\n") + "\r\n", nil
}

// earlyReply reads a whole reply as it is configured; nil: none is.
func earlyReply(text string) (*smtp.Reply, error) {
	text = strings.TrimRight(text, "\r\n")
	if text == "" {
		return nil, nil
	}
	code, rest, ok := strings.Cut(text, " ")
	n := smtpCode(code)
	if !ok || n < 400 {
		return nil, errors.New("early_talker_reply: must be a reply such as \"554 5.5.1 text\"")
	}
	return smtp.ParseReplyText(n, rest), nil
}

func smtpCode(text string) int {
	n, ok := parseSize(text)
	if !ok || len(text) != 3 || n > 599 {
		return 0
	}
	return int(n)
}
