package delivery

import (
	"bytes"
	"io"

	"github.com/mtad/mtad/core/message"
)

// Body is an open body record.
type Body interface {
	io.ReaderAt
	io.Closer
}

// Records makes Contents of the way to open a body record: an edited header
// section takes the place of the record's own.
type Records func(ref message.BodyRef) (Body, error)

// Open implements Contents.
func (open Records) Open(m *message.Message) (io.ReadCloser, error) {
	c := &m.Content
	body, err := open(c.Body)
	if err != nil {
		return nil, err
	}
	if c.Header == nil {
		return &content{io.NewSectionReader(body, 0, c.Body.Length), body}, nil
	}
	rest := io.NewSectionReader(body, c.BodyOffset, c.Body.Length-c.BodyOffset)
	head := io.MultiReader(bytes.NewReader(c.Header), bytes.NewReader(crlf), rest)
	return &content{head, body}, nil
}

type content struct {
	io.Reader
	io.Closer
}
