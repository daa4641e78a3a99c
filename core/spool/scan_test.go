package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/mtad/mtad/core/message"
)

const testMagic = 0x1122334455667788

func record(typ recordType, id uint64, content []byte) []byte {
	rec := append(newRecord(len(content)), content...)
	seal(rec, header{magic: testMagic, typ: typ, id: id})
	return rec
}

func sampleSegment() []byte {
	e := Entry{ID: "00/00-01974-EBDC39A4", Meta: []byte("meta"), Body: message.BodyRef{Segment: 7, Offset: 32, Length: 11}}
	b := record(recBody, uint64(bodyID(7, 32)), []byte("hello world"))
	b = append(b, record(recBatch, 1, appendEntry(make([]byte, batchPrefix), &e))...)
	b = append(b, record(recChange, 2, appendEntry(nil, &e))...)
	b = append(b, record(recDone, 3, appendDone(nil, 7, e.ID))...)
	it := item{kind: itemCreate, key: keyOf(e.ID), seq: 1, off: 83, size: 40, body: e.Body}
	return append(b, footer(testMagic, int64(len(b)), 3, appendItem(nil, &it))...)
}

type scanResult struct {
	types  []recordType
	bad    int64 // bytes reported as damage
	bodies int   // contents that were sound
}

func scanAll(b []byte) (r scanResult, err error) {
	sc := newScanner(bytes.NewReader(b), int64(len(b)), testMagic, func(_, n int64, _ string) { r.bad += n })
	for {
		if err := sc.advance(); err != nil {
			return r, err
		}
		r.types = append(r.types, sc.head.typ)
		if content, ok := sc.content(); ok {
			r.bodies++
			itemsOf(&segment{num: 7}, sc, content)
		}
	}
}

func TestScanner(t *testing.T) {
	good := sampleSegment()
	first := headerSize + len("hello world")
	flip := func(off int) []byte {
		b := bytes.Clone(good)
		b[off] ^= 1
		return b
	}
	hole := append(bytes.Clone(good[:first]), make([]byte, 3*scanStep)...)
	for name, c := range map[string]struct {
		in   []byte
		want scanResult
	}{
		"whole":            {good, scanResult{[]recordType{1, 2, 3, 4, 5}, 0, 5}},
		"empty":            {nil, scanResult{}},
		"header damaged":   {flip(first + 9), scanResult{[]recordType{1, 3, 4, 5}, 0, 4}},
		"content damaged":  {flip(first + headerSize + 20), scanResult{[]recordType{1, 2, 3, 4, 5}, 0, 4}},
		"a hole":           {append(hole, good[first:]...), scanResult{[]recordType{1, 2, 3, 4, 5}, 0, 5}},
		"no trailer":       {good[:len(good)-trailerSize], scanResult{[]recordType{1, 2, 3, 4, 5}, 0, 5}},
		"foreign":          {bytes.Repeat([]byte("x"), 1000), scanResult{bad: 1000}},
		"foreign in front": {append([]byte("x"), good...), scanResult{[]recordType{1, 2, 3, 4, 5}, 1, 5}},
		"torn":             {good[:first+60], scanResult{[]recordType{1}, 60, 1}},
	} {
		got, err := scanAll(c.in)
		if !errors.Is(err, io.EOF) || !bytes.Equal(typeBytes(got.types), typeBytes(c.want.types)) || got.bodies != c.want.bodies {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
		if c.want.bad != 0 && got.bad != c.want.bad || len(got.types) > got.bodies && got.bad == 0 {
			t.Errorf("%s: %d bytes reported as damage, want %d", name, got.bad, c.want.bad)
		}
	}
}

func typeBytes(types []recordType) (b []byte) {
	for _, t := range types {
		b = append(b, byte(t))
	}
	return b
}

func TestScannerRefusesANewerVersion(t *testing.T) {
	b := sampleSegment()
	b[9] = formatVersion + 1
	binary.LittleEndian.PutUint32(b[28:], crcOf(b[:28]))
	if _, err := scanAll(b); !errors.Is(err, ErrVersion) {
		t.Errorf("got %v", err)
	}
}

// A mail that looks like a record must not be taken for one: it cannot know
// the segment's magic.
func TestForgedRecordIsNotFound(t *testing.T) {
	forged := append(newRecord(0), appendDone(nil, 1, "victim")...)
	seal(forged, header{magic: testMagic + 1, typ: recDone, id: 99})
	b := record(recBody, 1, forged)
	b[9] ^= 1 // the body's header is damaged, so that its content is searched
	got, _ := scanAll(append(b, record(recDone, 1, appendDone(nil, 1, "x"))...))
	if len(got.types) != 1 {
		t.Errorf("records found: %v", got.types)
	}
}

func TestReadErrorsCostTheirBlocks(t *testing.T) {
	b := record(recBody, 1, bytes.Repeat([]byte("x"), 20000))
	b = append(b, record(recDone, 1, appendDone(nil, 1, "x"))...)
	r := badReader{b, 8192}
	var bad int64
	sc := newScanner(r, int64(len(b)), testMagic, func(_, n int64, _ string) { bad += n })
	if err := sc.advance(); err != nil {
		t.Fatal(err)
	}
	if _, ok := sc.content(); ok {
		t.Error("content that cannot be read is sound")
	}
	if err := sc.advance(); err != nil || sc.head.typ != recDone {
		t.Errorf("the record behind: type %d, %v", sc.head.typ, err)
	}
	if bad == 0 || !sc.in.broken {
		t.Error("nothing was reported")
	}
}

// badReader cannot read the block at bad.
type badReader struct {
	b   []byte
	bad int64
}

// ReadAt is io.ReaderAt.
func (r badReader) ReadAt(p []byte, off int64) (int, error) {
	if off <= r.bad && r.bad < off+int64(len(p)) {
		return 0, errors.New("input/output error")
	}
	return bytes.NewReader(r.b).ReadAt(p, off)
}

func TestItems(t *testing.T) {
	for _, it := range []item{
		{kind: itemCreate, key: keyOf("a"), seq: 1 << 60, off: 1<<32 - 1, size: 5, body: message.BodyRef{Segment: 1 << 50, Offset: 1 << 31, Length: 1 << 40, File: true}},
		{kind: itemChange, key: keyOf("b"), seq: 2, off: 3, size: 4, home: 5, body: message.BodyRef{Segment: 1, Offset: 32}},
		{kind: itemDone, key: keyOf("c"), seq: 3, size: 60, home: 1<<32 - 1},
		{kind: itemMoved, off: 99, size: 7, body: message.BodyRef{Segment: 1, Offset: 32, Length: 7}},
	} {
		got, rest, ok := cutItem(append(appendItem(nil, &it), 1, 2))
		if !ok || got != it || len(rest) != 2 {
			t.Errorf("%+v came back as %+v, %v", it, got, ok)
		}
	}
	unknown := []byte{3, 99, 1, 2, 7}
	if it, rest, ok := cutItem(unknown); !ok || it.kind != 99 || len(rest) != 1 {
		t.Errorf("an unknown kind is not skipped: %+v, %v", it, ok)
	}
}

func FuzzScanner(f *testing.F) {
	f.Add(sampleSegment())
	f.Add(sampleSegment()[5:])
	f.Add(record(recBatch, 1, make([]byte, 3)))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := scanAll(b)
		if !errors.Is(err, io.EOF) && !errors.Is(err, ErrVersion) {
			t.Errorf("%v", err)
		}
		if len(got.types) > len(b)/headerSize {
			t.Errorf("%d records in %d bytes", len(got.types), len(b))
		}
	})
}

func FuzzEntry(f *testing.F) {
	f.Add(appendEntry(nil, &Entry{ID: "a", Meta: []byte("b"), Body: message.BodyRef{Segment: 1, Offset: 2, Length: 3}}), false)
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 5}, true)
	f.Fuzz(func(t *testing.T, b []byte, mend bool) {
		if mend && len(b) > entryPrefix { // get past the checksum
			binary.LittleEndian.PutUint32(b, uint32(len(b)-entryPrefix))
			binary.LittleEndian.PutUint32(b[4:], crcOf(b[entryPrefix:]))
		}
		e, n, err := parseEntry(b)
		if err != nil {
			return
		}
		again, m, err := parseEntry(appendEntry(nil, &e))
		if err != nil || again.ID != e.ID || !bytes.Equal(again.Meta, e.Meta) || again.Body != e.Body || m > n+64 {
			t.Errorf("%+v became %+v, %v", e, again, err)
		}
	})
}

func FuzzFooterItems(f *testing.F) {
	it := item{kind: itemDone, key: keyOf("c"), seq: 3, size: 60, home: 1}
	f.Add(appendItem(nil, &it))
	f.Fuzz(func(t *testing.T, b []byte) {
		for ok := true; ok && len(b) > 0; {
			before := len(b)
			if _, b, ok = cutItem(b); ok && len(b) >= before {
				t.Fatal("no progress")
			}
		}
	})
}
