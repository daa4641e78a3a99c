package cidr

import (
	"fmt"
	"strconv"

	"github.com/mtad/mtad/sdk"
)

// FromRows makes a table of what a datasource gave. A column is named, or
// numbered from 1; "" is the first one for networks, and none for values. A row
// without a value that can be read is skipped.
func FromRows(rows *sdk.Rows, networkColumn, valueColumn string) (*Table, Skipped, error) {
	var skipped Skipped
	if networkColumn == "" {
		networkColumn = "1"
	}
	at, err := column(rows, networkColumn)
	if err != nil {
		return nil, skipped, err
	}
	value := -1
	if valueColumn != "" {
		if value, err = column(rows, valueColumn); err != nil {
			return nil, skipped, err
		}
	}
	t := newTable()
	for n, row := range rows.Rows {
		text := cell(row, at)
		list, ok := networks(text)
		if !ok {
			if skipped.Lines == 0 {
				skipped.First, skipped.Text = n+1, text[:min(len(text), 80)]
			}
			skipped.Lines++
			continue
		}
		for _, p := range list {
			t.list(p, cell(row, value))
		}
		if t.Size() > maxEntries {
			return nil, skipped, errEntries
		}
	}
	return t.finish(), skipped, nil
}

// column finds a column by its name, else by its number.
func column(rows *sdk.Rows, name string) (int, error) {
	for i, c := range rows.Columns {
		if c == name {
			return i, nil
		}
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 1 && n <= len(rows.Columns) {
		return n - 1, nil
	}
	if len(rows.Rows) == 0 {
		return 0, nil // some drivers name no columns where there are no rows
	}
	return 0, fmt.Errorf("the query gives no column %q", name)
}

// cell is a value as text; that of column -1 is "".
func cell(row []sdk.Datum, at int) string {
	if at < 0 || at >= len(row) {
		return ""
	}
	switch d := row[at]; d.Kind {
	case sdk.DatumText:
		return d.Text
	case sdk.DatumInt:
		return strconv.FormatInt(d.Int, 10)
	case sdk.DatumFloat:
		return strconv.FormatFloat(d.Float, 'g', -1, 64)
	case sdk.DatumBool:
		return strconv.FormatBool(d.Int != 0)
	}
	return ""
}
