package logs

import (
	"sync"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"

	"github.com/mtad/mtad/core/logs/out"
)

// stream is one log. What is written has left the process: a record that was
// logged is there even if the process dies in the next instant.
type stream struct {
	mu     sync.Mutex
	config out.Config
	dest   out.Destination // nil: nowhere

	name  string
	guard *guard
	holds bool // its records are what operators bill by: where guard.refuse, they wait
	trouble
}

// Write appends a record; without a destination it goes nowhere. One that cannot
// be written is counted, or waits (guard).
func (s *stream) Write(p []byte) (int, error) {
	for {
		n, err := s.put(p)
		if err == nil {
			s.recovered()
			return n, nil
		}
		if !s.failed(err) {
			return n, err
		}
	}
}

func (s *stream) put(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dest == nil {
		return len(p), nil
	}
	return s.dest.Write(p)
}

// Sync is there for zap; records are not fsynced.
func (s *stream) Sync() error { return nil }

// open points the stream at a destination, Spec "" for nowhere. The old one is
// closed once the new one is open, so that no record falls between them.
func (s *stream) open(c out.Config) error {
	var d out.Destination
	if c.Spec != "" {
		var err error
		if d, err = out.Open(c); err != nil {
			return err
		}
	}
	s.mu.Lock()
	old := s.dest
	s.dest, s.config = d, c
	s.mu.Unlock()
	if old != nil {
		return old.Close()
	}
	return nil
}

// serves reports that the stream goes where c says already.
func (s *stream) serves(c out.Config) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	have := s.config
	return s.dest != nil && have.Spec == c.Spec && have.Outbox == c.Outbox && have.Budget == c.Budget
}

// reopen opens the same path again, after a rotation renamed the file.
func (s *stream) reopen() error {
	s.mu.Lock()
	d := s.dest
	s.mu.Unlock()
	if d == nil {
		return nil
	}
	return d.Reopen()
}

// lineEncoder writes a record's message as the whole line: the formats of
// reference/logs.md leave no room for zap's own fields.
type lineEncoder struct {
	zapcore.Encoder
	pool buffer.Pool
}

func newLineEncoder() *lineEncoder {
	return &lineEncoder{Encoder: zapcore.NewJSONEncoder(zapcore.EncoderConfig{}), pool: buffer.NewPool()}
}

// Clone is part of zapcore.Encoder.
func (e *lineEncoder) Clone() zapcore.Encoder { return &lineEncoder{e.Encoder.Clone(), e.pool} }

// EncodeEntry is the line and its newline. A logger's name, where there is one,
// makes the line a paniclog entry: "<epoch>:<name>: <text>".
func (e *lineEncoder) EncodeEntry(ent zapcore.Entry, _ []zapcore.Field) (*buffer.Buffer, error) {
	b := e.pool.Get()
	if ent.LoggerName != "" {
		b.AppendInt(ent.Time.Unix())
		b.AppendByte(':')
		b.AppendString(ent.LoggerName)
		b.AppendString(": ")
	}
	b.AppendString(ent.Message)
	b.AppendByte('\n')
	return b, nil
}

// logger makes the zap core of a stream.
func (s *stream) core() zapcore.Core {
	return zapcore.NewCore(newLineEncoder(), s, zap.DebugLevel)
}
