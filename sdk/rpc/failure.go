package rpc

import (
	"context"
	"errors"
	"fmt"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc/pb"
)

// errProtocol is an answer of the wrong kind.
var errProtocol = errors.New("module protocol error")

// remoteError is an error of the other side: its text, and the error of ours
// that it stands for.
type remoteError struct {
	text string
	is   error
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.is }

// kinds is what an error means on either side. The order matters: the first
// that fits is taken.
var kinds = [...]struct {
	kind pb.FailureKind
	err  error
}{
	{pb.FailureKind_FAILURE_NOT_SUPPORTED, sdk.ErrNotSupported},
	{pb.FailureKind_FAILURE_NO_IO, sdk.ErrNoIO},
	{pb.FailureKind_FAILURE_MODULE_GONE, sdk.ErrModuleGone},
	{pb.FailureKind_FAILURE_CANCELED, context.Canceled},
	{pb.FailureKind_FAILURE_DEADLINE, context.DeadlineExceeded},
}

func failureToPB(err error) *pb.Failure {
	out := &pb.Failure{Text: valid(err.Error())}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			out.Kind = k.kind
			break
		}
	}
	var prepare *sdk.PrepareError
	var query *sdk.QueryError
	var source *sdk.SourceError
	switch {
	case errors.As(err, &prepare):
		out.Prepare = &pb.PrepareFailure{Headline: valid(prepare.Headline), Problems: problemsToPB(prepare.Problems)}
	case errors.As(err, &query):
		out.Query = &pb.QueryFailure{
			Datasource: valid(query.Datasource), Stage: valid(query.Stage),
			Text: valid(query.Text), Sql: valid(query.SQL),
		}
	case errors.As(err, &source):
		out.Source = &pb.SourceFailure{Name: valid(source.Name)}
		for _, t := range source.Tried {
			out.Source.Tried = append(out.Source.Tried, &pb.TriedPath{Path: valid(t.Path), Errno: int32(t.Errno), Text: valid(t.Text)})
		}
	}
	return out
}

func (d *decoder) failure(p *pb.Failure) error {
	switch {
	case p.Prepare != nil:
		return &sdk.PrepareError{Headline: d.str(p.Prepare.Headline), Problems: d.problems(p.Prepare.Problems)}
	case p.Query != nil:
		return &sdk.QueryError{
			Datasource: d.str(p.Query.Datasource), Stage: d.str(p.Query.Stage),
			Text: d.str(p.Query.Text), SQL: d.str(p.Query.Sql),
		}
	case p.Source != nil:
		e := &sdk.SourceError{Name: d.str(p.Source.Name)}
		for _, t := range p.Source.Tried {
			e.Tried = append(e.Tried, sdk.TriedPath{Path: d.str(t.Path), Errno: int(t.Errno), Text: d.str(t.Text)})
		}
		return e
	}
	e := &remoteError{text: d.str(p.Text)}
	for _, k := range kinds {
		if k.kind == p.Kind {
			e.is = k.err
		}
	}
	return e
}

// inContext gives ctx's own error for one that only says that the other side was
// told of it: a deadline reaches it as a Cancel.
func inContext(ctx context.Context, err error) error {
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return ctx.Err()
	}
	return err
}

// unexpected is the error for an answer that does not fit its question.
func unexpected(body any) error { return fmt.Errorf("%w: unexpected answer %T", errProtocol, body) }
