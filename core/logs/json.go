package logs

import (
	"net/netip"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
)

// The JSON stream has a line for each record of the mainlog, bouncelog,
// rejectlog, acctlog and httplog, with names (docs/logs.md lists them). It is
// written beside them, whether or not they are.

// jsonEncoder writes time, log and type in front of a record's fields.
func jsonEncoder() zapcore.Encoder {
	return zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		TimeKey: "time", NameKey: "log", MessageKey: "type",
		EncodeTime: func(t time.Time, e zapcore.PrimitiveArrayEncoder) {
			e.AppendString(t.UTC().Format("2006-01-02T15:04:05.000000Z07:00")) // RFC 3339
		},
		EncodeDuration: zapcore.SecondsDurationEncoder,
	})
}

// entry writes a line; fields are made only where there is a stream.
func (l *Logs) jsonLine(now time.Time, log, kind string, fields func() []zap.Field) {
	if !l.json.isOpen() {
		return
	}
	_ = l.json.zap.Write(zapcore.Entry{Time: now, LoggerName: log, Message: kind}, fields()) // as line
}

// isOpen reports whether the stream goes anywhere.
func (s *stream) isOpen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dest != nil
}

func (l *Logs) jsonReception(m *message.Message) {
	l.jsonLine(m.Received, "mainlog", "R", func() []zap.Field {
		return append(idFields(m, m.ConnID),
			zap.String("recipient", string(m.Recipient)), zap.String("sender", string(m.Sender)),
			address("source_ip", m.Peer.Addr()), zap.Int64("size", m.Content.Size), zap.String("protocol", m.Protocol.String()),
			zap.String("binding_group", m.BindingGroup), zap.String("binding", m.Binding))
	})
}

func idFields(m *message.Message, connection string) []zap.Field {
	return []zap.Field{zap.String("message_id", m.ID), zap.String("batch_id", m.BatchID), zap.String("connection_id", connection)}
}

// address is left out where there is none.
func address(name string, a netip.Addr) zap.Field {
	if !a.IsValid() {
		return zap.Skip()
	}
	return zap.String(name, a.Unmap().String())
}

// jsonAttempt is a D, T or P record.
func (l *Logs) jsonAttempt(kind string, a *Attempt) {
	l.jsonLine(a.Now, "mainlog", kind, func() []zap.Field {
		m := a.Message
		fields := append(idFields(m, a.ConnID),
			zap.String("recipient", string(m.Recipient)), zap.String("sender", string(m.Sender)), zap.String("domain", a.Domain),
			zap.Int64(bytesName(kind), a.Bytes), zap.String("binding_group", a.Group), zap.String("binding", a.Binding),
			zap.Int("retries", a.Retries), zap.Float64("seconds", max(a.Now.Sub(m.Received).Seconds(), 0)), address("remote_ip", a.Remote))
		if kind == "D" {
			return fields
		}
		return append(fields, zap.Int("stage", int(a.Stage)), zap.String("reply", a.Reply))
	})
}

// bytesName: a failure tells what was sent before it.
func bytesName(kind string) string {
	if kind == "D" {
		return "size"
	}
	return "bytes_sent"
}

func (l *Logs) jsonBounce(kind string, a *Attempt, class int) {
	l.jsonLine(a.Now, "bouncelog", kind, func() []zap.Field {
		m := a.Message
		return append(idFields(m, a.ConnID),
			zap.String("recipient", string(m.Recipient)), zap.String("sender", string(m.Sender)),
			zap.String("binding_group", a.Group), zap.String("binding", a.Binding), zap.Int("stage", int(a.Stage)),
			zap.Int("class", class), zap.Int64("size", m.Content.Size), address("remote_ip", a.Remote), zap.String("reply", a.Reply))
	})
}

func (l *Logs) jsonRejection(r *Rejection) {
	l.jsonLine(r.Now, "rejectlog", "reject", func() []zap.Field {
		return []zap.Field{
			zap.String("remote", endpoint(r.Remote)), zap.String("local", endpoint(r.Local)), zap.String("connection_id", r.ConnID),
			zap.String("pathway", orDefault(r.Pathway)), zap.String("pathway_group", orDefault(r.Group)),
			zap.String("phase", r.Phase.String()), zap.Int("code", r.Reply.Code), zap.String("enhanced", r.Reply.Enhanced),
			zap.String("module", r.Module), zap.Object("connection_context", pairs(r.Conn)),
			zap.Object("message_context", pairs(r.Mess)), zap.String("reply", r.Reply.Text),
		}
	})
}

// pairs is a context as a JSON object.
type pairs sdk.Dict

// MarshalLogObject is part of zapcore.ObjectMarshaler.
func (p pairs) MarshalLogObject(e zapcore.ObjectEncoder) error {
	for _, one := range p {
		e.AddString(one.Key, one.Value)
	}
	return nil
}

// jsonAccount is an N, T or Z record.
func (l *Logs) jsonAccount(kind string, a *Authentication, further ...zap.Field) {
	l.jsonLine(a.Now, "acctlog", kind, func() []zap.Field {
		return append([]zap.Field{
			zap.String("listener", localName(a.Listener)), zap.String("peer", a.Peer), zap.String("user", a.User), zap.Bool("ok", a.OK),
		}, further...)
	})
}

func (l *Logs) jsonHTTP(r *HTTPRequest) {
	l.jsonLine(r.Now, "httplog", "request", func() []zap.Field {
		return []zap.Field{
			zap.String("remote", endpoint(r.Remote)), zap.String("listener", localName(r.Local)), zap.String("method", r.Method),
			zap.String("path", r.Path), zap.String("version", r.Version), zap.Int("status", r.Status), zap.Int64("bytes", r.Bytes),
			zap.Duration("seconds", r.Took), zap.String("user", r.User),
		}
	})
}
