package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/conf/repo"
	"github.com/mtad/mtad/core/control"
)

// eccfgCommand keeps the configuration under revision control
// (reference/cluster.md §2).
type eccfgCommand struct {
	Home     string `default:"${home}" help:"The working copy is conf below it, cluster.boot in it."`
	WC       string `name:"working-copy" aliases:"wc" placeholder:"PATH" help:"The working copy, or a directory in it that the command is limited to."`
	Username string `help:"The author, and the user at an https repository. Default: who you are."`
	Password string `help:"At an https repository. Other users of this machine can read a command line: better leave it out and be asked, or set MTAD_PASSWORD."`
	Quiet    bool   `xor:"talk" help:"Say nothing but errors."`
	Debug    bool   `xor:"talk" help:"Show what git is told."`
	Node     string `env:"EC_NODE_NAME" help:"This node's name; default: node_name of cluster.boot, else the unqualified hostname."`
	Control  string `env:"CONTROL" placeholder:"ENDPOINT" help:"The server's console; default: the first control_listener of the configuration."`

	Bootstrap eccfgBootstrap `cmd:"" help:"The first checkout. Once only."`
	Pull      eccfgPull      `cmd:"" help:"Bring the working copy to the newest revision, and have the server reload."`
	Commit    eccfgCommit    `cmd:"" help:"Check the local changes and send them to the repository. The server is not told."`
	Status    eccfgStatus    `cmd:"" help:"List the local changes; with --nodes how every node stands."`
	Revert    eccfgRevert    `cmd:"" help:"Undo local changes, deletions too."`
	Resolve   eccfgResolve   `cmd:"" help:"Say that a conflict of pull --manual is settled."`
	Delete    eccfgDelete    `cmd:"" help:"Remove files or directories with the next commit."`
	Put       eccfgPut       `cmd:"" help:"Send one file, or what runs, to the repository."`
	Rollback  eccfgRollback  `cmd:"" help:"Make an older revision the newest, pull it and have the server reload."`
	Log       eccfgLog       `cmd:"" help:"List the revisions, newest first."`
}

// cfg is what a subcommand works with.
type cfg struct {
	*eccfgCommand
	*streams
	git  *repo.Git
	boot repo.Boot
}

func (c *eccfgCommand) with(s *streams) (*cfg, error) {
	x := &cfg{eccfgCommand: c, streams: s, git: &repo.Git{}}
	if c.Debug {
		x.git.Trace = func(line string) { fmt.Fprintln(s.err, line) }
	}
	if c.Username == "" {
		c.Username = whoAmI()
	}
	if err := becomeOwner(c.WC, x.root(), c.Home); err != nil {
		return nil, err
	}
	x.git.Login = repo.Login{User: c.Username, Password: c.Password}
	if c.Password == "" {
		x.git.Login.Password = os.Getenv(passwordEnv)
	}
	var err error
	x.boot, err = repo.ReadBoot(filepath.Join(c.Home, repo.BootName))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if c.Node == "" {
		c.Node = x.boot.NodeName()
	}
	return x, err
}

// whoAmI is the person at the keyboard.
func whoAmI() string {
	for _, name := range []string{"SUDO_USER", "USER"} {
		if v := os.Getenv(name); v != "" {
			return v
		}
	}
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}

// becomeOwner gives up root for the owner of the working copy, the first of the
// paths that is there: what is configured in it counts with the owner's rights
// only, and new files are the owner's (the original runs Subversion as ecuser).
func becomeOwner(paths ...string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok || st.Uid == 0 {
			return nil
		}
		home := "/"
		if u, err := user.LookupId(strconv.FormatUint(uint64(st.Uid), 10)); err == nil {
			home = u.HomeDir
		}
		if err := errors.Join(os.Setenv("HOME", home), syscall.Setgroups([]int{int(st.Gid)}), syscall.Setgid(int(st.Gid)), syscall.Setuid(int(st.Uid))); err != nil {
			return fmt.Errorf("cannot become the owner of %s: %w", path, err)
		}
		return nil
	}
	return nil
}

// open finds the working copy, and asks for the password where the repository
// will want one.
func (x *cfg) open(ctx context.Context) (*repo.Copy, error) {
	path := x.WC
	if path == "" {
		path = x.root()
	}
	c, err := repo.Open(path, x.git)
	if err != nil {
		return nil, err
	}
	remote, err := c.Remote(ctx)
	if err != nil {
		return nil, err
	}
	return c, x.askPassword(remote)
}

func (x *cfg) root() string { return filepath.Join(x.Home, "conf") }

// askPassword asks at a terminal. Without one the repository may be public, or it
// refuses.
func (x *cfg) askPassword(remote string) error {
	f, ok := x.in.(*os.File)
	if !strings.HasPrefix(remote, "https:") || x.git.Login.Password != "" || !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	fmt.Fprintf(x.err, "Password of %s: ", x.Username)
	password, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(x.err)
	x.git.Login.Password = string(password)
	return err
}

// say prints unless --quiet.
func (x *cfg) say(format string, args ...any) {
	if !x.Quiet {
		fmt.Fprintf(x.out, format+"\n", args...)
	}
}

// interruptible ends when somebody presses Ctrl-C, so that git and its helpers end
// with us and nothing is left beside the working copy.
func interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
}

// doing runs a subcommand on the working copy.
func (c *eccfgCommand) doing(s *streams, f func(ctx context.Context, x *cfg, w *repo.Copy) error) error {
	ctx, stop := interruptible()
	defer stop()
	x, err := c.with(s)
	if err != nil {
		return err
	}
	w, err := x.open(ctx)
	if err != nil {
		return err
	}
	return f(ctx, x, w)
}

type eccfgBootstrap struct {
	Clustername string `xor:"kind" required:"" placeholder:"NAME" help:"Follow the repository REMOTE, as a node of this cluster."`
	Singlenode  bool   `xor:"kind" required:"" help:"A node of its own; without REMOTE its repository is made beside the working copy."`
	Remote      string `arg:"" optional:"" help:"The repository: a path, ssh://user@host/path, user@host:path, https://host/path."`
}

// Run is called by kong.
func (b *eccfgBootstrap) Run(parent *eccfgCommand, s *streams) error {
	ctx, stop := interruptible()
	defer stop()
	x, err := parent.with(s)
	if err != nil {
		return err
	}
	if b.Remote == "" && !b.Singlenode {
		return repo.CheckRemote("")
	}
	if err := x.askPassword(b.Remote); err != nil {
		return err
	}
	start := repo.Start{Root: x.root(), Remote: b.Remote, Cluster: b.Clustername, Author: x.Username}
	if start.Cluster == "" {
		start.Cluster = "default"
	}
	if x.WC != "" {
		start.Root = x.WC
	}
	if x.Node != x.boot.NodeName() {
		start.Node = x.Node
	}
	w, err := repo.Bootstrap(ctx, x.git, start)
	if err != nil {
		return err
	}
	head, err := w.Head(ctx)
	if err != nil {
		return err
	}
	x.say("Checked out revision %s to %s.", head, w.Root)
	return nil
}

type eccfgPut struct {
	Message string `help:"Why."`
	NoCheck bool   `help:"Send it even if the result is broken."`
	Source  string `arg:"" help:"A file; or running, for the working copy as it is and the configuration in use, to the branch running/NODE."`
	Target  string `arg:"" optional:"" help:"Its name in the repository."`
}

// Run is called by kong.
func (c *eccfgPut) Run(parent *eccfgCommand, s *streams) error {
	return parent.doing(s, func(ctx context.Context, x *cfg, w *repo.Copy) error {
		by := repo.Submission{Message: c.Message, Author: x.Username, Check: x.checkAll(w, c.NoCheck)}
		if c.Target == "" && c.Source != "running" {
			return errors.New("put needs a name in the repository: eccfg put FILE NAME")
		}
		if c.Target != "" {
			done, err := w.Put(ctx, c.Source, c.Target, by)
			return x.committed(done, err)
		}
		var running bytes.Buffer
		if err := x.console(&running, "config", "showrecurse"); err != nil {
			return err
		}
		_, err := w.PutRunning(ctx, x.Node, running.String(), by)
		if errors.Is(err, repo.ErrNothing) {
			x.say("%v", err)
			return nil
		}
		if err == nil {
			x.say("Saved to the branch running/%s.", x.Node)
		}
		return err
	})
}

type eccfgLog struct {
	Limit int `default:"20" help:"How many."`
}

// Run is called by kong.
func (c *eccfgLog) Run(parent *eccfgCommand, s *streams) error {
	return parent.doing(s, func(ctx context.Context, x *cfg, w *repo.Copy) error {
		list, err := w.History(ctx, max(c.Limit, 1))
		for _, e := range list {
			fmt.Fprintf(x.out, "%6d  %s  %-12s %s\n", e.Number, e.When.Format("2006-01-02 15:04:05"), clean(e.Author), clean(e.Message))
		}
		return err
	})
}

// console gives the server a command.
func (x *cfg) console(out io.Writer, words ...string) error {
	endpoint := x.Control
	if endpoint == "" {
		endpoint = x.endpoint()
	}
	console, err := control.Dial(endpoint, defaultSocket)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoServer, err)
	}
	defer func() { _ = console.Close() }()
	return console.Run(words, out)
}

var errNoServer = errors.New("the server does not answer")

// endpoint is the first console of the configuration that is a socket.
func (x *cfg) endpoint() string {
	flags := confFlags{Home: x.Home, Node: x.Node}
	path, err := flags.main()
	if err != nil {
		return defaultSocket
	}
	o := flags.options()
	o.Conf.Path = path
	tree, _ := conf.Load(o.Conf)
	for _, l := range tree.Root.Children("control_listener") {
		for _, listen := range l.Children("listen") {
			if strings.HasPrefix(listen.Instance, "/") {
				return listen.Instance
			}
		}
	}
	return defaultSocket
}

// ask asks a question at a terminal; elsewhere the answer is no.
func (x *cfg) ask(question string) bool {
	f, ok := x.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return false
	}
	fmt.Fprintf(x.out, "%s [y/N] ", question)
	line, err := bufio.NewReader(x.in).ReadString('\n')
	return err == nil && strings.HasPrefix(strings.ToLower(line), "y")
}
