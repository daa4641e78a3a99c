// Command mtad is the mail transfer agent, its console and its tools, in one
// binary. Called as ec_console, eccfg, rcluac, credmgr or validate_config it
// behaves as the original's program of that name.
//
// Next: serve.go starts core.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/alecthomas/kong"
)

// version is set by the linker.
var version = "development"

// cli is the command line.
type cli struct {
	Serve   serveCommand   `cmd:"" help:"Run the server in the foreground. SIGTERM drains and stops, SIGHUP reloads the configuration and reopens the logs."`
	Check   checkCommand   `cmd:"" help:"Check a configuration and its scripts without starting anything."`
	Console consoleCommand `cmd:"" help:"Give the running server a command, or open a prompt. Start with: mtad console ENDPOINT help"`
	Eccfg   eccfgCommand   `cmd:"" aliases:"cfg" help:"Keep the configuration under revision control, over git."`
	Layout  layoutCommand  `cmd:"" help:"Make the original's paths: links to this binary, directories, sample-configs."`
	Luac    luacCommand    `cmd:"" help:"Check the syntax of Lua scripts."`
	API     apiCommand     `cmd:"" help:"List the Lua API and how much of it is supported." name:"api"`
	Luals   lualsCommand   `cmd:"" help:"Write stubs of the Lua API for editors (lua-language-server)."`
	Lib     libCommand     `cmd:"" help:"Look at the Lua library that is built in."`
	Spool   spoolCommand   `cmd:"" help:"Look into a spool, whether or not the server runs."`
	Jlog    jlogCommand    `cmd:"" help:"Read a jlog: records of mail, or what a script wrote."`
	Convert convertCommand `cmd:"" help:"Make HCL of an ecelerity.conf and what it includes."`
	Migrate migrateCommand `cmd:"" help:"Convert a configuration of the original, and say what its scripts lack here."`
	Credmgr credmgrCommand `cmd:"" help:"Keep the passwords that datasources connect with (securecreds)."`
	Version versionCommand `cmd:"" help:"Show the version."`
	Module  moduleCommand  `cmd:"" hidden:"" help:"Run a built-in module; the server does this."`
}

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// exitError ends the program with a status of its own; what there was to say
// has been said.
type exitError int

// Error is part of error.
func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func main() {
	os.Exit(run(os.Args, &streams{os.Stdin, os.Stdout, os.Stderr}))
}

// run is main with its surroundings as arguments.
func run(args []string, io *streams) int {
	parser, err := kong.New(&cli{}, kong.Name("mtad"), kong.Writers(io.out, io.err), kong.UsageOnError(),
		kong.Description("A mail transfer agent whose behaviour is written in Lua policy scripts.\n\nStart with: mtad check --conf FILE; mtad serve --conf FILE; mtad console ENDPOINT help"),
		kong.Bind(io), kong.Vars{"home": homeOf(args[0])})
	if err != nil {
		fmt.Fprintln(io.err, err)
		return 2
	}
	teach(parser.Model.Node)
	words := arguments(args)
	if len(words) > 0 && (words[0] == "eccfg" || words[0] == "cfg") {
		words = append(words[:1:1], longFlags(find(parser.Model.Node, "eccfg"), words[1:])...)
	}
	ctx, err := parser.Parse(words)
	if err != nil {
		parser.FatalIfErrorf(err)
	}
	err = ctx.Run()
	var exit exitError
	if errors.As(err, &exit) {
		return int(exit)
	}
	if err != nil {
		fmt.Fprintf(io.err, "mtad: %v\n", err)
		return 1
	}
	return 0
}

// arguments translates the names of the original's programs.
func arguments(args []string) []string {
	rest := args[1:]
	switch filepath.Base(args[0]) {
	case "ec_console":
		if len(rest) == 0 {
			rest = []string{"/tmp/2025"}
		}
		return append([]string{"console"}, rest...)
	case "eccfg":
		return append([]string{"eccfg"}, rest...)
	case "rcluac", "luac":
		return append([]string{"luac"}, rest...)
	case "credmgr":
		return credmgrArguments(rest)
	case "validate_config":
		if len(rest) == 1 {
			return []string{"check", "--conf", rest[0]}
		}
		return append([]string{"check"}, rest...)
	}
	return rest
}

// find gives a command of the table.
func find(top *kong.Node, name string) *kong.Node {
	return top.Children[slices.IndexFunc(top.Children, func(n *kong.Node) bool { return n.Name == name })]
}

// versionCommand shows the version.
type versionCommand struct{}

// Run is called by kong.
func (versionCommand) Run(io *streams) error {
	_, err := fmt.Fprintf(io.out, "mtad %s\n", version)
	return err
}
