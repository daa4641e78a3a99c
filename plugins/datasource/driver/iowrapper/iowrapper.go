// Package iowrapper is the datasource driver for whole files: "iowrapper:". A
// query is a path, and its answer one row with one column, the content. It runs
// in the datasource module.
//
// Next: the row goes back to plugins/datasource.
package iowrapper

import (
	"context"
	"errors"
	"strings"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/sdk"
)

// Driver reads files.
type Driver struct{}

// Name is "iowrapper".
func (Driver) Name() string { return "iowrapper" }

// Open takes nothing behind the colon.
func (Driver) Open(c driver.Config) (driver.Pool, error) {
	if c.Rest != "" {
		return nil, errors.New(`iowrapper: the uri is "iowrapper:" and no more; the query names the file`)
	}
	text, err := driver.NewDecoder(c.Charset)
	return pool{text}, err
}

// Column is the name of the one column.
const Column = "content"

type pool struct{ text driver.Decoder }

// Query is part of driver.Pool.
func (p pool) Query(ctx context.Context, st *driver.Statement, limit int) (*sdk.Rows, error) {
	if st.Execute {
		return nil, driver.ReadOnly("iowrapper")
	}
	path, err := pathOf(st)
	if err != nil {
		return nil, err
	}
	b, err := driver.ReadFile(ctx, path, driver.MaxFile)
	if err != nil {
		return nil, err
	}
	rows := &sdk.Rows{Columns: []string{Column}}
	if limit != 0 {
		rows.Rows = [][]sdk.Datum{{{Kind: sdk.DatumText, Text: p.text.Text(b)}}}
	}
	return rows, nil
}

// pathOf puts the parameters in. One is part of a file's name and never more:
// it may come from a peer.
func pathOf(st *driver.Statement) (string, error) {
	path, err := st.Fill(strings.TrimSpace(st.SQL), nil, func(value string) (string, error) {
		if value == "" || strings.HasPrefix(value, ".") || strings.ContainsAny(value, "/\x00") {
			return "", &driver.Error{Text: "a parameter must be a file's name: not empty, without a slash, and no dot in front"}
		}
		return value, nil
	})
	if err != nil {
		return "", err
	}
	return driver.FilePath(path)
}

// Stamp is part of driver.Stamper.
func (p pool) Stamp(st *driver.Statement) string {
	path, err := pathOf(st)
	if err != nil {
		return ""
	}
	return driver.FileStamp(path)
}

// Close is part of driver.Pool.
func (pool) Close() error { return nil }
