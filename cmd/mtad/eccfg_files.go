package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/mtad/mtad/conf/repo"
)

type eccfgStatus struct {
	Nodes bool     `help:"How every node stands, as it said last."`
	Files []string `arg:"" optional:"" help:"Files or directories."`
}

// Run is called by kong.
func (c *eccfgStatus) Run(parent *eccfgCommand, s *streams) error {
	return parent.doing(s, func(ctx context.Context, x *cfg, w *repo.Copy) error {
		if c.Nodes {
			return x.nodes(ctx, w)
		}
		paths := make([]string, len(c.Files))
		for i, name := range c.Files {
			var err error
			if paths[i], err = w.Path(name); err != nil {
				return err
			}
		}
		list, err := w.Status(ctx, paths...)
		for _, change := range list {
			fmt.Fprintln(x.out, change)
		}
		return err
	})
}

func (x *cfg) nodes(ctx context.Context, w *repo.Copy) error {
	list, err := w.Nodes(ctx)
	if err != nil {
		return err
	}
	row := "%-20s %8v %-13s %-20s %-20s %s"
	x.say(row, "NODE", "REVISION", "STANDING", "SINCE", "LAST WORD", "WHY")
	for _, n := range list {
		why, more, _ := strings.Cut(n.Text, "\n")
		line := fmt.Sprintf(row, n.Node, n.Revision, n.Standing, n.Since.Local().Format("2006-01-02 15:04:05"), n.Seen.Local().Format("2006-01-02 15:04:05"), why)
		fmt.Fprintln(x.out, clean(strings.TrimRight(line, " ")))
		for _, l := range strings.Split(more, "\n") {
			if l != "" {
				fmt.Fprintln(x.out, clean("    "+l))
			}
		}
	}
	return nil
}

// clean keeps what others wrote from steering the terminal.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, text)
}

type eccfgRevert struct {
	Files []string `arg:"" help:"Files, or directories with all that is in them."`
}

// Run is called by kong.
func (c *eccfgRevert) Run(parent *eccfgCommand, s *streams) error {
	return parent.doing(s, func(ctx context.Context, x *cfg, w *repo.Copy) error {
		undone, err := w.Revert(ctx, c.Files)
		for _, path := range undone {
			x.say("Reverted '%s'", path)
		}
		return err
	})
}

type eccfgResolve struct {
	Revert bool     `help:"Take the repository's version."`
	Files  []string `arg:"" help:"Files."`
}

// Run is called by kong.
func (c *eccfgResolve) Run(parent *eccfgCommand, s *streams) error {
	return parent.doing(s, func(ctx context.Context, _ *cfg, w *repo.Copy) error { return w.Resolve(ctx, c.Files, c.Revert) })
}

type eccfgDelete struct {
	Files []string `arg:"" help:"Files, or directories with all that is in them."`
}

// Run is called by kong.
func (c *eccfgDelete) Run(parent *eccfgCommand, s *streams) error {
	return parent.doing(s, func(ctx context.Context, x *cfg, w *repo.Copy) error {
		if err := w.Delete(ctx, c.Files); err != nil {
			return err
		}
		x.say("Gone with the next commit: %s", strings.Join(c.Files, " "))
		return nil
	})
}
