package main

import (
	"fmt"

	"github.com/mtad/mtad/core/spool"
)

// spoolCommand looks into a spool without the server.
type spoolCommand struct {
	Dir    string      `required:"" default:"/var/spool/mtad" help:"The spool's directory (spoolbase)."`
	Ls     spoolLs     `cmd:"" help:"List the messages: id, size, retries, sender, recipient, binding, last reply."`
	Cat    spoolCat    `cmd:"" help:"Show a message as it would be sent."`
	Check  spoolCheck  `cmd:"" help:"Verify every checksum."`
	Export spoolExport `cmd:"" help:"Write every message to a directory, as ID.eml and ID.json."`
	Import spoolImport `cmd:"" help:"Put exported messages into the spool; the server must not run."`
}

// options are those of a look that changes nothing.
func (c *spoolCommand) options() spool.Options {
	return spool.Options{Dir: c.Dir, ReadOnly: true}
}

type spoolLs struct{}

// Run is called by kong.
func (spoolLs) Run(parent *spoolCommand, s *streams) error {
	return spool.List(s.out, parent.options())
}

type spoolCat struct {
	ID string `arg:"" help:"The message's id."`
}

// Run is called by kong.
func (c *spoolCat) Run(parent *spoolCommand, s *streams) error {
	return spool.Cat(s.out, parent.options(), c.ID)
}

type spoolCheck struct{}

// Run is called by kong.
func (spoolCheck) Run(parent *spoolCommand, s *streams) error {
	damaged, err := spool.Check(s.out, parent.options())
	if err == nil && damaged > 0 {
		return exitError(1)
	}
	return err
}

type spoolExport struct {
	To string `arg:"" help:"The directory to write to."`
}

// Run is called by kong.
func (c *spoolExport) Run(parent *spoolCommand, s *streams) error {
	n, err := spool.Export(s.err, parent.options(), c.To)
	fmt.Fprintf(s.out, "%d messages exported\n", n)
	return err
}

type spoolImport struct {
	From string `arg:"" help:"A directory that export wrote."`
}

// Run is called by kong.
func (c *spoolImport) Run(parent *spoolCommand, s *streams) error {
	o := parent.options()
	o.ReadOnly = false
	n, err := spool.Import(s.err, o, c.From)
	fmt.Fprintf(s.out, "%d messages imported\n", n)
	return err
}
