package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/sdk"
)

// asker is what answers a statement: a pool, a connection, or one that is
// prepared.
type asker struct {
	query func(ctx context.Context) (*sql.Rows, error)
	exec  func(ctx context.Context) (sql.Result, error)
}

// run runs a statement. One with parameters is prepared on the server, so that
// no value is ever part of its text; one without goes as it is. Where the
// server's grammar has no place for a parameter (SHOW TABLES LIKE ?), the
// library quotes it, as the original does with all of them.
func (p *pool) run(ctx context.Context, st *driver.Statement, limit int) (*sdk.Rows, error) {
	text, args := st.Questions(), st.Native()
	if len(args) == 0 {
		return asker{
			func(ctx context.Context) (*sql.Rows, error) { return p.db.QueryContext(ctx, text) },
			func(ctx context.Context) (sql.Result, error) { return p.db.ExecContext(ctx, text) },
		}.answer(ctx, st.Execute, limit)
	}
	conn, err := p.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	prepared, err := conn.PrepareContext(ctx, text)
	if e := answered(err); e != nil && (e.Code == codeSyntax || e.Code == codeNoPrep) {
		return asker{
			func(ctx context.Context) (*sql.Rows, error) { return conn.QueryContext(ctx, text, args...) },
			func(ctx context.Context) (sql.Result, error) { return conn.ExecContext(ctx, text, args...) },
		}.answer(ctx, st.Execute, limit)
	}
	if err != nil {
		return nil, err
	}
	defer prepared.Close()
	return asker{
		func(ctx context.Context) (*sql.Rows, error) { return prepared.QueryContext(ctx, args...) },
		func(ctx context.Context) (sql.Result, error) { return prepared.ExecContext(ctx, args...) },
	}.answer(ctx, st.Execute, limit)
}

// answer asks, and reads at most limit rows, -1 for all. Every value is a
// string or NULL: the original's driver speaks the text protocol only, and
// scripts compare with "1" (reference/datasource.md §1, mysql).
func (a asker) answer(ctx context.Context, execute bool, limit int) (*sdk.Rows, error) {
	if execute {
		_, err := a.exec(ctx)
		return &sdk.Rows{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rows, err := a.query(ctx)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out, err := read(rows, limit)
	if limit >= 0 && err == nil && len(out.Rows) == limit {
		skip(rows, cancel)
		return out, nil
	}
	return out, err
}

// skipped is how many rows behind the limit are read to keep the connection.
const skipped = 10_000

// skip reads the rest of a result, which the connection has in front of
// whatever comes next. Of a long rest the connection is rid by closing it.
func skip(rows *sql.Rows, cancel func()) {
	for range skipped {
		if !rows.Next() {
			return
		}
	}
	cancel()
}

// read reads at most limit rows, -1 for all.
func read(rows *sql.Rows, limit int) (*sdk.Rows, error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	out := &sdk.Rows{Columns: make([]string, len(types))}
	values, into := make([]any, len(types)), make([]any, len(types))
	for i, c := range types {
		out.Columns[i], into[i] = c.Name(), &values[i]
	}
	for (limit < 0 || len(out.Rows) < limit) && rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := make([]sdk.Datum, len(values))
		for i, v := range values {
			row[i] = text(v, types[i])
		}
		out.Rows = append(out.Rows, row)
	}
	return out, rows.Err()
}

// text is a value as the server writes it in the text protocol. The library
// makes numbers of those, and the binary protocol has nothing else.
func text(v any, c *sql.ColumnType) sdk.Datum {
	s := ""
	switch v := v.(type) {
	case nil:
		return sdk.Datum{}
	case []byte:
		s = string(v)
	case string:
		s = v
	case float32:
		s = decimals(float64(v), c, floatDigits)
	case float64:
		s = decimals(v, c, 0)
	default: // integers of either sign
		s = fmt.Sprint(v)
	}
	return sdk.Datum{Kind: sdk.DatumText, Text: s}
}

// floatDigits are the significant digits that a server writes of a FLOAT.
const floatDigits = 6

// decimals writes a number with the decimals that its column was declared
// with, else with as many digits as it takes.
func decimals(v float64, c *sql.ColumnType, digits int) string {
	if _, scale, ok := c.DecimalSize(); ok && scale >= 0 && scale < math.MaxInt8 {
		return strconv.FormatFloat(v, 'f', int(scale), 64)
	}
	if digits > 0 {
		if rounded, err := strconv.ParseFloat(strconv.FormatFloat(v, 'e', digits-1, 64), 64); err == nil {
			v = rounded
		}
	}
	return number(v)
}

// number writes a number as servers do: plainly below 1e15 and from 1e-15 on,
// else with an exponent that has neither plus sign nor leading zeros.
func number(v float64) string {
	if a := math.Abs(v); a == 0 || a >= 1e-15 && a < 1e15 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', -1, 64), "e")
	n, err := strconv.Atoi(exponent)
	if err != nil { // an infinity, which no column holds
		return mantissa
	}
	return mantissa + "e" + strconv.Itoa(n)
}
