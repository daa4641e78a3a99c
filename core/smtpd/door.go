package smtpd

import (
	"context"
	"io"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/reception"
	"github.com/mtad/mtad/core/validate"
)

// Door is where a message goes once its envelope is settled.
type Door interface {
	// NewDraft begins a message's content.
	NewDraft(e reception.Envelope) Draft
}

// Draft takes one message's content. Accept or Abort ends it.
type Draft interface {
	// Write takes content as it will be stored. An error is a *smtp.Reply,
	// which the peer gets at the end of its data.
	io.Writer
	// Accept queues the message, and answers for it. It logs its own
	// rejections.
	Accept(ctx context.Context, s *validate.Session) reception.Result
	// Abort drops the message.
	Abort()
}

// Log takes the rejectlog's records. What a record refers to is the session's
// own and may be read only during the call.
type Log interface {
	Rejection(*logs.Rejection)
}

// ReceptionDoor makes core/reception's door fit.
func ReceptionDoor(d *reception.Door) Door { return receptionDoor{d} }

type receptionDoor struct{ door *reception.Door }

func (d receptionDoor) NewDraft(e reception.Envelope) Draft {
	return receptionDraft{d.door.NewDraft(e), d.door}
}

type receptionDraft struct {
	*reception.Draft
	door *reception.Door
}

func (d receptionDraft) Accept(ctx context.Context, s *validate.Session) reception.Result {
	return d.door.Accept(ctx, s, d.Draft)
}
