package audit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mtad/mtad/sdk"
)

// A kept series is a text file of the series' name: a heading that says what it
// is, then a line for each key: the key quoted, the number of its newest window,
// and the counts of its windows, the newest first, without the zeros at the end.

// keptLine is one of these lines.
type keptLine struct {
	key    string
	newest int64
	values []int64
}

// heading is the first line of a series' file.
func heading(s *sdk.Series) string {
	return fmt.Sprintf("mtad-series 1 type %d interval %d windows %d", s.Type, int64(s.Interval.Seconds()), s.Windows)
}

// maxKept bounds a line of a file, in bytes.
const maxKept = 1 << 20

// write writes the series.
func (s *series) write(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, heading(&s.spec))
	for _, l := range s.lines() {
		fmt.Fprintf(out, "%s %d", strconv.Quote(l.key), l.newest)
		for _, v := range l.values {
			fmt.Fprintf(out, " %d", v)
		}
		fmt.Fprintln(out)
	}
	return out.Flush()
}

// lines is what there is to keep.
func (s *series) lines() []keptLine {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []keptLine
	if s.keys != nil {
		for e := s.keys.age.Back(); e != nil; e = e.Prev() {
			k := e.Value.(*keyCount)
			list = append(list, s.keys.line(k.key, &k.record))
		}
		return list
	}
	s.tree.each(func(p netip.Prefix, own record) { list = append(list, s.tree.line(p.String(), &own)) })
	return list
}

func (s *shape) line(key string, r *record) keptLine {
	l := keptLine{key: key, newest: r.newest}
	for i := range min(int64(s.count), r.newest+1) {
		l.values = append(l.values, r.values[s.at(0, r.newest-i)])
	}
	for len(l.values) > 0 && l.values[len(l.values)-1] == 0 {
		l.values = l.values[:len(l.values)-1]
	}
	return l
}

var errKept = errors.New("it is no file of this series, or damaged")

// read adds what a file holds.
func (s *series) read(r io.Reader) error {
	lines, err := readLines(r, &s.spec)
	if err != nil {
		return err
	}
	// What was touched last must be what is given up last.
	slices.SortStableFunc(lines, func(a, b keptLine) int { return int(max(min(a.newest-b.newest, 1), -1)) })
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range lines {
		s.put(&lines[i])
	}
	return nil
}

// readLines reads a file whole before any of it counts.
func readLines(r io.Reader, spec *sdk.Series) ([]keptLine, error) {
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxKept)
	if !in.Scan() || in.Text() != heading(spec) {
		return nil, errors.Join(errKept, in.Err())
	}
	var list []keptLine
	for in.Scan() {
		l, ok := parseLine(in.Text(), spec.Windows)
		if !ok || len(list) >= seriesNodes {
			return nil, errKept
		}
		list = append(list, l)
	}
	return list, in.Err()
}

func parseLine(text string, windows int) (l keptLine, ok bool) {
	quoted, err := strconv.QuotedPrefix(text)
	if err != nil {
		return l, false
	}
	l.key, _ = strconv.Unquote(quoted) // QuotedPrefix has judged it
	words := strings.Fields(text[len(quoted):])
	if len(words) < 1 || len(words) > windows+1 || len(l.key) > maxKey {
		return l, false
	}
	for i, w := range words {
		n, err := strconv.ParseInt(w, 10, 64)
		switch {
		case err != nil, i == 0 && (n < 0 || n > 1<<40):
			return l, false
		case i == 0:
			l.newest = n
		default:
			l.values = append(l.values, n)
		}
	}
	return l, true
}

// put adds a line's counts.
func (s *series) put(l *keptLine) {
	if s.keys != nil {
		s.keys.put(&s.keys.make(l.key, l.newest).Value.(*keyCount).record, l)
		return
	}
	p, err := netip.ParsePrefix(l.key)
	if err != nil || !s.fits(p) {
		return
	}
	for n := s.tree.make(p.Masked(), l.newest); n != nil; n = n.parent {
		s.tree.put(&n.record, l)
	}
}

func (s *shape) put(r *record, l *keptLine) {
	s.turn(r, l.newest)
	for i, v := range l.values {
		if w := l.newest - int64(i); w >= 0 && w > r.newest-int64(s.count) {
			r.values[s.at(0, w)] += v
		}
	}
}

// save keeps the series in dir: the file is there whole, or as it was.
func (s *series) save(dir string) (err error) {
	f, err := os.CreateTemp(dir, "."+s.spec.Name+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = s.write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, s.spec.Name))
}

// restore adds what a file of the series holds.
func (s *series) restore(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := s.read(f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
