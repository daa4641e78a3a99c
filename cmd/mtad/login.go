package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/mtad/mtad/core/control"
)

// passwordEnv is where the password comes from where there is no terminal to
// ask at. A command line would show it to everybody.
const passwordEnv = "MTAD_PASSWORD"

// visitor is who sits at the console, for endpoints that want to know.
type visitor struct {
	user     string
	password string
	known    bool // password was asked for
}

// splitUser takes the user off "john@127.0.0.1:2025".
func splitUser(endpoint string) (user, rest string) {
	if strings.ContainsRune(endpoint, '/') {
		return "", endpoint
	}
	if at := strings.LastIndexByte(endpoint, '@'); at >= 0 {
		return endpoint[:at], endpoint[at+1:]
	}
	return "", endpoint
}

// run runs a command, and logs in first where the endpoint wants that.
func (v *visitor) run(console *control.Console, words []string, out io.Writer, s *streams) error {
	err := console.Run(words, out)
	if !errors.Is(err, control.ErrLogin) {
		return err
	}
	if err := v.ask(s); err != nil {
		return err
	}
	if err := console.Login(v.user, v.password); err != nil {
		v.known = false
		if errors.Is(err, control.ErrRefused) {
			return fmt.Errorf("user %s is not let in", v.user)
		}
		return err
	}
	return console.Run(words, out)
}

// ask finds out the password, once (manual, Control_Listener authorization).
func (v *visitor) ask(s *streams) error {
	if v.user == "" {
		return fmt.Errorf("%w: name the user as user@host:port", control.ErrLogin)
	}
	if v.known {
		return nil
	}
	v.known = true
	if v.password = os.Getenv(passwordEnv); v.password != "" {
		return nil
	}
	f, ok := s.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return fmt.Errorf("%w: %s holds no password, and there is no terminal to ask at", control.ErrLogin, passwordEnv)
	}
	fmt.Fprintf(s.err, "%s\nPassword: ", control.ErrLogin)
	password, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(s.err)
	v.password = string(password)
	return err
}
