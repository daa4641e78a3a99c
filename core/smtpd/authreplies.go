package smtpd

import "github.com/mtad/mtad/sdk/smtp"

// Replies of AUTH (RFC 4954 §4, §6); the texts are those of the RFC where it
// gives any.
const sayAuthOK = "235 2.7.0 Authentication successful\r\n"

var (
	replyAuthFailed    = smtp.NewReply(535, "5.7.8", "Authentication credentials invalid")
	replyAuthError     = smtp.NewReply(454, "4.7.0", "Temporary authentication failure")
	replyAuthLimit     = smtp.NewReply(421, "4.7.0", "too many failed authentications")
	replyAuthRate      = smtp.NewReply(421, "4.7.0", "too many failed authentications from your address")
	replyAuthRequired  = smtp.NewReply(530, "5.7.0", "Authentication required")
	replyAuthUnknown   = smtp.NewReply(504, "5.5.4", "authentication mechanism not supported")
	replyAuthNeedsTLS  = smtp.NewReply(538, "5.7.11", "Encryption required for requested authentication mechanism")
	replyAuthTwice     = smtp.NewReply(503, "5.5.1", "already authenticated")
	replyAuthInMail    = smtp.NewReply(503, "5.5.1", "AUTH is not allowed during a mail transaction")
	replyNeedESMTP     = smtp.NewReply(503, "5.5.1", "send EHLO first")
	replyAuthCancelled = smtp.NewReply(501, "5.7.0", "authentication cancelled")
	replyAuthBase64    = smtp.NewReply(501, "5.5.2", "cannot decode response")
	replyAuthSyntax    = smtp.NewReply(501, "5.5.2", "malformed response")
	replyAuthNoInitial = smtp.NewReply(501, "5.7.0", "the mechanism takes no initial response")
	replyAuthLong      = smtp.NewReply(500, "5.5.6", "Authentication Exchange line is too long")
)
