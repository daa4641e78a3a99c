package alerting

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mtad/mtad/sdk"
)

var _ sdk.Controller = (*module)(nil)

// controlName is the module's command.
const controlName = "alerting"

var errUsage = errors.New("usage: alerting [show] | alerting test | alerting silence RULE SECONDS")

// maxSilence bounds a silence: a week.
const maxSilence = 7 * 24 * time.Hour

// Control is part of sdk.Controller: alerting [show], alerting test, alerting
// silence RULE SECONDS.
func (m *module) Control(_ context.Context, words []string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.current == nil || len(words) == 0:
		return "", errUsage
	case len(words) == 1 || len(words) == 2 && words[1] == "show":
		return m.show(), nil
	case len(words) == 2 && words[1] == "test":
		m.current.tell(&notice{Rule: kindTest, Kind: kindTest, Condition: kindTest, Since: m.now(), Time: m.now()})
		return fmt.Sprintf("A test notice goes to %d targets and the paniclog.\n", len(m.current.outlets)), nil
	case len(words) == 4 && words[1] == "silence":
		return m.silence(words[2], words[3])
	}
	return "", errUsage
}

// silence keeps a rule quiet for so many seconds; 0 ends that.
func (m *module) silence(name, seconds string) (string, error) {
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || n < 0 || n > int64(maxSilence.Seconds()) {
		return "", fmt.Errorf("seconds must be from 0 to %d", int(maxSilence.Seconds()))
	}
	i := slices.IndexFunc(m.current.rules, func(r *rule) bool { return r.Name == name })
	if i < 0 {
		return "", fmt.Errorf("there is no rule %q", name)
	}
	r := m.current.rules[i]
	r.silenced = m.now().Add(time.Duration(n) * time.Second)
	return fmt.Sprintf("Rule %s is silent until %s.\n", name, stamp(r.silenced)), nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// show says where all rules and targets stand.
func (m *module) show() string {
	var b strings.Builder
	now := m.now()
	if len(m.current.rules) == 0 {
		b.WriteString("no rules\n")
	}
	for _, r := range m.current.rules {
		fmt.Fprintf(&b, "%s: %s%s\n", r.Name, r.condition(), r.remarks(now))
		for _, s := range r.sorted() {
			if s.key == "" && s.raised.IsZero() && r.hook != sdk.HookNone && s.value == 0 {
				continue
			}
			fmt.Fprintf(&b, "  %s\n", s.line())
		}
	}
	for _, o := range m.current.outlets {
		fmt.Fprintln(&b, o.status())
	}
	fmt.Fprintf(&b, "%d alerts in an hour of at most %d, %d held back\n", len(m.sent.hour), m.sent.perHour, m.sent.held)
	return b.String()
}

// remarks are what hinders a rule.
func (r *rule) remarks(now time.Time) (text string) {
	if now.Before(r.silenced) {
		text = "; silent until " + stamp(r.silenced)
	}
	if r.problem != "" {
		text += "; cannot be read: " + r.problem
	}
	return text
}

func (r *rule) sorted() []*state {
	return slices.SortedFunc(maps.Values(r.states), func(a, b *state) int { return cmp.Compare(a.key, b.key) })
}

func (s *state) line() string {
	text := fmt.Sprintf("now %d", s.value)
	if s.key != "" {
		text = s.key + ": " + text
	}
	if !s.raised.IsZero() {
		text += ", raised " + stamp(s.raised)
		if !s.told {
			text += ", nobody told"
		}
	}
	return text
}
