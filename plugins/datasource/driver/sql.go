package driver

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/mtad/mtad/sdk"
)

// Fetch runs a statement on a database/sql pool and reads at most limit rows,
// -1 for all. Errors are the database's own.
func Fetch(ctx context.Context, db *sql.DB, text string, args []any, limit int) (*sdk.Rows, error) {
	rows, err := db.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := &sdk.Rows{}
	if out.Columns, err = rows.Columns(); err != nil {
		return nil, err
	}
	values := make([]any, len(out.Columns))
	into := make([]any, len(values))
	for i := range values {
		into[i] = &values[i]
	}
	for (limit < 0 || len(out.Rows) < limit) && rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := make([]sdk.Datum, len(values))
		for i, v := range values {
			row[i] = Datum(v)
		}
		out.Rows = append(out.Rows, row)
	}
	return out, rows.Err()
}

// Datum is a value as a client library gives it: numbers stay numbers, everything
// else is text.
func Datum(v any) sdk.Datum {
	switch v := v.(type) {
	case nil:
		return sdk.Datum{}
	case int64:
		return sdk.Datum{Kind: sdk.DatumInt, Int: v}
	case float64:
		return sdk.Datum{Kind: sdk.DatumFloat, Float: v}
	case bool:
		d := sdk.Datum{Kind: sdk.DatumBool}
		if v {
			d.Int = 1
		}
		return d
	case []byte:
		return sdk.Datum{Kind: sdk.DatumText, Text: string(v)}
	case string:
		return sdk.Datum{Kind: sdk.DatumText, Text: v}
	case time.Time:
		return sdk.Datum{Kind: sdk.DatumText, Text: v.Format("2006-01-02 15:04:05.999999-07:00")}
	}
	return sdk.Datum{Kind: sdk.DatumText, Text: fmt.Sprint(v)}
}
