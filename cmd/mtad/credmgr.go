package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/mtad/mtad/sdk/credential"
)

// credmgrCommand keeps the passwords of securecreds (manual, credmgr).
type credmgrCommand struct {
	CreateDB  credCreateDB  `cmd:"" name:"create_db" help:"Make an empty store."`
	CreateKey credCreateKey `cmd:"" name:"create_key" help:"Make a new key. A store that is there is encrypted anew with it."`
	SetCred   credSet       `cmd:"" name:"set_cred" help:"Store a password, in the place of one that is there."`
	GetCred   credGet       `cmd:"" name:"get_cred" help:"List the credentials, or show one password."`
	DelCred   credDel       `cmd:"" name:"del_cred" help:"Forget a password."`
}

// credFiles say where the files are.
type credFiles struct {
	DB  string `short:"d" name:"db" default:"/etc/mtad/credentials.db" placeholder:"FILE" help:"The store (${default})."`
	Key string `short:"k" name:"key" default:"/etc/mtad/credentials.key" placeholder:"FILE" help:"The key (${default})."`
}

func (f *credFiles) files() credential.Files { return credential.Files{Store: f.DB, Key: f.Key} }

// credAccount says whose password it is.
type credAccount struct {
	Hostname string `help:"The host that mtad connects to, as the uri has it. Short: -h, where the program is called credmgr."`
	Username string `short:"u" help:"The user."`
	Facility string `short:"f" help:"What is connected to: pgsql, mysql, ldap, redis or http."`
}

func (a *credAccount) account() credential.Account {
	return credential.Account{Facility: a.Facility, Host: a.Hostname, User: a.Username}
}

type credCreateDB struct{ credFiles }

// Run is called by kong.
func (c *credCreateDB) Run() error { return c.files().CreateStore() }

type credCreateKey struct {
	credFiles
	Cipher    string `default:"aes" enum:"aes" help:"The cipher: aes."`
	KeySize   int    `name:"key_size" default:"32" enum:"16,24,32" help:"The key's length in bytes: 16, 24 or 32."`
	BlockMode string `name:"block_mode" default:"gcm" enum:"gcm" help:"The mode: gcm, which also tells what was changed."`
}

// Run is called by kong.
func (c *credCreateKey) Run() error { return c.files().CreateKey(c.KeySize) }

type credSet struct {
	credFiles
	credAccount
	Password string `short:"p" help:"The password. Everybody on this machine can read it in the list of processes: better leave it out, and it is asked for, or read from standard input."`
}

// Run is called by kong.
func (c *credSet) Run(s *streams) error {
	if c.Password != "" {
		fmt.Fprintln(s.err, "mtad: the list of processes has shown the password; without -p it is asked for")
	} else if err := c.ask(s); err != nil {
		return err
	}
	return c.files().Set(c.account(), c.Password)
}

// maxPassword bounds what is read from standard input.
const maxPassword = 4096

func (c *credSet) ask(s *streams) error {
	if f, ok := s.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(s.err, "Password: ")
		text, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(s.err)
		c.Password = string(text)
		return err
	}
	line, err := bufio.NewReader(io.LimitReader(s.in, maxPassword)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	c.Password = strings.TrimRight(line, "\r\n")
	return nil
}

type credGet struct {
	credFiles
	credAccount
	Clear bool `short:"P" name:"clear" help:"Show the passwords in the list."`
}

// Run is called by kong.
func (c *credGet) Run(s *streams) error {
	if c.account() != (credential.Account{}) {
		password, err := c.files().Get(c.account())
		if errors.Is(err, credential.ErrNone) {
			return nil // "no credentials are displayed" (manual, credmgr)
		}
		if err == nil {
			_, err = fmt.Fprintln(s.out, password)
		}
		return err
	}
	list, err := c.files().List()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%-12s %-32s %s\n", "FACILITY", "HOSTNAME", "USERNAME")
	for _, a := range list {
		line := fmt.Sprintf("%-12s %-32s %s", a.Facility, a.Host, a.User)
		if c.Clear {
			password, err := c.files().Get(a)
			if err != nil {
				return err
			}
			line += " " + password
		}
		fmt.Fprintln(s.out, line)
	}
	return nil
}

type credDel struct {
	credFiles
	credAccount
}

// Run is called by kong.
func (c *credDel) Run() error { return c.files().Delete(c.account()) }

// credmgrArguments gives -h the meaning that it has for the original's program.
func credmgrArguments(rest []string) []string {
	out := []string{"credmgr"}
	for _, a := range rest {
		if strings.HasPrefix(a, "-h") && !strings.HasPrefix(a, "--") {
			a = "--hostname" + strings.TrimSuffix("="+strings.TrimPrefix(a[2:], "="), "=")
		}
		out = append(out, a)
	}
	return out
}
