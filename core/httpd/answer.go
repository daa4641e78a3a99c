package httpd

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/mtad/mtad/core/reception"
	"github.com/mtad/mtad/sdk/smtp"
)

// problem is why a request is refused. Nothing in it is about our configuration.
type problem struct {
	status int
	text   string
	reply  *smtp.Reply // of policy or of the spool; nil: the request itself is wrong
}

// Problems that never change.
var (
	problemUnauthorized = &problem{status: http.StatusUnauthorized, text: "authentication required"}
	problemNotFound     = &problem{status: http.StatusNotFound, text: "there is nothing here"}
	problemMethod       = &problem{status: http.StatusMethodNotAllowed, text: "use POST"}
	problemMediaType    = &problem{status: http.StatusUnsupportedMediaType, text: "Content-Type must be application/json or message/rfc822"}
	problemTooLarge     = &problem{status: http.StatusRequestEntityTooLarge, text: "the request is too large"}
	problemSlow         = &problem{status: http.StatusRequestTimeout, text: "the request took too long"}
	problemBroken       = &problem{status: http.StatusBadRequest, text: "the request ended early"}
	problemBusy         = &problem{status: http.StatusServiceUnavailable, text: "too many requests at once, try again"}
	problemUnavailable  = &problem{status: http.StatusServiceUnavailable, text: "not available, try again"}
)

// wrong is a request that no repetition makes right.
func wrong(text string) *problem { return &problem{status: http.StatusBadRequest, text: text} }

// refusal makes an SMTP reply a problem: 503 says, as 4yz does, that the same
// request may succeed later (RFC 9110 §15.6.4; RFC 5321 §4.2.1).
func refusal(r *smtp.Reply) *problem {
	p := &problem{status: http.StatusUnprocessableEntity, text: strings.ReplaceAll(r.Text, "\n", " "), reply: r}
	switch {
	case r.Temporary():
		p.status = http.StatusServiceUnavailable
	case r.Code == 552 && r.Enhanced == "5.3.4":
		p.status = http.StatusRequestEntityTooLarge
	}
	return p
}

// errorJSON is an error as clients read it.
type errorJSON struct {
	Code     int    `json:"code,omitempty"`     // SMTP reply code
	Enhanced string `json:"enhanced,omitempty"` // RFC 3463
	Message  string `json:"message"`
}

func jsonOf(r *smtp.Reply) *errorJSON {
	return &errorJSON{Code: r.Code, Enhanced: r.Enhanced, Message: strings.ReplaceAll(r.Text, "\n", " ")}
}

// fail answers with a problem.
func (x *exchange) fail(p *problem) {
	out := &errorJSON{Message: p.text}
	if p.reply != nil {
		out = jsonOf(p.reply)
	}
	if p.status == http.StatusServiceUnavailable {
		x.Header().Set("Retry-After", "60") // RFC 9110 §10.2.3
	}
	if p != problemSlow { // http.Server reads on for a while behind an answer
		_ = x.control.SetReadDeadline(time.Now().Add(x.requestTime()))
	}
	x.answer(p.status, map[string]any{"error": out})
}

// acceptedJSON is the answer to a request whose mail is on the disk.
type acceptedJSON struct {
	BatchID  string         `json:"batch_id"`
	Message  string         `json:"message"`
	Messages []messageJSON  `json:"messages"`
	Rejected []rejectedJSON `json:"rejected,omitempty"`
}

type messageJSON struct {
	ID        string `json:"id"`
	Recipient string `json:"recipient"`
}

type rejectedJSON struct {
	Recipient string     `json:"recipient"`
	Error     *errorJSON `json:"error"`
}

// conclude answers with what the door said.
func (x *exchange) conclude(sub *reception.Submission) {
	out := acceptedJSON{BatchID: sub.BatchID, Message: sub.Reply.FullText(), Messages: []messageJSON{}}
	first := sub.Reply
	for _, c := range sub.Copies {
		switch {
		case c.Kept: // no message of ours any more
		case c.Refused != nil:
			out.Rejected = append(out.Rejected, rejectedJSON{string(c.Recipient), jsonOf(c.Refused)})
			if !first.Refuses() {
				first = c.Refused
			}
		default:
			out.Messages = append(out.Messages, messageJSON{c.ID, string(c.Recipient)})
		}
	}
	if sub.Reply.Refuses() || len(out.Messages) == 0 && len(out.Rejected) > 0 {
		x.fail(refusal(first))
		return
	}
	x.answer(http.StatusOK, out)
}

func (x *exchange) answer(status int, body any) {
	b, err := json.Marshal(body)
	if err != nil { // there is nothing in our answers that could cause it
		x.srv.Problem("http_listener: " + err.Error())
		status, b = http.StatusInternalServerError, nil
	}
	x.Header().Set("Content-Type", "application/json")
	x.WriteHeader(status)
	_, _ = x.Write(append(b, '\n')) // a client that is gone does not read it
}
