package api

import (
	"errors"
	"math"
	"slices"
	"strconv"
)

// jsonKind is the type of a JSON value.
type jsonKind uint8

const (
	jsonNull jsonKind = iota
	jsonBool
	jsonNumber
	jsonString
	jsonArray
	jsonObject
)

// jsonValue is a JSON value as json-c has it: a tree, or a graph, since a
// script may put one value into several others. The members of an object keep
// the order in which they were first set.
type jsonValue struct {
	kind   jsonKind
	truth  bool
	number float64
	text   string // a string; an integer literal that a number would not hold exactly
	items  []*jsonValue
	keys   []string
	fields map[string]*jsonValue
}

// The bounds of a value. json-c reads no deeper than 32; a value that scripts
// have put together can be deeper, or contain itself.
const (
	jsonReadDepth  = 32
	jsonBuildDepth = 512
	jsonMaxText    = 16 << 20 // bytes of one value as text
)

var (
	errJSONDepth = errors.New("json value is nested too deep, or contains itself")
	errJSONSize  = errors.New("json value is longer than 16 MiB as text")
)

func newJSONObject() *jsonValue {
	return &jsonValue{kind: jsonObject, fields: make(map[string]*jsonValue)}
}

func (v *jsonValue) set(key string, item *jsonValue) {
	if _, ok := v.fields[key]; !ok {
		v.keys = append(v.keys, key)
	}
	v.fields[key] = item
}

func (v *jsonValue) remove(key string) {
	if _, ok := v.fields[key]; !ok {
		return
	}
	delete(v.fields, key)
	v.keys = slices.DeleteFunc(v.keys, func(k string) bool { return k == key })
}

// format is the value as json-c writes it with spaces: `{ "a": [ 1, 2 ] }`. A
// string by itself has no quotes.
func (v *jsonValue) format() (string, error) {
	if v.kind == jsonString {
		return v.text, nil
	}
	buf, err := v.append(nil, 0)
	return string(buf), err
}

func (v *jsonValue) append(buf []byte, depth int) ([]byte, error) {
	switch {
	case depth > jsonBuildDepth:
		return nil, errJSONDepth
	case len(buf) > jsonMaxText:
		return nil, errJSONSize
	}
	switch v.kind {
	case jsonBool:
		return strconv.AppendBool(buf, v.truth), nil
	case jsonNumber:
		return v.appendNumber(buf), nil
	case jsonString:
		return appendJSONString(buf, v.text), nil
	case jsonArray:
		return v.appendItems(buf, depth)
	case jsonObject:
		return v.appendFields(buf, depth)
	}
	return append(buf, "null"...), nil
}

func (v *jsonValue) appendItems(buf []byte, depth int) (out []byte, err error) {
	buf = append(buf, '[')
	for i, item := range v.items {
		if i > 0 {
			buf = append(buf, ',')
		}
		if buf, err = item.append(append(buf, ' '), depth+1); err != nil {
			return nil, err
		}
	}
	return append(buf, " ]"...), nil
}

func (v *jsonValue) appendFields(buf []byte, depth int) (out []byte, err error) {
	buf = append(buf, '{')
	for i, key := range v.keys {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = appendJSONString(append(buf, ' '), key)
		if buf, err = v.fields[key].append(append(buf, ": "...), depth+1); err != nil {
			return nil, err
		}
	}
	return append(buf, " }"...), nil
}

// exactInteger is the largest integer below which a number holds each one.
const exactInteger = 1 << 53

// appendNumber writes integers without a fraction and others with six digits
// of it, as json-c does, or with as many as it takes to read the same number
// again.
func (v *jsonValue) appendNumber(buf []byte) []byte {
	switch n := v.number; {
	case v.text != "":
		return append(buf, v.text...)
	case n == math.Trunc(n) && math.Abs(n) <= exactInteger:
		return strconv.AppendInt(buf, int64(n), 10)
	case math.Abs(n) > exactInteger:
		return strconv.AppendFloat(buf, n, 'g', -1, 64)
	default:
		six := strconv.FormatFloat(n, 'f', 6, 64)
		if back, err := strconv.ParseFloat(six, 64); err == nil && back == n {
			return append(buf, six...)
		}
		return strconv.AppendFloat(buf, n, 'g', -1, 64)
	}
}

// appendJSONString quotes s. json-c escapes the slash too.
func appendJSONString(buf []byte, s string) []byte {
	const digits = "0123456789abcdef"
	buf = append(buf, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\' || c == '/':
			buf = append(buf, '\\', c)
		case c == '\b':
			buf = append(buf, `\b`...)
		case c == '\f':
			buf = append(buf, `\f`...)
		case c == '\n':
			buf = append(buf, `\n`...)
		case c == '\r':
			buf = append(buf, `\r`...)
		case c == '\t':
			buf = append(buf, `\t`...)
		case c < ' ':
			buf = append(buf, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			buf = append(buf, c)
		}
	}
	return append(buf, '"')
}
