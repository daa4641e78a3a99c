package jlog

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Subscriber is a reader that messages are kept for.
type Subscriber struct {
	Name string
	Done ID // its checkpoint
}

// Segment is a file of messages.
type Segment struct {
	Number uint32
	Bytes  int64
}

// Contents is what a jlog has.
type Contents struct {
	Subscribers []Subscriber // by name
	Segments    []Segment    // oldest first
	Bytes       int64        // of all segments and indices
	Newest      uint32       // the segment that is written to
}

func checkpointName(dir, subscriber string) string {
	return filepath.Join(dir, fmt.Sprintf("cp.%x", subscriber))
}

// subscribe makes a checkpoint, where there is none.
func subscribe(dir, name string, at ID, mode os.FileMode) error {
	f, err := os.OpenFile(checkpointName(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.Write(numbers(at.Segment, at.Message))
	return errors.Join(err, f.Close())
}

func readCheckpoint(f io.ReaderAt) (ID, error) {
	var b [8]byte
	if _, err := f.ReadAt(b[:], 0); err != nil {
		return ID{}, fmt.Errorf("checkpoint: %w", err)
	}
	return ID{binary.NativeEndian.Uint32(b[:]), binary.NativeEndian.Uint32(b[4:])}, nil
}

// Look says what a jlog has.
func Look(dir string) (Contents, error) {
	var c Contents
	meta, err := os.Open(filepath.Join(dir, "metastore"))
	if err != nil {
		return c, err
	}
	defer meta.Close()
	if c.Newest, _, err = readMetastore(meta); err != nil {
		return c, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return c, err
	}
	for _, e := range entries {
		if err := c.add(dir, e); err != nil && !errors.Is(err, os.ErrNotExist) { // a reader removed it
			return c, err
		}
	}
	return c, nil
}

func (c *Contents) add(dir string, e os.DirEntry) error {
	info, err := e.Info()
	if err != nil {
		return err
	}
	name := e.Name()
	if encoded, ok := strings.CutPrefix(name, "cp."); ok {
		who, err := hex.DecodeString(encoded)
		if err != nil {
			return nil // somebody else's
		}
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		defer f.Close()
		done, err := readCheckpoint(f)
		c.Subscribers = append(c.Subscribers, Subscriber{string(who), done})
		return err
	}
	number, isIndex := strings.CutSuffix(name, ".idx")
	n, err := strconv.ParseUint(number, 16, 32)
	if err != nil || len(number) != 8 {
		return nil
	}
	c.Bytes += info.Size()
	if !isIndex {
		c.Segments = append(c.Segments, Segment{uint32(n), info.Size()})
	}
	return nil
}

// Subscribe adds a subscriber: from the oldest message on, or from the next.
func Subscribe(ctx context.Context, dir, name string, fromStart bool) error {
	c, err := Look(dir)
	if err != nil {
		return err
	}
	info, err := os.Stat(filepath.Join(dir, "metastore"))
	if err != nil {
		return err
	}
	at := ID{Segment: c.Newest}
	if fromStart && len(c.Segments) > 0 {
		at.Segment = c.Segments[0].Number
	}
	if err := subscribe(dir, name, at, info.Mode().Perm()); err != nil || fromStart {
		return err
	}
	return skip(dir, name)
}

// skip moves a subscriber's checkpoint to the end.
func skip(dir, name string) error {
	r, err := Open(dir, name)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return r.Checkpoint(r.last)
		}
		if err != nil {
			return err
		}
		r.last = rec.ID
	}
}

// Unsubscribe removes a subscriber, and what was kept for it alone.
func Unsubscribe(dir, name string) error {
	if err := os.Remove(checkpointName(dir, name)); err != nil {
		return fmt.Errorf("no subscriber %q: %w", name, err)
	}
	c, err := Look(dir)
	if err != nil || len(c.Subscribers) == 0 {
		return err
	}
	return prune(dir, c.Newest)
}

// prune removes the segments below one that every subscriber is past.
func prune(dir string, below uint32) error {
	c, err := Look(dir)
	if err != nil {
		return err
	}
	for _, s := range c.Subscribers {
		below = min(below, s.Done.Segment)
	}
	var errs []error
	for _, s := range c.Segments {
		if s.Number < below {
			errs = append(errs, remove(segmentName(dir, s.Number)), remove(segmentName(dir, s.Number)+".idx"))
		}
	}
	return errors.Join(errs...)
}

func remove(name string) error {
	if err := os.Remove(name); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
