package driver

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
)

// Decoder turns bytes of a charset into UTF-8. The zero Decoder is for data of
// which nobody said what it is in: UTF-8 stays, all else is taken for iso-8859-1
// (reference/datasource.md §1, assume_charset).
type Decoder struct{ from encoding.Encoding }

// NewDecoder finds a charset by its name; "" gives the zero Decoder.
func NewDecoder(name string) (Decoder, error) {
	switch strings.ToLower(name) {
	case "":
		return Decoder{}, nil
	case "iso-8859-1", "latin1", "l1":
		return Decoder{charmap.ISO8859_1}, nil // the index takes windows-1252 for it
	}
	e, err := htmlindex.Get(name)
	if err != nil || e == encoding.Replacement {
		return Decoder{}, fmt.Errorf("assume_charset: mtad does not know the charset %q", name)
	}
	return Decoder{e}, nil
}

// Text is the bytes as UTF-8. What is no text of the charset becomes U+FFFD.
func (d Decoder) Text(b []byte) string {
	from := d.from
	if from == nil {
		if utf8.Valid(b) {
			return string(b)
		}
		from = charmap.ISO8859_1
	}
	out, err := from.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	return strings.ToValidUTF8(string(out), "\uFFFD")
}
