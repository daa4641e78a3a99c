package core

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/mtad/mtad/core/metrics"
	"github.com/mtad/mtad/core/modules"
)

var (
	errStarting = errors.New("not all of them listen yet")
	errDraining = errors.New("draining")
)

// ready is what /readyz answers with: may mail be sent here now.
func (c *Core) ready() []metrics.Check {
	return []metrics.Check{
		{Name: "listeners", Err: c.listening()},
		{Name: "spool", Err: c.spoolReady()},
		{Name: "modules", Err: c.modulesReady()},
	}
}

func (c *Core) listening() error {
	select {
	case <-c.stop:
		return errDraining
	default:
	}
	if !c.up.Load() {
		return errStarting
	}
	return nil
}

// spoolReady says why the spool cannot take mail now.
func (c *Core) spoolReady() error {
	if err := c.spool.Ready(); err != nil {
		return err
	}
	if err := unix.Access(c.spoolDir, unix.W_OK); err != nil { // EROFS where the disk has become read-only
		return fmt.Errorf("%s: %w", c.spoolDir, err)
	}
	return nil
}

func (c *Core) modulesReady() error {
	for _, s := range c.modules.List() {
		if s.State != modules.Running {
			return fmt.Errorf("%s is %s", s.Name, s.State)
		}
	}
	return nil
}
