package smtpd

import "github.com/mtad/mtad/sdk/smtp"

// Replies that never change, ready for the wire. Enhanced codes are those of
// RFC 3463 and RFC 5248.
const (
	sayOK        = "250 2.0.0 Ok\r\n"
	saySenderOK  = "250 2.1.0 Sender ok\r\n"
	sayRcptOK    = "250 2.1.5 Recipient ok\r\n"
	sayStartData = "354 End data with <CR><LF>.<CR><LF>\r\n"
	sayStartTLS  = "220 2.0.0 Ready to start TLS\r\n"
	sayCannotVRF = "252 2.1.5 Cannot VRFY user, but will accept a message for it\r\n"
	sayHelp      = "214 2.0.0 See RFC 5321\r\n"
)

// Refusals. Texts marked with a reference row are byte-exact.
var (
	replyUnknown    = smtp.NewReply(500, "5.5.1", "command not recognized")
	replyNotDone    = smtp.NewReply(502, "5.5.1", "command not implemented") // RFC 5321 §4.2.4
	replyControl    = smtp.NewReply(500, "5.5.2", "control character in command")
	replyLineEnd    = smtp.NewReply(500, "5.5.2", "lines must end in CRLF")
	replyLineLong   = smtp.NewReply(500, "5.5.2", "line too long") // RFC 5321 §4.5.3.1.9
	replyNoArgument = smtp.NewReply(501, "5.5.4", "no argument allowed")
	replyArgument   = smtp.NewReply(501, "5.5.4", "argument required")
	replyTooManyBad = smtp.NewReply(421, "4.7.0", "too many errors on this connection")

	// Manual, require_ehlo: "response with a 501 error".
	replyNeedEHLO = smtp.NewReply(501, "5.5.1", "send HELO or EHLO first")
	replyBadHELO  = smtp.NewReply(501, "5.5.4", "invalid domain in HELO or EHLO")

	replyAliasLoop  = smtp.NewReply(550, "5.4.6", "recipient's aliases lead back to it") // RFC 3463 §3.5: routing loop
	replyAliasLater = smtp.NewReply(451, "4.3.0", "temporary issue, please retry your message later")

	replyBadMail      = smtp.NewReply(501, "5.5.4", "syntax: MAIL FROM:<address>")
	replyBadSender    = smtp.NewReply(501, "5.1.7", "bad sender address syntax")
	replyNestedMail   = smtp.NewReply(503, "5.5.1", "sender already specified")
	replyNoNullSender = smtp.NewReply(550, "5.7.1", "null sender not accepted")
	replyBadParam     = smtp.NewReply(501, "5.5.4", "bad parameter value")
	replyNoParam      = smtp.NewReply(555, "5.5.4", "parameter not recognized") // RFC 5321 §4.1.1.11
	replyNeedUTF8     = smtp.NewReply(553, "5.6.7", "non-ASCII address without SMTPUTF8")
	replyTooBig       = smtp.NewReply(552, "5.3.4", "message size limit exceeded") // reference/logs.md
	replyMaxMessages  = smtp.NewReply(421, "4.7.0", "too many messages on this connection")

	replyBadRcpt      = smtp.NewReply(501, "5.5.4", "syntax: RCPT TO:<address>")
	replyBadRecipient = smtp.NewReply(501, "5.1.3", "bad recipient address syntax")
	replyNeedMail     = smtp.NewReply(503, "5.5.1", "need MAIL command")
	replyNoLiteral    = smtp.NewReply(550, "5.1.3", "address literals are not accepted")
	replyRelay        = smtp.NewReply(550, "5.7.1", "relaying denied")                                           // reference/logs.md
	replyMaxRcpt      = smtp.NewReply(452, "4.5.3", "Service unavailable, recipients per message limit reached") // reference/logs.md
	replyMaxConnRcpt  = smtp.NewReply(452, "4.5.3", "Service unavailable, recipients per connection limit reached")

	replyNeedRcpt  = smtp.NewReply(503, "5.5.1", "need RCPT command")
	replyNoRcpt    = smtp.NewReply(554, "5.5.1", "no valid recipients") // RFC 5321 §3.3
	replyInBDAT    = smtp.NewReply(503, "5.5.1", "BDAT under way")      // RFC 3030 §2
	replyBadBDAT   = smtp.NewReply(501, "5.5.4", "syntax: BDAT size [LAST]")
	replyNoStorage = smtp.NewReply(452, "4.3.1", "insufficient system storage")
	// RFC 5321 §2.3.8 forbids them; 5.6.11 is the code that Exchange made
	// common for it.
	replyLoneLF   = smtp.NewReply(550, "5.6.11", "message contains bare CR or LF")
	replyLongLine = smtp.NewReply(550, "5.6.0", "message contains a line that is too long")

	replyXCLIENTInMail = smtp.NewReply(503, "5.5.1", "mail transaction in progress")
	replyXCLIENTDenied = smtp.NewReply(550, "5.7.0", "insufficient authorization")
	replyXCLIENTSyntax = smtp.NewReply(501, "5.5.4", "bad XCLIENT attribute or value")
	replyXCLIENTPiped  = smtp.NewReply(554, "5.5.1", "commands behind XCLIENT")
	replyBadProxy      = smtp.NewReply(554, "5.7.0", "no PROXY header")

	replyTLSOn       = smtp.NewReply(503, "5.5.1", "TLS is active already")
	replyInjection   = smtp.NewReply(554, "5.5.1", "commands behind STARTTLS")
	replyTLSFailed   = smtp.NewReply(454, "4.7.0", "TLS handshake failed") // RFC 3207 §4
	replyConcurrency = smtp.NewReply(421, "4.4.5", "Service unavailable, concurrency limit reached")
	replyShutdown    = smtp.NewReply(421, "4.3.2", "shutting down")
	replyNoText      = smtp.NewReply(421, "4.7.0", "message text among commands")
	replyNoWeb       = smtp.NewReply(421, "4.7.0", "this is SMTP, not HTTP")
	replyConnRate    = smtp.NewReply(421, "4.7.0", "Service unavailable, too many connections")
	replyMaxCommands = smtp.NewReply(421, "4.7.0", "too many commands on this connection")
	replyThrottled   = smtp.NewReply(451, "4.3.2", "too many messages, please come again")
	replyNoMemory    = smtp.NewReply(452, "4.3.1", "insufficient memory, please come again")
	replySlow        = smtp.NewReply(421, "4.4.2", "too slow, closing connection")
	replyIdle        = smtp.NewReply(421, "4.4.2", "idle timeout, closing connection")
	replyHangup      = smtp.NewReply(421, "4.7.0", "closing connection")
)
