package core

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/sdk"
)

// shown is text in the configuration's syntax.
type shown struct {
	Text     string   `json:"text"`
	Warnings []string `json:"warnings,omitempty"`
}

func (s shown) text(w io.Writer) {
	for _, text := range s.Warnings {
		fmt.Fprintf(w, "warning: %s\n", text)
	}
	fmt.Fprintln(w, strings.TrimSuffix(s.Text, "\n"))
}

// view is the running configuration for the console.
func (c *Core) view() conf.View {
	s := c.settings.Load()
	return conf.View{Tree: s.tree, Schema: s.schema}
}

// maxChanges bounds what config set and config unset have changed since the
// last reload.
const maxChanges = 10_000

var errChanges = errors.New("too many online changes; config reload drops them")

var errReloading = errors.New("a reload is under way; its init cannot change the configuration")

// configByScript is set and unset of msys.config.
func (c *Core) configByScript(ctx context.Context, action string, args []string) (string, error) {
	change := conf.Change{Words: args, Unset: true}
	if action == "set" {
		var err error
		if change, err = c.view().ParseChange(args); err != nil {
			return "", err
		}
	}
	if len(change.Words) == 0 {
		return "", errConfigWords
	}
	if !c.reload.TryLock() { // a script that the reload waits for would wait for it
		return "", errReloading
	}
	defer c.reload.Unlock()
	if _, err := c.amendLocked(ctx, change); err != nil {
		return "", err
	}
	c.logs.Panic(sdk.LogRecord{Level: sdk.LevelNotice, Source: "core", Text: "a script changed the configuration: config " + action + " " + strings.Join(args, " ")})
	text, err := c.view().Eval(change.Words)
	if action == "unset" && err != nil {
		return "", nil // a scope, or an option without a value now
	}
	return text, err
}

// amend adds changes to the running configuration. The warnings are those that a
// reload would give, too.
func (c *Core) amend(ctx context.Context, change conf.Change) ([]string, error) {
	c.reload.Lock()
	defer c.reload.Unlock()
	return c.amendLocked(ctx, change)
}

func (c *Core) amendLocked(ctx context.Context, changes ...conf.Change) ([]string, error) {
	if len(c.online)+len(changes) > maxChanges {
		return nil, errChanges
	}
	c.ways.word = ""
	before := c.online
	c.online = append(slices.Clip(before), changes...)
	p, err := c.prepare(ctx)
	if err != nil {
		c.online = before
		return nil, fmt.Errorf("%w\nnothing has changed", err)
	}
	c.commit(p)
	return p.warnings, nil
}

// amended is a tree with the online changes made to it.
func (c *Core) amended(v conf.View) (*conf.Tree, error) {
	if len(c.online) == 0 {
		return v.Tree, nil
	}
	return v.Amend(c.online)
}

// fileName is a file's name without the directory of the main file.
func (c *Core) fileName(where string) string {
	if path, err := filepath.Abs(c.opt.Conf.Path); err == nil {
		return strings.TrimPrefix(where, filepath.Dir(path)+string(filepath.Separator))
	}
	return where
}
