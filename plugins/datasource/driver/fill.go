package driver

import (
	"strings"
)

// Fill is for statements that are no SQL: it replaces each $name of a text by
// what put makes of the parameter, and puts what is between through literal. A
// parameter that was not given, or is NULL, is "". Either function may be nil:
// the text stays as it is.
func (st *Statement) Fill(text string, literal, put func(string) (string, error)) (string, error) {
	var b strings.Builder
	add := func(s string, f func(string) (string, error)) error {
		if f != nil {
			var err error
			if s, err = f(s); err != nil {
				return err
			}
		}
		b.WriteString(s)
		return nil
	}
	for {
		before, name, rest := cutName(text)
		if err := add(before, literal); err != nil {
			return "", err
		}
		if name == "" {
			return b.String(), nil
		}
		if err := add(Text(st.query.Named[name]), put); err != nil {
			return "", err
		}
		text = rest
	}
}

// cutName finds the first $name; name is "" where there is none.
func cutName(s string) (before, name, rest string) {
	for i := 0; i+1 < len(s); i++ {
		if s[i] != '$' || !nameByte(s[i+1]) {
			continue
		}
		end := i + 1
		for end < len(s) && nameByte(s[end]) {
			end++
		}
		return s[:i], s[i+1 : end], s[end:]
	}
	return s, "", ""
}

// Positional gives the parameter for the nth ?, from 0.
func (st *Statement) Positional(n int) string {
	if n >= len(st.query.Positional) {
		return ""
	}
	return Text(st.query.Positional[n])
}
