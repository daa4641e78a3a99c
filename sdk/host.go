package sdk

import (
	"context"
	"time"
)

// Host is what a module may ask of the core. The core's answers come over the
// HostCalls stream, or directly where isolation is "core". Every method honours
// its context's deadline. `mtad check` gives a Host that refuses I/O with
// ErrNoIO.
type Host interface {
	// Source finds a script or library by the name a configuration or a
	// require uses ("myscripts.ehlo_phase", no extension). A miss is a
	// *SourceError with every path tried.
	Source(ctx context.Context, name string) (*Source, error)
	// LookupDNS asks the core's resolver and its cache.
	LookupDNS(ctx context.Context, q DNSQuery) (*DNSAnswer, error)
	// Query asks the datasource module.
	Query(ctx context.Context, q *Query) (*Rows, error)
	// ReadBody reads from a body that did not come inline. It returns fewer
	// bytes than asked for only at the end.
	ReadBody(ctx context.Context, handle uint64, offset, length int64) ([]byte, error)
	// Inject queues a new message outside of any call (timers, console).
	// Inside a call use Change InjectMessage.
	Inject(ctx context.Context, in *Injection) ([]string, error)
	// Counter works on a named process counter and returns its value;
	// CounterOpen returns a handle.
	Counter(ctx context.Context, op CounterOp) (int64, error)
	// Auditor counts inbound traffic, series and gauges.
	Auditor
	// ConfigValue looks up a configuration value as the console's
	// `config get` and `config eval` do; words as on the console.
	ConfigValue(ctx context.Context, words []string) (string, error)
	// DelayDomain puts off all mail that is due in the queues of a domain,
	// with note as its status, and says how many messages that were.
	DelayDomain(ctx context.Context, domain, note string) (int, error)
	// Log writes a record to the paniclog. Records of one module keep their
	// order, and come before the verdict of the call that made them.
	Log(r LogRecord)
}

// DNSStarter is a Host that answers DNS questions without somebody to wait for
// the answer: a thousand hooks in a lookup then hold no thousand goroutines in
// the core.
type DNSStarter interface {
	// StartDNS is LookupDNS with the answer for done, which is called once, at
	// once or later, and must not wait.
	StartDNS(q DNSQuery, done func(*DNSAnswer, error))
}

// Level is a paniclog level.
type Level uint8

// The levels of Debug_Flags.
const (
	LevelDebug Level = iota
	LevelInfo
	LevelNotice
	LevelWarning
	LevelError
	LevelCritical
	LevelPrint // Lua's print: always written
)

// LogRecord is one paniclog entry: "<epoch>:<Source>: <Text>".
type LogRecord struct {
	Time   time.Time // zero: now
	Level  Level
	Source string // module name, or "scriptlet-00147"
	Text   string
}

// Source is a script's text and where it was found.
type Source struct {
	Name string // as asked for
	Path string // absolute path, or "(embedded)/msys/boot.lua"
	Text []byte
}

// SourceError is a source that was not found.
type SourceError struct {
	Name  string
	Tried []TriedPath
}

// TriedPath is one path that was tried and why it did not do.
type TriedPath struct {
	Path  string
	Errno int
	Text  string
}

// DNSQuery is a question for the resolver. Type is upper case ("MX"). Server,
// if set, is asked instead of the configured ones ("127.0.0.1:53").
type DNSQuery struct {
	Name, Type string
	Server     string
	Timeout    time.Duration // 0: the resolver's own
}

// DNSAnswer is what came back. Error is "" or a word such as "NXDOMAIN",
// "SERVFAIL", "NODATA", "TIMEOUT".
type DNSAnswer struct {
	Records []DNSRecord // MX sorted by preference
	Error   string
	// Secure says that DNSSEC proves the answer (RFC 4035 §3.2.3). Only the core
	// knows: it does not cross to modules.
	Secure bool
}

// DNSRecord is one record; Preference is the MX preference.
type DNSRecord struct {
	Value      string
	Preference int
}

// Query is a database statement for a datasource.
type Query struct {
	Datasource string
	SQL        string
	Positional []Datum          // for ? placeholders, in order
	Named      map[string]Datum // for :name and $name, without the sigil
	NoCache    bool
	Execute    bool // no result set
	// Generation is the asker's: its datasources answer. 0: the current ones.
	Generation uint64
}

// DatumKind is the type of a Datum.
type DatumKind uint8

// The kinds of Datum.
const (
	DatumNull DatumKind = iota
	DatumText
	DatumInt
	DatumFloat
	DatumBool
)

// Datum is one value going to or coming from a database.
type Datum struct {
	Kind  DatumKind
	Text  string
	Int   int64
	Float float64
}

// Rows is a whole result. It may be shared by many callers (a cache hands it
// out again), so nobody writes into it.
type Rows struct {
	Columns []string
	Rows    [][]Datum
}

// QueryError is a statement that failed. Prefix is the paniclog wording of the
// stage, such as "failed to prepare".
type QueryError struct {
	Datasource, Stage, Text, SQL string
}

// CounterKind is an operation on a counter.
type CounterKind uint8

// The operations.
const (
	CounterRead CounterKind = iota
	CounterAdd
	CounterReset
	CounterUnlink
	CounterOpen
)

// CounterOp is an operation on the counter at Path.
type CounterOp struct {
	Kind    CounterKind
	Path    string
	Delta   int64
	Relaxed bool
	// Handle is what CounterOpen gave: it stands for the counter that was opened,
	// some minutes even after that was unlinked. 0: whatever is at Path.
	Handle uint64
}
