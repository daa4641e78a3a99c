package mtatest

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Panic is a paniclog entry (reference/logs.md, paniclog).
type Panic struct {
	Time   time.Time
	Source string
	Text   string // further lines of it joined by newlines
}

var panicStart = regexp.MustCompile(`^(\d{10}):(?:([A-Za-z][\w-]*): )?(.*)$`)

// Panics reads a paniclog. A line that does not begin an entry goes on with the
// one before.
func Panics(log string) []Panic {
	var out []Panic
	for _, line := range lines(log) {
		m := panicStart.FindStringSubmatch(line)
		switch {
		case m != nil:
			out = append(out, Panic{Time: time.Unix(number(m[1]), 0), Source: m[2], Text: m[3]})
		case len(out) > 0:
			out[len(out)-1].Text += "\n" + line
		default:
			out = append(out, Panic{Text: line})
		}
	}
	return out
}

func lines(log string) []string {
	if log = strings.TrimSuffix(log, "\n"); log == "" {
		return nil
	}
	return strings.Split(log, "\n")
}

// MainRecord is a line of the mainlog. Fields that its type does not have are
// zero.
type MainRecord struct {
	Time                         time.Time
	Message, Batch, Connection   string // ids
	Type                         byte   // R, D, T, P or M
	RcptLocal, RcptDomain        string // R
	SenderLocal, SenderDomain    string // R
	Source, Protocol             string // R
	Domain                       string // D, T, P: routing domain
	Group, Binding, Remote, Text string
	Size                         int64
	Stage, Retries               int
	Seconds                      float64
}

// id is a message, batch or connection id (reference/logs.md, IDs).
var id = regexp.MustCompile(`^[0-9A-F]{2}/[0-9A-F]{2}-\d{5,}-[0-9A-F]{8}$`)

// fields takes a record apart, one field after the other, and keeps the first
// problem.
type fields struct {
	list []string
	err  error
}

func (f *fields) fail(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf(format, args...)
	}
}

func (f *fields) text(what string) string {
	if len(f.list) == 0 {
		f.fail("no field %s", what)
		return ""
	}
	first := f.list[0]
	f.list = f.list[1:]
	return first
}

func (f *fields) id(what string) string {
	s := f.text(what)
	if !id.MatchString(s) {
		f.fail("%s is %q", what, s)
	}
	return s
}

func (f *fields) number(what string) int64 {
	s := f.text(what)
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		f.fail("%s is %q", what, s)
	}
	return n
}

func (f *fields) seconds(what string) float64 {
	s := f.text(what)
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || n < 0 {
		f.fail("%s is %q", what, s)
	}
	return n
}

// addr reads an address; "" where none was reached is allowed.
func (f *fields) addr(what string) string {
	s := f.text(what)
	if _, err := netip.ParseAddr(s); s != "" && err != nil {
		f.fail("%s is %q", what, s)
	}
	return s
}

func (f *fields) epoch() time.Time {
	s := f.text("time")
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || len(s) != 10 {
		f.fail("time is %q", s)
	}
	return time.Unix(n, 0)
}

func (f *fields) end() error {
	if len(f.list) > 0 {
		f.fail("surplus fields %q", f.list)
	}
	return f.err
}

// MainLog reads a mainlog field by field (reference/logs.md, mainlog). Marks
// are left out.
func MainLog(log string) ([]MainRecord, error) {
	var out []MainRecord
	for _, line := range lines(log) {
		r, err := mainRecord(line)
		if err != nil {
			return out, fmt.Errorf("%q: %w", line, err)
		}
		if r.Type != 'M' {
			out = append(out, r)
		}
	}
	return out, nil
}

func mainRecord(line string) (r MainRecord, err error) {
	f := fields{list: strings.SplitN(line, "@", 14)}
	r.Time = f.epoch()
	if strings.HasSuffix(line, "@@@@M") {
		r.Type = 'M'
		return r, f.err
	}
	r.Message, r.Batch, r.Connection = f.id("message id"), f.id("batch id"), f.id("connection id")
	kind := f.text("type")
	if len(kind) != 1 {
		return r, fmt.Errorf("type %q", kind)
	}
	switch r.Type = kind[0]; r.Type {
	case 'R':
		r.RcptLocal, r.RcptDomain = f.text("recipient"), f.text("recipient's domain")
		r.SenderLocal, r.SenderDomain = f.text("sender"), f.text("sender's domain")
		r.Source, r.Size, r.Protocol = f.text("source"), f.number("size"), f.text("protocol")
		r.Group, r.Binding = f.text("group"), f.text("binding")
	case 'D':
		r.Domain, r.Size, r.Group, r.Binding = f.text("domain"), f.number("size"), f.text("group"), f.text("binding")
		r.Retries, r.Seconds, r.Remote = int(f.number("retries")), f.seconds("seconds"), f.addr("remote")
	case 'T', 'P':
		r.Domain, r.Size, r.Group, r.Binding = f.text("domain"), f.number("size"), f.text("group"), f.text("binding")
		r.Stage, r.Retries, r.Seconds = int(f.number("stage")), int(f.number("retries")), f.seconds("seconds")
		r.Remote, r.Text = f.addr("remote"), f.text("reply")
	default:
		return r, fmt.Errorf("type %q", kind)
	}
	return r, f.end()
}

// BounceRecord is a line of the bouncelog.
type BounceRecord struct {
	Time                       time.Time
	Message, Batch, Connection string
	Type                       byte // B or T
	RcptLocal, RcptDomain      string
	SenderLocal, SenderDomain  string
	Group, Binding             string
	Stage, Class               int
	Size                       int64
	Remote, Text               string
}

// BounceLog reads a bouncelog field by field (reference/logs.md, bouncelog).
// Marks are left out.
func BounceLog(log string) ([]BounceRecord, error) {
	var out []BounceRecord
	for _, line := range lines(log) {
		if strings.HasSuffix(line, "@@@@M1") {
			continue
		}
		f := fields{list: strings.SplitN(line, "@", 16)}
		r := BounceRecord{Time: f.epoch(), Message: f.id("message id"), Batch: f.id("batch id"), Connection: f.id("connection id")}
		kind := f.text("type")
		if kind != "B" && kind != "T" {
			return out, fmt.Errorf("%q: type %q", line, kind)
		}
		r.Type = kind[0]
		r.RcptLocal, r.RcptDomain = f.text("recipient"), f.text("recipient's domain")
		r.SenderLocal, r.SenderDomain = f.text("sender"), f.text("sender's domain")
		r.Group, r.Binding = f.text("group"), f.text("binding")
		r.Stage, r.Class, r.Size = int(f.number("stage")), int(f.number("class")), f.number("size")
		r.Remote, r.Text = f.addr("remote"), f.text("reply")
		if err := f.end(); err != nil {
			return out, fmt.Errorf("%q: %w", line, err)
		}
		out = append(out, r)
	}
	return out, nil
}

// RejectRecord is a line of the rejectlog.
type RejectRecord struct {
	Time            time.Time
	Remote, Local   netip.AddrPort
	Connection      string
	Pathway, Group  string
	Phase           string
	Code            int
	Module          string
	Conn, Mess      map[string]string // contexts
	Text            string
	ConnKeys, MKeys []string // in order
}

// RejectLog reads a rejectlog field by field (reference/logs.md, rejectlog).
// Marks are left out.
func RejectLog(log string) ([]RejectRecord, error) {
	var out []RejectRecord
	for _, line := range lines(log) {
		if strings.HasSuffix(line, ": Marker 1") {
			continue
		}
		r, err := rejectRecord(line)
		if err != nil {
			return out, fmt.Errorf("%q: %w", line, err)
		}
		out = append(out, r)
	}
	return out, nil
}

func rejectRecord(line string) (r RejectRecord, err error) {
	p := &scan{rest: line}
	epoch := p.until(":")
	if len(epoch) != 10 {
		p.fail("time is %q", epoch)
	}
	r.Time = time.Unix(number(epoch), 0)
	r.Remote, r.Local = p.addrPort(" R="), p.addrPort(" L=")
	if r.Connection = p.quoted(" C="); !id.MatchString(r.Connection) {
		p.fail("C is %q", r.Connection)
	}
	r.Pathway, r.Group, r.Phase = p.quoted(" PATH="), p.quoted(" PATH_GRP="), p.quoted(" P=")
	p.skip(" E=")
	r.Code = int(number(p.until(" M=")))
	if r.Code < 200 || r.Code > 599 {
		p.fail("E is %d", r.Code)
	}
	r.Module = p.until(" CTXCONN=[")
	r.Conn, r.ConnKeys = p.dict()
	p.skip(" CTXMESS=[")
	r.Mess, r.MKeys = p.dict()
	p.skip(" ")
	r.Text = p.rest
	return r, p.err
}

// scan reads a line from left to right and keeps the first problem.
type scan struct {
	rest string
	err  error
}

func (p *scan) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}

func (p *scan) skip(text string) {
	rest, ok := strings.CutPrefix(p.rest, text)
	if !ok {
		p.fail("no %q at %q", text, clip(p.rest, 30))
	}
	p.rest = rest
}

func (p *scan) until(end string) string {
	text, rest, ok := strings.Cut(p.rest, end)
	if !ok {
		p.fail("no %q in %q", end, clip(p.rest, 30))
	}
	p.rest = rest
	return text
}

func (p *scan) quoted(name string) string {
	p.skip(name + `"`)
	return p.until(`"`)
}

func (p *scan) addrPort(name string) netip.AddrPort {
	a, err := netip.ParseAddrPort(p.quoted(name))
	if err != nil {
		p.fail("%s: %w", name, err)
	}
	return a
}

// dict reads k=v,k="a value",...] up to the bracket.
func (p *scan) dict() (map[string]string, []string) {
	out, keys := map[string]string{}, []string{}
	for p.err == nil && !strings.HasPrefix(p.rest, "]") {
		if len(keys) > 0 {
			p.skip(",")
		}
		key := p.until("=")
		var value string
		if strings.HasPrefix(p.rest, `"`) {
			value = p.quoted("")
		} else {
			n := strings.IndexAny(p.rest, ",]")
			if n < 0 {
				p.fail("no end of the context")
				break
			}
			value, p.rest = p.rest[:n], p.rest[n:]
		}
		out[key] = value
		keys = append(keys, key)
	}
	p.skip("]")
	return out, keys
}
