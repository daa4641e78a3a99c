package spool

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// A record is a header of 32 bytes and its content:
//
//	0  magic     8  of the segment: random, so that no mail can hold a forged record
//	8  type      1
//	9  version   1
//	10 zero      2
//	12 length    4  of the content
//	16 id        8  see recordType
//	24 content   4  CRC32C
//	28 header    4  CRC32C of the 28 bytes before it
//
// All numbers are little endian.
const (
	headerSize    = 32
	formatVersion = 1
	// maxContent bounds one record: a segment's offsets are 32 bits wide.
	maxContent = 1 << 30
)

// recordType is what a record holds.
type recordType uint8

// The types. A number never gets another meaning; a reader skips what it does
// not know.
const (
	recBody   recordType = iota + 1 // id: the body's name, see bodyID
	recBatch                        // id: sequence number; content: batchPrefix, entries
	recChange                       // id: sequence number; content: one entry
	recDone                         // id: sequence number; content: home segment, message id
	recFooter                       // id: 0; content: the segment's items
)

// fileMagic begins the one record of a body that has a file of its own.
const fileMagic = 0x79646f6264617466

// header is a record's header.
type header struct {
	magic  uint64
	typ    recordType
	length uint32
	id     uint64
	crc    uint32 // of the content
}

var errNoRecord = errors.New("no record here")

func crcTable() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

func crcOf(b []byte) uint32 { return crc32.Checksum(b, crcTable()) }

func addCRC(crc uint32, b []byte) uint32 { return crc32.Update(crc, crcTable(), b) }

// put writes the header into b, which has room for it.
func (h header) put(b []byte) {
	le := binary.LittleEndian
	le.PutUint64(b, h.magic)
	b[8], b[9], b[10], b[11] = byte(h.typ), formatVersion, 0, 0
	le.PutUint32(b[12:], h.length)
	le.PutUint64(b[16:], h.id)
	le.PutUint32(b[24:], h.crc)
	le.PutUint32(b[28:], crcOf(b[:28]))
}

// parseHeader reads a header. It fails with errNoRecord where there is none,
// and with ErrVersion where a sound one is of a version it cannot read.
func parseHeader(b []byte, magic uint64) (header, error) {
	le := binary.LittleEndian
	if len(b) < headerSize || le.Uint64(b) != magic || le.Uint32(b[28:]) != crcOf(b[:28]) {
		return header{}, errNoRecord
	}
	if b[9] != formatVersion {
		return header{}, ErrVersion
	}
	h := header{magic: magic, typ: recordType(b[8]), length: le.Uint32(b[12:]), id: le.Uint64(b[16:]), crc: le.Uint32(b[24:])}
	if h.length > maxContent {
		return header{}, errNoRecord
	}
	return h, nil
}

// seal fills in the header in front of a record whose content is complete.
func seal(rec []byte, h header) {
	content := rec[headerSize:]
	h.length, h.crc = uint32(len(content)), crcOf(content)
	h.put(rec)
}

// newRecord is a buffer with room for the header and n bytes of content.
func newRecord(n int) []byte { return make([]byte, headerSize, headerSize+n) }

// appendDone is the content of a done record. The home segment says how long
// the record is needed.
func appendDone(b []byte, home uint32, id string) []byte {
	b = binary.LittleEndian.AppendUint32(b, home)
	return append(b, id...)
}

func parseDone(b []byte) (home uint32, id string, ok bool) {
	if len(b) < 5 {
		return 0, "", false
	}
	return binary.LittleEndian.Uint32(b), string(b[4:]), true
}
