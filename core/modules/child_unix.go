//go:build unix && !linux

package modules

import "syscall"

// childAttributes puts a module into a process group of its own, so that a
// terminal's signals do not reach it and it can be killed with its children.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func killGroup(pid int) {
	// It may be gone already.
	_ = syscall.Kill(-pid, syscall.SIGKILL)
}
