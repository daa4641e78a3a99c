package delivery

import (
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/sdk/smtp"
)

// The replies that we give in the peer's place, byte for byte the original's
// (reference/logs.md, "Internal replies worth keeping byte-exact").
var (
	replyAllAvoided = smtp.NewReply(421, "4.4.0", "[internal] no MXs for this domain could be reached at this time")
	replyNoHosts    = smtp.NewReply(451, "4.4.1", "[internal] No valid hosts (unable to make any connections)")
	replySkipped    = smtp.NewReply(451, "4.4.1", "[internal] No valid hosts")
	replyNoMXOrA    = smtp.NewReply(454, "4.4.4", "[internal] no MX or A for domain")
	replyNullMX     = smtp.NewReply(550, "5.4.4", "[internal] NULL MX domain does not accept mail")
	replyNoDomain   = smtp.NewReply(554, "5.4.4", "[internal] Domain Lookup Failed")
	replyProhibited = smtp.NewReply(551, "5.4.6", "[internal] Private/Loopback Address")
	replyClosed     = smtp.NewReply(451, "4.4.2", "[internal] connection closed by remote host")
	replyNoTLS      = smtp.NewReply(451, "4.7.6", "[internal] STARTTLS required but not advertised")
	replyTLSFailed  = smtp.NewReply(451, "4.7.5", "[internal] TLS negotiation failed")
	replyTLSCA      = smtp.NewReply(451, "4.7.5", "[internal] SSL cert must be signed by a valid CA")
	replyTLSHost    = smtp.NewReply(451, "4.7.5", "[internal] SSL cert common name does not match host")
	replyBodyGone   = smtp.NewReply(550, "5.3.0", "[internal] message body missing")
)

// These have no counterpart in the original.
var (
	replyLoop       = smtp.NewReply(554, "5.4.6", "[internal] mail loops back to this host")           // RFC 5321 §5.1
	replyTooLarge   = smtp.NewReply(552, "5.3.4", "[internal] message size exceeds the remote limit")  // RFC 1870 §6.1
	replyNeedsUTF8  = smtp.NewReply(550, "5.6.7", "[internal] remote host does not support SMTPUTF8")  // RFC 6531 §3.5
	replyUnreadable = smtp.NewReply(451, "4.3.0", "[internal] message body cannot be read")            // tried again
	replyBadAddress = smtp.NewReply(553, "5.1.3", "[internal] address cannot be written in a command") // RFC 5321 §4.1.2
)

// step is a point of the dialogue: its stages for the logs, the replies we
// give where the peer gives none, and how long it may take.
type step struct {
	during, after  logs.Stage
	unsent, silent *smtp.Reply
	limit          func(o *Options) time.Duration
}

func unsent(what string) *smtp.Reply { return smtp.NewReply(451, "4.4.2", "[internal] send "+what) }
func silent(what string) *smtp.Reply { return smtp.NewReply(451, "4.4.2", "[internal] no "+what) }

var (
	stepBanner = &step{logs.StageReadingBanner, logs.StageReadingBanner, replyClosed, silent("banner"),
		func(o *Options) time.Duration { return o.EHLOTimeout }}
	stepEHLO = &step{logs.StageDuringEHLO, logs.StageAfterEHLO, unsent("HELO/EHLO failed"), silent("HELO/EHLO response"),
		func(o *Options) time.Duration { return o.EHLOTimeout }}
	stepSTARTTLS = &step{logs.StageDuringSTARTTLS, logs.StageAfterSTARTTLS,
		smtp.NewReply(451, "4.7.5", "[internal] send STARTTLS failed"), smtp.NewReply(451, "4.7.5", "[internal] no tls go-ahead"),
		func(o *Options) time.Duration { return o.EHLOTimeout }}
	stepMail = &step{logs.StageDuringMail, logs.StageAfterMail, unsent("MAIL FROM failed"), silent("MAIL FROM response"),
		func(o *Options) time.Duration { return o.MailTimeout }}
	stepRcpt = &step{logs.StageDuringRcpt, logs.StageAfterRcpt, unsent("RCPT TO failed"), silent("RCPT TO response"),
		func(o *Options) time.Duration { return o.RcptTimeout }}
	stepData = &step{logs.StageDuringData, logs.StageAfterData, unsent("DATA failed"), silent("DATA response"),
		func(o *Options) time.Duration { return o.RcptTimeout }}
	stepBody = &step{logs.StageReadingConfirmation, logs.StageReadingConfirmation, unsent("BODY failed"), silent("BODY response"),
		func(o *Options) time.Duration { return o.BodyTimeout }}
	stepRset = &step{logs.StageDuringRSET, logs.StageAfterRSET, unsent("RSET failed"), silent("RSET response"),
		func(o *Options) time.Duration { return o.RsetTimeout }}
	stepQuit = &step{logs.StageIdle, logs.StageIdle, replyClosed, replyClosed,
		func(*Options) time.Duration { return quitTimeout }}
)

// verdictOf sorts a refusal by its class (RFC 5321 §4.2.1).
func verdictOf(r *smtp.Reply) queue.Verdict {
	if r.Permanent() {
		return queue.PermanentFailure
	}
	return queue.TransientFailure
}

// unconnected is the outcome where no peer was talked to.
func unconnected(r *smtp.Reply) *queue.Result {
	return &queue.Result{Verdict: verdictOf(r), Reply: r, Stage: logs.StageNotConnected}
}
