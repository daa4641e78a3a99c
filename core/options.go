package core

import (
	"time"

	"github.com/mtad/mtad/sdk/option"
)

// globals are the options of the global scope that no part owns.
type globals struct {
	Hostname       string        `opt:"hostname" scopes:"global" help:"Our own name; default: the system's."`
	MaxConnections int64         `opt:"server_max_outbound_connections" default:"20000" scopes:"global" help:"Outbound connections of all bindings together."`
	Reserve        int64         `opt:"server_reserve_outbound_connections" default:"200" scopes:"global" help:"Outbound connections beyond that for domains that have none."`
	DefaultBinding string        `opt:"default_binding" enum:"normal,suspended,none" default:"normal" scopes:"global" help:"Mail that policy does not bind: it leaves through the default binding, waits there, or is refused with 451."`
	Removed        string        `opt:"removed_bindings" enum:"refuse,rebind,suspend" default:"refuse" scopes:"global" help:"A reload that takes away a binding with mail: refuse it, have policy bind that mail again, or let it wait until the binding is back."`
	PIDFile        string        `opt:"pidfile" scopes:"global" help:"File for the process id; unset: none."`
	MetricsListen  string        `opt:"metrics_listen" scopes:"global" help:"Address that serves Prometheus metrics over HTTP; unset: none."`
	DrainTimeout   time.Duration `opt:"shutdown_timeout" default:"30" unit:"seconds" scopes:"global" help:"How long a shutdown waits for sessions and deliveries."`
}

// loggerOptions are an ec_logger scope (reference/modules.tsv).
type loggerOptions struct {
	Mainlog   string        `opt:"mainlog" help:"Receptions, deliveries and failures."`
	Rejectlog string        `opt:"rejectlog" help:"What was refused."`
	Paniclog  string        `opt:"paniclog" help:"Errors, and what scripts print."`
	Acctlog   string        `opt:"acctlog" help:"Authentication and authorization: AUTH where log_authentication is set, and consoles."`
	JSONlog   string        `opt:"jsonlog" help:"Every record but the paniclog's as a line of JSON, with names."`
	Importlog string        `opt:"importlog" help:"Spool imports; taken for compatibility."`
	Mode      uint32        `opt:"mainlog_mode" type:"octal" default:"0644" help:"Permissions of new log files."`
	Heartbeat time.Duration `opt:"heartbeat" default:"60" unit:"seconds" help:"Interval of the marks that show the log is alive; 0: none."`

	Receptions bool `opt:"log_receptions" default:"true" help:"Write R records."`
	Deliveries bool `opt:"log_deliveries" default:"true" help:"Write D records."`
	Transient  bool `opt:"log_transient_failures" default:"true" help:"Write T records."`
	Permanent  bool `opt:"log_permanent_failures" default:"true" help:"Write P records."`
	Rejections bool `opt:"log_rejections" default:"true" help:"Write the rejectlog."`
	Errors     bool `opt:"log_errors" default:"true" help:"Write the paniclog."`
	Enabled    bool `opt:"enabled" default:"true" help:"Write at all."`

	Outbox string `opt:"outbox" help:"Directory where records for pipe://, syslog:// and http:// wait; default: outbox beside the spool."`
	Budget int64  `opt:"outbox_size" type:"bytes" unit:"bytes" default:"1073741824" help:"What each outbox and each jlog may take of the disk."`
	Full   string `opt:"log_full" enum:"drop,refuse" default:"drop" help:"Where a record cannot be written: drop it and count it, or (refuse) wait with the outcomes of mail, and give new mail 452 4.3.1."`
}

// bounceLoggerOptions are a bounce_logger scope.
type bounceLoggerOptions struct {
	Bouncelog string        `opt:"bouncelog" help:"Failures with their class."`
	Mode      uint32        `opt:"bouncelog_mode" type:"octal" default:"0644" help:"Permissions of a new log file."`
	Heartbeat time.Duration `opt:"heartbeat" default:"60" unit:"seconds" help:"Interval of the marks that show the log is alive; 0: none."`
	Inband    bool          `opt:"log_inband_bounces" default:"true" help:"Write failures in the dialogue."`
	OutOfBand bool          `opt:"log_outofband_bounces" default:"true" help:"Write bounces that come as mail."`
	Transient bool          `opt:"log_transient_failures" default:"true" help:"Write T records."`
	Enabled   bool          `opt:"enabled" default:"true" help:"Write at all."`
}

// listenerOptions are what every listener has, whatever it speaks.
type listenerOptions struct {
	Enable  bool  `opt:"enable" default:"true" scopes:"esmtp_listener,control_listener,http_listener,listen" help:"Listen, or leave it out."`
	Backlog int64 `opt:"listen_backlog" default:"500" scopes:"esmtp_listener,control_listener,http_listener,listen" help:"Connections that may wait to be accepted; the system's limit applies."`
}

// controlOptions are a control_listener's.
type controlOptions struct {
	Mode        uint32        `opt:"file_mode" type:"octal" default:"0660" scopes:"control_listener,listen" help:"Permissions of a socket's path."`
	Timeout     time.Duration `opt:"timeout" default:"60" unit:"seconds" scopes:"control_listener" help:"Idle limit of a console."`
	AlwaysAllow bool          `opt:"always_allow" default:"false" scopes:"control_listener,listen" help:"Let a TCP endpoint answer without authentication: whoever can connect gives orders."`
}

// moduleOptions are a module scope: where a third-party module is.
type moduleOptions struct {
	Name   string     `opt:",instance"`
	Pos    option.Pos `opt:",pos"`
	Path   string     `opt:"path" help:"The module's program."`
	SHA256 string     `opt:"sha256" help:"Its checksum in hex; a program that has another is not started."`
	Args   []string   `opt:"args" help:"Arguments for the program."`
}

// outboundAuthOptions are the scope that loads the original's module of that
// name. Here its options (outbound_smtp_auth_*) and its hook are always there.
type outboundAuthOptions struct {
	DebugLevel string `opt:"debug_level" help:"Taken for compatibility."`
}
