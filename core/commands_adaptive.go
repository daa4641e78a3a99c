package core

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mtad/mtad/core/adaptive"
	"github.com/mtad/mtad/core/binding"
	"github.com/mtad/mtad/core/control"
	"github.com/mtad/mtad/core/queue"
)

// adaptiveCommands look at adaptive delivery, and act on it
// (reference/console.tsv, adaptive).
func (c *Core) adaptiveCommands() []control.Command {
	const which = "[--binding B]... [--domain D]... [--all]"
	return []control.Command{
		{Name: "adaptive list", Usage: which + " [--json]", Help: "Show the options that adaptive delivery has changed.", Example: "adaptive list --domain example.com", Run: answering(lookTime, c.adaptiveList)},
		{Name: "adaptive suspensions", Usage: which + " [--json]", Help: "Show what adaptive delivery has suspended, or discards.", Run: answering(lookTime, c.adaptiveSuspensions)},
		{Name: "adaptive override", Usage: which + " [enable | ttl SECONDS] [--json]", Help: "Lift suspensions, put them back in force, or change when they end.", Example: "adaptive override --binding default --domain example.com ttl 10", Run: answering(lookTime, c.adaptiveOverride)},
		{Name: "adaptive reset", Usage: which + " [--json]", Help: "Forget what was adapted: the configuration's values count again.", Example: "adaptive reset --domain example.com", Run: answering(lookTime, c.adaptiveReset)},
		{Name: "adaptive rules", Usage: "--binding B --domain D [--json]", Help: "Show the sweep rules in effect.", Example: "adaptive rules --binding default --domain example.com", Run: answering(lookTime, c.adaptiveSweeps)},
		{Name: "adaptive warmup", Usage: "[BINDING [SECONDS]] [--json]", Help: "Show the age of the bindings, or say how old one is.", Example: "adaptive warmup smtp-01 2419200", Run: answering(lookTime, c.adaptiveWarmup)},
	}
}

// laneName is the column Group/Binding.
func laneName(key queue.Lane) string {
	if key.Group == "" || key.Group == binding.Default {
		return key.Binding
	}
	return key.Group + "/" + key.Binding
}

// adaptiveWords takes --binding, --domain and --all out of the words.
func adaptiveWords(args []string) (s adaptive.Selection, rest []string, err error) {
	for i := 0; i < len(args); i++ {
		switch word := args[i]; word {
		case "--all":
		case "--binding", "--domain":
			i++
			if i == len(args) {
				return s, nil, usage("%s needs a name", word)
			}
			if word == "--binding" {
				s.Bindings = append(s.Bindings, args[i])
			} else {
				s.Domains = append(s.Domains, strings.ToLower(args[i]))
			}
		default:
			rest = append(rest, word)
		}
	}
	return s, rest, nil
}

// onlyAdaptive is adaptiveWords where no other word may stand.
func onlyAdaptive(args []string) (adaptive.Selection, error) {
	s, rest, err := adaptiveWords(args)
	if err == nil && len(rest) > 0 {
		err = usage("%q is not understood", rest[0])
	}
	return s, err
}

const adaptiveRule = "--------------------------------------------------------------------------\n"

// valueList is the answer of adaptive list.
type valueList struct {
	Values []valueRow `json:"values"`
}

type valueRow struct {
	Lane    string  `json:"binding"`
	Domain  string  `json:"domain"`
	Option  string  `json:"option"`
	Value   int64   `json:"value"`
	Initial int64   `json:"initial"`
	Seconds float64 `json:"seconds_in_effect,omitempty"`
	Why     string  `json:"why,omitempty"`
}

func (l *valueList) text(w io.Writer) {
	fmt.Fprintf(w, "Group/Binding               Domain               Opt   Value\n%s", adaptiveRule)
	for _, r := range l.Values {
		fmt.Fprintf(w, "%-12s %21s %25s %7d\n", r.Lane, r.Domain, r.Option, r.Value)
	}
}

func (c *Core) adaptiveList(_ context.Context, args []string) (answer, error) {
	s, err := onlyAdaptive(args)
	if err != nil {
		return nil, err
	}
	list := &valueList{Values: []valueRow{}}
	for _, v := range c.adaptive.Values(s) {
		row := valueRow{Lane: laneName(v.Lane), Domain: v.Lane.Domain, Option: v.Option, Value: v.Value, Initial: v.Initial, Why: v.Why}
		if !v.Since.IsZero() {
			row.Seconds = time.Since(v.Since).Seconds()
		}
		list.Values = append(list.Values, row)
	}
	return list, nil
}

// suspensionList is the answer of adaptive suspensions.
type suspensionList struct {
	Suspensions []suspensionRow `json:"suspensions"`
}

type suspensionRow struct {
	Lane    string    `json:"binding"`
	Domain  string    `json:"domain"`
	Kind    string    `json:"kind"`
	TTL     int64     `json:"ttl"`
	Enabled bool      `json:"enabled"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	Why     string    `json:"why"`
}

func (l *suspensionList) text(w io.Writer) {
	fmt.Fprintf(w, "Group/Binding                                     Domain       TTL  Enable\n%s", adaptiveRule)
	for _, r := range l.Suspensions {
		enabled := 0
		if r.Enabled {
			enabled = 1
		}
		fmt.Fprintf(w, "%-20s %35s %9d %7d\n", r.Lane, r.Domain, r.TTL, enabled)
	}
}

func (c *Core) adaptiveSuspensions(_ context.Context, args []string) (answer, error) {
	s, err := onlyAdaptive(args)
	if err != nil {
		return nil, err
	}
	list := &suspensionList{Suspensions: []suspensionRow{}}
	for _, h := range c.adaptive.Suspensions(s) {
		list.Suspensions = append(list.Suspensions, suspensionRow{laneName(h.Lane), h.Lane.Domain, h.Kind,
			int64(time.Until(h.Until).Seconds()), !h.Disabled, h.Since, h.Until, h.Why})
	}
	return list, nil
}

func (c *Core) adaptiveOverride(_ context.Context, args []string) (answer, error) {
	s, rest, err := adaptiveWords(args)
	if err != nil {
		return nil, err
	}
	change := func(on *adaptive.Suspension) { on.Disabled = true }
	switch {
	case len(rest) == 0:
	case len(rest) == 1 && rest[0] == "enable":
		change = func(on *adaptive.Suspension) { on.Disabled = false }
	case len(rest) == 2 && rest[0] == "ttl":
		n, err := strconv.ParseInt(rest[1], 10, 32)
		if err != nil || n < 0 {
			return nil, usage("%q is no number of seconds", rest[1])
		}
		until := time.Now().Add(time.Duration(n) * time.Second)
		change = func(on *adaptive.Suspension) { on.Until = until }
	default:
		return nil, usage("%q is not understood", rest[0])
	}
	return said{fmt.Sprintf("Overrode %d entries", c.adaptive.Override(s, change))}, nil
}

func (c *Core) adaptiveReset(_ context.Context, args []string) (answer, error) {
	s, err := onlyAdaptive(args)
	if err != nil {
		return nil, err
	}
	return said{fmt.Sprintf("Reset %d values", c.adaptive.Reset(s))}, nil
}

// sweepList is the answer of adaptive rules.
type sweepList struct {
	Rules []adaptive.SweepView `json:"rules"`
}

func (l *sweepList) text(w io.Writer) {
	for i := range l.Rules {
		r := &l.Rules[i]
		fmt.Fprintf(w, "%s\n  enabled       => 1\n  codes         => %s\n", r.Name, strings.Join(r.Codes, " "))
		sweepAction(w, "low", r.Low, r.LowAction)
		sweepAction(w, "high", r.High, r.HighAction)
		fmt.Fprintf(w, "  count/total   => %d/%d\n", r.Count, r.Total)
	}
}

func sweepAction(w io.Writer, end string, limit float64, words []string) {
	fmt.Fprintf(w, "  %-14s=> %f\n", end+"_threshold", limit)
	for i, suffix := range []string{"_action", "_action_p1", "_action_p2"} {
		word := "(null)"
		if i < len(words) {
			word = words[i]
		}
		fmt.Fprintf(w, "  %-14s=> %s\n", end+suffix, word)
	}
}

func (c *Core) adaptiveSweeps(_ context.Context, args []string) (answer, error) {
	s, err := onlyAdaptive(args)
	if err != nil {
		return nil, err
	}
	if len(s.Bindings) != 1 || len(s.Domains) != 1 {
		return nil, usage("name a binding and a domain")
	}
	b, known := c.settings.Load().bindings.Find(s.Bindings[0])
	if !known {
		return nil, c.knownBinding(s.Bindings[0])
	}
	return &sweepList{c.adaptive.Sweeps(queue.Lane{Group: b.Group, Binding: b.Name, Domain: s.Domains[0]})}, nil
}

// ageList is the answer of adaptive warmup.
type ageList struct {
	Ages map[string]int64 `json:"seconds"`
}

func (l *ageList) text(w io.Writer) {
	for _, name := range slices.Sorted(maps.Keys(l.Ages)) {
		fmt.Fprintf(w, "%-20s %10d\n", name, l.Ages[name])
	}
}

func (c *Core) adaptiveWarmup(_ context.Context, args []string) (answer, error) {
	if len(args) > 2 {
		return nil, usage("name one binding")
	}
	if len(args) > 0 {
		if err := c.knownBinding(args[0]); err != nil {
			return nil, err
		}
		var age int64
		if len(args) == 2 {
			n, err := strconv.ParseInt(args[1], 10, 32)
			if err != nil || n < 0 {
				return nil, usage("%q is no number of seconds", args[1])
			}
			age = n
		}
		c.adaptive.SetAge(args[0], time.Duration(age)*time.Second)
		return said{fmt.Sprintf("The age of binding %s is %d seconds", args[0], age)}, nil
	}
	list := &ageList{Ages: map[string]int64{}}
	for name, age := range c.adaptive.Ages() {
		list.Ages[name] = int64(age.Seconds())
	}
	return list, nil
}

// adapted is what adaptive delivery made of an option for a lane.
func (c *Core) adapted(key queue.Lane, name string) (setting, bool) {
	for _, v := range c.adaptive.Values(adaptive.Selection{Bindings: []string{key.Binding}, Domains: []string{key.Domain}}) {
		if v.Lane == key && v.Option == name {
			why := "a rule of the domain"
			if v.Why != "" {
				why = v.Why
			}
			return setting{name, strconv.FormatInt(v.Value, 10), "adaptive delivery: " + why}, true
		}
	}
	return setting{}, false
}

// adaptiveLines are what adaptive delivery does to a domain, a line each.
func (c *Core) adaptiveLines(domain string) []string {
	only := adaptive.Selection{Domains: []string{domain}}
	var out []string
	for _, h := range c.adaptive.Suspensions(only) {
		state := "until " + h.Until.Format(consoleTime)
		if h.Disabled {
			state = "overridden"
		}
		out = append(out, fmt.Sprintf("%s %s %s: %s", laneName(h.Lane), h.Kind, state, h.Why))
	}
	for _, v := range c.adaptive.Values(only) {
		line := fmt.Sprintf("%s %s = %d instead of %d", laneName(v.Lane), v.Option, v.Value, v.Initial)
		if v.Why != "" {
			line += ": " + v.Why
		}
		out = append(out, line)
	}
	return out
}
