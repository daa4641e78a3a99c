package core

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/mtad/mtad/core/logs/out"
	"github.com/mtad/mtad/core/metrics"
	"github.com/mtad/mtad/sdk/option"
)

// defaultBudget is outbox_size where there is no ec_logger.
const defaultBudget = 1 << 30

// outboxOf takes what one of several ec_loggers says of all.
func (s *settings) outboxOf(scope *option.Scope, o *loggerOptions) {
	if o.Outbox != "" {
		s.logs.Outbox = o.Outbox
	}
	if _, set := scope.Attr("outbox_size"); set || s.logs.Budget == 0 {
		s.logs.Budget = o.Budget
	}
	s.logs.Refuse = s.logs.Refuse || o.Full == "refuse"
}

// outbox fills in where records wait that go to other machines and programs:
// beside the spool, never in it.
func (s *settings) outbox() {
	if s.logs.Outbox == "" {
		s.logs.Outbox = filepath.Join(filepath.Dir(filepath.Clean(s.spool.Spoolbase)), "outbox")
	}
	if s.logs.Budget == 0 {
		s.logs.Budget = defaultBudget
	}
	s.logs.Hostname = s.globals.Hostname
}

// checkDestinations says which logs cannot go where they are to go.
func checkDestinations(root *option.Scope) (bad option.Problems) {
	for _, kind := range []struct {
		scope   string
		options []string
	}{
		{"ec_logger", []string{"mainlog", "rejectlog", "paniclog", "acctlog", "jsonlog"}},
		{"bounce_logger", []string{"bouncelog"}},
		{"http_logger", []string{"log"}},
		{"fbl", []string{"log_path"}},
	} {
		for _, scope := range root.Children(kind.scope) {
			for _, name := range kind.options {
				a, ok := scope.Attr(name)
				if !ok {
					continue
				}
				if err := out.Check(a.Value.Text); err != nil {
					bad = append(bad, option.Problem{Pos: a.Pos, Text: name + ": " + err.Error()})
				}
			}
		}
	}
	return bad
}

// lostRecords is the metric of records that could not be written.
func (c *Core) lostRecords() metrics.Metric {
	return metrics.Figure{Name: "log_records_lost_total", Total: true, Help: "Log records that could not be written.", Value: func() float64 {
		var lost int64
		for _, l := range c.logs.Losses() {
			lost += l.Lost
		}
		return float64(lost)
	}}
}

// lossRow is a log of log list.
type lossRow struct {
	Log  string `json:"log"`
	Lost int64  `json:"lost"`
	Down bool   `json:"down"`
}

type lossRows []lossRow

func (l lossRows) text(w io.Writer) {
	fmt.Fprintf(w, "%-12s %12s %s\n", "LOG", "LOST", "STATE")
	for _, row := range l {
		fmt.Fprintf(w, "%-12s %12d %s\n", row.Log, row.Lost, map[bool]string{true: "cannot be written", false: "ok"}[row.Down])
	}
}

func (c *Core) logList(context.Context, []string) (answer, error) {
	list := lossRows{}
	for _, l := range c.logs.Losses() {
		list = append(list, lossRow(l))
	}
	return list, nil
}
