package mtatest

import (
	"encoding/base64"
	"strings"
)

// OfferAuth has the sink announce AUTH PLAIN LOGIN. It takes every password but
// "wrong"; who logged in is in Received.Login.
func (s *Sink) OfferAuth() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.auth = true
}

func (d *hop) offersAuth() bool {
	d.sink.mu.Lock()
	defer d.sink.mu.Unlock()
	return d.sink.auth
}

// logIn answers AUTH (RFC 4954 §4).
func (d *hop) logIn(argument string) error {
	kind, initial, _ := strings.Cut(argument, " ")
	user, pass := "", ""
	switch strings.ToUpper(kind) {
	case "PLAIN":
		fields := strings.Split(decoded(initial), "\x00")
		if len(fields) == 3 {
			user, pass = fields[1], fields[2]
		}
	case "LOGIN":
		for i, to := range []*string{&user, &pass} {
			d.say("334 " + []string{"VXNlcm5hbWU6", "UGFzc3dvcmQ6"}[i])
			if err := d.w.Flush(); err != nil {
				return err
			}
			line, err := d.r.ReadString('\n')
			if err != nil {
				return err
			}
			*to = decoded(strings.TrimRight(line, "\r\n"))
		}
	}
	if user == "" || pass == "wrong" {
		d.say("535 5.7.8 authentication failed")
		return nil
	}
	d.login = strings.ToUpper(kind) + " " + user + " " + pass
	d.say("235 2.7.0 welcome")
	return nil
}

func decoded(text string) string {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return ""
	}
	return string(b)
}
