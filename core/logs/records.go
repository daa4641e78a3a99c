package logs

import (
	"net/netip"
	"time"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// Stage is the outbound connection stage of a T, P or B record
// (reference/logs.md, "Connection stages").
type Stage uint8

// The stages.
const (
	StageNotConnected Stage = iota
	StageIdle
	StageDuringMail
	StageAfterMail
	StageDuringRcpt
	StageAfterRcpt
	StageDuringData
	StageAfterData
	StageSendingBody
	StageReadingConfirmation
	StageDuringEHLO
	StageAfterEHLO
	StageReadingBanner
	StageDuringRSET
	StageAfterRSET
	StageDuringSTARTTLS
	StageAfterSTARTTLS
	StageHandshakingTLS
	StageRenegotiatingTLS
	StageDuringXCLIENT
	StageAfterXCLIENT
	StageOutOfBand
	StageUnknown
)

// Phase is the reception state of a rejectlog record (reference/logs.md,
// "Reception states"); String gives the P= text.
type Phase uint8

// The reception states.
const (
	PhaseConnected Phase = iota
	PhaseSendingBanner
	PhaseAwaitingEHLO
	PhaseSendingEHLO
	PhaseAwaitingMail
	PhaseSendingMail
	PhaseAwaitingRcpt
	PhaseSendingRcpt
	PhaseData
	PhaseReadingBody
	PhaseSendingBody
	PhaseAsyncBody
	PhaseAsyncBodyResponse
	PhaseRelayingDenied
	PhaseExtension1
	PhaseExtension2
	PhaseExtension3
	PhaseExtension4
	PhaseConcurrencyLimit
	PhaseRcptList
	PhaseRcptListFinal
	PhaseSetup
)

// Attempt is one delivery attempt for one message: what D, T, P and B records
// are made of.
type Attempt struct {
	Message *message.Message
	Now     time.Time
	ConnID  string // the outbound connection
	Domain  string // routing domain
	Binding string
	Group   string
	Bytes   int64 // D: message size; T, P: bytes sent before the failure
	Stage   Stage
	Retries int
	Remote  netip.Addr       // zero: none was reached
	Reply   string           // the remote's reply on one line, or "... [internal] ..."
	Class   int              // bounce classification code, 0: classify here
	TLS     *sdk.OutboundTLS // nil: no connection was made

	// PassedDSN says that the next hop was told what the sender asked of
	// notifications. Where it was not, and the sender asked for success, we owe
	// the word "relayed" (RFC 3461 §5.2.2).
	PassedDSN bool
}

// Rejection is a refused inbound command or message.
type Rejection struct {
	Now     time.Time
	Remote  netip.AddrPort
	Local   netip.AddrPort
	ConnID  string
	Pathway string // "default"
	Group   string // pathway group, "default"
	Phase   Phase
	Reply   *smtp.Reply
	Module  string // the last module run, "" if none
	Conn    sdk.Dict
	Mess    sdk.Dict
}
