package core

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mtad/mtad/core/control"
	"github.com/mtad/mtad/core/smtpd"
)

// plain gives commands that print text a --json: an object with their lines.
func plain(list ...control.Command) []control.Command {
	for i := range list {
		cmd := &list[i]
		run := cmd.Run
		cmd.Usage = strings.TrimSpace(cmd.Usage + " [--json]")
		cmd.Run = func(ctx context.Context, call *control.Call) error {
			args, asJSON := cutFlag(call.Args, "--json")
			if !asJSON {
				return run(ctx, call)
			}
			var out bytes.Buffer
			inner := *call
			inner.Writer, inner.Args = &out, args
			err := run(ctx, &inner)
			lines := []string{}
			if out.Len() > 0 {
				lines = strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
			}
			e := json.NewEncoder(call)
			e.SetEscapeHTML(false)
			e.SetIndent("", "  ")
			if failed := e.Encode(map[string][]string{"lines": lines}); failed != nil {
				return failed
			}
			return err
		}
	}
	return list
}

// exemplified gives each command that is used without words itself as its
// example.
func exemplified(list []control.Command) []control.Command {
	for i := range list {
		if list[i].Example == "" {
			list[i].Example = list[i].Name
		}
	}
	return list
}

// moduleRow is a module of module list (reference/console.tsv).
type moduleRow struct {
	Scope       string `json:"scope_name"`
	Instance    string `json:"instance_name,omitempty"`
	Enabled     bool   `json:"enabled"`
	State       string `json:"state"`
	Isolation   string `json:"isolation"`
	PID         int    `json:"pid"`
	Restarts    int    `json:"restarts"`
	Version     string `json:"version"`
	Hooks       string `json:"hooks"`
	Description string `json:"description"`
}

type moduleRows []moduleRow

func (l moduleRows) text(w io.Writer) {
	for _, m := range l {
		name := m.Scope
		if m.Instance != "" {
			name += ":" + m.Instance
		}
		fmt.Fprintf(w, "Module: %s\n", name)
		for _, row := range [][2]string{
			{"Scope_Name", m.Scope}, {"Instance_Name", m.Instance}, {"Enabled", strconv.FormatBool(m.Enabled)}, {"State", m.State},
			{"Isolation", m.Isolation}, {"PID", strconv.Itoa(m.PID)}, {"Restarts", strconv.Itoa(m.Restarts)},
			{"Version", m.Version}, {"Hooks", m.Hooks}, {"Description", m.Description},
		} {
			fmt.Fprintf(w, "  %s: %s\n", row[0], row[1])
		}
	}
}

func (c *Core) moduleList(context.Context, []string) (answer, error) {
	list := moduleRows{}
	for _, s := range c.modules.List() {
		list = append(list, moduleRow{
			Scope: s.Name, Instance: s.Instance, Enabled: true, State: s.State.String(), Isolation: s.Isolation.String(),
			PID: s.PID, Restarts: s.Restarts, Version: s.Version, Hooks: hookNames(s.Hooks), Description: s.Help,
		})
	}
	return list, nil
}

// sessionRow is a session of session list.
type sessionRow struct {
	Session    uint64    `json:"session"`
	Connection string    `json:"connection"`
	Peer       string    `json:"peer"`
	Listen     string    `json:"listen"`
	Since      time.Time `json:"since"`
	State      string    `json:"state"`
}

type sessionRows []sessionRow

func (l sessionRows) text(w io.Writer) {
	fmt.Fprintf(w, "%8s %-22s %-24s %-24s %8s %s\n", "SESSION", "CONNECTION", "PEER", "LISTEN", "SECONDS", "STATE")
	now := time.Now()
	for _, s := range l {
		fmt.Fprintf(w, "%8d %-22s %-24s %-24s %8.0f %s\n", s.Session, s.Connection, s.Peer, s.Listen, now.Sub(s.Since).Seconds(), s.State)
	}
}

func (c *Core) sessionList(context.Context, []string) (answer, error) {
	sessions := c.smtp.Sessions()
	slices.SortFunc(sessions, func(a, b smtpd.Info) int { return cmp.Compare(a.Session, b.Session) })
	list := sessionRows{}
	for _, s := range sessions {
		list = append(list, sessionRow{s.Session, s.ConnID, addrText(s.Peer), s.Listen, s.Since, fmt.Sprint(s.Phase)})
	}
	return list, nil
}
