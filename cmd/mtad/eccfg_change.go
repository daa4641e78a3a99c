package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mtad/mtad/conf/repo"
	"github.com/mtad/mtad/core"
	"github.com/mtad/mtad/core/control"
	"github.com/mtad/mtad/sdk"
)

type eccfgPull struct {
	Auto    bool `help:"For cron: obey autoupdate of cluster.boot, and be quiet where nothing changes. A server that runs follows by itself."`
	Mine    bool `xor:"prefer" help:"In a conflict the local changes win."`
	Theirs  bool `xor:"prefer" help:"In a conflict the repository's changes win."`
	Manual  bool `xor:"prefer" help:"Leave both in the files, with marks."`
	NoCheck bool `help:"Take the revision even if it is broken."`
}

// Run is called by kong.
func (c *eccfgPull) Run(parent *eccfgCommand, s *streams) error {
	return parent.doing(s, func(ctx context.Context, x *cfg, w *repo.Copy) error {
		if c.Auto {
			stay, err := x.stays(ctx, w)
			if err != nil || stay {
				return err
			}
		}
		return x.pull(ctx, w, c)
	})
}

// stays reports whether cluster.boot keeps a node where it is.
func (x *cfg) stays(ctx context.Context, w *repo.Copy) (bool, error) {
	if x.boot.AutoUpdate != repo.AutoIfUnchanged {
		return x.boot.AutoUpdate == repo.AutoFalse, nil
	}
	list, err := w.Status(ctx)
	changed := slices.ContainsFunc(list, func(c repo.Change) bool { return c.Kind != repo.Unknown })
	return changed, err
}

func (x *cfg) pull(ctx context.Context, w *repo.Copy, c *eccfgPull) error {
	here, _ := os.Getwd() // it may be gone; then it is not below the working copy
	u := repo.Update{Use: x.reload(c)}
	switch {
	case c.Mine:
		u.Prefer = repo.Mine
	case c.Theirs:
		u.Prefer = repo.Theirs
	case c.Manual:
		u.Prefer = repo.Manual
	}
	if !c.NoCheck {
		u.Check = func(_ context.Context, dir string) error { return x.check(w, dir, x.own) }
	}
	done, err := w.Pull(ctx, u)
	if err != nil {
		return fmt.Errorf("%w\nthe working copy stays at revision %s", err, done.From)
	}
	if !done.Changed {
		if !c.Auto {
			x.say("At revision %s.\nOK", done.To)
		}
		return nil
	}
	x.say("Updated to revision %s.", done.To)
	for _, path := range done.Conflicts {
		x.say("C       %s", path)
	}
	if len(done.Conflicts) > 0 {
		x.say("There were conflicts: commit the result, then give the server a config reload.")
	}
	x.say("OK")
	if rel, err := filepath.Rel(w.Root, here); err == nil && here != "" && filepath.IsLocal(rel) {
		x.say("Note: your current working directory has been invalidated by the \"pull\"\ncommand.  You will need to run \"cd %s\"\nto return to the same location in the file system.", here)
	}
	return nil
}

// reload has the server take what was pulled. A server that is not there is no
// error: it reads the files when it starts.
func (x *cfg) reload(c *eccfgPull) func(context.Context) error {
	return func(context.Context) error {
		var said strings.Builder
		err := x.console(&said, "config", "reload")
		text := strings.TrimRight(said.String(), "\n")
		switch {
		case errors.Is(err, errNoServer):
			x.say("Note: nothing was reloaded; %v", err)
			return nil
		case errors.Is(err, control.ErrRefused) && c.NoCheck:
			x.say("%s", text)
			return nil
		case errors.Is(err, control.ErrRefused):
			return errors.New(text)
		}
		if err == nil {
			x.say("%s", text)
		}
		return err
	}
}

type eccfgCommit struct {
	AddAll    bool   `help:"Add what the repository does not have."`
	DeleteAll bool   `help:"Delete what is gone here."`
	Message   string `help:"Why."`
	NoCheck   bool   `help:"Commit even if the result is broken."`
}

// Run is called by kong.
func (c *eccfgCommit) Run(parent *eccfgCommand, s *streams) error {
	return parent.doing(s, func(ctx context.Context, x *cfg, w *repo.Copy) error {
		done, err := w.Commit(ctx, repo.Submission{
			Message: c.Message, Author: x.Username, Check: x.checkAll(w, c.NoCheck),
			Add: func(path string) bool {
				return c.AddAll || x.ask(path+" is not in the repository. Add it?")
			},
			Delete: func(path string) bool {
				return c.DeleteAll || x.ask(path+" is gone. Delete it in the repository, too?")
			},
		})
		for _, change := range done.Left {
			x.say("%s", change)
		}
		if len(done.Left) > 0 {
			x.say("Left out: %d; use --add-all, --delete-all", len(done.Left))
		}
		if err == nil {
			for _, change := range done.Changes {
				x.say("%-14s %s", verb(change.Kind), change.Path)
			}
			x.say("Transmitting file data.")
		}
		return x.committed(done.Revision, err)
	})
}

// verb is a change in the words of Subversion.
func verb(kind byte) string {
	switch kind {
	case repo.Added:
		return "Adding"
	case repo.Deleted:
		return "Deleting"
	}
	return "Sending"
}

// committed says what became of a commit.
func (x *cfg) committed(done repo.Revision, err error) error {
	if errors.Is(err, repo.ErrNothing) {
		x.say("%v", err)
		return nil
	}
	if err == nil {
		x.say("Committed revision %s.", done)
	}
	return err
}

type eccfgRollback struct {
	NoCheck  bool   `help:"Even if the result is broken."`
	Message  string `help:"Why."`
	Revision string `arg:"" help:"The number that commit and log show, or git's name of a commit."`
}

// Run is called by kong.
func (c *eccfgRollback) Run(parent *eccfgCommand, s *streams) error {
	return parent.doing(s, func(ctx context.Context, x *cfg, w *repo.Copy) error {
		to, err := w.Find(ctx, c.Revision)
		if err != nil {
			return err
		}
		done, err := w.Rollback(ctx, to, repo.Submission{Message: c.Message, Author: x.Username, Check: x.checkAll(w, c.NoCheck)})
		if err := x.committed(done, err); err != nil {
			return err
		}
		return x.pull(ctx, w, &eccfgPull{NoCheck: c.NoCheck})
	})
}

// checkAll judges every node's configuration; nil with --no-check.
func (x *cfg) checkAll(w *repo.Copy, no bool) func(context.Context, string) error {
	if no {
		return nil
	}
	return func(_ context.Context, dir string) error { return x.check(w, dir, repo.Targets) }
}

// own is the configuration of this node alone.
func (x *cfg) own(dir string) ([]repo.Target, error) {
	path, err := repo.MainFile(dir, x.Node)
	return []repo.Target{{Node: x.Node, Main: path}}, err
}

// check runs mtad check in this process, on files that are to become those of the
// working copy. The error has all faults; warnings are shown.
func (x *cfg) check(w *repo.Copy, dir string, targets func(string) ([]repo.Target, error)) error {
	list, err := targets(dir)
	if errors.Is(err, repo.ErrNoMain) {
		// The main file may lie outside the working copy.
		main := filepath.Join(x.Home, mainName)
		if _, failed := os.Stat(main); failed == nil {
			list, err = []repo.Target{{Node: x.Node, Main: main}}, nil
		}
	}
	if err != nil {
		return fmt.Errorf("%w; --no-check goes on without", err)
	}
	var faults []string
	for _, target := range list {
		flags := confFlags{Conf: target.Main, Node: target.Node, Search: strings.Join(repo.SearchPath(dir, target.Node), string(filepath.ListSeparator))}
		for _, line := range x.judge(flags.options()) {
			line = strings.ReplaceAll(line, dir+string(filepath.Separator), "")
			if !slices.Contains(faults, line) {
				faults = append(faults, line)
			}
		}
	}
	if len(faults) == 0 {
		return nil
	}
	fmt.Fprintln(x.err, strings.Join(faults, "\n"))
	return errBroken
}

var errBroken = errors.New("the configuration is broken, and nothing was changed; --no-check overrides")

// judge gives the faults of one configuration.
func (x *cfg) judge(o core.Options) (faults []string) {
	findings, err := core.Check(context.Background(), o, false, func(sdk.LogRecord) {})
	for _, f := range findings {
		if f.Severity == sdk.Fault {
			faults = append(faults, f.String())
		}
	}
	if err != nil {
		faults = append(faults, err.Error())
	}
	return faults
}
