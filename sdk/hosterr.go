package sdk

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNoIO is what a Host answers that may not do I/O (`mtad check`).
var ErrNoIO = errors.New("not available while checking the configuration")

// Error names every path tried, with its errno.
func (e *SourceError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "source %q was not found; tried:", e.Name)
	for _, t := range e.Tried {
		fmt.Fprintf(&b, "\n  %s: errno=%d %s", t.Path, t.Errno, t.Text)
	}
	return b.String()
}

// Error is the stage and the driver's text.
func (e *QueryError) Error() string {
	if e.Stage == "" {
		return e.Text
	}
	return e.Stage + ": " + e.Text
}
