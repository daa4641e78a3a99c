package spool

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/mtad/mtad/core/message"
)

// look opens a spool for an offline tool, without a lock and without touching
// it. Beside a running daemon it shows a moment that may be past.
func look(o Options) (*Store, error) {
	o.ReadOnly = true
	return Open(o)
}

// List writes a line for every message: id, size, retries, sender, recipient,
// binding and the last reply, separated by tabs (`mtad spool ls`).
func List(w io.Writer, o Options) error {
	s, err := look(o)
	if err != nil {
		return err
	}
	defer s.Close()
	return s.each(func(e *Entry) error {
		m, err := message.Decode(e.Meta)
		if err != nil {
			_, err = fmt.Fprintf(w, "%s\t%v\n", e.ID, err)
			return err
		}
		_, err = fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%s\t%s\n", e.ID, m.Content.Size, m.Retries, m.Sender.Path(), m.Recipient.Path(), m.Binding, m.LastReply)
		return err
	})
}

// Cat writes a message as it would be sent: the edited header section where
// there is one (`mtad spool cat`).
func Cat(w io.Writer, o Options, id string) error {
	s, err := look(o)
	if err != nil {
		return err
	}
	defer s.Close()
	meta, ref, err := s.Meta(id)
	if err != nil {
		return err
	}
	m, err := message.Decode(meta)
	if err != nil {
		return err
	}
	return s.writeContent(w, m, ref)
}

// writeContent writes a message's content to w.
func (s *Store) writeContent(w io.Writer, m *message.Message, ref message.BodyRef) error {
	var from int64
	if m.Content.Header != nil {
		from = m.Content.BodyOffset
		if _, err := fmt.Fprintf(w, "%s\r\n", m.Content.Header); err != nil {
			return err
		}
	}
	if noBody(ref) {
		return nil
	}
	r, err := s.OpenBody(ref)
	if err != nil {
		return err
	}
	defer r.Close()
	// The part in front of the body is read too, because only a whole read
	// verifies the checksum.
	if _, err := io.Copy(io.Discard, io.NewSectionReader(r, 0, r.Size())); err != nil {
		return err
	}
	_, err = io.Copy(w, io.NewSectionReader(r, from, r.Size()-from))
	return err
}

// Check verifies every checksum of a spool and writes a line for each damage
// and a summary (`mtad spool check`). It gives the number of damaged places; an
// error means that the spool could not be looked at. What a process that was
// killed left half written counts as unfinished, not as damage: nobody was told
// that it is there.
func Check(w io.Writer, o Options) (damaged int, err error) {
	s, err := look(o)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	c := checker{w: w, s: s}
	segs := make([]*segment, 0, len(s.segs))
	for _, seg := range s.segs {
		segs = append(segs, seg)
	}
	slices.SortFunc(segs, func(a, b *segment) int { return cmp.Compare(a.num, b.num) })
	for _, seg := range segs {
		c.segment(seg)
	}
	c.messages()
	c.printf("%d segments, %d records, %d messages, %d bodies, %d damaged, %d unfinished\n",
		len(segs), c.records, len(s.entries), len(s.bodies), c.damaged, c.unfinished)
	return c.damaged, c.err
}

type checker struct {
	w                            io.Writer
	s                            *Store
	records, damaged, unfinished int
	err                          error // of w
}

func (c *checker) printf(format string, args ...any) {
	if _, err := fmt.Fprintf(c.w, format, args...); err != nil && c.err == nil {
		c.err = err
	}
}

func (c *checker) bad(format string, args ...any) {
	c.damaged++
	c.printf(format+"\n", args...)
}

// segment verifies every record, whether anything still needs it or not.
func (c *checker) segment(seg *segment) {
	name := segmentName(seg.num, seg.magic)
	sc := newScanner(seg.file, seg.size, seg.magic, func(off, n int64, what string) {
		if seg.open && off >= seg.durable {
			c.unfinished++
			c.printf("%s: offset %d, %d bytes: not finished, which is normal after a crash (%s)\n", name, off, n, what)
			return
		}
		c.bad("%s: offset %d, %d bytes: %s", name, off, n, what)
	})
	for {
		err := sc.advance()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			c.bad("%s: offset %d: %v", name, sc.next, err)
			return
		}
		if _, ok := sc.content(); ok {
			c.records++
		}
	}
}

// messages reads every message as delivery would.
func (c *checker) messages() {
	s := c.s
	bodies := map[bodyKey]bool{}
	for _, w := range s.snapshot() {
		e, err := s.readEntry(w.key)
		if err != nil {
			c.bad("segment %d offset %d: metadata of a message: %v", w.seg, w.off, err)
			continue
		}
		if _, err := message.Decode(e.Meta); err != nil {
			c.bad("%s: %v", e.ID, err)
		}
		k := bodyKeyOf(e.Body)
		if _, seen := bodies[k]; !seen {
			bodies[k] = s.readable(e.Body)
		}
		if !bodies[k] {
			c.bad("%s: body %s cannot be read", e.ID, s.bodyPlace(k))
		}
	}
}

func (s *Store) readable(ref message.BodyRef) bool {
	if noBody(ref) {
		return true
	}
	r, err := s.OpenBody(ref)
	if err != nil {
		return false
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, io.NewSectionReader(r, 0, r.Size()))
	return err == nil
}

func (s *Store) bodyPlace(k bodyKey) string {
	if k.file() {
		return "in " + bodyName(k.num())
	}
	b := s.bodies[k]
	return fmt.Sprintf("in segment %d at offset %d", b.seg, b.off)
}
