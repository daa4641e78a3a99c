package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mtad/mtad/sdk/option"
)

// Command is one console command.
type Command struct {
	Name  string // one or more words, "config reload"
	Usage string // arguments, "[--domain D] [--limit N]"
	Help  string // one sentence
	// Example is a use of it that help shows where it was asked about; "": none.
	Example string
	// Run carries it out. What it writes to c is the reply; an error is
	// printed behind it and makes the console exit with 1.
	Run func(ctx context.Context, c *Call) error
}

// Call is one use of a command.
type Call struct {
	io.Writer
	Args []string // behind the command's name
	Peer string   // who asks: a socket's user, or an address
	// Slot is what commands keep between the orders of one connection; nil:
	// there is no connection.
	Slot *any
}

// ErrUsage is wrapped by errors that the command's usage would help with.
var ErrUsage = errors.New("usage")

// Table is the commands there are. Further are those that modules add.
type Table struct {
	Commands []Command
	// Further answers commands that modules registered; ok is false where
	// there is no such command.
	Further func(ctx context.Context, words []string) (reply string, ok bool, err error)
	// FurtherNames lists them for help and completion.
	FurtherNames func() []string
}

// Run finds and runs a command, and answers `help`.
func (t *Table) Run(ctx context.Context, words []string, c *Call) error {
	if len(words) == 0 {
		return nil
	}
	if strings.EqualFold(words[0], "help") {
		return t.help(words[1:], c)
	}
	cmd, n := t.find(words)
	if module, _, named := strings.Cut(words[0], ":"); cmd == nil && named && len(words) > 1 {
		// "inbound_audit:inbound_audit1 show ip": the manual names an instance
		cmd, n = t.find(append([]string{module}, words[1:]...))
	}
	if cmd != nil {
		c.Args = words[n:]
		err := cmd.Run(ctx, c)
		if errors.Is(err, ErrUsage) {
			return fmt.Errorf("%w\nusage: %s %s", err, cmd.Name, cmd.Usage)
		}
		return err
	}
	if t.Further != nil {
		reply, ok, err := t.Further(ctx, words)
		if ok || err != nil {
			if reply != "" && !strings.HasSuffix(reply, "\n") {
				reply += "\n"
			}
			fmt.Fprint(c, reply)
			return err
		}
	}
	if last := len(words) - 1; strings.EqualFold(words[last], "help") {
		return t.help(words[:last], c) // "counter help", as the original has it
	}
	return t.unknown(words)
}

// find gives the command with the longest name that words begin with, and that
// name's length in words. Commands match without case.
func (t *Table) find(words []string) (*Command, int) {
	var best *Command
	length := 0
	for i := range t.Commands {
		name := strings.Fields(t.Commands[i].Name)
		if len(name) > length && len(name) <= len(words) && equalFold(name, words[:len(name)]) {
			best, length = &t.Commands[i], len(name)
		}
	}
	return best, length
}

func equalFold(a, b []string) bool {
	return slices.EqualFunc(a, b, strings.EqualFold)
}

func (t *Table) unknown(words []string) error {
	asked := strings.ToLower(strings.Join(words, " "))
	near := option.Nearest(asked, t.Names())
	if near == "" {
		near = option.Nearest(strings.ToLower(words[0]), t.Names())
	}
	if near == "" {
		return fmt.Errorf("unknown command %q; try help", words[0])
	}
	return fmt.Errorf("unknown command %q; did you mean %q?", strings.Join(words, " "), near)
}

// Names lists all commands, for completion.
func (t *Table) Names() []string {
	names := []string{"help"}
	for _, c := range t.Commands {
		names = append(names, c.Name)
	}
	if t.FurtherNames != nil {
		names = append(names, t.FurtherNames()...)
	}
	slices.Sort(names)
	return names
}

// words lists what completion offers: the commands, and each with its flags, a
// line each.
func (t *Table) words() []string {
	list := t.Names()
	for _, c := range t.Commands {
		for _, word := range strings.FieldsFunc(c.Usage, func(r rune) bool { return strings.ContainsRune(" []|", r) }) {
			if strings.HasPrefix(word, "--") {
				list = append(list, c.Name+" "+word)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// help lists the commands, or explains those that begin with the words.
func (t *Table) help(words []string, c *Call) error {
	if len(words) == 1 && words[0] == "--names" {
		fmt.Fprintln(c, strings.Join(t.words(), "\n"))
		return nil
	}
	prefix := strings.ToLower(strings.Join(words, " "))
	shown := 0
	for _, cmd := range t.Commands {
		if strings.HasPrefix(cmd.Name, prefix) {
			shown++
			fmt.Fprintf(c, "%-44s %s\n", strings.TrimSpace(cmd.Name+" "+cmd.Usage), cmd.Help)
			if prefix != "" && cmd.Example != "" {
				fmt.Fprintf(c, "%44s e.g. %s\n", "", cmd.Example)
			}
		}
	}
	if t.FurtherNames != nil {
		for _, name := range t.FurtherNames() {
			if strings.HasPrefix(name, prefix) {
				shown++
				fmt.Fprintf(c, "%-44s %s\n", name, "(added by a script or module)")
			}
		}
	}
	if shown == 0 {
		return t.unknown(words)
	}
	return nil
}
