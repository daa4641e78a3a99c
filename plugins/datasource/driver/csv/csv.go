// Package csv is the datasource driver for files of comma-separated values:
// "csv:". A query is the file: /path/file.csv?cols=2. It runs in the datasource
// module.
//
// Next: the rows go back to plugins/datasource.
package csv

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/sdk"
)

// Driver reads files.
type Driver struct{}

// Name is "csv".
func (Driver) Name() string { return "csv" }

// Open takes nothing behind the colon.
func (Driver) Open(c driver.Config) (driver.Pool, error) {
	if c.Rest != "" {
		return nil, errors.New(`csv: the uri is "csv:" and no more; the query names the file`)
	}
	text, err := driver.NewDecoder(c.Charset)
	return pool{text}, err
}

type pool struct{ text driver.Decoder }

// Bounds of what a query may ask for.
const (
	maxColumns = 1000
	maxRows    = 1_000_000
)

// query is a query's text.
type query struct {
	path   string
	cols   int  // columns of each row; 0: as many as the first has
	header bool // the first row names the columns
}

func parse(text string) (query, error) {
	path, options, _ := strings.Cut(strings.TrimSpace(text), "?")
	var q query
	var err error
	if q.path, err = driver.FilePath(path); err != nil {
		return q, err
	}
	values, err := url.ParseQuery(options)
	if err != nil {
		return q, &driver.Error{Text: "behind the ? of the query must be name=value"}
	}
	for name, value := range values {
		switch name {
		case "cols":
			if q.cols, err = strconv.Atoi(value[0]); err != nil || q.cols < 1 || q.cols > maxColumns {
				return q, &driver.Error{Text: fmt.Sprintf("cols must be a number from 1 to %d", maxColumns)}
			}
		case "header":
			if q.header, err = strconv.ParseBool(value[0]); err != nil {
				return q, &driver.Error{Text: "header must be true or false"}
			}
		default:
			return q, &driver.Error{Text: fmt.Sprintf("the query has an unknown option %q; there are cols and header", name)}
		}
	}
	return q, nil
}

// Query is part of driver.Pool. All rows come, whatever the limit is: half a
// list of networks would be worse than none (reference/config-options.tsv,
// max_rows).
func (p pool) Query(ctx context.Context, st *driver.Statement, _ int) (*sdk.Rows, error) {
	if st.Execute {
		return nil, driver.ReadOnly("csv")
	}
	q, err := parse(st.SQL)
	if err != nil {
		return nil, err
	}
	b, err := driver.ReadFile(ctx, q.path, driver.MaxFile)
	if err != nil {
		return nil, err
	}
	return q.read(ctx, p.text.Text(b))
}

// read reads the records (RFC 4180); lines may end in LF alone.
func (q query) read(ctx context.Context, text string) (*sdk.Rows, error) {
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\uFEFF")))
	r.FieldsPerRecord, r.ReuseRecord, r.TrimLeadingSpace = -1, true, true
	rows := &sdk.Rows{}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, &driver.Error{Text: q.path + ": " + err.Error()}
		}
		if rows.Columns == nil {
			rows.Columns = q.columns(record)
			if q.header {
				continue
			}
		}
		if len(rows.Rows) == maxRows {
			return nil, &driver.Error{Text: fmt.Sprintf("%s has more than %d rows", q.path, maxRows)}
		}
		rows.Rows = append(rows.Rows, row(record, len(rows.Columns)))
	}
}

// columns are the names: those of the first row, else "1", "2" and so on.
func (q query) columns(first []string) []string {
	n := q.cols
	if n == 0 {
		n = min(len(first), maxColumns)
	}
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i + 1)
		if q.header && i < len(first) && first[i] != "" {
			names[i] = first[i]
		}
	}
	return names
}

// row has n columns; a field that is not there is NULL.
func row(record []string, n int) []sdk.Datum {
	out := make([]sdk.Datum, n)
	for i := range min(n, len(record)) {
		out[i] = sdk.Datum{Kind: sdk.DatumText, Text: record[i]}
	}
	return out
}

// Stamp is part of driver.Stamper.
func (p pool) Stamp(st *driver.Statement) string {
	q, err := parse(st.SQL)
	if err != nil {
		return ""
	}
	return driver.FileStamp(q.path)
}

// Close is part of driver.Pool.
func (pool) Close() error { return nil }
