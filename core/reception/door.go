package reception

import (
	"context"
	"time"

	"github.com/mtad/mtad/core/binding"
	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mail"
	"github.com/mtad/mtad/sdk/smtp"
)

// Spool is what the door needs of core/spool.
type Spool interface {
	// NewBody begins a body record.
	NewBody() (BodyWriter, error)
	// Commit makes a transaction durable: it returns nil only then.
	Commit(ctx context.Context, entries []Entry) error
	// Drop gives up a record that no commit will name.
	Drop(ref message.BodyRef)
	// OpenBody reads a body record back.
	OpenBody(ref message.BodyRef) (BodyReader, error)
}

// BodyWriter takes a body record's content.
type BodyWriter interface {
	Write(p []byte) (int, error)
	Close() (message.BodyRef, error)
	Abort()
}

// BodyReader reads a body record.
type BodyReader interface {
	ReadAt(p []byte, off int64) (int, error)
	Close() error
}

// Entry is one message of a commit.
type Entry struct {
	ID   string
	Meta []byte
	Body message.BodyRef
}

// Logger takes the records that the door writes.
type Logger interface {
	Reception(m *message.Message)
	Rejection(r *logs.Rejection)
	Panic(r sdk.LogRecord)
}

// Door is the way in. It is safe for concurrent use. Its fields are set once,
// before its first use.
type Door struct {
	Spool     Spool
	Log       Logger
	Validator *validate.Validator
	// Bindings is the current configuration's table.
	Bindings func() *binding.Table
	// Usable says whether a binding may be picked out of a group; nil: all may.
	Usable func(b binding.Binding) bool
	// Unbound is the reply to mail that no policy bound; nil, or a nil reply: it
	// leaves through the default binding.
	Unbound func() *smtp.Reply
	// Options is the current configuration's.
	Options func() *Options
	// Loop is what counts as a mail loop; nil, or a nil result: nothing does.
	Loop func() *LoopOptions
	// Queue takes what is durable.
	Queue func(m *message.Message)
	// Bounce tells a sender that one recipient was refused after others were
	// accepted; nil: nobody is told.
	Bounce func(ctx context.Context, m *message.Message, why *smtp.Reply)
	// Examine looks at each message that is about to be queued, whose content it
	// may ask for; nil: nobody looks.
	Examine func(ctx context.Context, m *sdk.Message, content func() (*mail.Part, error)) Finding
	// Marks may add fields to a message that is about to be queued, once its
	// binding is settled; nil: nobody does.
	Marks func(m *sdk.Message, binding, group string)
	// IsFull tells a full spool from another failure of Commit.
	IsFull   func(err error) bool
	Hostname func() string
	// PolicyTime bounds how long policy may take for a message that nobody waits
	// for; 0: as long as a call may take.
	PolicyTime time.Duration
	NewID      func() string
	Now        func() time.Time

	bodies bodies
}

// Envelope is what SMTP knows of a transaction beside the validation state.
type Envelope struct {
	EightBit bool // BODY=8BITMIME
	SMTPUTF8 bool
	// DSN is what the sender asked of notifications, and Notices what of each
	// recipient (RFC 3461).
	DSN      message.DSN
	Notices  map[smtp.Address]message.DSN
	Received string   // the value of the Received field, without its name; "": none is added
	Options  *Options // those of the session's pathway; nil: the global ones
	MayRelay bool     // the peer may relay: it gets DSNs for recipient-wise rejects
}

// Result is what Accept came to: always a reply; Close where policy hangs up.
type Result struct {
	Reply  *smtp.Reply
	Close  bool
	Tarpit time.Duration // hold the reply back
}

// Replies of the door.
var (
	errSpool    = smtp.NewReply(452, "4.3.1", "insufficient system storage")
	errDurable  = smtp.NewReply(451, "4.3.0", "temporary issue, please retry your message later")
	errHeader   = smtp.NewReply(552, "5.3.4", "header section is too large")
	errNoDate   = smtp.NewReply(550, "5.6.0", "message has no Date field")
	errNoHeader = smtp.NewReply(550, "5.6.0", "message has no header section")
)
