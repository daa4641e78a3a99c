package modules

import "syscall"

// childAttributes puts a module into a process group of its own, so that a
// terminal's signals do not reach it and it can be killed with its children,
// and has the kernel send TERM when the core dies. rpc.Serve ends in order
// then; a module in another language is ended by it, if it has not seen its
// streams end.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

func killGroup(pid int) {
	// It may be gone already.
	_ = syscall.Kill(-pid, syscall.SIGKILL)
}
