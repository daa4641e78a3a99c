package spool

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/mtad/mtad/core/message"
)

// The two files of an exported message.
const (
	contentSuffix  = ".eml"
	envelopeSuffix = ".json"
)

// Export writes every message of a spool into dir: its content as ID.eml, its
// metadata as ID.json; the slash of an id becomes an underscore. It names on w
// what it wrote and what it could not read, and gives the number of messages
// written. The spool stays as it is (`mtad spool export`).
func Export(w io.Writer, o Options, dir string) (int, error) {
	s, err := look(o)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	if err := s.opts.FS.MkdirAll(dir); err != nil {
		return 0, err
	}
	n := 0
	err = s.each(func(e *Entry) error {
		err := s.export(dir, e)
		if errors.Is(err, ErrCorrupt) || errors.Is(err, ErrNotFound) || errors.Is(err, message.ErrCodec) {
			_, err = fmt.Fprintf(w, "%s\tnot exported: %v\n", e.ID, err)
			return err
		}
		if err == nil {
			n++
			_, err = fmt.Fprintln(w, e.ID)
		}
		return err
	})
	return n, errors.Join(err, s.opts.FS.SyncDir(dir))
}

func exportName(id string) string { return url.PathEscape(strings.ReplaceAll(id, "/", "_")) }

// export writes one message. The envelope comes last: without it, what is there
// is no message for Import.
func (s *Store) export(dir string, e *Entry) error {
	m, err := message.Decode(e.Meta)
	if err != nil {
		return err
	}
	m.ID = e.ID
	base := path.Join(dir, exportName(e.ID))
	err = s.writeFile(base+contentSuffix, func(w io.Writer) error { return s.writeContent(w, m, e.Body) })
	if err != nil {
		return err
	}
	head, err := json.MarshalIndent(envelopeOf(m), "", "  ")
	if err != nil {
		return err
	}
	return s.writeFile(base+envelopeSuffix, func(w io.Writer) error {
		_, err := w.Write(append(head, '\n'))
		return err
	})
}

// writeFile makes a file and syncs it; what could not be finished is removed.
func (s *Store) writeFile(name string, fill func(io.Writer) error) error {
	f, err := s.opts.FS.Create(name)
	if err != nil {
		return err
	}
	if err = fill(io.NewOffsetWriter(f, 0)); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, s.opts.FS.Remove(name))
	}
	return nil
}

// Import puts the messages that Export wrote to dir into a spool, durably. A
// message whose id is there already is left out, so that an import that was
// interrupted can be run again. It names on w what it did with each, and gives
// the number of messages taken (`mtad spool import`).
func Import(w io.Writer, o Options, dir string) (int, error) {
	s, err := Open(o)
	if err != nil {
		return 0, err
	}
	n, err := s.importAll(w, dir)
	return n, errors.Join(err, s.Close())
}

func (s *Store) importAll(w io.Writer, dir string) (n int, err error) {
	names, err := s.opts.FS.List(dir)
	if err != nil {
		return 0, err
	}
	slices.Sort(names)
	for _, name := range names {
		base, found := strings.CutSuffix(name, envelopeSuffix)
		if !found {
			continue
		}
		id, err := s.importOne(path.Join(dir, base))
		switch {
		case err == nil:
			n++
			_, err = fmt.Fprintln(w, id)
		case errors.Is(err, ErrFull) || errors.Is(err, ErrFailed):
			return n, fmt.Errorf("%s: %w", name, err)
		default:
			_, err = fmt.Fprintf(w, "%s\tnot imported: %v\n", base, err)
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// importOne takes one message.
func (s *Store) importOne(base string) (string, error) {
	head, err := s.readFile(base + envelopeSuffix)
	if err != nil {
		return "", err
	}
	var e envelope
	if err := json.Unmarshal(head, &e); err != nil {
		return "", err
	}
	m, err := e.message()
	if err != nil {
		return "", err
	}
	if m.Content, err = s.importContent(base + contentSuffix); err != nil {
		return "", err
	}
	err = s.Commit(context.Background(), Batch{Entries: []Entry{{ID: m.ID, Meta: message.Encode(m), Body: m.Content.Body}}})
	if err != nil {
		s.Drop(m.Content.Body)
	}
	return m.ID, err
}

func (s *Store) readFile(name string) ([]byte, error) {
	f, err := s.opts.FS.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(f, 0, size))
}

func (s *Store) importContent(name string) (message.Content, error) {
	f, err := s.opts.FS.Open(name)
	if err != nil {
		return message.Content{}, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return message.Content{}, err
	}
	b, err := s.NewBody()
	if err != nil {
		return message.Content{}, err
	}
	end := headEnd{tail: []byte("\r\n")}
	if _, err := io.Copy(io.MultiWriter(b, &end), io.NewSectionReader(f, 0, size)); err != nil {
		b.Abort()
		return message.Content{}, err
	}
	ref, err := b.Close()
	c := message.Content{Body: ref, BodyOffset: size, Size: size}
	if end.found {
		c.BodyOffset = end.off
	}
	return c, err
}

// headEnd finds where the body begins: behind the first empty line (RFC 5322
// §2.1).
type headEnd struct {
	tail  []byte // the last bytes before the next write, at most three
	off   int64
	found bool
}

// Write is io.Writer.
func (h *headEnd) Write(p []byte) (int, error) {
	if h.found {
		return len(p), nil
	}
	b := append(h.tail, p...)
	if i := bytes.Index(b, []byte("\r\n\r\n")); i >= 0 {
		h.off += int64(i + 4 - len(h.tail))
		h.found = true
		return len(p), nil
	}
	h.off += int64(len(p))
	h.tail = append([]byte(nil), b[max(0, len(b)-3):]...)
	return len(p), nil
}
