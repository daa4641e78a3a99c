package adaptive

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	rules "github.com/mtad/mtad/sdk/adaptive"
	"github.com/mtad/mtad/sdk/option"
)

// Module are the options of the adaptive scope (reference/modules.tsv).
type Module struct {
	Sweep       time.Duration `opt:"suspend_sweep_interval" default:"60" unit:"seconds" help:"How often what has ended is forgotten, and the state written."`
	BounceSweep time.Duration `opt:"bounce_sweep_interval" default:"3600" unit:"seconds" help:"How often the sweep rules are applied; 0: never."`
	Period      time.Duration `opt:"adaptive_stats_period" default:"3600" unit:"seconds" help:"The time over which attempts and failures are counted."`
	CacheSize   int64         `opt:"adaptive_cache_size" default:"1048576" help:"How many pairs of a binding and a domain are watched."`
	CacheTTL    time.Duration `opt:"adaptive_cache_ttl" default:"43200" unit:"seconds" help:"When a pair without mail is forgotten."`
	BounceStats bool          `opt:"enable_bounce_stats" default:"true" help:"Count failures by class, for the sweep rules."`
	Logging     bool          `opt:"enable_logging" default:"true" help:"Write the adaptive log."`
	LogBase     string        `opt:"log_base" default:"/var/log/mtad/adaptive" help:"Directory of the adaptive log, adaptive.log."`
	Manage      []string      `opt:"adaptive_manage_options" help:"Options to adapt beside the usual ones."`
	Unmanage    []string      `opt:"adaptive_unmanage_options" help:"Options to leave as they are."`
	MaxAge      bool          `opt:"force_max_binding_age" default:"false" help:"Taken for compatibility: no rule goes by a binding's age."`
	Rules       bool          `opt:"shipped_rules" default:"true" help:"Begin with the rules that come with mtad; off: only those that scripts register."`

	FBLStats       bool          `opt:"enable_fbl_stats" default:"true" help:"Taken for compatibility: feedback reports are not counted."`
	JLog           bool          `opt:"enable_jlog" default:"false" help:"Taken for compatibility."`
	JLogFile       string        `opt:"jlog_file" help:"Taken for compatibility."`
	Level          string        `opt:"operational_log_level" default:"NOTICE" help:"Taken for compatibility."`
	DebugLevel     string        `opt:"debug_level" help:"Taken for compatibility."`
	SplitLogs      bool          `opt:"split_logs_by_binding" default:"false" help:"Taken for compatibility."`
	DataStore      []string      `opt:"data_store" help:"Taken for compatibility: the state is kept as adaptive_backstore_leveldb says."`
	SyncInterval   time.Duration `opt:"data_store_sync_interval" default:"3600" unit:"seconds" help:"Taken for compatibility."`
	FBLMonitor     []string      `opt:"fbl_stats_monitor" help:"Taken for compatibility."`
	FBLSeries      string        `opt:"fbl_stats_series" default:"FBL_stats" help:"Taken for compatibility."`
	FBLTotal       string        `opt:"fbl_total_series" default:"FBL_total" help:"Taken for compatibility."`
	RateMonitor    []string      `opt:"outbound_throttle_messages_monitor" help:"Taken for compatibility."`
	RateSeries     string        `opt:"outbound_throttle_messages_series" default:"OBTM_Series" help:"Taken for compatibility."`
	RulePrefix     string        `opt:"ad_response_rule_series_prefix" default:"ADRR_series" help:"Taken for compatibility."`
	PairCache      int64         `opt:"binding_domain_cache_size" default:"999999" help:"Taken for compatibility."`
	PairTTL        time.Duration `opt:"binding_domain_cache_max_ttl" default:"86400" unit:"seconds" help:"Taken for compatibility."`
	StoreTimeout   time.Duration `opt:"backing_store_timeout" default:"5" unit:"seconds" help:"Taken for compatibility."`
	ConnectTimeout time.Duration `opt:"backing_store_connect_timeout" default:"5" unit:"seconds" help:"Taken for compatibility."`
}

// Store is the scope adaptive_backstore_leveldb.
type Store struct {
	Path string `opt:"path" help:"Directory where suspensions, adapted values and the age of bindings outlast a restart, in adaptive.json."`
}

// Options are a lane's (reference/config-options.tsv). A range is a list of two
// numbers, the lower first.
type Options struct {
	Enabled      bool          `opt:"adaptive_enabled" default:"false" scopes:"binding,binding_group,domain,global" help:"Adapt deliveries to what the receiver answers; the scope adaptive has to be there."`
	AdjustEvery  time.Duration `opt:"adaptive_adjustment_interval" default:"60" unit:"seconds" scopes:"binding,binding_group,domain,global" help:"Least time between two changes for one binding and domain."`
	RaiseEvery   time.Duration `opt:"adaptive_positive_adjustment_interval" default:"3600" unit:"seconds" scopes:"binding,binding_group,domain,global" help:"Least time between two steps back to the configured values."`
	AlertTo      []string      `opt:"adaptive_alert_email_destination" scopes:"binding,binding_group,domain,global" help:"Who is told by mail; unset: nobody."`
	AlertFrom    string        `opt:"adaptive_alert_email_sender" scopes:"binding,binding_group,domain,global" help:"Sender of these mails; default: postmaster at the hostname."`
	AlertEvents  []string      `opt:"adaptive_notification_events" default:"throttle,suspension,blackhole" scopes:"binding,binding_group,domain,global" help:"What is told: throttle, suspension, blackhole."`
	AlertEvery   time.Duration `opt:"adaptive_notification_interval" default:"3600" unit:"seconds" scopes:"binding,binding_group,domain,global" help:"At most one mail for an event in this time."`
	Attempts     int64         `opt:"adaptive_attempt_threshold" default:"2000" scopes:"binding,binding_group,domain,global" help:"Attempts within adaptive_stats_period before a sweep rule may apply."`
	FBLThreshold int64         `opt:"adaptive_fbl_volume_threshold" default:"20000" scopes:"binding,binding_group,domain,global" help:"Taken for compatibility: feedback reports are not counted."`
	Suspension   string        `opt:"adaptive_default_suspension" default:"4 hours" scopes:"binding,binding_group,domain,global" help:"How long a suspension lasts where a rule does not say."`
	SuspendRate  bool          `opt:"adaptive_default_suspension_enabled" default:"false" scopes:"binding,binding_group,domain,global" help:"Suspend by adaptive_rejection_rate_suspension_percentage."`
	Rejections   int64         `opt:"adaptive_rejection_rate_suspension_percentage" default:"20" scopes:"binding,binding_group,domain,global" help:"Percentage of rejected attempts above which deliveries are suspended."`
	RetryFuzz    int64         `opt:"adaptive_retry_fuzz" default:"4096" scopes:"binding,binding_group,domain,global" help:"Taken for compatibility: nothing is requeued at once when a suspension ends; the limits of connections and rates pace it."`
	Scope        string        `opt:"adaptive_scope" enum:"auto,local,global" default:"auto" scopes:"binding,binding_group,domain,global" help:"Taken for compatibility: the state is this node's."`
	SweepEnabled bool          `opt:"adaptive_sweep_rule_enabled" default:"true" scopes:"binding,binding_group,domain,global" help:"Apply sweep rules."`

	Connections   []string `opt:"adaptive_max_outbound_connections" scopes:"binding,binding_group,domain,global" help:"Range for max_outbound_connections."`
	Deliveries    []string `opt:"adaptive_max_deliveries_per_connection" scopes:"binding,binding_group,domain,global" help:"Range for max_deliveries_per_connection."`
	Recipients    []string `opt:"adaptive_max_recipients_per_connection" scopes:"binding,binding_group,domain,global" help:"Range for max_recipients_per_connection."`
	Batch         []string `opt:"adaptive_max_recipients_per_batch" scopes:"binding,binding_group,domain,global" help:"Range for max_recipients_per_batch."`
	Rate          []string `opt:"adaptive_outbound_throttle_messages" scopes:"binding,binding_group,domain,global" help:"Range for outbound_throttle_messages, in messages an hour."`
	Retry         []string `opt:"adaptive_retry_interval" scopes:"binding,binding_group,domain,global" help:"Range for retry_interval."`
	MaxRetry      []string `opt:"adaptive_max_retry_interval" scopes:"binding,binding_group,domain,global" help:"Range for max_retry_interval."`
	EHLO          []string `opt:"adaptive_ehlo_timeout" scopes:"binding,binding_group,domain,global" help:"Range for ehlo_timeout."`
	MailFrom      []string `opt:"adaptive_mailfrom_timeout" scopes:"binding,binding_group,domain,global" help:"Range for mailfrom_timeout."`
	RcptTo        []string `opt:"adaptive_rcptto_timeout" scopes:"binding,binding_group,domain,global" help:"Range for rcptto_timeout."`
	Body          []string `opt:"adaptive_body_timeout" scopes:"binding,binding_group,domain,global" help:"Range for body_timeout."`
	Rset          []string `opt:"adaptive_rset_timeout" scopes:"binding,binding_group,domain,global" help:"Range for rset_timeout."`
	Idle          []string `opt:"adaptive_idle_timeout" scopes:"binding,binding_group,domain,global" help:"Range for idle_timeout."`
	MaxRetries    []string `opt:"adaptive_max_retries" scopes:"binding,binding_group,domain,global" help:"Taken for compatibility."`
	ResidentQueue []string `opt:"adaptive_max_resident_active_queue" scopes:"binding,binding_group,domain,global" help:"Taken for compatibility: mtad keeps no bodies in memory."`
}

// Sweep is the scope adaptive_sweep_rule: what to do where a share of the
// attempts fails in certain ways.
type Sweep struct {
	Name       string   `opt:",instance"`
	Codes      []string `opt:"codes" help:"Bounce codes as \"bc:10\"; feedback categories as \"fbl:abuse\" are taken and never come."`
	Low        float64  `opt:"low_threshold" default:"5" help:"Percentage from which low_action is taken."`
	LowAction  []string `opt:"low_action" default:"throttle,down" help:"An action and its parameter."`
	High       float64  `opt:"high_threshold" default:"10" help:"Percentage from which high_action is taken."`
	HighAction []string `opt:"high_action" default:"suspend '4 hours'" help:"An action and its parameter."`
}

// bounceCodes are the classes that the rule counts.
func (s *Sweep) bounceCodes() []int {
	var out []int
	for _, word := range s.Codes {
		if n, err := strconv.Atoi(strings.TrimPrefix(word, "bc:")); err == nil {
			out = append(out, n)
		}
	}
	return out
}

// actions are those of a threshold; they were checked when the rule was read.
func actions(words []string) []rules.Action {
	list, _ := rules.ParseActions(words)
	return list
}

// CheckSweep says what is wrong with a rule.
func CheckSweep(scope *option.Scope) option.Problems {
	var s Sweep
	bad := option.Decode(scope, &s)
	for _, words := range [][]string{s.LowAction, s.HighAction} {
		list, err := rules.ParseActions(words)
		if err == nil && slices.ContainsFunc(list, func(a rules.Action) bool { return a.Verb == rules.Transcode }) {
			err = fmt.Errorf("transcode is for the rules of a reply")
		}
		if err != nil {
			bad = append(bad, option.Problem{Pos: scope.Pos, Text: err.Error()})
		}
	}
	for _, word := range s.Codes {
		if _, err := strconv.Atoi(strings.TrimPrefix(word, "bc:")); err != nil && !strings.HasPrefix(word, "fbl:") {
			bad = append(bad, option.Problem{Pos: scope.Pos, Text: fmt.Sprintf("%q is neither a bounce code such as \"bc:10\" nor a feedback category such as \"fbl:abuse\"", word)})
		}
	}
	return bad
}

// CheckOptions says what is wrong with the ranges and times of one scope.
func CheckOptions(scope *option.Scope) option.Problems {
	var bad option.Problems
	for i := range scope.Attrs {
		a := &scope.Attrs[i]
		var err error
		switch {
		case a.Name == "adaptive_default_suspension":
			_, err = rules.ParseSpan(a.Value.Text)
		case isRange(a.Name):
			var words []string
			for _, item := range a.Value.List {
				words = append(words, item.Text)
			}
			_, _, err = parseRange(words)
		}
		if err != nil {
			bad = append(bad, option.Problem{Pos: a.Pos, Text: a.Name + ": " + err.Error()})
		}
	}
	return bad
}

func isRange(name string) bool {
	short, ok := strings.CutPrefix(name, "adaptive_")
	return ok && slices.ContainsFunc(knobs(), func(k knob) bool { return k.name == short })
}

// parseRange reads a range; there is none in an empty list.
func parseRange(words []string) (rules.Range, bool, error) {
	if len(words) == 0 {
		return rules.Range{}, false, nil
	}
	if len(words) == 2 {
		low, err := strconv.ParseInt(words[0], 10, 64)
		high, bad := strconv.ParseInt(words[1], 10, 64)
		if err == nil && bad == nil && low >= 0 && low <= high {
			return rules.Range{Low: low, High: high}, true, nil
		}
	}
	return rules.Range{}, false, fmt.Errorf("a range is two numbers, the lower first")
}
