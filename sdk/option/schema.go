package option

// Type is the type of an option; it decides how a Value is read
// (reference/config-syntax.md §1).
type Type uint8

// The option types.
const (
	String   Type = iota
	Int           // Go int64
	Bool          // on/off, true/false, enabled/disabled, 1/0
	Seconds       // an integer number of seconds; Go time.Duration
	Millis        // an integer number of milliseconds; Go time.Duration
	Octal         // file mode, must be a string: "0660"; Go uint32
	Rate          // "N" or "N/S", must be a string; Go Throttle
	Bytes         // plain bytes; Go int64
	List          // of strings; one scalar is a list of one; Go []string
	Dict          // Go map[string]string
	Enum          // one of Enum, matched without case; Go string
	CIDRs         // list of networks or addresses; Go []netip.Prefix
	Port          // 1 to 65535; Go int64
	Fraction      // Go float64
)

// Throttle is a rate: Count events in Seconds.
type Throttle struct {
	Count   int64
	Seconds float64
}

// Option describes one option of a scope.
type Option struct {
	Name    string // lower case
	Type    Type
	Unit    string
	Default string // as it would be written; "" where there is none
	Enum    []string
	Scopes  []string // core options: the scopes it is valid in; nil: just its own
	Help    string
}

// Schema is what a scope may hold.
type Schema struct {
	Name     string // scope name
	Instance InstanceRule
	Options  []Option
	Scopes   []Schema // inner scopes
	Open     bool     // unknown options are allowed (none of ours)
	Help     string
}

// InstanceRule says whether a scope has a label.
type InstanceRule uint8

// The rules.
const (
	InstanceOptional InstanceRule = iota
	InstanceRequired
	InstanceForbidden
)
