package core

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/mtad/mtad/core/bounce"
	"github.com/mtad/mtad/core/control"
	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/sdk"
	classes "github.com/mtad/mtad/sdk/bounce"
	"github.com/mtad/mtad/sdk/option"
)

// classifier takes the bounce_classifier_override scope; the last one counts.
func (s *settings) classifier(root *option.Scope) option.Problems {
	var bad option.Problems
	for _, scope := range root.Children("bounce_classifier_override") {
		o := &bounce.OverrideOptions{}
		if bad = append(bad, option.Decode(scope, o)...); len(bad) > 0 {
			continue
		}
		bad = append(bad, bounce.CheckOverrides(o, instances(root, "datasource"), os.ReadFile)...)
		s.overrides = o
	}
	return bad
}

func instances(root *option.Scope, name string) []string {
	var out []string
	for _, scope := range root.Children(name) {
		out = append(out, scope.Instance)
	}
	return out
}

func (c *Core) newRulebook() *bounce.Rulebook {
	return &bounce.Rulebook{
		Query: func(ctx context.Context, q *sdk.Query) (*sdk.Rows, error) { return c.modules.Query(ctx, q) },
		Read:  os.ReadFile, Problem: c.problem("bounce_classifier_override"), After: time.After,
	}
}

func (c *Core) startRulebook(ctx context.Context) error {
	c.rulebook.Use(c.settings.Load().overrides)
	c.rulebook.Start(ctx)
	return nil
}

// classify gives an attempt its class, by the rules for its recipient's domain.
func (c *Core) classify(a *logs.Attempt) {
	if a.Class == 0 {
		a.Class = int(c.rulebook.Class(a.Reply, a.Message.Recipient.Domain()))
	}
}

// classCommands are those of bounce_classifier_override (reference/console.tsv).
func (c *Core) classCommands() []control.Command {
	return []control.Command{
		{Name: "bounce_classifier_override reload", Help: "Read the classification overrides again; where that fails the ones before stay.",
			Run: func(ctx context.Context, _ *control.Call) error { return c.rulebook.Reload(ctx) }},
		{Name: "bounce_classifier_override test", Usage: "[--domain DOMAIN] REPLY", Help: "Show the class of a reply and the rule that gives it.",
			Example: "bounce_classifier_override test 552 5.2.2 mailbox full", Run: c.testClass},
	}
}

func (c *Core) testClass(_ context.Context, call *control.Call) error {
	args, domain := call.Args, ""
	if len(args) > 1 && args[0] == "--domain" {
		domain, args = args[1], args[2:]
	}
	if len(args) == 0 {
		return usage("a reply is missing")
	}
	now := c.rulebook.Current()
	rule := now.SMTP.Find(strings.Join(args, " "), domain)
	if rule == nil {
		_, err := fmt.Fprintln(call, "1 Undetermined\nno rule")
		return err
	}
	_, err := fmt.Fprintf(call, "%d %s\n%s\n", rule.Class, now.Info(rule.Class).Description, rule)
	return err
}

// classFor answers scripts where overrides are in force, as three lines: number,
// symbol and description of a reply's class or, for "mdn", of the class that an
// override gives to the text of a message that came back, "" where none does.
func (c *Core) classFor(kind, text, domain string) string {
	now := c.rulebook.Current()
	var class classes.Class
	if kind != "mdn" {
		class = now.SMTP.Classify(text, domain)
	} else if r := now.MDN.Override(text); r != nil {
		class = r.Class
	} else {
		return ""
	}
	i := now.Info(class)
	return strconv.Itoa(int(i.Class)) + "\n" + i.Symbol + "\n" + strings.ReplaceAll(i.Description, "\n", " ")
}
