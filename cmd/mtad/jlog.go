package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"
	"time"

	"github.com/mtad/mtad/sdk/jlog"
)

// jlogCommand reads jlogs, ours and the original's.
type jlogCommand struct {
	Ls          jlogLs          `cmd:"" help:"Show the segments, the subscribers, and what waits for each."`
	Read        jlogRead        `cmd:"" help:"Print a subscriber's messages, and move its checkpoint behind them."`
	Subscribe   jlogSubscribe   `cmd:"" help:"Add a subscriber."`
	Unsubscribe jlogUnsubscribe `cmd:"" help:"Remove a subscriber, and what is kept for it alone."`
}

type jlogLs struct {
	Dir  string `arg:"" help:"The jlog's directory."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// waiting is a subscriber of ls.
type waiting struct {
	Name       string `json:"name"`
	Checkpoint string `json:"checkpoint"`
	Messages   int    `json:"messages"`
}

// Run is called by kong.
func (c *jlogLs) Run(s *streams) error {
	have, err := jlog.Look(c.Dir)
	if err != nil {
		return err
	}
	list := []waiting{}
	for _, sub := range have.Subscribers {
		n, err := ahead(c.Dir, sub.Name)
		if err != nil {
			return err
		}
		list = append(list, waiting{sub.Name, sub.Done.String(), n})
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(map[string]any{"segments": len(have.Segments), "bytes": have.Bytes, "subscribers": list})
	}
	fmt.Fprintf(s.out, "%d segments, %d bytes\n", len(have.Segments), have.Bytes)
	for _, w := range list {
		fmt.Fprintf(s.out, "[subscriber: '%s' @ %s] %d messages wait\n", w.Name, w.Checkpoint, w.Messages)
	}
	return nil
}

// ahead counts the messages that wait for a subscriber.
func ahead(dir, name string) (n int, err error) {
	r, err := jlog.Open(dir, name)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	for {
		if _, err := r.Next(); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, err
		}
		n++
	}
}

type jlogRead struct {
	Dir        string `arg:"" help:"The jlog's directory."`
	Subscriber string `arg:"" help:"Who reads."`
	Limit      int    `help:"Print no more messages than that; 0: all."`
	Follow     bool   `help:"Go on as messages come, until interrupted."`
	Peek       bool   `help:"Leave the checkpoint where it is."`
	ID         bool   `name:"id" help:"Print each message's place and time in front of it."`
}

// jlogLook is how often --follow looks for more.
const jlogLook = 200 * time.Millisecond

// Run is called by kong. The checkpoint moves once a message is printed: one
// that is cut off comes again.
func (c *jlogRead) Run(s *streams) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	r, err := jlog.Open(c.Dir, c.Subscriber)
	if err != nil {
		return err
	}
	defer r.Close()
	for n := 0; c.Limit == 0 || n < c.Limit; {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			if !c.Follow || !sleep(ctx, jlogLook) {
				return nil
			}
			continue
		}
		if err != nil {
			return err
		}
		if err := c.print(s, r, &rec); err != nil {
			return err
		}
		n++
	}
	return nil
}

func (c *jlogRead) print(s *streams, r *jlog.Reader, rec *jlog.Record) error {
	line := rec.Data
	if len(line) == 0 || line[len(line)-1] != '\n' {
		line = append(line, '\n')
	}
	if c.ID {
		line = append(fmt.Appendf(nil, "%s %s ", rec.ID, rec.Time.UTC().Format(time.RFC3339Nano)), line...)
	}
	if _, err := s.out.Write(line); err != nil || c.Peek {
		return err
	}
	return r.Checkpoint(rec.ID)
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

type jlogSubscribe struct {
	Dir   string `arg:"" help:"The jlog's directory."`
	Name  string `arg:"" help:"The subscriber."`
	Begin bool   `help:"From the oldest message there is; without it from the next."`
}

// Run is called by kong.
func (c *jlogSubscribe) Run(*streams) error {
	return jlog.Subscribe(context.Background(), c.Dir, c.Name, c.Begin)
}

type jlogUnsubscribe struct {
	Dir  string `arg:"" help:"The jlog's directory."`
	Name string `arg:"" help:"The subscriber."`
}

// Run is called by kong.
func (c *jlogUnsubscribe) Run(*streams) error { return jlog.Unsubscribe(c.Dir, c.Name) }
