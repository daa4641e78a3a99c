package logs

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

// stream is one log file. It is written unbuffered: a record that was logged is
// in the file even if the process dies in the next instant.
type stream struct {
	mu   sync.Mutex
	path string
	file *os.File
	mode os.FileMode
}

// Write appends a record; without a file it goes nowhere.
func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return len(p), nil
	}
	return s.file.Write(p)
}

// Sync is there for zap; records are not fsynced.
func (s *stream) Sync() error { return nil }

// open points the stream at path, "" for nowhere. The old file is closed once
// the new one is open, so that no record falls between them.
func (s *stream) open(path string, mode os.FileMode) error {
	var f *os.File
	if path != "" {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("log directory: %w", err)
		}
		var err error
		if f, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, mode); err != nil {
			return fmt.Errorf("log file: %w", err)
		}
	}
	s.mu.Lock()
	old := s.file
	s.file, s.path, s.mode = f, path, mode
	s.mu.Unlock()
	if old != nil {
		return old.Close()
	}
	return nil
}

// reopen opens the same path again, after a rotation renamed the file.
func (s *stream) reopen() error {
	s.mu.Lock()
	path, mode := s.path, s.mode
	s.mu.Unlock()
	return s.open(path, mode)
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
