package repo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// mainFiles are the names of the file that a configuration begins with: ours, and
// the original's.
func mainFiles() []string { return []string{"mtad.conf", "ecelerity.conf"} }

// ErrNoMain is a tree without a configuration. Its text is validate_config's.
var ErrNoMain = errors.New("No configuration found") //nolint:staticcheck // the original's words

// SearchPath is where a node's files are looked for below the directory of the
// layers: global, the node's own, default (reference/config-syntax.md §3).
func SearchPath(root, node string) []string {
	dirs := []string{filepath.Join(root, "global")}
	if node != "" && CheckNode(node) == nil {
		dirs = append(dirs, filepath.Join(root, node))
	}
	return append(dirs, filepath.Join(root, "default"))
}

// MainFile finds the file that a node's configuration begins with: the node's
// own, else the one in default.
func MainFile(root, node string) (string, error) {
	var dirs []string
	if node != "" && CheckNode(node) == nil {
		dirs = []string{filepath.Join(root, node)}
	}
	for _, dir := range append(dirs, filepath.Join(root, "default")) {
		for _, name := range mainFiles() {
			path := filepath.Join(dir, name)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				return path, nil
			}
		}
	}
	return "", ErrNoMain
}

// Target is one configuration that a tree holds.
type Target struct {
	Node string // "" is a node without settings of its own
	Main string // the file
}

// Targets lists the configurations of a tree: that of a node without settings of
// its own, and one for each node's directory.
func Targets(root string) ([]Target, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	nodes := []string{""}
	for _, e := range entries {
		if e.IsDir() && e.Name() != "global" && e.Name() != "default" && CheckNode(e.Name()) == nil {
			nodes = append(nodes, e.Name())
		}
	}
	var out []Target
	for _, node := range nodes {
		if path, err := MainFile(root, node); err == nil {
			out = append(out, Target{node, path})
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: no default/%s", ErrNoMain, mainFiles()[0])
	}
	return out, nil
}
