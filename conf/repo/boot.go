package repo

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Auto says whether a node follows the repository (manual, cluster.boot).
type Auto int

// The values of autoupdate.
const (
	AutoTrue        Auto = iota // follow; local changes are merged
	AutoIfUnchanged             // follow while there are no local changes
	AutoFalse                   // stay
)

// Boot is what cluster.boot says. The file lies outside the working copy, so
// that no revision can keep a node from getting the next one.
type Boot struct {
	AutoUpdate Auto
	Node       string // node_name; "" is the unqualified hostname
	Cluster    string // cluster_name
	Repo       string // repo: "auto", or where bootstrap found the repository
	Reload     bool   // reload_config_on_update
	Rollout    Rollout
	Every      time.Duration // check_every
	Watch      time.Duration // watch: how long a new revision is on trial; 0: not
}

// Rollout spreads an update: Percent of the nodes every Step.
type Rollout struct {
	Percent int
	Step    time.Duration
}

// Delay is how long after the others a node takes a revision: by its name, so
// that the same nodes are first each time.
func (r Rollout) Delay(node string) time.Duration {
	if r.Percent <= 0 || r.Percent >= 100 {
		return 0
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(strings.ToLower(node))) // it has no error
	return time.Duration(int(h.Sum32()%100)/r.Percent) * r.Step
}

// NodeName is the node's name: that of cluster.boot, else the unqualified
// hostname.
func (b *Boot) NodeName() string {
	if b.Node != "" {
		return b.Node
	}
	return shortHost()
}

// defaults is an empty cluster.boot.
func defaults() Boot {
	return Boot{Cluster: "default", Repo: "auto", Reload: true, Every: time.Minute, Watch: 10 * time.Minute}
}

// BootName is the file's name, in the directory that holds the working copy.
const BootName = "cluster.boot"

// maxBoot bounds the file.
const maxBoot = 64 << 10

// ReadBoot reads cluster.boot. Without one the error is fs.ErrNotExist.
func ReadBoot(path string) (Boot, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Boot{}, err
	}
	if info.Size() > maxBoot {
		return Boot{}, fmt.Errorf("%s: larger than %d bytes", path, maxBoot)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Boot{}, err
	}
	return ParseBoot(path, string(text))
}

// ParseBoot reads the text of cluster.boot: lines key=value, # begins a comment.
// The error has a line for each mistake, as name:line: text.
func ParseBoot(name, text string) (Boot, error) {
	b := defaults()
	var wrong []error
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			wrong = append(wrong, fmt.Errorf("%s:%d: %q is no key=value", name, i+1, line))
			continue
		}
		value = strings.Trim(strings.TrimSpace(value), `"`)
		if err := b.set(strings.ToLower(strings.TrimSpace(key)), value); err != nil {
			wrong = append(wrong, fmt.Errorf("%s:%d: %w", name, i+1, err))
		}
	}
	return b, errors.Join(wrong...)
}

func (b *Boot) set(key, value string) (err error) {
	switch key {
	case "autoupdate":
		b.AutoUpdate, err = parseAuto(value)
	case "node_name":
		b.Node, err = value, CheckNode(value)
	case "cluster_name":
		b.Cluster = value
	case "repo":
		b.Repo = value
	case "reload_config_on_update":
		b.Reload, err = parseBool(value)
	case "rollout":
		b.Rollout, err = parseRollout(value)
	case "check_every":
		b.Every, err = parseTime(value)
		if err == nil && b.Every < time.Second {
			err = errors.New("check_every is a second or more")
		}
	case "watch":
		b.Watch, err = parseTime(value)
	case "ecconfigd.1": // the original's; ours has no such process
	default:
		err = fmt.Errorf("unknown option %q", key)
	}
	return err
}

func parseAuto(value string) (Auto, error) {
	switch strings.ToLower(value) {
	case "true":
		return AutoTrue, nil
	case "ifunchanged":
		return AutoIfUnchanged, nil
	case "false":
		return AutoFalse, nil
	}
	return AutoTrue, fmt.Errorf("autoupdate is true, ifunchanged or false, not %q", value)
}

func parseBool(value string) (bool, error) {
	switch strings.ToLower(value) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", value)
}

// parseRollout reads "25%/5m".
func parseRollout(value string) (Rollout, error) {
	percent, step, ok := strings.Cut(value, "%/")
	n, err := strconv.Atoi(percent)
	if !ok || err != nil || n < 1 || n > 100 {
		return Rollout{}, fmt.Errorf(`rollout is a share and a time, as "25%%/5m", not %q`, value)
	}
	d, err := parseTime(step)
	return Rollout{n, d}, err
}

// parseTime reads "5m", or a number of seconds; a day at most.
func parseTime(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if n, failed := strconv.Atoi(value); failed == nil {
		d, err = time.Duration(n)*time.Second, nil
		if n > 86400 {
			d = -1
		}
	}
	if err != nil || d < 0 || d > 24*time.Hour {
		return 0, fmt.Errorf(`%q is no time such as "5m", between 0 and a day`, value)
	}
	return d, nil
}

// CheckNode says what is wrong with a node's name: it is a directory of the
// repository, and part of a ref.
func CheckNode(name string) error {
	bad := name == "" || len(name) > 255 || name[0] == '.' || name[0] == '-' ||
		strings.Contains(name, "..") || strings.HasSuffix(name, ".lock") || strings.HasSuffix(name, ".")
	for _, c := range name {
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.ContainsRune("._-", c) {
			continue
		}
		bad = true
	}
	if bad {
		return fmt.Errorf("%q is no name of a node: letters, digits, dots, hyphens and underscores", name)
	}
	return nil
}

// WriteBoot writes the first cluster.boot beside a working copy.
func WriteBoot(dir, cluster, node string) error {
	path := filepath.Join(dir, BootName)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text := "# How this node keeps its configuration; docs/howto-policy.md has all options.\n" +
		"autoupdate=true\ncluster_name=" + cluster + "\nrepo=auto\nreload_config_on_update=true\n"
	if node != "" {
		text += "node_name=" + node + "\n"
	}
	return os.WriteFile(path, []byte(text), 0o644)
}
