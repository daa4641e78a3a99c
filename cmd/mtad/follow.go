package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/mtad/mtad/conf/repo"
)

// mainName is the file that a configuration begins with.
const mainName = "mtad.conf"

// main is the configuration file: the one that is named, else the node's own or
// the common one of the layers, else the one in the home directory.
func (f *confFlags) main() (string, error) {
	if f.Conf != "" {
		return f.Conf, nil
	}
	path, err := repo.MainFile(f.layers(), f.node())
	if err == nil {
		return path, nil
	}
	path = filepath.Join(f.Home, mainName)
	if _, failed := os.Stat(path); failed == nil {
		return path, nil
	}
	return "", err
}

func (f *confFlags) layers() string { return filepath.Join(f.Home, "conf") }

// node is this node's name; "" where nothing names it.
func (f *confFlags) node() string {
	if f.Node != "" {
		return f.Node
	}
	boot, err := repo.ReadBoot(filepath.Join(f.Home, repo.BootName))
	if err != nil {
		return ""
	}
	return boot.NodeName()
}

// follower keeps the configuration of a server at the newest revision; nil where
// it is no working copy.
func (f *confFlags) follower() (*repo.Follower, error) {
	boot, err := repo.ReadBoot(filepath.Join(f.Home, repo.BootName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	root, err := filepath.EvalSymlinks(f.layers())
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(filepath.Join(root, ".git")); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	node := f.Node
	if node == "" {
		node = boot.NodeName()
	}
	main, err := f.main()
	if err != nil {
		return nil, err
	}
	if main, err = filepath.EvalSymlinks(main); err != nil {
		return nil, err
	}
	return &repo.Follower{
		Root: root, Node: node, Clock: wall{},
		Git:   &repo.Git{Login: repo.Login{User: os.Getenv("MTAD_GIT_USER"), Password: os.Getenv(passwordEnv)}},
		Check: checkApart(root, main, node),
	}, nil
}

// wall is the real time.
type wall struct{}

// Now is part of repo.Clock.
func (wall) Now() time.Time { return time.Now() }

// After is part of repo.Clock.
func (wall) After(d time.Duration) <-chan time.Time { return time.After(d) }

// checkTime bounds the check of a revision.
const checkTime = 2 * time.Minute

// checkApart runs mtad check on another tree, in a process of its own: a script
// that eats memory while it loads must not take the server with it.
func checkApart(root, main, node string) func(context.Context, string) error {
	return func(ctx context.Context, dir string) error {
		ctx, cancel := context.WithTimeout(ctx, checkTime)
		defer cancel()
		path := main
		if rel, err := filepath.Rel(root, main); err == nil && filepath.IsLocal(rel) {
			path = filepath.Join(dir, rel)
		}
		search := strings.Join(repo.SearchPath(dir, node), string(filepath.ListSeparator))
		cmd := exec.CommandContext(ctx, "/proc/self/exe", "check", "--conf", path, "--search", search, "--node", node, "--quiet")
		cmd.WaitDelay = 5 * time.Second
		out, err := cmd.CombinedOutput()
		if ctx.Err() != nil {
			return fmt.Errorf("the check took more than %s", checkTime)
		}
		if err != nil {
			return errors.New(strings.ReplaceAll(strings.TrimSpace(string(out)), dir+string(filepath.Separator), ""))
		}
		return nil
	}
}
