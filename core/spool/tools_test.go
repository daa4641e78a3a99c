package spool_test

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/spool"
	"github.com/mtad/mtad/core/spool/spooltest"
	"github.com/mtad/mtad/sdk"
)

func letter(id string) *message.Message {
	return &message.Message{
		ID: id, BatchID: "b", ConnID: "c", Sender: "from@example.com", Recipient: "to\xff@example.org",
		Binding: "default", Priority: 1, Protocol: sdk.ProtocolESMTP, Peer: netip.MustParseAddrPort("192.0.2.1:25"),
		Received: time.Unix(1254219116, 5).UTC(), Retries: 3, LastReply: "451 later",
		Context: sdk.Dict{{Key: "z", Value: "1"}, {Key: "a", Value: "\x80"}}, Bounce: true, SMTPUTF8: true,
	}
}

// send puts a message whose header section was edited after its body was
// stored.
func send(t *testing.T, s *spool.Store, id, head, body string, edited []byte) {
	t.Helper()
	ref, err := putBody(s, []byte(head+"\r\n"+body))
	if err != nil {
		t.Fatal(err)
	}
	m := letter(id)
	m.Content = message.Content{Body: ref, BodyOffset: int64(len(head)) + 2, Size: int64(len(head) + 2 + len(body)), Header: edited}
	err = s.Commit(context.Background(), spool.Batch{Entries: []spool.Entry{{ID: id, Meta: message.Encode(m), Body: ref}}})
	if err != nil {
		t.Fatal(err)
	}
}

const oneID, twoID = "10/00-01974-EBDC39A4", "20/00-01974-EBDC39A4"

func twoLetters(t *testing.T) spool.Options {
	t.Helper()
	o := small(spooltest.New(1))
	s := open(t, o)
	send(t, s, oneID, "Subject: one\r\n", "body one\r\n", nil)
	send(t, s, twoID, "Subject: two\r\n", strings.Repeat("body two\r\n", 20000), []byte("Subject: edited\r\n"))
	mustClose(t, s)
	return o
}

func TestList(t *testing.T) {
	var out bytes.Buffer
	if err := spool.List(&out, twoLetters(t)); err != nil {
		t.Fatal(err)
	}
	want := oneID + "\t26\t3\t<from@example.com>\t<to\xff@example.org>\tdefault\t451 later\n"
	if !strings.Contains(out.String(), want) || strings.Count(out.String(), "\n") != 2 {
		t.Errorf("got\n%swant a line\n%s", out.String(), want)
	}
}

func TestCat(t *testing.T) {
	o := twoLetters(t)
	for id, want := range map[string]string{
		oneID: "Subject: one\r\n\r\nbody one\r\n",
		twoID: "Subject: edited\r\n\r\n" + strings.Repeat("body two\r\n", 20000),
	} {
		var out bytes.Buffer
		if err := spool.Cat(&out, o, id); err != nil || out.String() != want {
			t.Errorf("%s: %d bytes, %v, want %d", id, out.Len(), err, len(want))
		}
	}
	if err := spool.Cat(&bytes.Buffer{}, o, "nobody"); !errors.Is(err, spool.ErrNotFound) {
		t.Errorf("unknown id: %v", err)
	}
}

func TestCheck(t *testing.T) {
	o := twoLetters(t)
	var out bytes.Buffer
	if n, err := spool.Check(&out, o); n != 0 || err != nil || !strings.Contains(out.String(), "2 messages, 2 bodies, 0 damaged, 0 unfinished") {
		t.Errorf("%d, %v\n%s", n, err, out.String())
	}
	fs := o.FS.(*spooltest.FS)
	name := segments(t, fs)[0]
	at := bytes.Index(fs.Contents(name), []byte("body one"))
	fs.Flip(name, int64(at), 0)
	out.Reset()
	if n, err := spool.Check(&out, o); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for _, part := range []string{"offset 0, 58 bytes: content fails its checksum", oneID + ": body in segment 1 at offset 32 cannot be read"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing in\n%s", part, out.String())
		}
	}
}

// What a process that was killed left half written is no damage.
func TestCheckAfterAKill(t *testing.T) {
	t.Run("", inBubble(func(t *testing.T) {
		fs := spooltest.New(1)
		o := small(fs)
		s := open(t, o)
		send(t, s, oneID, "Subject: one\r\n", "body one\r\n", nil)
		send(t, s, twoID, "Subject: two\r\n", "body two\r\n", nil)
		name := segments(t, fs)[0]
		f, err := fs.OpenWrite(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte("half a record"), int64(len(fs.Contents(name)))); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if n, err := spool.Check(&out, o); n != 0 || err != nil || !strings.Contains(out.String(), "0 damaged, 1 unfinished") {
			t.Errorf("%d, %v\n%s", n, err, out.String())
		}
		fs.Flip(name, 40, 0) // in the first body, which is durable
		out.Reset()
		if n, err := spool.Check(&out, o); n == 0 || err != nil || !strings.Contains(out.String(), "content fails its checksum") {
			t.Errorf("%d, %v\n%s", n, err, out.String())
		}
		mustClose(t, s)
	}))
}

func TestExportAndImport(t *testing.T) {
	from := twoLetters(t)
	var out bytes.Buffer
	if n, err := spool.Export(&out, from, "/export"); n != 2 || err != nil {
		t.Fatalf("export: %d, %v\n%s", n, err, out.String())
	}
	to := from
	to.Dir = "/other"
	for round, want := range []int{2, 0} {
		out.Reset()
		if n, err := spool.Import(&out, to, "/export"); n != want || err != nil {
			t.Errorf("round %d: %d, %v\n%s", round, n, err, out.String())
		}
	}
	for _, id := range []string{oneID, twoID} {
		var a, b bytes.Buffer
		if err := errors.Join(spool.Cat(&a, from, id), spool.Cat(&b, to, id)); err != nil || a.String() != b.String() {
			t.Errorf("%s: %d bytes became %d: %v", id, a.Len(), b.Len(), err)
		}
	}
	s := open(t, to)
	defer mustClose(t, s)
	meta, ref, err := s.Meta(twoID)
	if err != nil {
		t.Fatal(err)
	}
	got, err := message.Decode(meta)
	if err != nil {
		t.Fatal(err)
	}
	want := letter(twoID)
	want.Content = message.Content{Body: ref, BodyOffset: int64(len("Subject: edited\r\n\r\n")), Size: ref.Length}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
		t.Errorf("changed on the way:\n%s", diff)
	}
}

func TestExportSaysWhatItLeavesOut(t *testing.T) {
	o := twoLetters(t)
	fs := o.FS.(*spooltest.FS)
	name := segments(t, fs)[0]
	fs.Flip(name, int64(bytes.Index(fs.Contents(name), []byte("body one"))), 0)
	var out bytes.Buffer
	if n, err := spool.Export(&out, o, "/export"); n != 1 || err != nil || !strings.Contains(out.String(), oneID+"\tnot exported") {
		t.Errorf("%d, %v\n%s", n, err, out.String())
	}
}

func TestImportFindsTheBody(t *testing.T) {
	for content, want := range map[string]int64{
		"A: b\r\n\r\nbody": 8, "\r\nbody": 2, "": 0, "A: b\r\n": 6,
		strings.Repeat("A: "+strings.Repeat("x", 60)+"\r\n", 2000) + "\r\nbody": 130002,
	} {
		fs := spooltest.New(1)
		o := small(fs)
		for name, text := range map[string]string{"/in/x.eml": content, "/in/x.json": `{"id":"x","sender":"a@b","recipient":{"base64":"/w=="}}`} {
			f, err := fs.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteAt([]byte(text), 0); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		if n, err := spool.Import(&out, o, "/in"); n != 1 || err != nil {
			t.Fatalf("%d, %v: %s", n, err, out.String())
		}
		s := open(t, o)
		meta, _, err := s.Meta("x")
		if err != nil {
			t.Fatal(err)
		}
		m, err := message.Decode(meta)
		if err != nil || m.Content.BodyOffset != want || m.Content.Size != int64(len(content)) || m.Recipient != "\xff" {
			t.Errorf("%q: %+v, %v, want offset %d", content[:min(20, len(content))], m, err, want)
		}
		mustClose(t, s)
	}
}
