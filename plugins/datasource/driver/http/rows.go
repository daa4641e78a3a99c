package http

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strconv"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/sdk"
)

// Column is the name of the column of an answer that is not made of objects.
const Column = "value"

// rowsOf makes rows of a JSON text (RFC 8259): an array is a row for each element,
// an object a row with a column for each member, null no row. What is nested
// deeper stays JSON.
func rowsOf(body []byte, limit int) (*sdk.Rows, error) {
	var elements []json.RawMessage
	if text := bytes.TrimLeft(body, " \t\r\n"); len(text) == 0 || text[0] != '[' {
		elements = []json.RawMessage{body}
	} else if err := json.Unmarshal(body, &elements); err != nil {
		return nil, notJSON(err)
	}
	var objects []map[string]any
	for _, e := range elements {
		o, err := object(e)
		if err != nil {
			return nil, err
		}
		if o != nil && (limit < 0 || len(objects) < limit) {
			objects = append(objects, o)
		}
	}
	return table(objects), nil
}

// object is an element as an object; nil for null.
func object(text []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, notJSON(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, &driver.Error{Text: "the answer has more than one JSON text"}
	}
	switch v := v.(type) {
	case nil:
		return nil, nil
	case map[string]any:
		return v, nil
	}
	return map[string]any{Column: v}, nil
}

func notJSON(err error) error {
	return &driver.Error{Text: "the answer is no JSON: " + err.Error()}
}

// table has a column for each name that any object has.
func table(objects []map[string]any) *sdk.Rows {
	rows := &sdk.Rows{}
	at := map[string]bool{}
	for _, o := range objects {
		for name := range o {
			if !at[name] {
				at[name] = true
				rows.Columns = append(rows.Columns, name)
			}
		}
	}
	slices.Sort(rows.Columns)
	for _, o := range objects {
		row := make([]sdk.Datum, len(rows.Columns))
		for i, name := range rows.Columns {
			row[i] = datum(o[name])
		}
		rows.Rows = append(rows.Rows, row)
	}
	return rows
}

func datum(v any) sdk.Datum {
	switch v := v.(type) {
	case nil:
		return sdk.Datum{}
	case string:
		return sdk.Datum{Kind: sdk.DatumText, Text: v}
	case bool:
		d := sdk.Datum{Kind: sdk.DatumBool}
		if v {
			d.Int = 1
		}
		return d
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return sdk.Datum{Kind: sdk.DatumInt, Int: n}
		}
		if f, err := v.Float64(); err == nil {
			return sdk.Datum{Kind: sdk.DatumFloat, Float: f}
		}
		return sdk.Datum{Kind: sdk.DatumText, Text: v.String()}
	}
	text, err := json.Marshal(v)
	if err != nil { // what was decoded can be encoded
		return sdk.Datum{}
	}
	return sdk.Datum{Kind: sdk.DatumText, Text: string(text)}
}
