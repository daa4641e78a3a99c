package queue

import (
	"time"

	"github.com/mtad/mtad/core/throttle"
	"github.com/mtad/mtad/sdk/option"
)

// Options are a lane's options (reference/config-options.tsv); their values
// fall back as reference/config-syntax.md §2 says.
type Options struct {
	Suspend          bool          `opt:"suspend_delivery" default:"false" scopes:"binding,binding_group,domain,global" help:"Stop delivery attempts in the scope."`
	RetryInterval    time.Duration `opt:"retry_interval" default:"1200" unit:"seconds" scopes:"binding,binding_group,domain,global" help:"First retry delay, doubled at each failure."`
	MaxRetryInterval time.Duration `opt:"max_retry_interval" default:"43200" unit:"seconds" scopes:"binding,binding_group,domain,global" help:"Cap of the retry delay."`
	Expiration       time.Duration `opt:"message_expiration" default:"86400" unit:"seconds" scopes:"binding,binding_group,domain,global" help:"Queue lifetime of a message."`
	MaxRetries       string        `opt:"max_retries" default:"auto" scopes:"binding,binding_group,domain,global" help:"Attempts before permanent failure: a number, or auto or none for message_expiration alone."`
	Blackhole        string        `opt:"blackhole" enum:"false,true,inline,internal" default:"false" scopes:"binding,binding_group,domain,global" help:"Fail mail instead of delivering it: inline, or true, with a bounce, and for a domain at RCPT already; internal takes it and drops it without one."`
	NeverRetry       bool          `opt:"never_retry" default:"false" scopes:"binding,binding_group,domain,global" help:"Fail instead of retrying."`
	NeverExpired     bool          `opt:"never_attempt_expired_messages" default:"false" scopes:"binding,binding_group,domain,global" help:"Fail expired mail without a last attempt."`
	MaxConnections   int64         `opt:"max_outbound_connections" default:"32" scopes:"binding,binding_group,domain,global" help:"Connections for one domain and binding."`
	MaxBatch         int64         `opt:"max_recipients_per_batch" default:"100" scopes:"binding,binding_group,domain,global" help:"Recipients in one outbound transaction."`
	UnreachedToDelay time.Duration `opt:"connect_timeout_to_delay" default:"900" unit:"seconds" scopes:"binding,binding_group,domain,global" help:"How long a domain may be unreachable before its due mail is delayed as if it had been tried."`
	FailuresToDelay  int64         `opt:"mx_failures_to_delay" default:"50" scopes:"domain,global" help:"Failures to connect in a row that do the same; 0 is off."`
	Fuzz             time.Duration `opt:"delayed_binding_domain_fuzz" default:"0" unit:"seconds" scopes:"binding,binding_group,global" help:"Spread of mail that is put off in bulk."`
	HostFailureRetry time.Duration `opt:"host_failure_retry" default:"120" unit:"seconds" scopes:"domain,global" help:"How long an address that failed is avoided."`

	// Messages and Connections limit the lane's rates
	// (outbound_throttle_messages, outbound_throttle_connections). They belong
	// to the scope that declares the rate; nil limits nothing.
	Messages, Connections *throttle.Limiter

	// Hold says why Suspend is set where the configuration did not.
	Hold *Hold
	// Shares are the connection limits that this lane shares with others.
	Shares []Share
}

// Rates are the throttle options as they are declared; whoever resolves a
// lane's options makes one Limiter for each scope that sets one.
type Rates struct {
	Messages    option.Throttle `opt:"outbound_throttle_messages" type:"rate" scopes:"binding,binding_group,domain,global" help:"Delivery rate, \"N\" or \"N/seconds\"; shared by everything that falls back to the scope."`
	Connections option.Throttle `opt:"outbound_throttle_connections" type:"rate" scopes:"binding,binding_group,domain,global" help:"Rate of new connections, \"N\" or \"N/seconds\"; shared like outbound_throttle_messages."`
}

// Limits are the connection limits that lanes share, as they are declared. Each
// scope that sets one counts all that is in it, whatever else is set; -1 is no
// limit.
type Limits struct {
	Scope  int64 `opt:"scope_max_outbound_connections" default:"-1" scopes:"binding,binding_group,domain,global,host" help:"Connections of all that is in the scope together, a /regex/ as one; -1 is no limit. The limits of all scopes hold at once."`
	Server int64 `opt:"server_max_outbound_connections" default:"-1" scopes:"binding,binding_group" help:"Connections of the binding, or of all bindings in the group together; -1 is no limit beside the server's."`
}
