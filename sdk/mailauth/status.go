package mailauth

// Status is how verifying went, by the numbers of libopendkim's DKIM_STAT, which
// scripts know as opendkim.dkim.DKIM_STAT_* (reference/lua-api.tsv).
type Status int

// The statuses.
const (
	StatOK            Status = 0
	StatBadSig        Status = 1 // it does not match
	StatNoSig         Status = 2 // there is none
	StatNoKey         Status = 3
	StatCantVerify    Status = 4 // a key or algorithm that is not accepted
	StatSyntax        Status = 5
	StatNoResource    Status = 6
	StatInternal      Status = 7
	StatRevoked       Status = 8
	StatInvalid       Status = 9
	StatNotImplement  Status = 10
	StatKeyFail       Status = 11 // DNS failed; later it may not
	StatCBReject      Status = 12
	StatCBInvalid     Status = 13
	StatCBTryAgain    Status = 14
	StatCBError       Status = 15
	StatMultiDNSReply Status = 16
	StatSigGen        Status = 17
)

// Flags are libopendkim's DKIM_SIGFLAG bits.
type Flags int

// The flags of a signature.
const (
	FlagIgnore      Flags = 1 << iota // it was not looked at: there are too many
	FlagProcessed                     // its key was asked for
	FlagPassed                        // it verified
	FlagTestKey                       // the key says t=y
	FlagNoSubdomain                   // the key says t=s
)

// Result is an outcome by its word in Authentication-Results (RFC 8601 §2.7).
type Result string

// The results.
const (
	None      Result = "none"
	Pass      Result = "pass"
	Fail      Result = "fail"
	SoftFail  Result = "softfail" // SPF
	Neutral   Result = "neutral"
	Policy    Result = "policy" // good, but not accepted here
	TempError Result = "temperror"
	PermError Result = "permerror"
)

// Result is the status as RFC 8601 §2.7.1 has it.
func (s Status) Result() Result {
	switch s {
	case StatOK:
		return Pass
	case StatBadSig:
		return Fail
	case StatNoSig:
		return None
	case StatCBReject:
		return Policy
	case StatKeyFail, StatNoResource, StatInternal, StatCBTryAgain, StatCBError:
		return TempError
	case StatCantVerify, StatNoKey, StatRevoked, StatSyntax, StatMultiDNSReply:
		return PermError
	}
	return Neutral
}
