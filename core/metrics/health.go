package metrics

import (
	"fmt"
	"net/http"
	"strings"
)

// Check is one condition of readiness.
type Check struct {
	Name string
	Err  error // nil: it holds
}

// alive answers /healthz: the process runs and serves.
func alive(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintln(w, "ok")
}

// readiness answers /readyz: 200 where every check holds, else 503, and a line
// for each check.
func readiness(ready func() []Check) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		var b strings.Builder
		status := http.StatusOK
		for _, c := range ready() {
			if c.Err == nil {
				fmt.Fprintf(&b, "%s: ok\n", c.Name)
				continue
			}
			status = http.StatusServiceUnavailable
			fmt.Fprintf(&b, "%s: %v\n", c.Name, c.Err)
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(b.String())) // who asked is gone
	}
}
