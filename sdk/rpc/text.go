package rpc

import (
	"strings"
	"unsafe"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// A decoded pb message aliases its frame, which may hold a hundred calls. A
// string that a module or the core keeps (a script's own table, a message's
// context) must not keep the frame, so strings are copied, the short ones of
// one item together.
const (
	firstBlock = 256
	nextBlock  = 1 << 10
	longText   = 256
)

// decoder turns pb messages into plain data. Byte slices alias the frame,
// unless own is set: then they are copied as well.
type decoder struct {
	own   bool
	block strings.Builder
}

// maxReserved bounds a block that is made in advance, in bytes.
const maxReserved = 16 << 10

// reserve makes room for n bytes of text in one block.
func (d *decoder) reserve(n int) {
	d.block.Reset()
	d.block.Grow(min(n, maxReserved))
}

// text copies p.
func (d *decoder) text(p []byte) string {
	if len(p) == 0 || len(p) > longText {
		return string(p)
	}
	if d.block.Cap()-d.block.Len() < len(p) {
		size := nextBlock
		if d.block.Cap() == 0 {
			size = firstBlock
		}
		d.block.Reset()
		d.block.Grow(size)
	}
	at := d.block.Len()
	d.block.Write(p)
	return d.block.String()[at:]
}

// str copies s.
func (d *decoder) str(s string) string { return d.text(wire(s)) }

// blob gives bytes that live as long as the call, or longer where own is set.
func (d *decoder) blob(p []byte) []byte {
	if len(p) == 0 {
		return nil
	}
	if d.own {
		return append([]byte(nil), p...)
	}
	return p
}

func (d *decoder) texts(list [][]byte) []string {
	if len(list) == 0 {
		return nil
	}
	out := make([]string, len(list))
	for i, p := range list {
		out[i] = d.text(p)
	}
	return out
}

func (d *decoder) strs(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = d.str(s)
	}
	return out
}

func (d *decoder) addresses(list [][]byte) []smtp.Address {
	if len(list) == 0 {
		return nil
	}
	out := make([]smtp.Address, len(list))
	for i, p := range list {
		out[i] = smtp.Address(d.text(p))
	}
	return out
}

// dict reads a flat list of key and value. A key without value, which no
// writer of ours makes, has the empty one.
func (d *decoder) dict(list [][]byte) sdk.Dict {
	if len(list) == 0 {
		return nil
	}
	out := make(sdk.Dict, 0, (len(list)+1)/2)
	for i := 0; i < len(list); i += 2 {
		p := sdk.Pair{Key: d.text(list[i])}
		if i+1 < len(list) {
			p.Value = d.text(list[i+1])
		}
		out = append(out, p)
	}
	return out
}

// wire gives the bytes of s without a copy. They are only read: pb messages
// that are built here are encoded and forgotten.
func wire[T ~string](s T) []byte {
	return unsafe.Slice(unsafe.StringData(string(s)), len(s))
}

func wires[T ~string](list []T) [][]byte {
	if len(list) == 0 {
		return nil
	}
	out := make([][]byte, len(list))
	for i, s := range list {
		out[i] = wire(s)
	}
	return out
}

func wireDict(dict sdk.Dict) [][]byte {
	if len(dict) == 0 {
		return nil
	}
	out := make([][]byte, 0, 2*len(dict))
	for i := range dict {
		out = append(out, wire(dict[i].Key), wire(dict[i].Value))
	}
	return out
}

// enum reads a number of an enumeration. One that does not fit is a number that
// no table has, not another one's.
func enum[T ~uint8](n int32) T {
	if n < 0 || n > 255 {
		return T(255)
	}
	return T(n)
}

// valid makes s fit a protobuf string field, whose readers in other languages
// refuse what is not UTF-8.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
