package scan

import (
	"time"

	"github.com/mtad/mtad/sdk/option"
)

// Antivirus is an antivirus scope (reference/modules.tsv): the engines that a
// message is shown to, in this order.
type Antivirus struct {
	Instance   string     `opt:",instance,optional"`
	Pos        option.Pos `opt:",pos"`
	Enabled    bool       `opt:"enabled" default:"true" help:"Whether its engines scan without a script's asking; msys.av asks them in any case."`
	DebugLevel string     `opt:"debug_level" default:"" help:"Accepted for compatibility."`
	ClamAV     []ClamAV   `scope:"clamav" help:"The engine clamav: a clamd."`
}

// ClamAV is a clamav scope in an antivirus scope.
type ClamAV struct {
	Instance    string        `opt:",instance,optional"`
	Pos         option.Pos    `opt:",pos"`
	Enabled     bool          `opt:"enabled" default:"true" help:"Whether it scans without a script's asking. A policy script wants false."`
	Daemon      string        `opt:"daemon" default:"127.0.0.1:3310" help:"Where clamd listens: host:port, or the path of a socket."`
	Timeout     time.Duration `opt:"timeout" default:"10" unit:"seconds" help:"How long one scan may take, connecting and waiting for another to end included."`
	Action      string        `opt:"action" enum:"reject,pass" default:"reject" help:"reject: refuse what is infected or cannot be scanned; pass: only set the context variables."`
	ErrorCode   int64         `opt:"error_code" default:"451" help:"Code of the reply where a scan failed and action is reject."`
	Variable    string        `opt:"context_variable" help:"Message context variable that says infected, unscannable or error, and is not set for what is clean; <name>_info has the virus or the reason. Default: <engine>_status."`
	Skip        string        `opt:"skip_context_variable" default:"skip_virus_check" help:"A message whose context has this variable is not scanned."`
	Concurrency int64         `opt:"max_concurrency" default:"0" help:"Scans under way at a time; 0: 50."`

	CacheSize  int64  `opt:"cache_size" default:"1000" help:"Accepted for compatibility: every message is scanned."`
	FileBase   string `opt:"file_base" help:"Accepted for compatibility: content is streamed, there are no files."`
	Decompose  bool   `opt:"mime_decompose" default:"false" help:"Accepted for compatibility: clamd takes mail apart."`
	Paranoid   bool   `opt:"paranoid" default:"false" help:"Accepted for compatibility: clamd's own configuration says what it alerts on."`
	Pool       string `opt:"pool" help:"Accepted for compatibility."`
	Wire       bool   `opt:"use_wire_rep" default:"true" help:"Accepted for compatibility: what is scanned is the message as it is now, edits included."`
	DebugLevel string `opt:"debug_level" default:"" help:"Accepted for compatibility."`
}

// EngineClamAV is the engine's name, for scripts and in context variables.
const EngineClamAV = "clamav"

// At is the engine's daemon.
func (o *ClamAV) At() Daemon { return Daemon{o.Daemon, o.Timeout} }

// Status is the name of the context variable.
func (o *ClamAV) Status() string {
	if o.Variable != "" {
		return o.Variable
	}
	return EngineClamAV + "_status"
}

// Engine is the clamav scope at the top level, which says nothing here.
type Engine struct {
	Enabled    bool   `opt:"enabled" default:"true" help:"Accepted for compatibility; the engines are those in antivirus scopes."`
	DebugLevel string `opt:"debug_level" default:"" help:"Accepted for compatibility."`
	Instance   string `opt:",instance,optional"`
}

// SpamAssassin is the spamassassin scope (reference/modules.tsv): the spamd that
// msys.spamc asks.
type SpamAssassin struct {
	Daemon      string        `opt:"daemon" default:"localhost:783" help:"Where spamd listens: host:port, or the path of a socket."`
	Timeout     time.Duration `opt:"timeout" default:"30" unit:"seconds" help:"How long one scan may take, connecting and waiting for another to end included."`
	MaxSize     int64         `opt:"max_size" default:"51200" unit:"bytes" help:"So much of a body is shown to spamd."`
	Concurrency int64         `opt:"max_concurrency" default:"0" help:"Scans under way at a time; 0: 50."`
	Enabled     bool          `opt:"enabled" default:"true" help:"Accepted for compatibility: nothing is scanned unless a script asks."`
	DebugLevel  string        `opt:"debug_level" default:"" help:"Accepted for compatibility."`
	Instance    string        `opt:",instance,optional"`
	Pos         option.Pos    `opt:",pos"`
}

// At is the daemon.
func (o *SpamAssassin) At() Daemon { return Daemon{o.Daemon, o.Timeout} }

// RspamdOptions is the rspamd scope, which is mtad's own: the rspamd that
// msys.rspamd asks.
type RspamdOptions struct {
	Daemon      string        `opt:"daemon" default:"127.0.0.1:11333" help:"Where rspamd's normal worker listens: host:port, or the path of a socket."`
	Timeout     time.Duration `opt:"timeout" default:"10" unit:"seconds" help:"How long one scan may take, connecting and waiting for another to end included."`
	MaxSize     int64         `opt:"max_size" default:"52428800" unit:"bytes" help:"So much of a body is shown to rspamd."`
	Concurrency int64         `opt:"max_concurrency" default:"0" help:"Scans under way at a time; 0: 50."`
	Password    string        `opt:"password" help:"Password of the worker, if it wants one."`
	DebugLevel  string        `opt:"debug_level" default:"" help:"Accepted for compatibility."`
	Instance    string        `opt:",instance,optional"`
	Pos         option.Pos    `opt:",pos"`
}

// At is the daemon.
func (o *RspamdOptions) At() Daemon { return Daemon{o.Daemon, o.Timeout} }

// Schemas are the scopes of scanners.
func Schemas() []option.Schema {
	list := []option.Schema{
		option.SchemaOf("antivirus", Antivirus{}), option.SchemaOf("clamav", Engine{}),
		option.SchemaOf("spamassassin", SpamAssassin{}), option.SchemaOf("rspamd", RspamdOptions{}),
	}
	for i, help := range []string{"Virus scanners.", "The engine clamav.", "The spamd of msys.spamc.", "The rspamd of msys.rspamd."} {
		list[i].Help = help
	}
	return list
}

// Settings are the scanners of a configuration.
type Settings struct {
	Antivirus    []Antivirus
	SpamAssassin *SpamAssassin // nil: none
	Rspamd       *RspamdOptions
}

// Read reads the scopes that are scanners'; of several spamassassin or rspamd
// scopes the last counts.
func Read(scopes []option.Scope) (s Settings, problems option.Problems) {
	for i := range scopes {
		scope := &scopes[i]
		switch scope.Name {
		case "antivirus":
			var o Antivirus
			problems = append(problems, option.Decode(scope, &o)...)
			for _, c := range o.ClamAV {
				problems = append(problems, checked(c.Daemon, c.Timeout, c.Pos)...)
				if c.ErrorCode < 400 || c.ErrorCode > 599 {
					problems = append(problems, option.Problem{Pos: c.Pos, Text: "error_code must be from 400 to 599"})
				}
			}
			s.Antivirus = append(s.Antivirus, o)
		case "clamav":
			problems = append(problems, option.Decode(scope, &Engine{})...)
		case "spamassassin":
			o := &SpamAssassin{}
			problems = append(problems, option.Decode(scope, o)...)
			problems = append(problems, checked(o.Daemon, o.Timeout, o.Pos)...)
			s.SpamAssassin = o
		case "rspamd":
			o := &RspamdOptions{}
			problems = append(problems, option.Decode(scope, o)...)
			problems = append(problems, checked(o.Daemon, o.Timeout, o.Pos)...)
			s.Rspamd = o
		}
	}
	return s, problems
}

func checked(address string, timeout time.Duration, at option.Pos) (problems option.Problems) {
	if err := CheckAddress(address); err != nil {
		problems = append(problems, option.Problem{Pos: at, Text: err.Error()})
	}
	if timeout <= 0 {
		problems = append(problems, option.Problem{Pos: at, Text: "timeout must be 1 or more seconds"})
	}
	return problems
}

// Engines are the engines of all antivirus scopes, in order.
func (s *Settings) Engines() []*ClamAV {
	var out []*ClamAV
	for i := range s.Antivirus {
		for j := range s.Antivirus[i].ClamAV {
			out = append(out, &s.Antivirus[i].ClamAV[j])
		}
	}
	return out
}
