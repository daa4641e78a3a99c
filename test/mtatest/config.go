package mtatest

import (
	"strings"
	"testing"
	"text/template"
)

// Config is what a test wants of a server beside the usual: one SMTP listener
// and one console on the loopback, a spool and logs in a directory of its own.
// @DIR@ stands for that directory in every text.
type Config struct {
	// Retry is the retry_interval in seconds; 0: 1.
	Retry int
	// Relay are the relay domains; nil: example.com.
	Relay []string
	// Next is the gateway of the relay domains; nil: they are looked up.
	Next *Sink
	// DNS is the name server; nil: one that does not answer.
	DNS *DNS
	// Scripts are the policy scripts, in the order they run in.
	Scripts []Script
	// Files are further files, by their path in the directory: required
	// scripts, included configuration.
	Files map[string]string

	// HCL for the global scope, esmtp_listener, its listen scope, the alerting
	// and the scriptlet scope.
	Global, Listener, Listen, Alerting, Scriptlet string
}

// Script is a policy script: its stanza's name, which is also its file's.
type Script struct{ Name, Text string }

// page is what configTemplate is filled with.
type page struct {
	Config
	Dir, SMTP, Nameserver, Host string
	Port                        int
}

func configTemplate() *template.Template {
	return template.Must(template.New("mtad.conf").Parse(`hostname       = "mx.test"
spoolbase      = "{{.Dir}}/spool"
nameservers    = ["{{.Nameserver}}"]
relay_domains  = [{{range .Relay}}"{{.}}", {{end}}]
retry_interval = {{.Retry}}
{{.Global}}
esmtp_listener {
  {{.Listener}}
  listen "{{.SMTP}}" {
    {{.Listen}}
  }
}
control_listener {
  listen "{{.Dir}}/control" {}
}
ec_logger "main" {
  mainlog   = "{{.Dir}}/mainlog.ec"
  paniclog  = "{{.Dir}}/paniclog.ec"
  rejectlog = "{{.Dir}}/rejectlog.ec"
}
bounce_logger "main" {
  bouncelog = "{{.Dir}}/bouncelog.ec"
}
{{- if .Next}}{{$p := .}}{{range .Relay}}
domain "{{.}}" {
  gateway          = "{{$p.Host}}"
  remote_smtp_port = {{$p.Port}}
}{{end}}{{end}}
alerting {
  {{.Alerting}}
}
scriptlet "scriptlet" {
  {{.Scriptlet}}
  script "boot" {
    source = "msys.boot"
  }
{{- range .Scripts}}
  script "{{.Name}}" {
    source = "{{.Name}}"
  }{{end}}
}
`))
}

// noNameserver discards what is sent to it (RFC 863).
const noNameserver = "127.0.0.1:9"

// render gives the configuration's text.
func (c Config) render(t testing.TB, dir, smtp string) string {
	t.Helper()
	if c.Relay == nil {
		c.Relay = []string{"example.com"}
	}
	if c.Retry == 0 {
		c.Retry = 1
	}
	p := page{Config: c, Dir: dir, SMTP: smtp, Nameserver: noNameserver}
	if c.DNS != nil {
		p.Nameserver = c.DNS.Addr
	}
	if c.Next != nil {
		p.Host, p.Port = c.Next.Host, c.Next.Port
	}
	var b strings.Builder
	if err := configTemplate().Execute(&b, p); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(b.String(), "@DIR@", dir)
}
