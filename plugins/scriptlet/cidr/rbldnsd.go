package cidr

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// Bounds of a file.
const (
	maxLine    = 64 << 10  // bytes
	maxEntries = 8_000_000 // networks
)

var (
	errEntries = fmt.Errorf("more than %d networks", maxEntries)
	errLine    = fmt.Errorf("a line is longer than %d bytes", maxLine)
)

// Record is which of an entry's two values a list gives.
type Record uint8

// The records.
const (
	RecordA   Record = iota // "127.0.0.2"
	RecordTXT               // a text, in which $ may stand for the address
)

// standardA is the value of an entry that names none.
const standardA = "127.0.0.2"

// Skipped tells of lines that could not be read.
type Skipped struct {
	Lines int
	First int    // number of the first of them
	Text  string // what it says
}

// String is a sentence for the operator, "" where nothing was skipped.
func (s Skipped) String() string {
	if s.Lines == 0 {
		return ""
	}
	return fmt.Sprintf("%d lines are no entries; the first is line %d: %q", s.Lines, s.First, s.Text)
}

// ReadRBLDNSD reads a zone file of rbldnsd: the datasets ip4set, ip4trie, ip4tset,
// ip6trie and ip6tset, each by itself or in a combined one. Lines that are no
// entries are skipped, as rbldnsd does.
func ReadRBLDNSD(r io.Reader, record Record) (*Table, Skipped, error) {
	f := zone{table: newTable(), record: record}
	f.begin()
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxLine)
	for n := 1; in.Scan(); n++ {
		if text := strings.TrimSpace(in.Text()); !f.line(text) {
			if f.skipped.Lines == 0 {
				f.skipped.First, f.skipped.Text = n, text[:min(len(text), 80)]
			}
			f.skipped.Lines++
		}
		if f.table.Size() > maxEntries {
			return nil, f.skipped, errEntries
		}
	}
	if err := in.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			err = errLine
		}
		return nil, f.skipped, err
	}
	return f.table.finish(), f.skipped, nil
}

// zone is a file being read.
type zone struct {
	table   *Table
	record  Record
	skipped Skipped
	a, txt  string     // the default values in force
	vars    [10]string // $0 to $9
	names   bool       // in a dataset of names, which has no networks
}

// begin forgets what was said for the dataset before.
func (z *zone) begin() { z.a, z.txt = standardA, "" }

// line reads one line; false where it is none.
func (z *zone) line(text string) bool {
	switch {
	case text == "" || text[0] == '#' || text[0] == ';':
		return true
	case text[0] == '$':
		z.special(text)
		return true
	case z.names:
		return true
	case text[0] == ':':
		a, txt, ok := z.values(text, standardA, "")
		if ok {
			z.a, z.txt = a, txt
		}
		return ok
	}
	entry, not := strings.CutPrefix(text, "!")
	list, rest, ok := address(strings.TrimSpace(entry))
	if !ok {
		return false
	}
	if not {
		z.exclude(list)
		return true
	}
	a, txt, ok := z.values(rest, z.a, z.txt)
	if !ok {
		return false
	}
	value := a
	if z.record == RecordTXT {
		value = z.substitute(txt)
	}
	for _, p := range list {
		z.table.list(p, value)
	}
	return true
}

func (z *zone) exclude(list []netip.Prefix) {
	for _, p := range list {
		z.table.exclude(p)
	}
}

// special reads a line such as "$1 text" or "$DATASET ip4set name @"; those that
// concern the DNS ($SOA, $NS, $TTL) say nothing here.
func (z *zone) special(text string) {
	word, rest, _ := strings.Cut(text[1:], " ")
	rest = strings.TrimSpace(rest)
	switch {
	case len(word) == 1 && word[0] >= '0' && word[0] <= '9':
		z.vars[word[0]-'0'] = rest
	case strings.EqualFold(word, "DATASET"):
		kind, _, _ := strings.Cut(rest, " ")
		z.names = !strings.HasPrefix(strings.ToLower(kind), "ip")
		z.begin()
	}
}

// address cuts an entry's networks from what follows. The values of an IPv4
// entry may follow without a blank ("10.79.0.0:2:text").
func address(text string) (list []netip.Prefix, rest string, ok bool) {
	word, rest := text, ""
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		word, rest = text[:i], strings.TrimSpace(text[i:])
	}
	if list, ok = networks(word); ok {
		return list, rest, true
	}
	i := strings.IndexByte(text, ':')
	if i < 0 || i > len(word) || !strings.ContainsAny(text[:i], "./-") {
		return nil, "", false // "10::1:text" is no network of IPv4
	}
	list, ok = networks(text[:i])
	return list, text[i:], ok
}

// values reads an entry's values, in place of those given: ":A:TXT", or a text
// alone. A comment is no value.
func (z *zone) values(text, a, txt string) (string, string, bool) {
	switch {
	case text == "" || text[0] == '#' || text[0] == ';':
		return a, txt, true
	case text[0] != ':':
		return a, text, true
	}
	word, rest, pair := strings.Cut(text[1:], ":")
	switch full, ok := fullA(word); {
	case ok:
		a = full
	case word != "" && !pair: // ":text" has no A value
		return a, word, true
	case word != "":
		return a, txt, false
	}
	if pair {
		txt = strings.TrimSpace(rest)
	}
	return a, txt, true
}

// fullA completes an A value: 2 is 127.0.0.2.
func fullA(text string) (string, bool) {
	if n, err := strconv.ParseUint(text, 10, 8); err == nil {
		return "127.0.0." + strconv.FormatUint(n, 10), true
	}
	a, err := netip.ParseAddr(text)
	return text, err == nil && a.Is4()
}

// substitute puts the values of $0 to $9 into a text.
func (z *zone) substitute(text string) string {
	if !strings.Contains(text, "$") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != '$' || i+1 == len(text):
			b.WriteByte(text[i])
		case text[i+1] >= '0' && text[i+1] <= '9':
			i++
			b.WriteString(z.vars[text[i]-'0'])
		case text[i+1] == '$':
			i++
			b.WriteString("$$")
		default:
			b.WriteByte('$')
		}
	}
	return b.String()
}

// Interpolate puts an address in the place of every dollar sign; two of them
// are one that stays.
func Interpolate(text string, addr netip.Addr) string {
	if !strings.Contains(text, "$") {
		return text
	}
	return strings.NewReplacer("$$", "$", "$", addr.String()).Replace(text)
}
