package logs

import (
	"errors"
	"os"
	"sync/atomic"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/mtad/mtad/core/logs/out"
	"github.com/mtad/mtad/sdk"
)

// Options is where the streams go and what is written
// (reference/config-options.tsv, ec_logger and bounce_logger).
type Options struct {
	Mainlog   string
	Rejectlog string
	Paniclog  string
	Bouncelog string
	Acctlog   string
	HTTPlog   string
	JSONlog   string      // all records but the paniclog's, with names
	Adaptive  string      // the log of adaptive delivery
	FBLlog    string      // complaints of feedback loops
	Mode      os.FileMode // 0: 0644

	Outbox   string // directory of records for other machines and programs
	Budget   int64  // bytes that each of those logs may take
	Refuse   bool   // a record that cannot be written waits, and mail is refused
	Hostname string // in syslog records

	NoReceptions        bool // log_receptions = false, and so on
	NoDeliveries        bool
	NoTransientFailures bool
	NoPermanentFailures bool
	NoRejections        bool
	NoInbandBounces     bool // of bounce_logger
	NoOutOfBandBounces  bool
	NoTransientBounces  bool
	NoErrors            bool      // log_errors = false: scripts' prints alone reach the paniclog
	Level               sdk.Level // least level that reaches the paniclog
}

// Logs are all the streams. It is safe for concurrent use.
type Logs struct {
	// Now is the clock of records that bring no time.
	Now func() time.Time
	// Classify gives the bounce class of a reply (reference/logs.md, "Bounce
	// classification codes").
	Classify func(reply string) int

	main, reject, panics, bounce streamCore
	acct, http, json, adaptive   streamCore
	fbl                          streamCore
	options                      atomic.Pointer[Options]
	guard                        *guard
	recent                       recent
}

type streamCore struct {
	stream
	zap zapcore.Core
}

// New makes Logs that write nowhere until Open.
func New(now func() time.Time) *Logs {
	l := &Logs{Now: now, Classify: func(string) int { return 1 }}
	for _, s := range l.streams() {
		s.zap = s.core()
	}
	l.guardStreams()
	l.json.zap = zapcore.NewCore(jsonEncoder(), &l.json, zapcore.DebugLevel)
	l.options.Store(&Options{})
	return l
}

func (l *Logs) streams() []*streamCore {
	return []*streamCore{&l.main, &l.reject, &l.panics, &l.bounce, &l.acct, &l.http, &l.json, &l.adaptive, &l.fbl}
}

// Open points the streams at the destinations of o and takes its switches. Streams
// whose destination stays the same go on in it. An error leaves the streams
// that could be opened open; the caller keeps the old configuration.
func (l *Logs) Open(o Options) error {
	if o.Mode == 0 {
		o.Mode = 0o644
	}
	paths := []string{o.Mainlog, o.Rejectlog, o.Paniclog, o.Bouncelog, o.Acctlog, o.HTTPlog, o.JSONlog, o.Adaptive, o.FBLlog}
	var errs []error
	for i, s := range l.streams() {
		if c := l.destination(s, paths[i], &o); !s.serves(c) {
			errs = append(errs, s.open(c))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	l.options.Store(&o)
	l.guard.refuse.Store(o.Refuse)
	return nil
}

// Reopen opens every file again (SIGHUP, `reopen logs`).
func (l *Logs) Reopen() error {
	var errs []error
	for _, s := range l.streams() {
		errs = append(errs, s.reopen())
	}
	return errors.Join(errs...)
}

// Close closes every file.
func (l *Logs) Close() error {
	var errs []error
	for _, s := range l.streams() {
		errs = append(errs, s.open(out.Config{}))
	}
	return errors.Join(errs...)
}

// line writes one record to a stream; the stream says where it cannot.
func (s *streamCore) line(text string) {
	_ = s.zap.Write(zapcore.Entry{Message: text}, nil)
}
