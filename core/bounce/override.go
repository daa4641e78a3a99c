package bounce

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mtad/mtad/sdk"
	classes "github.com/mtad/mtad/sdk/bounce"
	"github.com/mtad/mtad/sdk/option"
)

// OverrideOptions are a bounce_classifier_override scope (reference/modules.tsv).
type OverrideOptions struct {
	Pos        option.Pos        `opt:",pos"`
	Custom     map[string]string `opt:"custom_classes" type:"dict" help:"Classes of your own: an unused number below 100 and a description."`
	System     bool              `opt:"enable_system_updates" default:"true" help:"Read the system_ files where they are set; mtad's own rules are always there."`
	Refresh    time.Duration     `opt:"refresh" default:"300" unit:"seconds" help:"How often the overrides are read again; 0: on demand alone."`
	UserSMTP   string            `opt:"user_smtp_classification_override" help:"Overrides for replies: a file of domain,bounce_code,rule or :datasource:NAME:QUERY."`
	UserMDN    string            `opt:"user_mdn_classification_override" help:"Overrides for messages that come back: a file of bounce_code,rule or :datasource:NAME:QUERY."`
	SystemSMTP string            `opt:"system_smtp_classification_override" help:"Overrides as user_smtp_classification_override, behind those."`
	SystemMDN  string            `opt:"system_mdn_classification_override" help:"Overrides as user_mdn_classification_override, behind those."`
}

// sources are the places of one kind of override, the user's first.
func (o *OverrideOptions) sources(k classes.Kind) []string {
	list := [2][2]string{classes.ForSMTP: {o.UserSMTP, o.SystemSMTP}, classes.ForMDN: {o.UserMDN, o.SystemMDN}}[k]
	if !o.System {
		return list[:1]
	}
	return list[:]
}

// CheckOverrides says what is wrong with a scope. datasources are the names
// there are.
func CheckOverrides(o *OverrideOptions, datasources []string, read func(path string) ([]byte, error)) option.Problems {
	_, err := o.custom()
	bad := []error{err}
	for _, k := range []classes.Kind{classes.ForSMTP, classes.ForMDN} {
		for _, source := range o.sources(k) {
			if d, _, ok := datasourceOf(source); ok {
				if !contains(datasources, d) {
					bad = append(bad, fmt.Errorf("there is no datasource %q", d))
				}
			} else if source != "" {
				_, err := o.file(k, source, read)
				bad = append(bad, err)
			}
		}
	}
	var out option.Problems
	for _, err := range bad {
		if err != nil {
			out = append(out, option.Problem{Pos: o.Pos, Text: err.Error()})
		}
	}
	return out
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if strings.EqualFold(x, s) {
			return true
		}
	}
	return false
}

// custom are the user's own classes.
func (o *OverrideOptions) custom() (map[classes.Class]string, error) {
	out := map[classes.Class]string{}
	var bad []error
	for number, text := range o.Custom {
		n, err := strconv.Atoi(number)
		switch class := classes.Class(n); {
		case err != nil || n < 1 || n > 99:
			bad = append(bad, fmt.Errorf("custom_classes: %q is no number below 100", number))
		case class.Info().Symbol != "":
			bad = append(bad, fmt.Errorf("custom_classes: %d is %s already", n, class.Info().Description))
		default:
			out[class] = text
		}
	}
	return out, errors.Join(bad...)
}

// datasourceOf splits ":datasource:NAME:QUERY".
func datasourceOf(source string) (name, query string, ok bool) {
	rest, ok := strings.CutPrefix(source, ":datasource:")
	if !ok {
		return "", "", false
	}
	name, query, ok = strings.Cut(rest, ":")
	return name, query, ok
}

func (o *OverrideOptions) file(k classes.Kind, path string, read func(string) ([]byte, error)) ([]classes.Rule, error) {
	text, err := read(path)
	if err != nil {
		return nil, err
	}
	rules, err := classes.ParseOverrides(k, path, string(text))
	if err != nil {
		return nil, err
	}
	return rules, o.known(rules)
}

// known refuses rules whose class does not exist.
func (o *OverrideOptions) known(rules []classes.Rule) error {
	custom, _ := o.custom()
	c := classes.Classification{Custom: custom}
	var bad []error
	for i := range rules {
		if !c.Known(rules[i].Class) {
			bad = append(bad, fmt.Errorf("%s: there is no bounce code %d", rules[i].Source, rules[i].Class))
		}
	}
	return errors.Join(bad...)
}

// maxOverrides bounds the rows that a datasource gives.
const maxOverrides = 50_000

func (o *OverrideOptions) rows(ctx context.Context, k classes.Kind, source string, query Query) ([]classes.Rule, error) {
	name, sql, _ := datasourceOf(source)
	got, err := query(ctx, &sdk.Query{Datasource: name, SQL: sql, NoCache: true})
	if err != nil {
		return nil, fmt.Errorf("datasource %s: %w", name, err)
	}
	if len(got.Rows) > maxOverrides {
		return nil, fmt.Errorf("datasource %s: more than %d overrides", name, maxOverrides)
	}
	var out []classes.Rule
	var bad []error
	for i, row := range got.Rows {
		fields := make([]string, len(row))
		for n := range row {
			fields[n] = textOf(row[n])
		}
		r, err := classes.Override(k, fields)
		if r.Source = name + ":" + strconv.Itoa(i+1); err != nil {
			bad = append(bad, fmt.Errorf("datasource %s, row %d: %w", name, i+1, err))
		}
		out = append(out, r)
	}
	if err := errors.Join(bad...); err != nil {
		return nil, err
	}
	return out, o.known(out)
}

func textOf(d sdk.Datum) string {
	switch d.Kind {
	case sdk.DatumInt:
		return strconv.FormatInt(d.Int, 10)
	case sdk.DatumFloat:
		return strconv.FormatFloat(d.Float, 'f', -1, 64)
	}
	return d.Text
}

// Query asks a datasource.
type Query func(ctx context.Context, q *sdk.Query) (*sdk.Rows, error)

// load reads everything that the options name.
func (o *OverrideOptions) load(ctx context.Context, query Query, read func(string) ([]byte, error)) (*classes.Classification, error) {
	out := &classes.Classification{}
	var err error
	if out.Custom, err = o.custom(); err != nil {
		return nil, err
	}
	var rules [2][]classes.Rule
	for k := range rules {
		for _, source := range o.sources(classes.Kind(k)) {
			var more []classes.Rule
			var err error
			switch {
			case source == "":
			case strings.HasPrefix(source, ":datasource:"):
				more, err = o.rows(ctx, classes.Kind(k), source, query)
			default:
				more, err = o.file(classes.Kind(k), source, read)
			}
			if err != nil {
				return nil, err
			}
			rules[k] = append(rules[k], more...)
		}
	}
	out.SMTP, out.MDN = classes.Builtin().With(rules[classes.ForSMTP]), classes.Builtin().With(rules[classes.ForMDN])
	return out, nil
}

// Rulebook is the classification in force. Its fields are set once, before its
// first use. It is safe for concurrent use.
type Rulebook struct {
	Query   Query
	Read    func(path string) ([]byte, error)
	Problem func(string)
	After   func(time.Duration) <-chan time.Time

	options atomic.Pointer[OverrideOptions]
	current atomic.Pointer[classes.Classification]
	changed chan struct{}
	stop    context.CancelFunc
	done    chan struct{}
}

// Current is the classification in force.
func (b *Rulebook) Current() *classes.Classification {
	if c := b.current.Load(); c != nil {
		return c
	}
	return &classes.Classification{SMTP: classes.Builtin(), MDN: classes.Builtin()}
}

// Class is the class of a reply to mail for a domain.
func (b *Rulebook) Class(reply, domain string) classes.Class {
	return b.Current().SMTP.Classify(reply, domain)
}

// loadTime bounds one reading of the overrides.
const loadTime = 30 * time.Second

// Reload reads the overrides again. Where that fails the ones before stay.
func (b *Rulebook) Reload(ctx context.Context) error {
	o := b.options.Load()
	if o == nil {
		b.current.Store(nil)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, loadTime)
	defer cancel()
	c, err := o.load(ctx, b.Query, b.Read)
	if err == nil && b.options.Load() == o {
		b.current.Store(c)
	}
	return err
}

// Use moves to other options, nil for none; they are read in a moment.
func (b *Rulebook) Use(o *OverrideOptions) {
	b.options.Store(o)
	if b.changed == nil { // not started
		return
	}
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// Start reads the overrides and goes on doing so until Stop.
func (b *Rulebook) Start(ctx context.Context) {
	b.changed, b.done = make(chan struct{}, 1), make(chan struct{})
	ctx, b.stop = context.WithCancel(context.WithoutCancel(ctx))
	b.try(ctx)
	go b.run(ctx)
}

// Stop ends what Start began.
func (b *Rulebook) Stop() {
	b.stop()
	<-b.done
}

func (b *Rulebook) run(ctx context.Context) {
	defer close(b.done)
	for {
		var due <-chan time.Time
		if o := b.options.Load(); o != nil && o.Refresh > 0 {
			due = b.After(o.Refresh)
		}
		select {
		case <-ctx.Done():
			return
		case <-due:
		case <-b.changed:
		}
		b.try(ctx)
	}
}

// try reloads, and says in the paniclog why it could not.
func (b *Rulebook) try(ctx context.Context) {
	if err := b.Reload(ctx); err != nil && ctx.Err() == nil {
		b.Problem("the overrides stay as they were: " + err.Error())
	}
}
