package modules

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const (
	// longestSocket is the longest path of a unix socket, in bytes (unix(7)).
	longestSocket = 107
	// socketName is as long as the name that go-plugin gives a socket.
	socketName = "plugin4294967295"
	// socketPrefix begins the name of a private directory; the core's pid and
	// something random follow.
	socketPrefix = "mtad-m"
)

// makeSocketDir makes the private directory for the modules' sockets, and
// removes those that cores left which were killed.
func makeSocketDir(parent string) (string, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	sweep(parent)
	// 0700, as os.MkdirTemp makes it: whoever reaches a socket commands a module.
	dir, err := os.MkdirTemp(parent, socketPrefix+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		return "", fmt.Errorf("directory for module sockets: %w", err)
	}
	if path := filepath.Join(dir, socketName); len(path) > longestSocket {
		_ = os.Remove(dir)
		return "", fmt.Errorf("directory for module sockets: %s is %d bytes, a socket's path can have %d",
			path, len(path), longestSocket)
	}
	return dir, nil
}

// sweep removes what it may; what it may not is not ours.
func sweep(parent string) {
	old, _ := filepath.Glob(filepath.Join(parent, socketPrefix+"*-*"))
	for _, dir := range old {
		digits, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), socketPrefix), "-")
		pid, err := strconv.Atoi(digits)
		if err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = os.RemoveAll(dir)
		}
	}
}
