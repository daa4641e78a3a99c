package modules

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc"
)

// launcher starts processes of one module.
type launcher struct {
	spec      *Spec
	host      sdk.Host
	socketDir string
	timing    Timing
	say       func(level sdk.Level, text string)
}

// child is one run of a module's process.
type child struct {
	client  *rpc.Client
	plugin  *plugin.Client
	cmd     *exec.Cmd
	timing  Timing
	release chan struct{} // closed when the process is gone
}

// start launches the process, verifies what it is and opens the streams.
func (l *launcher) start() (*child, error) {
	secure, err := l.checksum()
	if err != nil {
		return nil, err
	}
	lines := &lineWriter{line: func(text string) { l.say(sdk.LevelError, text) }}
	cmd := exec.Command(l.spec.Command[0], l.spec.Command[1:]...)
	cmd.Env = l.environment()
	cmd.SysProcAttr = childAttributes()
	c := &child{cmd: cmd, timing: l.timing, release: make(chan struct{})}
	c.plugin = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  rpc.Handshake(),
		Plugins:          plugin.PluginSet{rpc.PluginName: &rpc.Plugin{Base: l.host}},
		Cmd:              cmd,
		SkipHostEnv:      true, // environment() has it, and what we set comes last
		SecureConfig:     secure,
		StartTimeout:     l.timing.Start,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		GRPCDialOptions:  rpc.DialOptions(),
		Logger:           hclog.NewNullLogger(), // what matters is said here, as errors
		Stderr:           lines,
		SyncStdout:       lines,
		SyncStderr:       lines,
	})
	if err := c.launch(); err != nil {
		c.plugin.Kill()
		return nil, l.explain(err)
	}
	if err := c.connect(l.spec.Name); err != nil {
		c.kill()
		return nil, fmt.Errorf("module %q: %w", l.spec.Name, err)
	}
	return c, nil
}

// launch starts the process from a thread that lives as long as it: the kernel
// tells a child of its parent's death when the thread that made it ends
// (prctl(2), PR_SET_PDEATHSIG).
func (c *child) launch() error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		_, err := c.plugin.Start()
		started <- err
		if err == nil {
			<-c.release
		}
	}()
	return <-started
}

func (c *child) connect(name string) error {
	conn, err := c.plugin.Client()
	if err != nil {
		return err
	}
	raw, err := conn.Dispense(rpc.PluginName)
	if err != nil {
		return err
	}
	client, ok := raw.(*rpc.Client)
	if !ok {
		return fmt.Errorf("go-plugin dispensed a %T", raw)
	}
	c.client = client
	switch info := client.Info(); {
	case info.API != sdk.APIVersion:
		return fmt.Errorf("it was built for version %d of the module contract, this mtad speaks %d", info.API, sdk.APIVersion)
	case info.Name != name:
		return fmt.Errorf("the executable says that it is module %q", info.Name)
	}
	return nil
}

// kill ends the process at once, with what it started itself, and reaps it.
func (c *child) kill() {
	if p := c.cmd.Process; p != nil {
		killGroup(p.Pid)
	}
	c.reap()
}

// end has the module close, and kills it where it does not.
func (c *child) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), c.timing.Stop)
	defer cancel()
	err := c.client.Shutdown(ctx)
	limit := time.AfterFunc(c.timing.Stop, func() { killGroup(c.cmd.Process.Pid) })
	defer limit.Stop()
	c.reap()
	return err
}

// reap waits until the process and everything that served it is gone.
func (c *child) reap() {
	if c.client != nil {
		c.client.Drop()
	}
	c.plugin.Kill()
	close(c.release)
}

// fate says how the process ended; only after reap.
func (c *child) fate() string {
	if c.cmd.ProcessState == nil {
		return "unknown"
	}
	return c.cmd.ProcessState.String()
}

// checksum gives go-plugin what to verify; nil is nothing.
func (l *launcher) checksum() (*plugin.SecureConfig, error) {
	if l.spec.SHA256 == "" {
		return nil, nil
	}
	sum, err := hex.DecodeString(l.spec.SHA256)
	if err != nil || len(sum) != sha256.Size {
		return nil, fmt.Errorf("module %q: sha256 %q is not 64 hexadecimal digits", l.spec.Name, l.spec.SHA256)
	}
	return &plugin.SecureConfig{Checksum: sum, Hash: sha256.New()}, nil
}

// explain names the module and the executable in an error of go-plugin's.
func (l *launcher) explain(err error) error {
	path := l.spec.Command[0]
	if !errors.Is(err, plugin.ErrChecksumsDoNotMatch) {
		return fmt.Errorf("module %q: cannot start %s: %w", l.spec.Name, path, err)
	}
	found := "unreadable"
	if data, readErr := os.ReadFile(path); readErr == nil {
		found = fmt.Sprintf("%x", sha256.Sum256(data))
	}
	return fmt.Errorf("module %q: %s is not the file that was declared: its sha256 is %s, not %s: %w",
		l.spec.Name, path, found, strings.ToLower(l.spec.SHA256), err)
}

// environment is ours without what is meant for ourselves, and what the module
// is told.
func (l *launcher) environment() []string {
	var env []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if !ownVariable(name) {
			env = append(env, v)
		}
	}
	env = append(env, plugin.EnvUnixSocketDir+"="+l.socketDir)
	if l.spec.Procs > 0 {
		env = append(env, "GOMAXPROCS="+strconv.Itoa(l.spec.Procs))
	}
	return append(env, l.spec.Env...)
}

// ownVariable are those of systemd and of the Go runtime that concern this
// process alone, and those of go-plugin.
func ownVariable(name string) bool {
	switch name {
	case "GOMAXPROCS", "GOMEMLIMIT", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "WATCHDOG_USEC", "WATCHDOG_PID":
		return true
	}
	return strings.HasPrefix(name, "PLUGIN_")
}

// lineWriter gives what is written to it line by line.
type lineWriter struct {
	mu   sync.Mutex
	rest []byte
	line func(text string)
}

// maxLine bounds a line without end, in bytes.
const maxLine = 64 << 10

// Write never fails.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, p...)
	for {
		i := bytes.IndexByte(w.rest, '\n')
		if i < 0 && len(w.rest) < maxLine {
			return len(p), nil
		}
		if i < 0 {
			i = len(w.rest) - 1
		}
		if text := strings.TrimRight(string(w.rest[:i+1]), "\r\n"); text != "" {
			w.line(text)
		}
		w.rest = w.rest[i+1:]
	}
}
