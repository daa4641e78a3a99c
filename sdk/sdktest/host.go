package sdktest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"syscall"

	"github.com/mtad/mtad/sdk"
)

// Host is an sdk.Host that answers from maps and remembers what it was told.
// Set the fields before the module gets it. The zero Host knows nothing.
type Host struct {
	// Sources are script texts by name.
	Sources map[string]string
	// DNS are answers by "TYPE name", as "MX example.com". What is not there is
	// NXDOMAIN.
	DNS map[string]sdk.DNSAnswer
	// QueryFunc answers queries; nil: sdk.ErrNotSupported.
	QueryFunc func(ctx context.Context, q *sdk.Query) (*sdk.Rows, error)
	// Bodies are message bodies by handle.
	Bodies map[uint64][]byte
	// Config are configuration values by their words, joined with blanks.
	Config map[string]string
	// Figures are what Traffic answers.
	Figures map[sdk.TrafficQuery]int64

	mu       sync.Mutex
	injected []sdk.Injection
	delayed  []string
	counters map[string]int64
	logs     []sdk.LogRecord
	logged   chan struct{}
}

var _ sdk.Host = (*Host)(nil)

// Source finds a script in Sources.
func (h *Host) Source(_ context.Context, name string) (*sdk.Source, error) {
	text, ok := h.Sources[name]
	if !ok {
		tried := sdk.TriedPath{Path: name + ".lua", Errno: int(syscall.ENOENT), Text: syscall.ENOENT.Error()}
		return nil, &sdk.SourceError{Name: name, Tried: []sdk.TriedPath{tried}}
	}
	return &sdk.Source{Name: name, Path: "(test)/" + name + ".lua", Text: []byte(text)}, nil
}

// LookupDNS finds an answer in DNS.
func (h *Host) LookupDNS(_ context.Context, q sdk.DNSQuery) (*sdk.DNSAnswer, error) {
	if a, ok := h.DNS[q.Type+" "+q.Name]; ok {
		return &a, nil
	}
	return &sdk.DNSAnswer{Error: "NXDOMAIN"}, nil
}

// Query calls QueryFunc.
func (h *Host) Query(ctx context.Context, q *sdk.Query) (*sdk.Rows, error) {
	if h.QueryFunc == nil {
		return nil, sdk.ErrNotSupported
	}
	return h.QueryFunc(ctx, q)
}

// ReadBody reads from Bodies.
func (h *Host) ReadBody(_ context.Context, handle uint64, offset, length int64) ([]byte, error) {
	body, ok := h.Bodies[handle]
	if !ok || offset < 0 || length < 0 {
		return nil, fmt.Errorf("no body with handle %d", handle)
	}
	start := min(offset, int64(len(body)))
	return body[start : start+min(length, int64(len(body))-start)], nil
}

// Inject remembers the message; its ids are "test-1" and so on.
func (h *Host) Inject(_ context.Context, in *sdk.Injection) ([]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.injected = append(h.injected, *in)
	ids := make([]string, len(in.Recipients))
	for i := range ids {
		ids[i] = fmt.Sprintf("test-%d-%d", len(h.injected), i)
	}
	return ids, nil
}

// Injected gives the messages injected so far.
func (h *Host) Injected() []sdk.Injection {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]sdk.Injection(nil), h.injected...)
}

// Counter works on counters that begin at 0.
func (h *Host) Counter(_ context.Context, op sdk.CounterOp) (int64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.counters == nil {
		h.counters = make(map[string]int64)
	}
	switch op.Kind {
	case sdk.CounterAdd:
		h.counters[op.Path] += op.Delta
	case sdk.CounterReset:
		h.counters[op.Path] = 0
	case sdk.CounterUnlink:
		delete(h.counters, op.Path)
	}
	return h.counters[op.Path], nil
}

// ConfigValue finds a value in Config.
func (h *Host) ConfigValue(_ context.Context, words []string) (string, error) {
	text, ok := h.Config[strings.Join(words, " ")]
	if !ok {
		return "", fmt.Errorf("no such value: %s", strings.Join(words, " "))
	}
	return text, nil
}

// DelayDomain remembers the domain and the note.
func (h *Host) DelayDomain(_ context.Context, domain, note string) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.delayed = append(h.delayed, domain+": "+note)
	return len(h.delayed), nil
}

// Delayed gives "domain: note" of each DelayDomain so far.
func (h *Host) Delayed() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.delayed...)
}

// Log remembers the record.
func (h *Host) Log(r sdk.LogRecord) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.logs = append(h.logs, r)
	if h.logged != nil {
		close(h.logged)
		h.logged = nil
	}
}

// Logs gives the records logged so far.
func (h *Host) Logs() []sdk.LogRecord {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]sdk.LogRecord(nil), h.logs...)
}

// WaitLog waits for a record whose text contains part, or until ctx ends.
func (h *Host) WaitLog(ctx context.Context, part string) (sdk.LogRecord, error) {
	for {
		r, found, more := h.findLog(part)
		if found {
			return r, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return r, fmt.Errorf("no record with %q: %w", part, ctx.Err())
		}
	}
}

func (h *Host) findLog(part string) (r sdk.LogRecord, found bool, more <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.logs {
		if strings.Contains(r.Text, part) {
			return r, true, nil
		}
	}
	if h.logged == nil {
		h.logged = make(chan struct{})
	}
	return r, false, h.logged
}
