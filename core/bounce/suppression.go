package bounce

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mtad/mtad/sdk"
	classes "github.com/mtad/mtad/sdk/bounce"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/smtp"
)

// SuppressionOptions are a suppression_list scope: addresses that get no mail.
// The original leaves this to scripts (suppression_lists of its sample policy).
type SuppressionOptions struct {
	Pos        option.Pos    `opt:",pos"`
	File       string        `opt:"file" help:"Addresses and @domains, one a line; what is fed goes to its end."`
	Source     string        `opt:"source" help:"Further addresses: :datasource:NAME:QUERY, whose first column they are."`
	Refresh    time.Duration `opt:"refresh" default:"300" unit:"seconds" help:"How often both are read again; 0: at a reload alone."`
	Classes    []string      `opt:"bounce_classes" type:"list" help:"Bounce codes whose recipients are put on the list, such as 10 and 90; unset: none. Bounces that come as mail count where the digest of header_key in the fbl scope shows that they are about our mail."`
	Complaints bool          `opt:"complaints" default:"false" help:"Put those on the list who complain over a feedback loop."`
}

// Check says what is wrong with a scope.
func (o *SuppressionOptions) Check(datasources []string) option.Problems {
	var bad option.Problems
	say := func(format string, args ...any) {
		bad = append(bad, option.Problem{Pos: o.Pos, Text: fmt.Sprintf(format, args...)})
	}
	if d, _, ok := datasourceOf(o.Source); o.Source != "" && (!ok || !contains(datasources, d)) {
		say("source: %q names no datasource as :datasource:NAME:QUERY", o.Source)
	}
	if o.File == "" && (o.Complaints || len(o.Classes) > 0) {
		say("file is missing: bounce_classes and complaints have nowhere to go")
	}
	for _, text := range o.Classes {
		if n, err := strconv.Atoi(text); err != nil || n < 1 || n > 100 {
			say("bounce_classes: %q is no bounce code", text)
		}
	}
	return bad
}

// feeds reports a class whose recipients are put on the list.
func (o *SuppressionOptions) feeds(class int) bool {
	for _, text := range o.Classes {
		if n, err := strconv.Atoi(text); err == nil && n == class {
			return true
		}
	}
	return false
}

// ReplySuppressed is what mail to a suppressed address fails with.
var ReplySuppressed = smtp.NewReply(554, "5.7.1", "[internal] recipient address was suppressed due to customer policy")

// Suppression is the list in force. It is safe for concurrent use.
type Suppression struct {
	Query   Query
	Problem func(string)

	mu      sync.RWMutex
	options *SuppressionOptions // nil: no list
	known   map[string]bool     // in lower case
	read    time.Time
}

// Use moves to other options, nil for none, and reads the list.
func (s *Suppression) Use(ctx context.Context, o *SuppressionOptions, now time.Time) {
	s.mu.Lock()
	s.options = o
	if o == nil {
		s.known = nil
	}
	s.mu.Unlock()
	s.Reload(ctx, now)
}

// Due reports that the list is to be read again.
func (s *Suppression) Due(now time.Time) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.options != nil && s.options.Refresh > 0 && now.Sub(s.read) >= s.options.Refresh
}

// Reload reads the list again. Where that fails the one before stays.
func (s *Suppression) Reload(ctx context.Context, now time.Time) {
	s.mu.RLock()
	o := s.options
	s.mu.RUnlock()
	if o == nil {
		return
	}
	known, err := s.load(ctx, o)
	s.mu.Lock()
	if s.read = now; err == nil && s.options == o {
		s.known = known
	}
	s.mu.Unlock()
	if err != nil {
		s.Problem("the list stays as it was: " + err.Error())
	}
}

func (s *Suppression) load(ctx context.Context, o *SuppressionOptions) (map[string]bool, error) {
	known := map[string]bool{}
	if o.File != "" {
		text, err := os.ReadFile(o.File)
		if err != nil && !os.IsNotExist(err) {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.ToLower(strings.TrimSpace(line)); line != "" && line[0] != '#' {
				known[line] = true
			}
		}
	}
	name, sql, ok := datasourceOf(o.Source)
	if !ok {
		return known, nil
	}
	ctx, cancel := context.WithTimeout(ctx, loadTime)
	defer cancel()
	rows, err := s.Query(ctx, &sdk.Query{Datasource: name, SQL: sql, NoCache: true})
	if err != nil {
		return nil, fmt.Errorf("datasource %s: %w", name, err)
	}
	for _, row := range rows.Rows {
		if len(row) > 0 {
			known[strings.ToLower(strings.TrimSpace(textOf(row[0])))] = true
		}
	}
	return known, nil
}

// Has reports an address that gets no mail.
func (s *Suppression) Has(a smtp.Address) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.known) == 0 {
		return false
	}
	text := strings.ToLower(string(a))
	return s.known[text] || s.known["@"+a.Domain()]
}

// Failed puts the recipient of a failure on the list where its class is one that
// feeds it.
func (s *Suppression) Failed(a smtp.Address, class classes.Class) {
	s.feed(a, func(o *SuppressionOptions) bool { return o.feeds(int(class)) })
}

// Complained puts somebody on the list who complained, where that is wanted.
func (s *Suppression) Complained(a smtp.Address) {
	s.feed(a, func(o *SuppressionOptions) bool { return o.Complaints })
}

func (s *Suppression) feed(a smtp.Address, wanted func(*SuppressionOptions) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := strings.ToLower(string(a))
	if s.options == nil || !wanted(s.options) || s.known[text] || !strings.Contains(text, "@") || strings.ContainsAny(text, "\r\n") {
		return
	}
	if s.known == nil {
		s.known = map[string]bool{}
	}
	s.known[text] = true
	if err := appendLine(s.options.File, text); err != nil {
		s.Problem(text + " is on the list until the next start alone: " + err.Error())
	}
}

func appendLine(path, text string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	if _, err = f.WriteString(text + "\n"); err != nil {
		_ = f.Close() // the first error says it
		return err
	}
	return f.Close()
}
