package core

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/core/control"
)

// transaction is a connection's own changes to the configuration, which nobody
// else sees before config commit (reference/console.tsv, config begin).
type transaction struct {
	base    uint64 // Core.commits when it began
	changes []conf.Change
	orders  []string // as they were given
}

var (
	errOpenTransaction = errors.New("a transaction is open; config commit or config rollback ends it")
	errNoTransaction   = errors.New("no transaction is open; config begin opens one")
	errNoConnection    = errors.New("a transaction needs a console that stays: a prompt, or commands on standard input")
	errConflict        = errors.New("the configuration has changed since config begin; config rollback, then begin anew")
)

func (c *Core) transactionCommands() []control.Command {
	return []control.Command{
		{Name: "config begin", Usage: "[--json]", Help: "Open a transaction: config set and unset of this console count from config commit on, all or none.", Run: transacting(lookTime, c.configBegin)},
		{Name: "config commit", Usage: "[--json]", Help: "Bring the transaction's changes into force; where somebody else's came first, it fails.", Run: transacting(workTime, c.configCommit)},
		{Name: "config rollback", Usage: "[--json]", Help: "Drop the transaction.", Run: transacting(lookTime, c.configRollback)},
		{Name: "config replay", Usage: "[--json]", Help: "Show the orders of the transaction.", Run: transacting(lookTime, c.configReplay)},
		{Name: "config diff", Usage: "[--json]", Help: "Show what the transaction changes; without one, what the console has changed since the last reload.", Run: transacting(lookTime, c.configDiff)},
	}
}

// transactionOf is the transaction of a connection; nil: none is open.
func transactionOf(slot *any) *transaction {
	if slot == nil {
		return nil
	}
	tx, _ := (*slot).(*transaction)
	return tx
}

// transacting is answering for commands that know transactions.
func transacting(limit time.Duration, run func(ctx context.Context, slot *any, args []string) (answer, error)) func(context.Context, *control.Call) error {
	return func(ctx context.Context, call *control.Call) error {
		return answering(limit, func(ctx context.Context, args []string) (answer, error) { return run(ctx, call.Slot, args) })(ctx, call)
	}
}

// viewOf is the configuration as a connection sees it.
func (c *Core) viewOf(slot *any) (conf.View, error) {
	v, tx := c.view(), transactionOf(slot)
	if tx == nil || len(tx.changes) == 0 {
		return v, nil
	}
	t, err := v.Amend(tx.changes)
	return conf.View{Tree: t, Schema: v.Schema}, err
}

func (c *Core) configWords(verb string) func(context.Context, *any, []string) (answer, error) {
	return func(_ context.Context, slot *any, args []string) (answer, error) {
		if len(args) == 0 {
			return nil, usage("name an option")
		}
		v, err := c.viewOf(slot)
		if err != nil {
			return nil, err
		}
		value := v.Get
		if verb == "eval" {
			value = v.Eval
		}
		text, err := value(args)
		if err != nil {
			return nil, err
		}
		return shown{Text: text}, nil
	}
}

func (c *Core) configShow(show func(conf.View, []string) (string, error)) func(context.Context, *any, []string) (answer, error) {
	return func(_ context.Context, slot *any, args []string) (answer, error) {
		v, err := c.viewOf(slot)
		if err != nil {
			return nil, err
		}
		text, err := show(v, args)
		if err != nil {
			return nil, err
		}
		return shown{Text: text}, nil
	}
}

// change adds a change to the transaction, or to the running configuration,
// where it goes the way of a reload: on any error nothing changes.
func (c *Core) change(ctx context.Context, slot *any, change conf.Change, order string) (warnings []string, err error) {
	tx := transactionOf(slot)
	if tx == nil {
		return c.amend(ctx, change)
	}
	if len(tx.changes) >= maxChanges {
		return nil, errChanges
	}
	v := c.view()
	t, err := v.Amend(append(tx.changes[:len(tx.changes):len(tx.changes)], change))
	if err != nil {
		return nil, err
	}
	if bad := conf.Check(t, v.Schema); len(bad) > 0 {
		return nil, fmt.Errorf("%w\nnothing has changed", lines(bad.Sort()))
	}
	tx.changes, tx.orders = append(tx.changes, change), append(tx.orders, order)
	return nil, nil
}

func (c *Core) configSet(ctx context.Context, slot *any, args []string) (answer, error) {
	v, err := c.viewOf(slot)
	if err != nil {
		return nil, err
	}
	change, err := v.ParseChange(args)
	if err != nil {
		return nil, usage("%v", err)
	}
	warnings, err := c.change(ctx, slot, change, "config set "+strings.Join(args, " "))
	if err != nil {
		return nil, err
	}
	if v, err = c.viewOf(slot); err != nil {
		return nil, err
	}
	text, err := v.Get(change.Words)
	if err != nil {
		return nil, err
	}
	return shown{text, warnings}, nil
}

func (c *Core) configUnset(ctx context.Context, slot *any, args []string) (answer, error) {
	if len(args) == 0 {
		return nil, usage("the global scope cannot be unset")
	}
	warnings, err := c.change(ctx, slot, conf.Change{Words: args, Unset: true}, "config unset "+strings.Join(args, " "))
	if err != nil {
		return nil, err
	}
	v, err := c.viewOf(slot)
	if err != nil {
		return nil, err
	}
	text, err := v.Eval(args)
	var none *conf.NotSetError
	if err != nil && !errors.As(err, &none) {
		return shown{fmt.Sprintf("\"%s\" has been unset.", strings.Join(args, " ")), warnings}, nil // a scope
	}
	if err != nil {
		text = err.Error()
	}
	return shown{fmt.Sprintf("\"%s\" has been unset. Effective value is now:\n        %s", conf.DisplayName(args[len(args)-1]), text), warnings}, nil
}

func (c *Core) configBegin(_ context.Context, slot *any, args []string) (answer, error) {
	switch {
	case len(args) > 0:
		return nil, usage("a transaction begins with the running configuration; %q is not known", strings.Join(args, " "))
	case slot == nil:
		return nil, errNoConnection
	case transactionOf(slot) != nil:
		return nil, errOpenTransaction
	}
	*slot = &transaction{base: c.commits.Load()}
	return said{"Transaction opened."}, nil
}

// configCommit keeps the transaction open where it fails, but for a conflict it
// can be mended.
func (c *Core) configCommit(ctx context.Context, slot *any, _ []string) (answer, error) {
	tx := transactionOf(slot)
	if tx == nil {
		return nil, errNoTransaction
	}
	c.reload.Lock()
	defer c.reload.Unlock()
	if c.commits.Load() != tx.base {
		return nil, errConflict
	}
	var warnings []string
	if len(tx.changes) > 0 {
		var err error
		if warnings, err = c.amendLocked(ctx, tx.changes...); err != nil {
			return nil, err
		}
	}
	*slot = nil
	return shown{fmt.Sprintf("Committed, %d changes.", len(tx.changes)), warnings}, nil
}

func (c *Core) configRollback(_ context.Context, slot *any, _ []string) (answer, error) {
	if transactionOf(slot) == nil {
		return nil, errNoTransaction
	}
	*slot = nil
	return said{"Transaction dropped."}, nil
}

// orders are the lines of config replay.
type orders []string

func (o orders) text(w io.Writer) {
	for _, line := range o {
		fmt.Fprintln(w, line)
	}
}

func (c *Core) configReplay(_ context.Context, slot *any, _ []string) (answer, error) {
	tx := transactionOf(slot)
	if tx == nil {
		return nil, errNoTransaction
	}
	return append(orders{}, tx.orders...), nil
}

// difference is a change of config diff.
type difference struct {
	Where  string `json:"where"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

type differences []difference

func (l differences) text(w io.Writer) {
	for _, d := range l {
		fmt.Fprintln(w, d.Where)
		if d.Before != "" {
			fmt.Fprintf(w, "- %s\n", d.Before)
		}
		if d.After != "" {
			fmt.Fprintf(w, "+ %s\n", d.After)
		}
	}
}

func (c *Core) configDiff(_ context.Context, slot *any, _ []string) (answer, error) {
	before, changes := c.view(), []conf.Change(nil)
	after, err := c.viewOf(slot)
	if err != nil {
		return nil, err
	}
	if tx := transactionOf(slot); tx != nil {
		changes = tx.changes
	} else if before, changes, err = c.filed(); err != nil {
		return nil, err
	}
	list, seen := differences{}, map[string]bool{}
	for _, change := range changes {
		where := strings.Join(change.Words, " ")
		if seen[where] {
			continue
		}
		seen[where] = true
		d := difference{Where: where, Before: valueAt(before, change.Words), After: valueAt(after, change.Words)}
		if d.Before != d.After {
			list = append(list, d)
		}
	}
	return list, nil
}

// filed is the configuration as the files have it, and the changes that the
// console has made to it.
func (c *Core) filed() (conf.View, []conf.Change, error) {
	c.reload.Lock()
	defer c.reload.Unlock()
	tree, bad := conf.Load(c.opt.Conf)
	if len(bad) > 0 {
		return conf.View{}, nil, lines(bad.Sort())
	}
	return conf.View{Tree: tree, Schema: c.settings.Load().schema}, c.online, nil
}

// valueAt is what is set where the words say: an option, or a scope; "" where
// there is nothing.
func valueAt(v conf.View, words []string) string {
	text, err := v.Get(words)
	if err == nil {
		return text
	}
	var none *conf.NotSetError
	if errors.As(err, &none) {
		return ""
	}
	text, err = v.Show(words)
	if err != nil {
		return ""
	}
	return strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ")
}
