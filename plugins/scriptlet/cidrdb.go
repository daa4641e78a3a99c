package scriptlet

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// The console's commands for CIDR lists (reference/console.tsv, cidrdb).
const (
	cmdLists      = "cidrdb list"
	cmdListReload = "cidrdb reload"
)

// listCommand answers a cidrdb command; ok is false where words are none.
func (g *generation) listCommand(ctx context.Context, words []string) (reply string, ok bool, err error) {
	switch {
	case hasPrefix(words, strings.Fields(cmdListReload)):
		return "", true, g.reloadList(ctx, words[2:])
	case hasPrefix(words, strings.Fields(cmdLists)):
		return g.listLists(), true, nil
	}
	return "", false, nil
}

func (g *generation) listLists() string {
	var b strings.Builder
	now := g.mod.deps.Now()
	for _, l := range g.common.Lists() {
		b.WriteString(l.Name())
		if due := l.Due(); !due.IsZero() {
			fmt.Fprintf(&b, " [refresh in %d seconds]", max(0, due.Sub(now))/time.Second)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (g *generation) reloadList(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: %s LIST", cmdListReload)
	}
	for _, l := range g.common.Lists() {
		if l.Name() == args[0] {
			return l.Reload(ctx)
		}
	}
	return fmt.Errorf("there is no list %q", args[0])
}
