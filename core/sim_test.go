package core

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/reception"
	"github.com/mtad/mtad/core/spool"
	"github.com/mtad/mtad/core/spool/spooltest"
	"github.com/mtad/mtad/sdk/smtp"
	"github.com/mtad/mtad/test/simnet"
)

// simulation is a Core whose network is a simnet.Net, its spool in memory and
// its clock that of the synctest bubble it runs in.
type simulation struct {
	*Core
	t        testing.TB
	net      *simnet.Net
	began    time.Time
	mainlog  string
	paniclog string
	started  []part
}

// simulate makes a Core. start starts all of it but what listens.
func simulate(t *testing.T, net *simnet.Net, config string) *simulation {
	t.Helper()
	dir := t.TempDir()
	s := &simulation{t: t, net: net, began: time.Now(), mainlog: filepath.Join(dir, "mainlog.ec"), paniclog: filepath.Join(dir, "paniclog.ec")}
	path := filepath.Join(dir, "mtad.conf")
	text := "hostname = \"me.test\"\nnameservers = [\"192.0.2.53\"]\nec_logger \"l\" {\n  heartbeat = 0\n  mainlog = \"" + s.mainlog +
		"\"\n  paniclog = \"" + s.paniclog + "\"\n}\n" + config
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Core = New(Options{Conf: conf.Options{Path: path}})
	loaded, _, err := s.load()
	if err != nil {
		t.Fatal(err)
	}
	s.settings.Store(loaded)
	s.courier.Dial = net.Dial
	s.courier.Shuffle = func(int, func(i, j int)) {}
	return s
}

func (s *simulation) start() {
	for _, p := range s.parts() {
		switch p.name {
		case "logs", "dns", "modules", "log hooks", "adaptive", "queue":
		case "spool":
			p.start = s.memorySpool
		default:
			continue
		}
		if err := p.start(context.Background()); err != nil {
			s.t.Fatal(err)
		}
		if p.name == "dns" {
			s.dns.Dial = s.net.DialDNS
		}
		s.started = append(s.started, p)
	}
}

func (s *simulation) memorySpool(context.Context) error {
	store, err := spool.Open(spool.Options{Dir: "/spool", FS: spooltest.New(1), Log: s.logs.Panic})
	if err == nil {
		s.useSpool(store)
	}
	return err
}

// stop stops the Core and then the Internet.
func (s *simulation) stop() {
	s.drain(s.started)
	s.net.Close()
}

// letter is a message to be queued.
type letter struct {
	sender, binding string
	priority        uint8
	recipients      []string
	suspended       string // why it waits for policy
}

// inject queues a message as reception does: durable first.
func (s *simulation) inject(l letter) []*message.Message {
	s.t.Helper()
	w, err := s.door.Spool.NewBody()
	if err != nil {
		s.t.Fatal(err)
	}
	header := "From: <" + l.sender + ">\r\nSubject: x\r\n\r\n"
	_, _ = w.Write([]byte(header + "hello\r\n"))
	ref, err := w.Close()
	if err != nil {
		s.t.Fatal(err)
	}
	batch := s.newID()
	var list []*message.Message
	var entries []reception.Entry
	b, ok := s.settings.Load().bindings.Find(l.binding)
	if !ok {
		s.t.Fatalf("no binding %q", l.binding)
	}
	for _, r := range l.recipients {
		m := &message.Message{
			ID: s.newID(), BatchID: batch, ConnID: batch, Sender: smtp.Address(l.sender), Recipient: smtp.Address(r), Binding: b.Name,
			BindingGroup: b.Group, Priority: l.priority, Received: time.Now(), Suspended: l.suspended,
			Content: message.Content{Body: ref, BodyOffset: int64(len(header)), Size: ref.Length},
		}
		list = append(list, m)
		entries = append(entries, reception.Entry{ID: m.ID, Meta: message.Encode(m), Body: ref})
	}
	if err := s.door.Spool.Commit(context.Background(), entries); err != nil {
		s.t.Fatal(err)
	}
	for _, m := range list {
		s.door.Log.Reception(m)
		s.queue.Insert(m)
	}
	return list
}

// pass lets time go by.
func (s *simulation) pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// records are the fields of the mainlog's lines.
func (s *simulation) records() [][]string {
	s.t.Helper()
	f, err := os.Open(s.mainlog)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	var out [][]string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		out = append(out, strings.Split(lines.Text(), "@"))
	}
	return out
}

func TestSimulationDelivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(1)
		net.Host(&simnet.Host{Name: "mx.a.test", Addr: simnet.Address(1), Domain: "a.test", Latency: time.Millisecond})
		net.Name("a.test", &simnet.Zone{MX: []simnet.MX{{Preference: 10, Host: "mx.a.test"}}})
		s := simulate(t, net, "")
		s.start()
		defer s.stop()
		s.inject(letter{sender: "s@b.test", binding: "default", recipients: []string{"x@a.test", "y@a.test"}})
		s.pass(time.Minute)
		if n := net.Receipt("x@a.test").Accepted; n != 1 {
			t.Errorf("%d copies were taken", n)
		}
	})
}
