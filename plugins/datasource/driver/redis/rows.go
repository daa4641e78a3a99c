package redis

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/sdk"
)

// Column is the name of the column of an answer that is one value, or a list of
// them.
const Column = "value"

// rowsOf makes rows of an answer: of one value a row, of a list a row for each, of
// a map (HGETALL) and of HMGET one row with a column for each field. Nothing, and
// an empty map, is no row.
func rowsOf(words []string, answer any) *sdk.Rows {
	switch a := answer.(type) {
	case nil:
		return &sdk.Rows{Columns: []string{Column}}
	case map[any]any:
		return fields(a)
	case []any:
		if strings.EqualFold(words[0], "HMGET") && len(words) == len(a)+2 {
			return named(words[2:], a)
		}
		return listed(a)
	}
	return &sdk.Rows{Columns: []string{Column}, Rows: [][]sdk.Datum{{driver.Datum(answer)}}}
}

func fields(m map[any]any) *sdk.Rows {
	rows := &sdk.Rows{}
	if len(m) == 0 {
		return rows
	}
	byName := make(map[string]sdk.Datum, len(m))
	for k, v := range m {
		name := fmt.Sprint(k)
		rows.Columns = append(rows.Columns, name)
		byName[name] = driver.Datum(v)
	}
	slices.Sort(rows.Columns)
	row := make([]sdk.Datum, len(rows.Columns))
	for i, name := range rows.Columns {
		row[i] = byName[name]
	}
	rows.Rows = [][]sdk.Datum{row}
	return rows
}

func named(names []string, values []any) *sdk.Rows {
	rows := &sdk.Rows{Columns: names}
	if !slices.ContainsFunc(values, func(v any) bool { return v != nil }) {
		return rows
	}
	rows.Rows = [][]sdk.Datum{list(values, len(names))}
	return rows
}

// listed gives a list inside the list its own columns, "1", "2" and so on.
func listed(values []any) *sdk.Rows {
	width := 1
	for _, v := range values {
		if inner, ok := v.([]any); ok {
			width = max(width, len(inner))
		}
	}
	rows := &sdk.Rows{Columns: []string{Column}}
	if width > 1 {
		rows.Columns = make([]string, width)
		for i := range rows.Columns {
			rows.Columns[i] = strconv.Itoa(i + 1)
		}
	}
	for _, v := range values {
		inner, ok := v.([]any)
		if !ok {
			inner = []any{v}
		}
		rows.Rows = append(rows.Rows, list(inner, width))
	}
	return rows
}

func list(values []any, width int) []sdk.Datum {
	row := make([]sdk.Datum, width)
	for i := range min(width, len(values)) {
		row[i] = driver.Datum(values[i])
	}
	return row
}
