package sdk

import "net/netip"

// Attempt is the delivery attempt that a log hook tells of: core_log_delivery_v1
// and the core_log_*_failure_v1 hooks (reference/lua-api.tsv, tls_macros and
// custom_logger).
type Attempt struct {
	ConnID string        // the outbound connection; "" where none was made
	Remote netip.Addr    // the host that mail was sent to; zero: none was reached
	Stage  DeliveryStage // how far the dialogue had come
	TLS    OutboundTLS
}

// DeliveryStage is how far a connection to a next hop had come
// (reference/logs.md, "Connection stages").
type DeliveryStage uint8

// StageUnknown is the stage of what was never tried (reference/logs.md).
const StageUnknown DeliveryStage = 22

// String is the stage's description.
func (s DeliveryStage) String() string {
	names := [...]string{
		"while not connected", "while idle", "during MAIL FROM", "after MAIL FROM", "during RCPT TO", "after RCPT TO",
		"during DATA", "after DATA", "while sending BODY", "reading confirmation", "during EHLO", "after EHLO",
		"reading BANNER", "during RSET", "after RSET", "during STARTTLS", "after STARTTLS", "handshaking TLS",
		"renegotiating TLS", "during XCLIENT", "after XCLIENT", "out of band bounce",
	}
	if int(s) < len(names) {
		return names[s]
	}
	return "in unknown state"
}

// TLSUse says whether a connection to a next hop was protected.
type TLSUse uint8

// The uses of TLS.
const (
	TLSUnknown TLSUse = iota // no connection was made
	TLSNone                  // plain SMTP
	TLSUsed
)

// String is the value of %{outbound_tls:outbound_tls}.
func (u TLSUse) String() string {
	switch u {
	case TLSNone:
		return "SMTP"
	case TLSUsed:
		return "TLS"
	}
	return "unknown"
}

// OutboundTLS is the TLS session of a connection to a next hop (RFC 3207). Where
// its handshake failed, Use is TLSNone and what the peer showed until then stands
// beside it.
type OutboundTLS struct {
	Use         TLSUse
	Option      string // the tls option that asked for it; "no" where TLS is not used
	Cipher      string // "ECDHE_RSA_AES_128_GCM_SHA256"; a suite of TLS 1.3 by its only name
	AlgBits     int    // bits that the cipher works with
	UseBits     int    // bits of its strength
	Protocol    string // "TLSv1.2"
	Certificate bool   // the peer showed one
	Verified    bool   // it was checked, and its authority and name are right
	Issuer      string // common name of its issuer
	Subject     string // common name of its subject, else its first DNS name
}
