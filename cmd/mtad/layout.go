package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	shipped "github.com/mtad/mtad/conf/default"
)

// defaultHome is where a configuration is looked for.
const defaultHome = "/etc/mtad"

// layoutCommand makes the original's paths, so that its manual, and the scripts
// of its operators, find what they name.
type layoutCommand struct {
	Prefix string `default:"/" help:"A directory in place of /."`
}

// The original's directories.
const (
	originalRoot  = "opt/msys/ecelerity"
	originalTools = "opt/msys/3rdParty/bin"
	originalLogs  = "var/log/ecelerity"
	originalSpool = "var/spool/ecelerity"
)

// links are the names of this binary in the layout.
func links() []string {
	return []string{
		originalRoot + "/bin/ec_console", originalRoot + "/bin/eccfg", originalRoot + "/bin/validate_config",
		originalRoot + "/bin/mtad", originalTools + "/rcluac", originalTools + "/luac",
	}
}

// Run is called by kong.
func (c *layoutCommand) Run(s *streams) error {
	prefix, err := filepath.Abs(c.Prefix)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for _, dir := range []string{
		originalRoot + "/bin", originalRoot + "/etc/conf/default", originalRoot + "/etc/conf/global", originalRoot + "/etc/sample-configs",
		originalTools, originalLogs, originalSpool,
	} {
		if err := os.MkdirAll(filepath.Join(prefix, dir), 0o755); err != nil {
			return err
		}
	}
	for _, name := range links() {
		if err := link(self, filepath.Join(prefix, name), s); err != nil {
			return err
		}
	}
	etc := filepath.Join(prefix, originalRoot, "etc")
	if err := samples(prefix, filepath.Join(etc, "sample-configs")); err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(etc, "conf", ".git")); err == nil {
		return nil // what is under revision control is its users' own
	}
	return firstConfig(filepath.Join(etc, "sample-configs", "ecelerity.conf"), filepath.Join(etc, "conf", "default", "ecelerity.conf"))
}

// link makes a link to this binary, or renews it. What is no link stays: it may be
// the original.
func link(self, path string, s *streams) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink == 0:
		return fmt.Errorf("%s is there already, and is no link: move it away first", path)
	default:
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	fmt.Fprintln(s.out, path)
	return os.Symlink(self, path)
}

// samples writes the shipped configuration to copy from; ecelerity.conf among
// it has the original's paths.
func samples(prefix, dir string) error {
	paths := strings.NewReplacer(
		"/run/mtad/control", filepath.Join(prefix, "tmp/2025"), "/var/log/mtad/", filepath.Join(prefix, originalLogs)+"/",
	)
	return fs.WalkDir(shipped.Etc(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(dir, name), 0o755)
		}
		text, err := fs.ReadFile(shipped.Etc(), name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil || name != mainName {
			return err
		}
		original := fmt.Sprintf("spoolbase = %q\n\n%s", filepath.Join(prefix, originalSpool), paths.Replace(string(text)))
		return os.WriteFile(filepath.Join(dir, "ecelerity.conf"), []byte(original), 0o644)
	})
}

// firstConfig copies a sample to where nothing is yet.
func firstConfig(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// homeOf is where the configuration is for a program of that name: called by its
// path in the original's layout, that of the layout.
func homeOf(program string) string {
	path := program
	if !strings.ContainsRune(program, filepath.Separator) {
		found, err := exec.LookPath(program)
		if err != nil {
			return defaultHome
		}
		path = found
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return defaultHome
	}
	root := filepath.Dir(filepath.Dir(abs))
	if strings.HasSuffix(root, "/"+originalRoot) && filepath.Base(filepath.Dir(abs)) == "bin" {
		return filepath.Join(root, "etc")
	}
	return defaultHome
}
