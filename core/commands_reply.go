package core

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/mtad/mtad/core/control"
)

// Commands take no longer than this: those that look, and those that work on
// any number of messages.
const (
	lookTime = 30 * time.Second
	workTime = 10 * time.Minute
)

// answer is what a command found. Its exported fields are what --json prints;
// text prints the console's lines.
type answer interface{ text(w io.Writer) }

// answering makes a console command of a function: --json anywhere among its
// words prints the answer as JSON. What was found is printed with an error too,
// so that an order that was cut off says how far it came.
func answering(limit time.Duration, run func(ctx context.Context, args []string) (answer, error)) func(context.Context, *control.Call) error {
	return func(ctx context.Context, call *control.Call) error {
		args, asJSON := cutFlag(call.Args, "--json")
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		a, err := run(ctx, args)
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("stopped after %s; the same command goes on with the rest", limit)
		}
		if a == nil {
			return err
		}
		var out bytes.Buffer
		if asJSON {
			e := json.NewEncoder(&out)
			e.SetEscapeHTML(false)
			e.SetIndent("", "  ")
			if failed := e.Encode(a); failed != nil {
				return failed
			}
		} else {
			a.text(&out)
		}
		if _, failed := call.Write(out.Bytes()); failed != nil {
			return failed
		}
		return err
	}
}

// cutFlag takes a flag out of the words, wherever it stands.
func cutFlag(args []string, flag string) (rest []string, there bool) {
	rest = slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == flag })
	return rest, len(rest) < len(args)
}

func usage(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{control.ErrUsage}, args...)...)
}

// said is an answer of one line.
type said struct {
	Message string `json:"message"`
}

func (s said) text(w io.Writer) { fmt.Fprintln(w, s.Message) }
